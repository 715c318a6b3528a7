"""Fan-out: wakes the readers of what has changed.

1. However many entries come in one reactor turn, each reader is woken once for them.
2. Fan-out is time-sliced: readers are woken for at most `SLICE_SECONDS` at a stretch, and feeds
   take turns (round-robin), so that one busy room cannot starve another.
3. Before a log evicts an entry that a pending reader has not been shown, the rounds of that log are
   finished without time-slicing (`make_room`).  So eviction never causes a gap for a reader that
   kept up, whatever the size of the burst and of the log.  Other logs are not concerned.
4. The fast path: a reader that stands where the latest batch begins, and takes batches as they
   are, is written the batch's bytes without being asked.  `Subscriber.wake` would do the same: the
   batch tells no gap and reaches the log's end, so it would be delivered, that is written, and the
   cursor moved behind it.  A reader behind the log's window cannot stand there.
5. A reader that raises is stopped; the others are woken all the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from math import inf

from .eventlog import Entry
from .feed import Feed, Source
from .reader import Reader
from .writing import direct_write

SLICE_SECONDS = 0.001
"""Seconds for which readers are woken at a stretch: the delay for everything else."""
SLICE_READERS = 50
"""Readers on the fast path between two looks at the clock: a quarter of a millisecond's work."""


class Round:
    """Readers that are being woken for one reason, in slices."""

    __slots__ = ("asleep", "feed", "shown")

    def __init__(self, feed: Feed | None, asleep: list[Reader], shown: int) -> None:
        self.feed = feed
        """The feed that has something new; None: pages of an archive have arrived."""
        self.asleep = asleep
        """Those that are still to be woken."""
        self.shown = shown
        """The cursor up to which they have been shown the feed's log."""


class Growth:
    """New entries of several logs, which grow together.

    Room is made in all of them before the first one grows, so that no reader is woken in between:
    it would move its cursor past what another of its logs is about to get.  A log that is to get
    more entries than it holds has all grow in several steps, in the order of the ids.
    """

    __slots__ = ("_new", "_notifier")

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier
        self._new: dict[Source, list[Entry]] = {}

    def add(self, source: Source, entry: Entry) -> None:
        """Add an entry of a source; its id is higher than those added before."""
        new = self._new.get(source)
        if new is None:
            self._new[source] = [entry]
        elif len(new) < source.log.capacity:
            new.append(entry)
        else:
            self.finish()
            self._new[source] = [entry]

    def finish(self) -> None:
        """Append what was added, and have the readers woken.

        Not to be called from within a reader's `wake`.
        """
        grown, self._new = self._new, {}
        for source, entries in grown.items():
            self._notifier.make_room(source, len(entries))
        for source, entries in grown.items():
            source.append(entries, self._notifier)


class Notifier:
    """Wakes readers soon, once for all that happened meanwhile."""

    def __init__(
        self,
        call_soon: Callable[[Callable[[], None]], object],
        failed: Callable[[Exception], None],
        seconds: Callable[[], float],
    ) -> None:
        """`call_soon` runs a function later in this reactor turn or in the next one; `failed` gets
        an exception that a reader raised; `seconds` is a clock.
        """
        self._call_soon = call_soon
        self._failed = failed
        self._seconds = seconds
        self._marked: dict[Feed, None] = {}
        """Feeds that have something new, the longest marked first."""
        self._rounds: deque[Round] = deque()
        self._under_way: dict[Feed, Round] = {}
        """The round of each feed that has one under way."""
        self._called = False
        self._waiting: list[Callable[[], object]] = []

    def when_idle(self, call: Callable[[], object]) -> None:
        """Call `call` once when no reader is pending: at once if none is."""
        if self._rounds or self._marked:
            self._waiting.append(call)
        else:
            call()

    def mark(self, feed: Feed, shown: int) -> None:
        """Wake the readers of `feed` soon: it has an entry behind the cursor `shown`."""
        if not feed.marked:
            feed.marked = True
            feed.shown = shown
            self._marked[feed] = None
            self._call()

    def wake_soon(self, readers: Collection[Reader]) -> None:
        """Wake these readers soon: a page that they wait for has arrived."""
        self._rounds.append(Round(None, list(readers), 0))
        self._call()

    def make_room(self, source: Source, entries: int) -> None:
        """Wake at once those pending readers of a log that have not been shown what so many new
        entries would evict.
        """
        evicted = source.log.evicting(entries)
        if not evicted:
            return
        for feed in source.feeds():
            round_ = self._under_way.get(feed)
            if round_ and round_.shown < evicted:
                self._finish(round_)
            if feed.marked and feed.shown < evicted and feed not in self._under_way:
                self._finish(self._begin(feed))

    def wake(self) -> None:
        """Wake readers for `SLICE_SECONDS`, and the others soon."""
        self._called = False
        self._go_on(self._seconds() + SLICE_SECONDS)
        if self._rounds or self._marked:
            self._call()
        elif self._waiting:
            waiting, self._waiting = self._waiting, []
            for call in waiting:
                call()

    def _call(self) -> None:
        if not self._called:
            self._called = True
            self._call_soon(self.wake)

    def _go_on(self, deadline: float) -> None:
        """Begin a round for each marked feed that has none under way, and go on with all rounds, a
        slice each in turn, until the deadline.
        """
        for feed in [feed for feed in self._marked if feed not in self._under_way]:
            self._begin(feed)
        rounds = self._rounds
        while rounds:
            round_ = rounds.popleft()
            self._wake_slice(round_, deadline)
            if round_.asleep:
                rounds.append(round_)
            else:
                self._end(round_)
            if self._seconds() > deadline:
                break

    def _begin(self, feed: Feed) -> Round:
        del self._marked[feed]
        feed.marked = False
        round_ = self._under_way[feed] = Round(feed, list(feed.readers), feed.shown)
        self._rounds.append(round_)
        return round_

    def _finish(self, round_: Round) -> None:
        """Wake all readers of a round, however long it takes."""
        while round_.asleep:
            self._wake_slice(round_, inf)
        self._end(round_)

    def _end(self, round_: Round) -> None:
        if round_.feed and self._under_way.get(round_.feed) is round_:
            del self._under_way[round_.feed]

    def _wake_slice(self, round_: Round, deadline: float) -> None:
        """Wake the next `SLICE_READERS` of a round, or as many as there is time for."""
        asleep = round_.asleep
        readers = asleep[-SLICE_READERS:]
        del asleep[-SLICE_READERS:]
        if round_.feed:
            asleep += self._wake(round_.feed, readers, deadline)
        else:
            asleep += self._wake_each(readers, deadline)

    def _wake(self, feed: Feed, readers: Sequence[Reader], deadline: float) -> Sequence[Reader]:
        """Wake some readers of a feed; returns those for which there was no time."""
        begin, cursor, chunk = feed.latest()
        for reader in readers:
            try:
                if reader.cursor == begin and reader.fast_path is feed:
                    reader.cursor = cursor
                    direct_write(reader.send, reader.write, chunk)  # type: ignore[arg-type]  # has one
                    continue
                reader.wake()
            except Exception as failure:
                reader.stop()
                self._failed(failure)
            if reader.write:
                begin, cursor, chunk = feed.latest()  # this reader may have made it
            elif self._seconds() > deadline:  # a poll group may stand for many polls
                return readers[readers.index(reader) + 1 :]
        return ()

    def _wake_each(self, readers: Sequence[Reader], deadline: float) -> Sequence[Reader]:
        """The same for readers whose page has arrived: it may be a lot for each of them."""
        for place, reader in enumerate(readers, 1):
            try:
                reader.wake()
            except Exception as failure:
                reader.stop()
                self._failed(failure)
            if self._seconds() > deadline:
                return readers[place:]
        return ()
