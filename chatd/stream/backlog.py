"""Backlogs: the pages that one reader needs while it is behind the window of some logs.

1. A reader has at most one page of each source, and all of them together hold at most about its
   limit of events: a reader of fifty rooms does not take the memory of fifty.
2. A page is kept until the reader has passed its end; then the next one is asked for.
3. Nothing is delivered before each source that needs a page has it, and nothing beyond the lowest
   cursor up to which a page is complete.  So entries of several sources come in the order of their
   ids, without a hole.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .archive import PageRead
from .batch import PUSH_LIMIT, Batch
from .eventlog import EventLog
from .feed import Feed, Source, merged
from .reader import Reader


class Backlog:
    """The pages of one reader, each under way or arrived."""

    __slots__ = ("_reader", "_reads")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._reads: dict[Source, PageRead] = {}

    def ask(self, places: Sequence[tuple[Feed, int]], limit: int) -> bool:
        """Ask for the pages that the reader needs, and return whether all of them have arrived.

        If not, the reader is woken when they arrive.
        """
        behind = [(feed.source, place) for feed, place in places if feed.needs_page(place)]
        share = max(min(limit, PUSH_LIMIT) // len(behind), 1)
        reads: dict[Source, PageRead] = {}
        for source, place in behind:
            read = self._reads.pop(source, None)
            if read and not read.covers(place):
                read.readers.discard(self._reader)
                read = None
            if read is None:
                assert source.archive is not None
                read = source.archive.page(place, share, source.log.last, self._reader)
            reads[source] = read
        self.leave()
        self._reads = reads
        return all(read.arrived for read in reads.values())

    def batch(
        self,
        places: Sequence[tuple[Feed, int]],
        cursor: int,
        limit: int,
        skip: Collection[int],
    ) -> Batch:
        """What follows in all feeds, as far as the pages reach."""
        if len(places) > 1 or skip:
            return merged(places, cursor, limit, skip, self._reads)
        ((feed, _),) = places
        read = self._reads[feed.source]
        if not read.reaches(feed.log.floor):
            return merged(places, cursor, limit)
        key = (feed.codec.name, cursor)
        batch = read.batches.get(key)
        if batch is None:
            batch = read.batches[key] = merged(places, cursor, limit, reads=self._reads)
        return batch

    @property
    def logs(self) -> list[EventLog]:
        """The logs that are read by a page."""
        reads = self._reads.items()
        return [source.log for source, read in reads if read.reaches(source.log.floor)]

    def leave(self) -> None:
        """The reader waits for these pages no more."""
        for read in self._reads.values():
            read.readers.discard(self._reader)
        self._reads = {}
