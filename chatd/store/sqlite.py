"""History in an SQLite file: everything ever said, over restarts and crashes.

1. What is appended while one group is being committed is the next group: one commit for all, and
   the more there is to do the less each costs.
2. Writing and paging back have a thread each.  Only `recall` reads in the reactor's: a room that
   comes to life has to be there at once, and its last events are few.
3. The acknowledgement and the showing follow the commit.  A commit that fails is told to those who
   wait for it; readers go on, and the next commit tries anew.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from twisted.internet.defer import Deferred, fail, inlineCallbacks
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..errors import Unavailable
from ..eventlog import Entry
from ..events import Event, RoomEvent
from ..limits import REMEMBERED_SECONDS
from ..wallclock import doubt
from . import NO_MARKS, Listener, Marks, Past, Recalled, topic_after
from .database import Database
from .memory import nobody
from .worker import Worker
from .writer import Writer

DURABILITY = {"disk": "FULL", "process": "NORMAL"}
"""What an acknowledged event survives, and the `PRAGMA synchronous` that makes it so: `disk`, the
loss of power; `process`, only that of the process."""
TIDY_SECONDS = 60.0
"""Seconds between two looks for what may be forgotten."""
MOST_AT_ONCE = 5000
"""Events in one commit: a tenth of a second's work at most."""
DAY = 86_400_000_000
"""Microseconds."""


@dataclass(frozen=True)
class Retention:
    """How much is kept; None: all."""

    days: float | None = None
    events: int | None = None
    """Of all rooms together."""


FOR_EVER = Retention()

T = TypeVar("T")

_Appended = tuple[Sequence[Event], Marks, Deferred[list[int]]]


class SqliteStore:
    """A store in one SQLite file."""

    _log = Logger()

    def __init__(
        self,
        path: Path,
        clock: IReactorTime,
        now: Callable[[], float],
        history: int,
        *,
        hire: Callable[[str], Worker],
        durability: str = "disk",
        retention: Retention = FOR_EVER,
    ) -> None:
        """`now` is the wall clock in seconds since the Unix epoch, `history` is in events per
        room, and `hire` finds a worker for some work.
        """
        self._now = now
        self._hire = hire
        self._retention = retention
        self._writer = Writer(path, history, now, DURABILITY[durability])
        self._pages = Database(path, history)
        self._recalls = Database(path, history)
        self._listener: Listener = nobody
        self._waiting: list[_Appended] = []
        self._committing = False
        self._troubles: set[str] = set()
        self._opened = self._ending = False
        self._tidying = LoopingCall(self._tidy)
        self._tidying.clock = clock
        self._closed: Deferred[None] | None = None
        self.id = ""
        self.last = 0
        self.rooms: dict[str, Past] = {}
        self.marks: dict[bytes, int] = {}

    def check(self) -> None:
        """See `Store.check`; a file that there is not yet is not made."""
        self._writer.check()

    def open(self) -> None:
        """See `Store.open`."""
        self.rooms, self.marks = self._writer.begin()
        self.id, self.last = self._writer.id, self._writer.last
        if doubtful := doubt(self._now(), self.last / 1_000_000):
            self._log.warn("{doubt}", doubt=doubtful)
        for reader in (self._pages, self._recalls):
            reader.open()
        self._writing = self._hire("writing")
        self._reading = self._hire("reading")
        self._opened = True
        self._marked_until = self._tidying.clock.seconds() + REMEMBERED_SECONDS
        self._tidying.start(TIDY_SECONDS)

    def follow(self, listener: Listener) -> None:
        """See `Store.follow`."""
        self._listener = listener

    def append(self, batch: Sequence[Event], marks: Marks = NO_MARKS) -> Deferred[list[int]]:
        """See `Store.append`."""
        if self._closed:
            return fail(Unavailable("the server is going down; try again in a moment"))
        stored: Deferred[list[int]] = Deferred()
        self._waiting.append((batch, marks, stored))
        self._commit()
        return stored

    def probe(self) -> Deferred[None]:
        """See `Store.probe`."""
        if self._closed:
            return fail(Unavailable("the store is closed"))
        probed = self._writing.do(self._writer.probe)
        return probed.addCallbacks(partial(self._worked, "store"), self._unfit)

    def recall(self, room: str, until: int) -> Recalled:
        """See `Store.recall`."""
        try:
            return self._worked("read", self._recalls.recall(room, until))
        except Unavailable as problem:
            self._has_failed("read", problem)
            return Recalled((), until, torn=True)

    def read(self, room: str, before: int | None, limit: int) -> Deferred[list[Entry]]:
        """See `Store.read`."""
        if self._closed:
            return fail(Unavailable("the server is going down; try again in a moment"))
        # What is stored but not shown yet is nobody's to see, and may still be refused.
        until = self.last if before is None else min(before - 1, self.last)
        page = self._reading.do(partial(self._pages.page, room, until, limit))
        return page.addCallbacks(partial(self._worked, "read"), self._unread)

    def close(self) -> Deferred[None]:
        """See `Store.close`."""
        if self._closed is None:
            self._closed = Deferred()
            if self._tidying.running:
                self._tidying.stop()
            if self._opened:
                self._end_when_done()
            else:
                self._closed.callback(None)
        return _echoed(self._closed)

    # -- committing ------------------------------------------------------------------------------

    def _commit(self) -> None:
        """Commit what waits; while a commit is under way it is the next one's."""
        if self._committing or not self._waiting:
            return
        self._committing = True
        count = size = 0
        for batch, _, _ in self._waiting:
            if count and size + len(batch) > MOST_AT_ONCE:
                break
            count += 1
            size += len(batch)
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        work = [(batch, marks) for batch, marks, _ in group]
        committed = self._writing.do(partial(self._writer.store, work))
        committed.addCallbacks(
            self._committed, self._refused, callbackArgs=(group,), errbackArgs=(group,)
        )

    def _committed(self, answers: list[list[int]], group: Sequence[_Appended]) -> None:
        self._worked("store", answers)
        self._committing = False
        self._commit()
        for (batch, _, stored), ids in zip(group, answers, strict=True):
            entries = [Entry(id_, event) for id_, event in zip(ids, batch, strict=True)]
            for entry in entries:
                self._note(entry)
            self._listener(entries)
            stored.callback(ids)
        self._end_when_done()

    def _note(self, entry: Entry) -> None:
        self.last = entry.id
        event = entry.event
        if isinstance(event, RoomEvent):
            past = self.rooms.get(event.room)
            first = past.first if past else entry.id
            self.rooms[event.room] = Past(topic_after(event, past), first, entry.id)

    def _refused(self, failure: Failure, group: Sequence[_Appended]) -> None:
        self._has_failed("store", failure.value)
        self._committing = False
        for _, _, stored in group:
            stored.errback(
                Unavailable("the server cannot store anything now; try again in a moment")
            )
        self._commit()
        self._end_when_done()

    def _unfit(self, failure: Failure) -> NoReturn:
        self._has_failed("store", failure.value)
        raise Unavailable(f"the store takes no events: {self._writer.public(failure.value)}")

    def _unread(self, failure: Failure) -> NoReturn:
        self._has_failed("read", failure.value)
        raise Unavailable("the server cannot read its history now; try again in a moment")

    # -- forgetting ------------------------------------------------------------------------------

    @inlineCallbacks
    def _tidy(self) -> Generator[Deferred[Any], Any, None]:
        """Forget what is too old or too much, slice by slice; commits go on in between."""
        days, most = self._retention.days, self._retention.events
        if self._tidying.clock.seconds() >= self._marked_until:
            self.marks = {}
        before = 0 if days is None else int(self._now() * 1_000_000 - days * DAY)
        try:
            yield self._writing.do(self._writer.forget_marks)
            more = self._retention != FOR_EVER
            while more and not self._closed:
                forgotten = yield self._writing.do(partial(self._writer.forget, before, most))
                more = forgotten.more
                for room, first in forgotten.firsts.items():
                    self._note_first(room, first)
            self._worked("forget", None)
        except Unavailable as problem:
            self._has_failed("forget", problem)

    def _note_first(self, room: str, first: int | None) -> None:
        past = self.rooms.pop(room, None)
        if past and first is not None:
            self.rooms[room] = past._replace(first=first)

    # -- trouble, and the end --------------------------------------------------------------------

    def _has_failed(self, what: str, problem: object) -> None:
        """Say so, once; with a full disk everybody would say it."""
        if what not in self._troubles:
            self._troubles.add(what)
            self._log.error("the store cannot {what}: {problem}", what=what, problem=problem)

    def _worked(self, what: str, result: T) -> T:
        if what in self._troubles:
            self._troubles.discard(what)
            self._log.warn("the store can {what} again", what=what)
        return result

    def _end_when_done(self) -> None:
        if self._closed and not (self._committing or self._waiting or self._ending):
            self._ending = True
            self._writing.do(self._writer.end).addBoth(self._ended)

    def _ended(self, _: object) -> None:
        self._recalls.close()
        self._reading.do(self._pages.close).addBoth(self._released)

    def _released(self, _: object) -> None:
        assert self._closed
        self._writing.stop()
        self._reading.stop()
        self._closed.callback(None)


def _echoed(deferred: Deferred[None]) -> Deferred[None]:
    """A Deferred that fires when another does, and can be had as often as one likes."""
    echo: Deferred[None] = Deferred()
    deferred.addCallback(echo.callback)
    return echo
