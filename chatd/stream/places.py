"""Places: the position in each log at which a reader begins.  Pure.

1. A place is one cursor for all logs of a reader.  In some logs the reader may begin later
   (`logs`), and gaps may have to be reported before the first events.
2. A reader that asks for the oldest events gets no gap for events before the oldest one kept.  It
   gets a gap for events that are kept but cannot be read.
3. If the server never issued a cursor, it cannot know which events the client has.  The reader gets
   a gap, and then the newest entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .batch import Gap
from .eventlog import EventLog
from .feed import Source

DEFAULT_LATEST = 50
"""Entries that a reader gets first if it has no cursor, or one that the server never issued."""


class Place(NamedTuple):
    """Where a reader begins."""

    cursor: int
    logs: Mapping[EventLog, int] = {}
    """Logs in which the reader begins after `cursor`, and its cursor in each of them."""
    gaps: tuple[Gap, ...] = ()
    """Gaps to report before the first events."""


def latest(sources: Sequence[Source], count: int) -> Place:
    """The place before the latest `count` entries in memory.

    If there are fewer, and a log's earlier entries could not be loaded, the place is before that
    log's floor, so that a gap is reported.
    """
    if len(sources) == 1 and not sources[0].log.incomplete:
        return Place(sources[0].log.before_latest(count))
    logs = [source.log for source in sources]
    ids = sorted(entry.id for log in logs for entry in log.latest(count))[-count:]
    if len(ids) < count and (floors := [log.floor for log in logs if log.incomplete]):
        return Place(min([*floors, *ids]) - 1)
    floor = max(log.floor for log in logs)
    return Place(max(ids[0] - 1, floor) if ids else floor)


def oldest(sources: Sequence[Source], first: Callable[[Source], int | None]) -> Place:
    """The place before the oldest kept entry of each source.

    `first` returns that entry's id, or None if the source has no kept entries.
    """
    places = {source.log: _oldest(source, first(source)) for source in sources}
    cursor = min(places.values())
    return Place(cursor, {log: place for log, place in places.items() if place > cursor})


def _oldest(source: Source, first: int | None) -> int:
    log = source.log
    in_memory = not log.incomplete and (first is None or first > log.floor)
    if in_memory:
        return log.floor
    return first - 1 if first is not None and source.archive is not None else 0


def lost(sources: Sequence[Source], count: int = DEFAULT_LATEST) -> Place:
    """The place for a cursor that the server never issued: a gap in every source, then the latest
    `count` entries.
    """
    return latest(sources, count)._replace(gaps=gaps_in(sources))


def gaps_in(sources: Sequence[Source]) -> tuple[Gap, ...]:
    """A gap in every source."""
    rooms = [source.name for source in sources if source.name]
    return tuple(Gap(name, None) for name in rooms or [""])
