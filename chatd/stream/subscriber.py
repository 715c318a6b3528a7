"""Subscribers: the readers of logs.  Every event leaves a log through a subscriber.

1. A subscriber is a cursor.  `wake` delivers the events after the cursor to the outlet.  This one
   method does live delivery, replay, resuming, reading from the store and catching up after a
   pause.
2. The cursor moves before a batch is delivered, so an outlet may pause, resume or stop its reader
   from within `deliver`.
3. Backpressure costs a number, not a queue.  While the outlet is full, the subscriber reads
   nothing; after `resume` it continues from the cursor.
4. If the cursor is before the floor of a log that has an archive, the reader *waits* for a page of
   the store and delivers it.  This repeats until the cursor has reached the log in memory
   (`chatd.stream.backlog`).  A gap is reported only for events that are not kept, or that could not
   be read.
5. A reader is on the fast path (`chatd.stream.notifier`) if its outlet pushes and is not full, no
   event is hidden, and only one of its feeds has entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .backlog import Backlog
from .batch import PUSH_LIMIT, Batch, Gap
from .eventlog import EventLog
from .feed import Feed
from .outlet import NOWHERE, Outlet
from .selection import Selection


class Subscriber:
    """One reader: a cursor, the feeds that it reads, and the outlet to which it delivers."""

    __slots__ = (
        "_backlog",
        "_on_caught_up",
        "_selection",
        "cursor",
        "fast_path",
        "limit",
        "outlet",
        "owner",
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
        owner: object | None = None,
        places: Mapping[EventLog, int] | None = None,
        gaps: tuple[Gap, ...] = (),
    ) -> None:
        """A reader at `cursor`, or later in some logs (`places`).  It delivers nothing before
        `start`.

        `gaps` are reported before the first event, and `limit` is the most entries in one batch.
        `owner` identifies the reader to the gate.
        """
        self.outlet = outlet
        self.cursor = cursor
        self.limit = limit
        self.owner = owner
        self.paused = False
        self.reading = False
        """Whether the reader has started and not stopped."""
        self.write: Callable[[bytes], None] | None = None
        """See `Reader.write`."""
        self.send: Callable[[bytes], int | None] = NOWHERE.send
        """See `Reader.send`."""
        self.fast_path: Feed | None = None
        """See `Reader.fast_path`."""
        self._selection = Selection(feeds, places, gaps)
        self._backlog: Backlog | None = None
        """Set while the reader is paused, or has not caught up since."""
        self._on_caught_up: tuple[int, Callable[[], None]] | None = None

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The feeds that the subscriber reads."""
        return self._selection.feeds

    @property
    def late(self) -> bool:
        """Whether there are events for which the feeds' other readers have been woken already."""
        if self._selection.owed:
            return True
        cursor = self.cursor
        for feed in self._selection.feeds:
            if feed.log.last > cursor and not feed.may_wait(cursor):
                return True
        return False

    @property
    def waiting(self) -> bool:
        """Whether the reader waits for a page of an archive."""
        return self._backlog is not None and self._backlog.waiting

    @property
    def behind(self) -> bool:
        """Whether there are events that cannot be delivered now: the outlet is full, or a page has
        not arrived.
        """
        return self.paused or self.waiting

    def start(self, write: Callable[[bytes], None] | None = None) -> None:
        """Begin to read: first the events after the cursor, then new ones as they come.

        If the feed's other readers are about to be woken, this reader is woken with them.  So a
        poll that is repeated at once does not overtake other polls, and gets more events at a time.

        An outlet that pushes may pass its transport's `write`.  Then a batch without gaps may be
        written to it unchanged, without `deliver`; `send` is set to `write`, and may be replaced by
        a faster function.
        """
        self.reading = True
        self.write = write
        self.send = write or NOWHERE.send
        late = self.late
        feeds = self._selection.feeds
        for feed in feeds:
            feed.readers[self] = None
            if feed.marked and not late:
                feed.await_round(self.cursor)
        self._selection.find_single(self.cursor)
        if write:
            self._see_fast_path()
        if late:
            self.wake()

    def push(self, write: Callable[[bytes], None]) -> None:
        """From now on, a batch without gaps may be written unchanged with `write`: see `start`."""
        self.write = self.send = write
        self._see_fast_path()

    def deliver_all(self) -> None:
        """From now on, pass every batch to `deliver`, because the outlet changes its bytes."""
        self.write = None
        self.send = NOWHERE.send
        self._see_fast_path()

    def deliver_next(self) -> None:
        """Pass the next batch to `deliver`, because the outlet changes its bytes."""
        self.fast_path = None

    def stop(self) -> None:
        """Stop reading for good, and drop the outlet, which breaks a reference cycle."""
        self.reading = False
        self.fast_path = self.write = self._on_caught_up = None
        self.send = NOWHERE.send
        self.outlet = NOWHERE
        if self._backlog:
            self._backlog.leave()
            self._backlog = None
        for feed in self._selection.feeds:
            feed.readers.pop(self, None)

    def wake(self) -> None:
        """Deliver the events after the cursor, up to the end of the logs.

        Returns earlier if the outlet is full, or if a page of an archive is needed first.
        """
        selection = self._selection
        while self.reading and not self.paused:
            single = selection.single
            following = single.after if single else selection.next
            batch = following(self.cursor, self.limit)
            if batch is None or self._backlog is not None or selection.owed:
                batch = self._catch_up(batch)
                if batch is None:
                    break
            self.cursor = batch.cursor
            if not self.outlet.deliver(batch):
                if self.reading:
                    self.stop()
                return
            if batch.end:
                break
        if self.write and selection.single is not self.fast_path:
            self._see_fast_path()
        if self._on_caught_up:
            self._see_caught_up()

    def when_caught_up(self, call: Callable[[], None]) -> None:
        """Call `call` once all entries that the logs hold now have been delivered.

        It is called at once if they have been, and never if the reader stops before.
        """
        last = 0
        for feed in self._selection.feeds:
            last = max(last, feed.log.last)
        if self.cursor >= last:
            self._on_caught_up = None
            call()
        else:
            self._on_caught_up = last, call

    def change(self, feeds: Sequence[Feed], cursor: int) -> None:
        """Replace the feeds.  A log that was not read before is read from `cursor` on; its present
        entries are delivered by the next `wake`.

        Unread entries of the old feeds are delivered first, as far as they are in memory and the
        outlet takes them.  The other unread entries are delivered later, if their feed is still
        selected.
        """
        self.wake()
        for feed in self.feeds:
            feed.readers.pop(self, None)
        unread = self.paused or self.waiting
        if not unread:
            self.cursor = max(self.cursor, cursor)
        self.cursor = self._selection.change(feeds, cursor, self.cursor)
        if self.reading:
            for feed in feeds:
                feed.readers[self] = None
        self._see_fast_path()
        if unread:
            self._count_read()

    def rewind(self, cursor: int) -> None:
        """Go back to `cursor`, because the store has lost the events after it that were delivered:
        the next `wake` reports a gap, and reads on from there.
        """
        self.cursor = cursor
        gaps = tuple(Gap(feed.source.name, None) for feed in self.feeds if feed.source.name)
        self._selection.rewind(cursor, gaps)
        if self._backlog:
            self._backlog.leave()
            self._backlog = None
        if self.paused:
            self._count_read()
        self._see_fast_path()

    def hide(self, *ids: int) -> None:
        """Do not deliver these events: a client's own messages, with `/echo off`."""
        if ids:
            self._selection.hide(ids, self.cursor)
            self._see_fast_path()

    def pause(self) -> None:
        """The outlet is full: read nothing until `resume`."""
        if not self.paused:
            self.paused = True
            self.fast_path = None
            self._count_read().leave()

    def resume(self) -> None:
        """The outlet has room again: continue from the cursor."""
        self.paused = False
        self.wake()
        self._see_fast_path()

    def find_single_feed(self) -> None:
        """Determine anew whether only one of the feeds has entries."""
        self._selection.find_single(self.cursor)
        self._see_fast_path()

    def _see_fast_path(self) -> None:
        able = self.reading and not self.paused and self.write and self.limit == PUSH_LIMIT
        self.fast_path = self._selection.single if able else None

    def _see_caught_up(self) -> None:
        if self._on_caught_up and self.cursor >= self._on_caught_up[0]:
            call = self._on_caught_up[1]
            self._on_caught_up = None
            call()

    def _catch_up(self, batch: Batch | None) -> Batch | None:
        """The next batch, with its gaps counted: `batch`, if the logs gave one, or else a batch of
        pages, if pages are needed and have arrived.
        """
        selection, backlog = self._selection, self._backlog
        if batch and backlog:
            backlog.leave()
        while batch is None and (behind := selection.behind(self.cursor)):
            backlog = self._backlog = backlog or Backlog(self)
            if not backlog.ask(behind, self.limit):
                self._count_read()
                return None
            batch = selection.next_page(backlog, self.cursor, self.limit)
            if not (batch.count or batch.gaps):
                self.cursor = batch.cursor
                batch = selection.next(self.cursor, self.limit)
        if backlog:
            batch = batch and backlog.counted(batch)
            if batch is None or batch.end:
                backlog.leave()
                self._backlog = None
        return selection.pay(batch, self.cursor) if selection.owed else batch

    def _count_read(self) -> Backlog:
        """Record how many entries of each log were read, to count the missed ones later."""
        backlog = self._backlog = self._backlog or Backlog(self)
        backlog.count(self._selection.places(self.cursor))
        return backlog
