"""Subscribers: one reader each, and the one road out of every log.

1. A subscriber is a cursor.  `wake` delivers what lies behind the cursor to the outlet; live
   delivery, replay, resuming, reading on from the store and catching up after a pause are all that
   one call.
2. The cursor moves before a batch is delivered, so an outlet may pause, resume or stop its reader
   from within.
3. Backpressure costs a number.  While the outlet is full nothing is read for it; when it resumes,
   it reads on from its cursor.
4. A reader whose cursor lies behind the window of a log with an archive *waits* for a page,
   delivers it, and so on until it meets the log (`chatd.stream.backlog`).  A gap is told only for
   events that are kept nowhere, or that could not be read.
5. A reader is on the fast path (`chatd.stream.notifier`) if it pushes, is not paused, hides
   nothing, and reads one feed that has anything to read.
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
    """One reader: a cursor, the feeds it reads, and the outlet it fills."""

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
        """A reader at `cursor`, or further on in some logs (`places`), that is told `gaps` before
        anything else; it gets nothing before `start`.

        `limit` is in entries of one batch; `owner` is what the gate knows of the reader.
        """
        self.outlet = outlet
        self.cursor = cursor
        self.limit = limit
        self.owner = owner
        self.paused = False
        self.reading = False
        """Whether it has started and not stopped."""
        self.write: Callable[[bytes], None] | None = None
        """Sends bytes to the client, now or later."""
        self.send: Callable[[bytes], int | None] = NOWHERE.send
        """Sends bytes at once and returns how many; None: all are taken care of.  May raise
        `OSError`.
        """
        self.fast_path: Feed | None = None
        """The feed whose batches may be written to this reader without asking it."""
        self._selection = Selection(feeds, cursor, places, gaps)
        self._backlog: Backlog | None = None
        """While it is paused, or has not yet caught up since."""
        self._on_caught_up: tuple[int, Callable[[], None]] | None = None

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The feeds that it reads."""
        return self._selection.feeds

    @property
    def late(self) -> bool:
        """Whether there is something to read for which the other readers were woken already."""
        if self._selection.owed:
            return True
        cursor = self.cursor
        for feed in self._selection.feeds:
            if feed.log.last > cursor and not feed.may_wait(cursor):
                return True
        return False

    @property
    def waiting(self) -> bool:
        """Whether a page of an archive is needed before anything more can be read."""
        return self._backlog is not None and self._backlog.waiting

    @property
    def behind(self) -> bool:
        """Whether something that was there has to be delivered first, and cannot be now: the outlet
        is full, or a page is under way.
        """
        return self.paused or self.waiting

    def start(self, write: Callable[[bytes], None] | None = None) -> None:
        """Begin to read: at once what lies behind the cursor, and then what comes.

        If the other readers are about to be woken, this one is woken with them: a poll that is
        repeated at once does not overtake the others, and gets more events at a time.

        An outlet that pushes may pass its transport's `write`: then a batch without gaps may be
        written as it is, without `deliver`; by `send`, if there is a shorter way.
        """
        self.reading = True
        self.write = write
        self.send = write or NOWHERE.send
        late = self.late
        feeds = self._selection.feeds
        for feed in feeds:
            feed.readers.add(self)
            if feed.marked and not late:
                feed.await_round(self.cursor)
        if len(feeds) > 1:
            self._selection.find_single(self.cursor)
        self._see_fast_path()
        if late:
            self.wake()

    def push(self, write: Callable[[bytes], None]) -> None:
        """From here on, a batch without gaps may be written as it is: see `start`."""
        self.write = self.send = write
        self._see_fast_path()

    def stop(self) -> None:
        """Read no more, for good, and drop the outlet, which refers to this reader in turn."""
        self.reading = False
        self.fast_path = self.write = self._on_caught_up = None
        self.send = NOWHERE.send
        self.outlet = NOWHERE
        if self._backlog:
            self._backlog.leave()
            self._backlog = None
        for feed in self._selection.feeds:
            feed.readers.discard(self)

    def wake(self) -> None:
        """Read on from the cursor, until the logs' end, or until the outlet is full, or until a
        page has to be waited for.
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
        """Call `call` once, when everything that the logs hold by now was delivered: at once if it
        was, and never if the reader stops before.
        """
        self._on_caught_up = max([feed.log.last for feed in self.feeds], default=0), call
        self._see_caught_up()

    def change(self, feeds: Sequence[Feed], cursor: int) -> None:
        """Read other feeds from here on; a log that was not read before is read from `cursor` on,
        at the next `wake` if there is anything to read already.

        What was unread in the old feeds is read first, as far as it is there and the outlet takes
        it; the rest of those that stay is read later.
        """
        self.wake()
        for feed in self.feeds:
            feed.readers.discard(self)
        unread = self.paused or self.waiting
        if not unread:
            self.cursor = max(self.cursor, cursor)
        self.cursor = self._selection.change(feeds, cursor, self.cursor)
        if self.reading:
            for feed in feeds:
                feed.readers.add(self)
        self._see_fast_path()
        if unread:
            self._count_read()

    def rewind(self, cursor: int) -> None:
        """What was delivered behind `cursor` is lost, and something else may stand there: tell a
        gap, and read on from there at the next `wake`.
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
        """Leave these events out: a client's own messages, with `/echo off`."""
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
        """The outlet has room again: read on from the cursor."""
        self.paused = False
        self.wake()
        self._see_fast_path()

    def find_single_feed(self) -> None:
        """Find out again whether only one feed has anything to read."""
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
        """What follows the cursor, with its gaps counted: `batch`, if the logs gave one, or else a
        page, if one is needed and has arrived.
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
        """Note how much of each log was read, so as to know later how much was missed."""
        backlog = self._backlog = self._backlog or Backlog(self)
        backlog.count(self._selection.places(self.cursor))
        return backlog
