"""Readers: the one road out of every log.

1. A subscriber is a cursor.  `Subscriber.wake` reads what lies behind it and hands it to the
   outlet; live delivery, replay, resuming and catching up after a pause are all that one call.
2. Bytes are made once: readers of one log through one codec share a `Feed`, and readers at one
   cursor of it share the `Batch`.
3. A slow reader costs a number: while its outlet is full nothing is read for it.  When it goes on,
   it goes on from its cursor, and if the log has moved past that, it is told of the gap.
4. What is appended in one turn of the reactor wakes each reader once (`Notifier`).
5. There is a short cut on that road, for the thousands who are level: readers of one log that push,
   are not full, and hide nothing.  If such a reader stands where the latest batch begins, and the
   batch has no gap and nothing behind it, `Subscriber.wake` would hand over the batch, which writes
   its bytes, and move the cursor to its end.  So the bytes are written, and the cursor is moved,
   without asking (`Notifier._wake`).
6. Thousands are woken in slices of a millisecond, and rooms by turns: nobody waits for all of
   somebody else's readers.  And nobody loses by waiting: before a log could forget what one who is
   asleep has not read, all are woken (`Notifier.expect`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice
from math import inf
from typing import NamedTuple, Protocol
from weakref import ref

from .eventlog import Codec, Entry, EventLog
from .pages import MOST_BYTES, MOST_ENTRIES

PUSH_LIMIT = MOST_ENTRIES
"""Entries in one batch: what a reader that comes back after a while gets in one write."""
BATCH_BYTES = MOST_BYTES
"""Bytes of entries in one batch: far more than a burst, far less than hurts when a thousand catch
up."""
SLICE_SECONDS = 0.001
"""Seconds for which readers are woken at a stretch: what everybody else may have to wait."""
SLICE_READERS = 50
"""Readers who are pushed to between two looks at the clock: a quarter of a millisecond's work."""


class Gap(NamedTuple):
    """Entries that a reader will never be given, because the log has forgotten them."""

    source: str
    """The room."""
    missed: int | None
    """How many, where the server can know: for a reader that was there all along."""


class Batch:
    """Entries between two cursors as bytes: what one `deliver` hands over."""

    __slots__ = ("_forms", "chunk", "count", "cursor", "end", "gaps")

    def __init__(
        self,
        chunk: bytes,
        count: int,
        cursor: int,
        gaps: tuple[Gap, ...] = (),
        *,
        end: bool = False,
    ) -> None:
        self.chunk = chunk
        self.count = count
        """Entries in the chunk; 0 in a batch that only tells of a gap."""
        self.cursor = cursor
        """Where a reader stands that has read it."""
        self.gaps = gaps
        """What is missing *before* the chunk."""
        self.end = end
        """Whether there was nothing more to read."""
        self._forms: dict[Hashable, tuple[int, bytes]] = {}

    def once(self, form: Hashable, make: Callable[[Batch], bytes], age: int = 0) -> bytes:
        """What `make` makes of this batch, made for its first reader and shared by the others; and
        made anew when it is asked for at another `age`.
        """
        made = self._forms.get(form)
        if made is None or made[0] != age:
            made = self._forms[form] = age, make(self)
        return made[1]


class Outlet(Protocol):
    """Where one reader's bytes go: the transport's half of a door."""

    def deliver(self, batch: Batch) -> bool:
        """Tell of the gaps, send the chunk, and say whether there may be more.

        An outlet that pushes answers True, one that answers a poll False.  If its transport is
        full, it calls `Subscriber.pause` (from within, if need be) and later `resume`.
        """


class _Nowhere:
    """Where a reader's bytes go that has stopped."""

    def deliver(self, batch: Batch) -> bool:
        """Nobody is there."""
        return False

    def send(self, data: bytes) -> None:
        """Nobody is there."""


_NOWHERE = _Nowhere()


class Feed:
    """One log as seen through one codec: its readers, and the bytes that they share."""

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
        "source",
    )

    def __init__(self, source: Source, codec: Codec) -> None:
        self.source = source
        self.log = source.log
        self.codec = codec
        self.readers: set[Subscriber] = set()
        self.begin = self.end = self.limit = 0
        """The cursors between which the latest batch was made, and at most of how many entries."""
        self.batch: Batch | None = None
        self.marked = False
        """Whether there is something new, for which its readers are about to be woken."""

    def after(self, cursor: int, limit: int) -> Batch | None:
        """What follows `cursor`, None if nothing does; the same object for all who stand there."""
        last = self.log.last
        if last <= cursor:
            return None
        if cursor != self.begin or last != self.end or limit != self.limit:
            self.batch = merged([(self, cursor)], cursor, limit)
            self.begin, self.end, self.limit = cursor, last, limit
        return self.batch

    def latest(self) -> tuple[int, int, bytes]:
        """The cursor at which the latest batch begins, the one behind it, and its bytes.

        If it is not the latest any more, has a gap, or has more behind it, the cursor is -1, at
        which nobody stands.
        """
        batch = self.batch
        if self.end != self.log.last or self.limit != PUSH_LIMIT:
            batch = None
        if batch is None or batch.gaps or not batch.end:
            return -1, -1, b""
        return self.begin, batch.cursor, batch.chunk


def merged(
    places: Iterable[tuple[Feed, int]], cursor: int, limit: int, skip: Collection[int] = ()
) -> Batch:
    """What follows in all the feeds, each from its own place, in the order of the ids.

    At most `limit` entries and `BATCH_BYTES` (more for a single entry that is longer), without the
    ids in `skip`; the batch's cursor lies behind the last entry looked at, and not before `cursor`.
    """
    runs: list[Iterable[tuple[int, Entry, Codec]]] = []
    holes: list[tuple[int, str]] = []
    codec = None
    for feed, place in places:
        codec = feed.codec
        entries, complete = feed.log.since(place)
        if not complete:
            holes.append((feed.log.floor, feed.source.name))
        runs.append(_numbered(entries, codec))
    chunks: list[bytes] = []
    size = 0
    end = True
    # Of fifty rooms' thousands of entries only the first few hundred are looked at.
    for id_, entry, its_codec in runs[0] if len(runs) == 1 else merge(*runs, key=_by_id):
        if id_ in skip:
            cursor = id_
            continue
        data = entry.encoded(its_codec)
        size += len(data) + 1  # and what separates it from the next one
        if len(chunks) >= limit or (chunks and size > BATCH_BYTES):
            end = False
            break
        cursor = id_
        chunks.append(data)
    else:
        cursor = max(cursor, *(floor for floor, _ in holes), 0)
    # A hole that ends behind this batch is the next batch's to tell: each is told once.
    gaps = tuple(Gap(name, None) for floor, name in holes if floor <= cursor)
    return Batch(codec.join(chunks) if codec else b"", len(chunks), cursor, gaps, end=end)


def _numbered(entries: Sequence[Entry], codec: Codec) -> Iterator[tuple[int, Entry, Codec]]:
    """Entries with what is needed to merge them with those of other feeds."""
    return ((entry.id, entry, codec) for entry in entries)


def _by_id(found: tuple[int, Entry, Codec]) -> int:
    return found[0]


class Subscriber:
    """One reader: a cursor, the feeds it reads, and the outlet it fills."""

    __slots__ = (
        "_begins",
        "_hidden",
        "_only",
        "_ordinals",
        "_owed",
        "cursor",
        "feeds",
        "level",
        "limit",
        "outlet",
        "paused",
        "reading",
        "send",
        "write",
    )

    def __init__(
        self,
        outlet: Outlet,
        feeds: Sequence[Feed],
        cursor: int,
        limit: int = PUSH_LIMIT,
        *,
        places: Mapping[EventLog, int] | None = None,
        gaps: tuple[Gap, ...] = (),
    ) -> None:
        """A reader at `cursor`, or further on in some logs (`places`), that is told of `gaps`
        first; it gets nothing before `start`.
        """
        self.outlet = outlet
        self.cursor = cursor
        self.limit = limit
        self.paused = False
        self.reading = False
        """Whether it has begun and not stopped."""
        self._hidden: set[int] | None = None
        self._begins = dict(places) if places else None
        self._owed = gaps
        self._ordinals: dict[EventLog, int] | None = None
        self._only: Feed | None = None
        self.write: Callable[[bytes], None] | None = None
        """What sends bytes to the client, now or later."""
        self.send: Callable[[bytes], int | None] = _NOWHERE.send
        """What sends bytes at once, and answers how many; None: the rest is seen to.  May raise
        `OSError`.
        """
        self.level: Feed | None = None
        """The one feed that it reads, if it goes on reading and takes batches as they are."""
        self._set_feeds(feeds)

    def start(self, write: Callable[[bytes], None] | None = None) -> None:
        """Begin to read: what lies behind the cursor at once, the rest as it comes.

        If the others are about to be woken, it is woken with them: whoever asks again and again
        does not overtake those who wait, and gets more at a time.

        An outlet that pushes may give its transport's `write`: then a batch without gaps need not
        come to its `deliver`, and is written as it is; by `send`, if there is a shorter way.
        """
        self.reading = True
        self.write = write
        self.send = write or _NOWHERE.send
        late = self.late
        for feed in self.feeds:
            feed.readers.add(self)
        if len(self.feeds) > 1:
            self.survey()
        else:
            self._see_level()
        if late:
            self.wake()

    def push(self, write: Callable[[bytes], None]) -> None:
        """From here on, a batch without gaps is written as it is: see `start`."""
        self.write = self.send = write
        self._see_level()

    @property
    def late(self) -> bool:
        """Whether there is something to read for which the others were woken already."""
        if self._owed:
            return True
        return any(feed.log.last > self.cursor and not feed.marked for feed in self.feeds)

    @property
    def stored(self) -> int:
        """The cursor behind everything that its logs hold."""
        return max((feed.log.last for feed in self.feeds), default=0)

    @property
    def caught_up(self) -> bool:
        """Whether its logs hold nothing that it was not given."""
        begins = self._begins or {}
        return not self._owed and all(
            feed.log.last <= max(self.cursor, begins.get(feed.log, 0)) for feed in self.feeds
        )

    def stop(self) -> None:
        """Read no more, for good; and let go of the outlet, which holds this reader in turn."""
        self.reading = False
        self.level = self.write = None
        self.send = _NOWHERE.send
        self.outlet = _NOWHERE
        for feed in self.feeds:
            feed.readers.discard(self)

    def change(self, feeds: Sequence[Feed], cursor: int) -> None:
        """Read other feeds from here on; a log that was not read before is read from `cursor` on.

        What was unread in the old ones is read first, as far as the outlet takes it.
        """
        self.wake()
        known = {feed.log for feed in self.feeds}
        for feed in self.feeds:
            feed.readers.discard(self)
        self._set_feeds(feeds)
        if self.reading:
            for feed in self.feeds:
                feed.readers.add(self)
        if not self.paused:
            self.cursor = max(self.cursor, cursor)
            return
        begins = {log: place for log, place in (self._begins or {}).items() if log in known}
        begins.update((feed.log, cursor) for feed in self.feeds if feed.log not in known)
        self._begins = begins or None
        self._set_feeds(self.feeds)
        self._count()

    def hide(self, *ids: int) -> None:
        """Leave these events out: one's own messages, with `/echo off`."""
        if ids:
            self._hidden = (self._hidden or set()).union(ids)
            self.survey()

    def wake(self) -> None:
        """Read on from the cursor, until the logs' end or until the outlet is full."""
        while self.reading and not self.paused:
            only = self._only
            batch = only.after(self.cursor, self.limit) if only else self._next()
            if batch is None:
                return
            if batch.gaps:
                batch = self._counted(batch)
            self.cursor = batch.cursor
            if not self.outlet.deliver(batch):
                self.stop()
                return
            if batch.end:
                return

    def _set_feeds(self, feeds: Sequence[Feed]) -> None:
        self.feeds = tuple(feeds)
        self.survey()

    def survey(self) -> None:
        """See which of the feeds have anything to say; if it is one, there is nothing to merge."""
        self._only = None
        if not (self._hidden or self._begins or self._owed):
            # A log that is empty has nothing to say, nor to be merged, before its first entry
            # (`Source.append`): the private messages of most people.
            spoken = [feed for feed in self.feeds if feed.log.count or feed.log.last > self.cursor]
            if len(spoken) == 1:
                self._only = spoken[0]
        self._see_level()

    def _see_level(self) -> None:
        able = self.reading and not self.paused and self.write and self.limit == PUSH_LIMIT
        self.level = self._only if able else None

    def _next(self) -> Batch | None:
        """What follows the cursor in whichever feeds have anything new."""
        if self._owed:
            return self._with_owed_gaps()
        if self._begins:
            return self._next_from_places(self._begins)
        cursor = self.cursor
        fresh = None
        for feed in self.feeds:
            if feed.log.last > cursor:
                if fresh is not None:
                    break
                fresh = feed
        else:
            if fresh is None or not self._hidden:
                return fresh.after(cursor, self.limit) if fresh else None
        return self._merged([(feed, cursor) for feed in self.feeds])

    def _with_owed_gaps(self) -> Batch:
        """What follows, behind the gaps that this reader is to be told of before anything else."""
        owed, self._owed = self._owed, ()
        self.survey()
        batch = self._next() or Batch(b"", 0, self.cursor, end=True)
        known = {gap.source for gap in owed}
        gaps = (*owed, *(gap for gap in batch.gaps if gap.source not in known))
        return Batch(batch.chunk, batch.count, batch.cursor, gaps, end=batch.end)

    def _next_from_places(self, begins: dict[EventLog, int]) -> Batch | None:
        """The same while some feeds were joined behind the cursor, which stood still."""
        if self.cursor >= max(begins.values()):
            self._begins = None
            self._set_feeds(self.feeds)
            return self._next()
        places = [(feed, max(self.cursor, begins.get(feed.log, 0))) for feed in self.feeds]
        if all(feed.log.last <= place for feed, place in places):
            return None
        return self._merged(places)

    def _merged(self, places: Sequence[tuple[Feed, int]]) -> Batch:
        batch = merged(places, self.cursor, self.limit, self._hidden or ())
        if self._hidden:
            self._hidden = {id_ for id_ in self._hidden if id_ > batch.cursor} or None
            self._set_feeds(self.feeds)
        return batch

    def pause(self) -> None:
        """The outlet is full: read nothing until `resume`."""
        if not self.paused:
            self.paused = True
            self.level = None
            self._count()

    def _count(self) -> None:
        """Note how much of each log was read, so as to know later how much was missed."""
        before, begins = self._ordinals or {}, self._begins or {}
        self._ordinals = {}
        for log in (feed.log for feed in self.feeds):
            place = max(self.cursor, begins.get(log, 0))
            if place >= log.floor:
                self._ordinals[log] = log.ordinal(place)
            elif log in before:
                self._ordinals[log] = before[log]

    def resume(self) -> None:
        """The outlet has room again: go on from the cursor."""
        self.paused = False
        self.wake()
        if not self.paused:
            self._ordinals = None
            self._see_level()

    def _counted(self, batch: Batch) -> Batch:
        """The batch with its gaps measured, as far as this reader was there to count."""
        if self._ordinals is None:
            return batch
        missed = {
            feed.source.name: feed.log.count - len(feed.log) - self._ordinals[feed.log]
            for feed in self.feeds
            if feed.log in self._ordinals
        }
        gaps = tuple(Gap(gap.source, missed.get(gap.source)) for gap in batch.gaps)
        return Batch(batch.chunk, batch.count, batch.cursor, gaps, end=batch.end)


class Source:
    """Something that can be read: a log, and a feed of it for each codec that is in use.

    A feed keeps its source alive, and its readers keep the feed.
    """

    def __init__(self, name: str, log: EventLog) -> None:
        self.name = name
        self.log = log
        # Few, and one such tuple in every session: a WeakValueDictionary is a kilobyte.
        self._feeds: tuple[ref[Feed], ...] = ()

    def feed(self, codec: Codec) -> Feed:
        """This source as seen through `codec`."""
        for feed in self.feeds():
            if feed.codec.name == codec.name:
                return feed
        feed = Feed(self, codec)
        self._feeds = (*map(ref, self.feeds()), ref(feed))
        return feed

    def feeds(self) -> list[Feed]:
        """The feeds that are in use."""
        return [feed for feed in (feed() for feed in self._feeds) if feed is not None]

    @property
    def readers(self) -> int:
        """How many readers there are."""
        return sum(len(feed.readers) for feed in self.feeds())

    def append(self, entry: Entry, notifier: Notifier) -> None:
        """Add an entry and see to it that the readers are woken."""
        self.log.append(entry)
        for feed in self.feeds():
            if feed.readers:
                notifier.mark(feed)
                if self.log.count == 1:
                    for reader in feed.readers:
                        reader.survey()


class Notifier:
    """Wakes the readers of what changed: once a turn of the reactor, whatever came in it.

    Ten thousand readers are a tenth of a second's work.  It is done in slices, and in between the
    reactor sees to everybody else; and what has happened in other rooms meanwhile does not wait for
    the end of it.
    """

    def __init__(
        self,
        call_soon: Callable[[Callable[[], None]], object],
        patience: int,
        failed: Callable[[Exception], None],
        seconds: Callable[[], float],
    ) -> None:
        """`call_soon` runs a function later in this turn or in the next one, and `seconds` is a
        clock.

        `patience` is what the smallest log holds; entries of all logs count together.  Before more
        than that lie before anybody, everybody is woken at a stretch, however long it takes, lest a
        log forget one that nobody was slow to read.  `failed` is told what a reader raised, which
        is then stopped; the others are woken all the same.
        """
        self._call_soon = call_soon
        self._patience = patience
        self._failed = failed
        self._seconds = seconds
        self._begun = self._appended = 0
        """Entries appended so far: before this batch, and with it."""
        self._marked: dict[Feed, int] = {}
        """What has something new, and what was appended before that: first things first."""
        self._rounds: deque[tuple[Feed, int, list[Subscriber]]] = deque()
        """The same of those whose readers are being woken, and who of them is asleep yet."""
        self._called = False

    def expect(self, entries: int) -> None:
        """So many entries are about to be appended, at most `patience`."""
        unread = [since for _, since, _ in self._rounds]
        unread += islice(self._marked.values(), 1)
        if unread and self._appended + entries - min(unread) > self._patience:
            self._go_on(inf)  # with the rounds under way, if there are any
            self._go_on(inf)  # and with what was appended since
        self._begun = self._appended
        self._appended += entries

    def mark(self, feed: Feed) -> None:
        """`feed` has an entry more than its readers know of."""
        feed.marked = True
        self._marked.setdefault(feed, self._begun)
        if not self._called:
            self._called = True
            self._call_soon(self.wake)

    def wake(self) -> None:
        """Wake everyone who has something to read, or as many as there is time for, and see to the
        others soon.
        """
        self._called = False
        self._go_on(self._seconds() + SLICE_SECONDS)
        if (self._rounds or self._marked) and not self._called:
            self._called = True
            self._call_soon(self.wake)

    def _go_on(self, deadline: float) -> None:
        """Begin a round for each feed that has none under way, and go on until the deadline.

        The rounds take turns, a slice each: what was said to a few does not wait until thousands
        were told something else, and no room waits for ever.
        """
        rounds = self._rounds
        under_way = {feed for feed, *_ in rounds}
        for feed in [feed for feed in self._marked if feed not in under_way]:
            rounds.append((feed, self._marked.pop(feed), list(feed.readers)))
            feed.marked = False
        while rounds:
            feed, since, asleep = rounds.popleft()
            slice_ = asleep[-SLICE_READERS:]
            del asleep[-SLICE_READERS:]
            asleep += self._wake(feed, slice_, deadline)
            if asleep:
                rounds.append((feed, since, asleep))
            if self._seconds() > deadline:
                break

    def _wake(
        self, feed: Feed, readers: Sequence[Subscriber], deadline: float
    ) -> Sequence[Subscriber]:
        """Wake some readers of a feed; answers those for whom there was no time."""
        begin, cursor, chunk = feed.latest()
        for reader in readers:
            try:
                if reader.cursor == begin and reader.level is feed:
                    reader.cursor = cursor
                    send = reader.send
                    try:
                        sent = send(chunk)
                    except OSError:
                        sent = 0
                    if sent != len(chunk) and sent is not None:
                        reader.write(chunk[sent:])  # type: ignore[misc]  # who is level has one
                    continue
                reader.wake()
            except Exception as failure:
                reader.stop()
                self._failed(failure)
            if reader.write:
                begin, cursor, chunk = feed.latest()  # it may be the first of its round
            elif self._seconds() > deadline:  # it may stand for many, who are sent a lot
                return readers[readers.index(reader) + 1 :]
        return ()
