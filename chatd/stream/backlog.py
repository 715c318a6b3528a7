"""Backlogs: the pages from the store for one reader whose cursor is older than a log in memory.

A reader needs a backlog after a pause, or if it starts from an old cursor.

1. The reader holds at most one page of each source whose in-memory log begins after the reader's
   place.  The pages share the reader's limit of events, but each may hold `LEAST_SHARE`: a reader
   of 300 rooms does not take the memory of 300 readers.
2. A page is kept until the reader has passed the page's end; then the next page is requested.
3. No event is delivered before all pages that the reader needs have arrived, and no event beyond
   the lowest cursor up to which every page is complete.  So entries of several sources are
   delivered in the order of their ids, and none is left out.
4. If a page could not be read, the gap is reported at once and covers all events before the log's
   floor, because the next read may succeed.  Until the reader has passed that gap, it requests no
   page of the log.
5. The number of missed events is known only if the reader's place was in the in-memory log when it
   stopped reading, and if it has read no page since.  Otherwise the number is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .archive import PageRead
from .batch import PUSH_LIMIT, Batch, Gap
from .eventlog import EventLog
from .feed import Feed, Source, merged
from .reader import Reader

LEAST_SHARE = 20
"""Events in a page, at least, when a reader of many sources splits its limit.  With one event per
page, sources whose events alternate would be read one event at a time."""
Places = Sequence[tuple[Feed, int]]
"""Feeds, and the place from which a reader reads on in each of them."""


class Backlog:
    """The pages of one reader, requested or arrived, and how much it has read of each log."""

    __slots__ = ("_ordinals", "_reader", "_reads", "_told")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._reads: dict[Source, PageRead] = {}
        self._told: dict[Source, int] = {}
        self._ordinals: dict[EventLog, tuple[str, int]] = {}

    @property
    def waiting(self) -> bool:
        """Whether the reader has requested pages that it still needs."""
        return bool(self._reads)

    def ask(self, behind: Places, limit: int) -> bool:
        """Request the pages of the sources in `behind`, and return whether all have arrived.

        If not, the reader is woken when they arrive.  `limit` is in events, for all pages together.
        """
        limit = min(limit, PUSH_LIMIT)
        share = max(limit // len(behind), min(limit, LEAST_SHARE))
        reads: dict[Source, PageRead] = {}
        for feed, place in behind:
            source = feed.source
            if place < self._told.get(source, 0):
                continue
            self._told.pop(source, None)
            read = self._reads.get(source)
            if read is None or not read.covers(place):
                assert source.archive is not None
                read = source.archive.page(place, share, source.log.last, self._reader)
            else:
                del self._reads[source]
            reads[source] = read
        self.leave()
        self._reads = reads
        return all(read.arrived for read in reads.values())

    def batch(self, places: Places, cursor: int, limit: int, skip: Collection[int]) -> Batch:
        """The next batch of all feeds, up to the lowest cursor at which a page ends."""
        reads = self._reads
        helping = [source for source, read in reads.items() if read.reaches(source.log.floor)]
        for source in helping:
            self._ordinals.pop(source.log, None)
        if len(places) > 1 or skip or not helping:
            batch = merged(places, cursor, limit, skip, reads, self._told)
            failed = [source for source, read in reads.items() if read.failed]
            self._told = {source: source.log.floor for source in (*self._told, *failed)}
            return batch
        ((feed, _),) = places
        batches = reads[feed.source].batches
        shared = batches.get((feed.codec.name, cursor))
        if shared is None:
            shared = batches[feed.codec.name, cursor] = merged(places, cursor, limit, (), reads)
        return shared

    def leave(self) -> None:
        """Drop all pages: the reader stopped, paused, or has caught up with the logs."""
        for read in self._reads.values():
            read.readers.discard(self._reader)
        self._reads = {}

    def count(self, places: Places) -> None:
        """Note how many entries of each log lie before the reader's place in it."""
        before, self._ordinals = self._ordinals, {}
        for feed, place in places:
            log = feed.log
            if place >= log.floor:
                self._ordinals[log] = feed.source.name, log.ordinal(place)
            elif log in before:
                self._ordinals[log] = before[log]

    def counted(self, batch: Batch) -> Batch:
        """The batch, with the number of missed events in each gap for which the number is known."""
        if not batch.gaps:
            return batch
        missed = {
            name: log.count - len(log) - ordinal for log, (name, ordinal) in self._ordinals.items()
        }
        gaps = tuple(Gap(gap.source, missed.get(gap.source)) for gap in batch.gaps)
        told = {gap.source for gap in gaps}
        self._ordinals = {log: n for log, n in self._ordinals.items() if n[0] not in told}
        return Batch(batch.chunk, batch.count, batch.cursor, gaps, end=batch.end)
