"""Fan-out: wakes the readers of the feeds that have new entries.

1. Each reader is woken once per reactor turn, however many entries were appended in that turn.
2. Fan-out is time-sliced: readers are woken for at most `SLICE_SECONDS` at a stretch, and feeds
   take turns (round-robin), so that one busy room cannot starve another.
3. Before a log evicts an entry that a pending reader has not been shown, the rounds of that log are
   finished without time-slicing (`make_room`).  So eviction never causes a gap for a reader that
   kept up, whatever the size of the burst and of the log.  Rounds of other logs stay time-sliced.
4. The fast path: if a reader takes batches unchanged, and the batch after its cursor has no gap and
   reaches the log's end, the notifier writes the batch's bytes itself.  `Subscriber.wake` would
   have the same effect: it would write the batch, and move the cursor to its end.  A reader that
   needs a page of the store has no such batch.
5. If a reader raises an exception, it is stopped, and the other readers are woken as usual.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from math import inf

from msgspec import Struct, field

from .batch import PUSH_LIMIT
from .eventlog import Entry
from .feed import Feed, Source
from .reader import Reader
from .turns import Schedule

SLICE_SECONDS = 0.001
"""Seconds of one time slice, and so the delay that fan-out causes for other work."""
SLICE_READERS = 50
"""Readers on the fast path between two checks of the clock: 0.25 ms of work."""


class Round(Struct, eq=False):
    """The readers to wake for one feed's new entries, or for pages that arrived, in time slices."""

    feed: Feed | None
    """The feed that has new entries; None: pages of an archive have arrived."""
    asleep: list[Reader]
    """The readers that are still to be woken, the next one last."""
    shown: int
    """The cursor up to which those readers have been shown the feed's log."""


class Growth(Struct, eq=False):
    """New entries for several logs, appended together.

    Room is made in all logs before the first one grows, so that no reader is woken in between.
    Such a reader would move its cursor past entries that another of its logs is about to get.  If a
    log gets more entries than its capacity, all logs grow in several steps, in the order of the
    ids.
    """

    _notifier: Notifier
    _new: dict[Source, list[Entry]] = field(default_factory=dict)

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
        """Append the added entries to their logs, and have the readers woken.

        Must not be called from within a reader's `wake`.
        """
        grown, self._new = self._new, {}
        for source, entries in grown.items():
            self._notifier.make_room(source, len(entries))
        for source, entries in grown.items():
            source.append(entries, self._notifier)


class Notifier:
    """Wakes readers soon, once for all entries that have been appended by then."""

    def __init__(
        self,
        call_soon: Schedule,
        call_later: Schedule,
        failed: Callable[[Exception], None],
        seconds: Callable[[], float],
    ) -> None:
        """`call_soon` runs a function at the end of this reactor turn, `call_later` in the next
        one; `failed` gets an exception that a reader raised; `seconds` is a clock.
        """
        self._call_soon = call_soon
        self._call_later = call_later
        self._failed = failed
        self._seconds = seconds
        self._marked: dict[Feed, None] = {}
        """Feeds that have new entries and no round for them yet, the one marked first in front."""
        self._rounds: deque[Round] = deque()
        self._under_way: dict[Feed, Round] = {}
        """The unfinished round of each feed that has one."""
        self._called = False
        self._waiting: list[Callable[[], object]] = []

    @property
    def pending(self) -> int:
        """The number of readers that are still to be woken, counted when it is asked for."""
        begun = sum(len(round_.asleep) for round_ in self._rounds)
        return begun + sum(len(feed.readers) for feed in self._marked)

    def when_idle(self, call: Callable[[], object]) -> None:
        """Call `call` once when no reader is pending: at once if none is."""
        if self._rounds or self._marked:
            self._waiting.append(call)
        else:
            call()

    def mark(self, feed: Feed, shown: int) -> None:
        """Wake the readers of `feed` soon: it has an entry after the cursor `shown`."""
        if not feed.marked:
            feed.marked = True
            feed.shown = shown
            self._marked[feed] = None
            self._call(self._call_soon)

    def wake_soon(self, readers: Collection[Reader]) -> None:
        """Wake these readers soon: the page for which they wait has arrived."""
        self._rounds.append(Round(None, list(readers), 0))
        self._call(self._call_soon)

    def make_room(self, source: Source, entries: int) -> None:
        """Wake at once the pending readers that have not been shown the entries which `entries` new
        ones would evict from the source's log.
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
        """Wake readers for `SLICE_SECONDS`; the remaining readers are woken by a later call."""
        self._called = False
        self._go_on(self._seconds() + SLICE_SECONDS)
        if self._rounds or self._marked:
            self._call(self._call_later)  # so that readers of other connections get their turn
        elif self._waiting:
            waiting, self._waiting = self._waiting, []
            for call in waiting:
                call()

    def _call(self, schedule: Schedule) -> None:
        if not self._called:
            self._called = True
            schedule(self.wake)

    def _go_on(self, deadline: float) -> None:
        """Begin a round for each marked feed without an unfinished one; then serve all rounds in
        turn, one slice each, until the deadline.
        """
        for feed in list(self._marked):
            if feed not in self._under_way:
                self._begin(feed)
        rounds = self._rounds
        while rounds:
            round_ = rounds.popleft()
            self._wake_slice(round_, deadline)
            if round_.asleep:
                rounds.append(round_)
            else:
                self._end(round_)
            if rounds and self._seconds() > deadline:
                break

    def _begin(self, feed: Feed) -> Round:
        del self._marked[feed]
        feed.marked = False
        round_ = self._under_way[feed] = Round(feed, [*reversed(feed.readers)], feed.shown)
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
        """Wake the next `SLICE_READERS` readers of a round, fewer if the deadline passes."""
        asleep = round_.asleep
        readers = asleep[: -SLICE_READERS - 1 : -1]
        del asleep[-SLICE_READERS:]
        if round_.feed:
            left = self._wake(round_.feed, readers, deadline)
        else:
            left = self._wake_each(readers, deadline)
        asleep += reversed(left)

    def _wake(self, feed: Feed, readers: Sequence[Reader], deadline: float) -> Sequence[Reader]:
        """Wake some readers of a feed; returns those that are left when the deadline passes."""
        begin, cursor, chunk, size = -1, -1, b"", 0  # no reader has the cursor -1
        for reader in readers:
            try:
                if reader.fast_path is feed:
                    if reader.cursor != begin:
                        batch = feed.after(reader.cursor, PUSH_LIMIT)
                        if batch is not None and batch.end and not batch.gaps:
                            begin, cursor, chunk = reader.cursor, batch.cursor, batch.chunk
                            size = len(chunk)
                    if reader.cursor == begin:
                        reader.cursor = cursor
                        try:  # `direct_write`, without the call
                            sent = reader.send(chunk)
                        except OSError:
                            sent = 0
                        if sent != size and sent is not None:
                            reader.write(chunk[sent:])  # type: ignore[misc]  # it has one
                        continue
                reader.wake()
            except Exception as failure:
                reader.stop()
                self._failed(failure)
            # A poll group, which has no `write`, may answer many polls at once.
            if not reader.write and self._seconds() > deadline:
                return readers[readers.index(reader) + 1 :]
        return ()

    def _wake_each(self, readers: Sequence[Reader], deadline: float) -> Sequence[Reader]:
        """Like `_wake`, for readers whose page has arrived.  Each may get a large batch, so the
        clock is checked after each reader.
        """
        for place, reader in enumerate(readers, 1):
            try:
                reader.wake()
            except Exception as failure:
                reader.stop()
                self._failed(failure)
            if self._seconds() > deadline:
                return readers[place:]
        return ()
