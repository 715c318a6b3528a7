"""Where a reader begins: what a client asked for, as a place in each log.  Pure.

1. A place is a cursor, which holds for all of a reader's logs; in some of them it may begin further
   on (`logs`), and it may have to be told of gaps first.
2. What lies before the oldest entry kept is no gap for a reader that asks for the oldest; what is
   kept and cannot be given is one.
3. A cursor that the server never gave says nothing about what its reader has: a gap is told, and
   then come the newest entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from .batch import Gap
from .eventlog import EventLog
from .feed import Source

DEFAULT_LATEST = 50
"""Entries that a reader without a cursor gets, or with one that was never given."""


class Place(NamedTuple):
    """Where a reader begins."""

    cursor: int
    logs: Mapping[EventLog, int] = {}
    """Logs in which it begins behind the cursor, and where."""
    gaps: tuple[Gap, ...] = ()
    """What it is told to have missed, before anything else."""


def latest(sources: Sequence[Source], count: int) -> Place:
    """Before the latest `count` entries; none of them is from before a log's floor.

    If some are missing that could not be read, it lies before those, so that a gap is told.
    """
    logs = [source.log for source in sources]
    ids = sorted(entry.id for log in logs for entry in log.latest(count))[-count:]
    if len(ids) < count and (torn := [log.floor for log in logs if log.incomplete]):
        return Place(min([*torn, *ids]) - 1)
    floor = max(log.floor for log in logs)
    return Place(max(ids[0] - 1, floor) if ids else floor)


def oldest(sources: Sequence[Source], first: Callable[[str], int | None]) -> Place:
    """Before the oldest entry kept of each source; `first` answers its id, by the source's name,
    or None if nothing is kept.
    """
    places = {source.log: _oldest(source, first(source.name)) for source in sources}
    cursor = min(places.values())
    return Place(cursor, {log: place for log, place in places.items() if place > cursor})


def _oldest(source: Source, first: int | None) -> int:
    log = source.log
    in_memory = not log.incomplete and (first is None or first > log.floor)
    if in_memory:
        return log.floor
    return first - 1 if first is not None and source.archive is not None else 0


def lost(sources: Sequence[Source], count: int = DEFAULT_LATEST) -> Place:
    """For a cursor that was never given: behind a gap, before the latest `count` entries."""
    gaps = tuple(Gap(source.name, None) for source in sources if source.name)
    return latest(sources, count)._replace(gaps=gaps)
