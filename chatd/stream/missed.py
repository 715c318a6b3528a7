"""Counts what a reader has missed of the logs that evicted events while it did not read.

1. The count is known only for a reader that stood within the log's window when it stopped reading.
   For all others it is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .batch import Batch, Gap
from .eventlog import EventLog
from .feed import Feed


def ordinals(
    places: Iterable[tuple[Feed, int]], before: Mapping[EventLog, int] | None
) -> dict[EventLog, int]:
    """How many entries of each log lie before the reader's place, for a reader that stops reading.

    `before` is the earlier result for logs whose window the reader had left already.
    """
    found = {}
    for feed, place in places:
        log = feed.log
        if place >= log.floor:
            found[log] = log.ordinal(place)
        elif before and log in before:
            found[log] = before[log]
    return found


def counted(batch: Batch, feeds: Iterable[Feed], ordinals: Mapping[EventLog, int]) -> Batch:
    """The batch with its gaps counted, as far as `ordinals` allows."""
    missed = {
        feed.source.name: feed.log.count - len(feed.log) - ordinals[feed.log]
        for feed in feeds
        if feed.log in ordinals
    }
    gaps = tuple(Gap(gap.source, missed.get(gap.source)) for gap in batch.gaps)
    return Batch(batch.chunk, batch.count, batch.cursor, gaps, end=batch.end)
