"""Sources and their feeds: logs, and the encoded bytes that their readers share.

1. A source is a log and an optional archive of events older than the log.  A feed is a source as
   seen through one codec.
2. Readers of one feed at one cursor share one `Batch`, so its bytes are made once.
3. A batch made of the log alone begins at the reader's cursor, or reports a gap.  A reader whose
   cursor is before the floor of a log with an archive gets no such batch: it waits for a page
   (`chatd.stream.subscriber`).
4. Before a log evicts entries, the notifier wakes the pending readers that have not been shown them
   (`chatd.stream.notifier.Growth`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol
from weakref import ref

from .archive import Archive, PageRead
from .batch import Batch, Stretch, Tell, merge
from .eventlog import Codec, Entry, EventLog
from .reader import Reader


class Fanout(Protocol):
    """Wakes the readers of a feed: `chatd.stream.notifier`."""

    def mark(self, feed: Feed, shown: int) -> None:
        """The feed has new entries after the cursor `shown`."""


class Feed:
    """One source as seen through one codec: its readers, and the batch that they share."""

    __slots__ = (
        "__weakref__",
        "batch",
        "begin",
        "codec",
        "end",
        "limit",
        "log",
        "marked",
        "readers",
        "shown",
        "source",
    )

    def __init__(self, source: Source, codec: Codec) -> None:
        self.source = source
        self.log = source.log
        self.codec = codec
        self.readers: dict[Reader, None] = {}
        """Its readers, the one that began first in front.  In this order their connections lie side
        by side in the memory of this process and of the kernel, which makes fan-out faster."""
        self.begin = self.end = self.limit = 0
        """The cursors between which the latest batch was made, and its limit in entries."""
        self.batch: Batch | None = None
        self.marked = False
        """Whether its readers are about to be woken for new entries."""
        self.shown = 0
        """While marked: the cursor up to which those readers have been shown the log."""

    def after(self, cursor: int, limit: int) -> Batch | None:
        """The batch after `cursor`: the same object for all readers at that cursor.

        None if there are no newer entries, or if a page of the archive is needed first.
        """
        last = self.log.last
        if last <= cursor:
            return None
        if cursor != self.begin or last != self.end or limit != self.limit:
            if self.needs_page(cursor):
                return None
            self.batch = merge([self.stretch(cursor)], cursor, limit)
            self.begin, self.end, self.limit = cursor, last, limit
        return self.batch

    def forget(self) -> None:
        """Stop sharing the latest batch: entries of the log were added before it, or replaced."""
        self.limit = 0
        self.batch = None

    def needs_page(self, place: int) -> bool:
        """Whether a reader at `place` has to continue from the archive."""
        return place < self.log.floor and self.source.archive is not None

    def stretch(self, place: int, read: PageRead | None = None, told: int = 0) -> Stretch:
        """The known entries after `place`: those of the page `read`, or without one of the log.

        A gap up to the cursor `told` has been reported already.
        """
        name, codec, log = self.source.name, self.codec, self.log
        page = read.reaches(log.floor) if read else None
        if read is None or page is None:
            suffix = log.since(place)
            tell = Tell.NOW if told or (read and read.failed) else Tell.PASSED
            if log.floor <= told:
                tell = Tell.NEVER
            floor = None if suffix.complete else log.floor
            return Stretch(name, codec, suffix.entries, floor, None, tell)
        entries = page.entries[bisect_right(page.entries, place, key=_id) :]
        floor = page.floor if page.floor > place else None
        return Stretch(name, codec, entries, floor, read.until)

    def may_wait(self, cursor: int) -> bool:
        """Whether a new reader at `cursor` may wait for a round that is about to begin.

        A reader far behind the others may not, because the log may soon evict its entries.
        """
        return self.marked and (cursor >= self.shown or cursor >= self.log.middle)

    def await_round(self, cursor: int) -> None:
        """A new reader at `cursor` waits for the round that is about to begin."""
        self.shown = min(self.shown, cursor)


class Source:
    """A readable log: the log itself, its archive, and a feed for each codec in use.

    A feed keeps its source alive, and its readers keep the feed.
    """

    def __init__(self, name: str, log: EventLog, archive: Archive | None = None) -> None:
        self.name = name
        self.log = log
        self.archive = archive
        """Reads the events before the log's floor; None: they are kept nowhere."""
        # Few, and one such tuple in every session: a WeakValueDictionary takes a kilobyte.
        self._feeds: tuple[ref[Feed], ...] = ()

    def feed(self, codec: Codec) -> Feed:
        """This source as seen through `codec`."""
        name = codec.name
        alive = []
        for known in self._feeds:
            found = known()
            if found is not None:
                if found.codec.name == name:
                    return found
                alive.append(known)
        feed = Feed(self, codec)
        self._feeds = (*alive, ref(feed))
        return feed

    def feeds(self) -> list[Feed]:
        """The feeds that are in use."""
        return [feed for alive in self._feeds if (feed := alive()) is not None]

    @property
    def readers(self) -> int:
        """The number of readers."""
        return sum(len(feed.readers) for feed in self.feeds())

    def append(self, entries: Sequence[Entry], fanout: Fanout) -> None:
        """Add the newest entries, oldest first, and have the readers woken: see `Growth`."""
        log = self.log
        shown = log.last
        begins = not log.count
        log.extend(entries)
        for feed in self.feeds():
            if feed.readers:
                fanout.mark(feed, shown)
                if begins:
                    for reader in feed.readers:
                        reader.find_single_feed()

    def redact(self, entry: Entry) -> None:
        """Replace the entry with the same id in the log and in pages of the archive, and drop the
        bytes made of it.
        """
        self.log.replace(entry)
        for feed in self.feeds():
            feed.forget()
        if self.archive is not None:
            self.archive.redact(entry)

    def erase(self) -> None:
        """Drop all entries, which have been erased."""
        self.log.clear()
        for feed in self.feeds():
            feed.forget()
        if self.archive is not None:
            self.archive.forget()

    def prepend(self, entries: Collection[Entry], floor: int) -> None:
        """Complete the log: see `EventLog.prepend`."""
        self.log.prepend(list(entries), floor)
        for feed in self.feeds():
            feed.forget()

    def restart(self, entries: Collection[Entry], floor: int, last: int, fanout: Fanout) -> None:
        """Replace the log, which was read again (`EventLog.restart`), and wake the readers."""
        self.log.restart(list(entries), floor, last)
        if self.archive is not None:
            self.archive.forget()
        for feed in self.feeds():
            feed.forget()
            if feed.readers:
                fanout.mark(feed, 0)
                for reader in feed.readers:
                    reader.find_single_feed()


def merged(
    places: Iterable[tuple[Feed, int]],
    cursor: int,
    limit: int,
    skip: Collection[int] = (),
    reads: Mapping[Source, PageRead] = MappingProxyType({}),
    told: Mapping[Source, int] = MappingProxyType({}),
) -> Batch:
    """The batch of several feeds, each from its own place: see `chatd.stream.batch.merge`.

    `reads` are the pages of the sources whose place is before their log's floor, and `told` the
    cursors up to which a gap has been reported already.
    """
    stretches = [
        feed.stretch(place, reads.get(feed.source), told.get(feed.source, 0))
        for feed, place in places
    ]
    return merge(stretches, cursor, limit, skip)


def _id(entry: Entry) -> int:
    return entry.id
