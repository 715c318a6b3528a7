"""Backlogs: what a reader needs that is not up to date, because it paused or came from far behind.

1. A reader has at most one page of each source behind whose window it stands.  The pages share its
   limit of events, down to `LEAST_SHARE` each: a reader of fifty rooms does not take the memory of
   fifty.
2. A page is kept until the reader has passed its end; then the next one is asked for.
3. Nothing is delivered before each source that needs a page has it, and nothing beyond the lowest
   cursor up to which a page is complete.  So entries of several sources come in the order of their
   ids, without a hole.
4. A gap for events that could not be read is told at once, for the log's whole past: the next read
   may succeed behind them.  Until the reader has passed that gap, it asks for no page of the log.
5. What a reader has missed is counted only if it stood within the log's window when it stopped
   reading, and read no page since: then the log knows.  Otherwise the count is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .archive import PageRead
from .batch import PUSH_LIMIT, Batch, Gap
from .eventlog import EventLog
from .feed import Feed, Source, merged
from .reader import Reader

LEAST_SHARE = 20
"""Events in a page of one of many sources: with one each, sources that take turns would be read one
event at a time."""
Places = Sequence[tuple[Feed, int]]
"""Feeds, and the place from which a reader reads on in each of them."""


class Backlog:
    """The pages of one reader, under way or arrived, and how much it has read of each log."""

    __slots__ = ("_ordinals", "_reader", "_reads", "_told")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._reads: dict[Source, PageRead] = {}
        self._told: dict[Source, int] = {}
        self._ordinals: dict[EventLog, tuple[str, int]] = {}

    @property
    def waiting(self) -> bool:
        """Whether pages were asked for that are still needed."""
        return bool(self._reads)

    def ask(self, behind: Places, limit: int) -> bool:
        """Ask for the pages that the reader needs, and return whether all of them have arrived.

        If not, the reader is woken when they arrive.
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
        """What follows in all feeds, as far as the pages reach."""
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
        """The pages are not needed any more."""
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
        """The batch with its gaps counted, as far as that is known."""
        if not batch.gaps:
            return batch
        missed = {
            name: log.count - len(log) - ordinal for log, (name, ordinal) in self._ordinals.items()
        }
        gaps = tuple(Gap(gap.source, missed.get(gap.source)) for gap in batch.gaps)
        told = {gap.source for gap in gaps}
        self._ordinals = {log: n for log, n in self._ordinals.items() if n[0] not in told}
        return Batch(batch.chunk, batch.count, batch.cursor, gaps, end=batch.end)
