"""The SQLite store keeps all events and durable cells, over restarts and crashes.

1. Group commit: appends that come in while one group is being committed form the next group, with
   one commit.  So under load each append costs less.
2. Units are acknowledged and shown after the commit.  If a commit fails, its units are refused;
   readers go on, and the next commit tries again.
3. Writing, reading and searching (`chatd.store.searching`) have a thread each.  The reading thread
   reads events, up to the highest id shown.  The writing thread reads durable cells, in order with
   the commits: when a read of cells is answered, everything that the file contained at the read has
   been shown to the follower, and nothing else.
4. Presence cells are kept in memory, as they were shown; reads of them are answered from a copy
   that is made in the reactor's thread.
5. A group that only changes and expects presence is stored at the end of the turn in the reactor's
   thread, if it has at most `MOST_IN_TURN` units and the writing thread has no work: handing it
   over would take longer than storing it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from twisted.internet.defer import (
    Deferred,
    fail,
    gatherResults,
    inlineCallbacks,
    maybeDeferred,
    succeed,
)
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import Unavailable
from ..model.search import Query
from ..model.units import ROOM_TABLES, Cell, Stale, Unit, is_presence, room_table
from ..stream.eventlog import Page
from ..stream.pages import MOST_BYTES
from ..stream.turns import at_turn_end
from . import CLOSING, Follower, Found, Loaded, Opened, Shown
from .cells import Cells
from .committing import Commits
from .failing import Failing, first_error
from .noting import Notes
from .reader import Reader
from .requests import RequestKeys
from .retained import DAY, FOR_EVER, TIDY_SECONDS, Retention
from .searching import Searching
from .wallclock import doubt
from .worker import Worker
from .writer import Stored, Writer, judged_by_presence

MOST_IN_TURN = 500
"""Units of a group that the reactor's thread stores: at most 10 ms of work."""

DURABILITY = {"disk": "FULL", "process": "NORMAL"}
"""What an acknowledged event survives, and the `PRAGMA synchronous` for it: `disk`, a loss of
power; `process`, only the end of the process."""
REFUSED = "the server cannot store anything now; try again in a moment"
"""The message of `Unavailable` for what the file did not take."""
T = TypeVar("T")


class SqliteStore:
    """A store in one SQLite file."""

    _log = Logger()
    ahead = 0.0
    """See `Store`."""

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
        """`clock` never runs backwards, `now` is the wall clock in seconds since the Unix epoch,
        `history` is how many events of a room are loaded, and `hire` makes a worker for some work.
        """
        self._now = now
        self._history = history
        self._hire = hire
        self.retention = retention
        self._presence = Cells()
        keys = RequestKeys(clock.seconds)
        self._writer = Writer(path, now, keys, self._presence, DURABILITY[durability])
        self._reader = Reader(path)
        self._searching = Searching(path, clock, self._index, lambda: self._commits.under_way)
        self._follower: Follower | None = None
        self._shown = 0
        self._failing = failing = Failing()
        done = self._end_when_done
        self._commits = Commits(self._commit, self._show, failing, REFUSED, done)
        self._notes = Notes(
            lambda notes: self._writing.do(partial(self._writer.note, notes)),
            failing,
            REFUSED,
            done,
        )
        self._ending = False
        self._at_turn_end = at_turn_end(clock)
        self._tidying = LoopingCall(self._tidy)
        self._tidying.clock = clock
        self._closed: Deferred[None] | None = None
        self.id = ""

    def check(self) -> None:
        """See `Store.check`; a missing file is not created."""
        self._writer.check()

    def open(self, follower: Follower) -> Deferred[Opened]:
        """See `Store.open`; the Deferred has fired, so that a start can fail before anything
        listens.
        """
        try:
            opened = self._writer.begin()
            try:
                self._reader.open()
            except Unavailable:
                self._writer.end()
                raise
        except Unavailable as problem:
            return fail(problem)
        if doubtful := doubt(self._now(), self._writer.written / 1_000_000):
            self._log.warn("{doubt}", doubt=doubtful)
        self.id = self._writer.id
        self._shown = opened.last
        self._writing = self._hire("writing")
        self._reading = self._hire("reading")
        self._follower = follower
        self._tidying.start(TIDY_SECONDS)
        self._searching.start(self._hire("searching"), anything=bool(opened.rooms))
        return succeed(opened)

    def append(self, units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
        """See `Store.append`."""
        if self._closed or not self._follower:
            return fail(Unavailable(CLOSING))
        return self._commits.add(units)

    def _commit(self, group: Sequence[Sequence[Unit]], kept: bool) -> Deferred[Stored]:
        """Store a group, of which anything or nothing is `kept`; rule 5 says in which thread."""
        if kept:
            return self._writing.do(partial(self._writer.store, group, self._shown))
        if sum(map(len, group)) > MOST_IN_TURN or not judged_by_presence(group):
            return self._writing.do(partial(self._writer.store_in_memory, group, self._shown))
        stored: Deferred[Stored] = Deferred()

        def store() -> None:
            job = partial(self._writer.store_in_memory, group, self._shown)
            done = maybeDeferred(job) if self._writing.idle else self._writing.do(job)
            done.chainDeferred(stored)

        self._at_turn_end(store)
        return stored

    def given(self, cursor: int) -> bool:
        """See `Store.given`: there is no other node."""
        return False

    def kept(self, cursor: int) -> int:
        """See `Store.kept`: nothing is lost."""
        return cursor

    def probe(self) -> Deferred[None]:
        """See `Store.probe`."""
        if self._closed or not self._follower:
            return fail(Unavailable(CLOSING))
        probed = self._writing.do(self._writer.probe)
        return probed.addCallbacks(partial(self._failing.worked, "store"), self._unfit)

    def note(self, table: str, key: str, value: bytes | None) -> Deferred[None]:
        """See `Store.note`; notes that come in while others are stored form the next group."""
        if self._closed or not self._follower:
            return fail(Unavailable(CLOSING))
        return self._notes.add(table, key, value)

    # -- reading ---------------------------------------------------------------------------------

    def load(self, room: str, until: int) -> Deferred[Loaded]:
        """See `Store.load`."""
        copies = {
            table: self._presence.snapshot(room_table(table, room))
            for table in ROOM_TABLES
            if is_presence(table)
        }
        durable = [table for table in ROOM_TABLES if table not in copies]
        tables = [room_table(table, room) for table in durable]

        def load() -> Loaded:
            entries, floor = self._reader.tail(room, until, self._history)
            return Loaded(entries, floor, {table: copy.cells() for table, copy in copies.items()})

        def join(results: list[Any]) -> Loaded:
            loaded, cells = results
            tables = {**loaded.tables, **dict(zip(durable, cells, strict=True))}
            filled = {table: cells for table, cells in tables.items() if cells}
            return Loaded(loaded.entries, loaded.floor, filled)

        # Cells are read in order with the commits, all tables in one go.
        asked = [
            self._read(load),
            self._read(
                partial(self._writer.tables, tables), writing=True, what="read a room's cells"
            ),
        ]
        return gatherResults(asked, consumeErrors=True).addCallbacks(join, first_error)

    def read(
        self,
        room: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int,
        size: int = MOST_BYTES,
    ) -> Deferred[Page]:
        """See `Store.read`."""
        # What is stored but not shown yet may not be seen, and may still be refused.
        page = partial(self._reader.page, room, after, before, self._shown, limit, size)
        return self._read(page)

    def count(self, room: str, after: int, most: int) -> Deferred[int]:
        """See `Store.count`."""
        return self._read(partial(self._reader.count, room, after, self._shown, most))

    def search(
        self,
        room: str,
        query: Query,
        *,
        before: int | None = None,
        limit: int,
        size: int = MOST_BYTES,
    ) -> Deferred[Found]:
        """See `Store.search`."""
        if self._closed or not self._follower:
            return fail(Unavailable(CLOSING))
        found = self._searching.search(room, query, before, self._shown, limit, size)
        return self._noticed(found, "search")

    def table(self, name: str) -> Deferred[Mapping[str, Cell]]:
        """See `Store.table`."""
        return self._cells(name, None)

    def get(self, table: str, keys: Collection[str]) -> Deferred[Mapping[str, Cell]]:
        """See `Store.get`."""
        return self._cells(table, keys)

    def having(self, tables: Collection[str], key: str) -> Deferred[Collection[str]]:
        """See `Store.having`."""
        return self._read(partial(self._writer.having, tables, key), writing=True)

    def cells(
        self, table: str, place: str | None, limit: int, *, down: bool = False
    ) -> Deferred[Sequence[tuple[str, Cell]]]:
        """See `Store.cells`: the reading thread reads it, beside the commits."""
        return self._read(partial(self._reader.cells, table, place, limit, down=down))

    def size(self, table: str) -> Deferred[int]:
        """See `Store.size`: the reading thread counts, beside the commits."""
        return self._read(partial(self._reader.table_size, table))

    def _cells(self, table: str, keys: Collection[str] | None) -> Deferred[Mapping[str, Cell]]:
        if self._closed or not self._follower:
            return fail(Unavailable(CLOSING))
        if not is_presence(table):
            return self._read(partial(self._writer.cells, table, keys), writing=True)
        if keys is None:
            return self._reading.do(self._presence.snapshot(table).cells)
        cells = self._presence.some(table, keys)
        return self._reading.do(lambda: cells)

    def _read(
        self, job: Callable[[], T], *, writing: bool = False, what: str = "read"
    ) -> Deferred[Any]:
        """Have one of the threads read the file; `what` names the work in the log."""
        if self._closed or not self._follower:
            return fail(Unavailable(CLOSING))
        return self._noticed((self._writing if writing else self._reading).do(job), what)

    def _noticed(self, done: Deferred[Any], what: str) -> Deferred[Any]:
        """Log when reading fails, and when it works again."""
        return done.addCallbacks(
            partial(self._failing.worked, what), self._unread, errbackArgs=(what,)
        )

    @inlineCallbacks
    def erase(self, room: str) -> Generator[Deferred[Any], Any, None]:
        """See `Store.erase`; commits go on between two slices."""
        more = True
        while more:
            if self._closed or not self._follower:
                raise Unavailable(CLOSING)
            try:
                forgotten = yield self._writing.do(partial(self._writer.erase, room))
            except Unavailable as problem:
                self._failing.has_failed("erase", problem)
                raise Unavailable(REFUSED) from None
            self._failing.worked("erase", None)
            more = forgotten.more
            self._follower.forgotten(forgotten.firsts)

    def close(self) -> Deferred[None]:
        """See `Store.close`."""
        if self._closed is None:
            self._closed = Deferred()
            if self._tidying.running:
                self._tidying.stop()
            self._searching.stop()
            if self._follower:
                self._end_when_done()
            else:
                self._closed.callback(None)
        return _echoed(self._closed)

    # -- showing ---------------------------------------------------------------------------------

    def _show(self, batch: Sequence[Shown]) -> None:
        if not batch or not self._follower:
            return
        for shown in batch:
            for table, key, value in shown.changes:
                if is_presence(table):
                    self._presence.set(table, key, shown.id, value)
        self._shown = batch[-1].id
        self._searching.fresh += len(batch)
        self._follower.shown(batch)

    def _unfit(self, failure: Failure) -> NoReturn:
        self._failing.has_failed("store", failure.value)
        raise Unavailable(f"the store takes no events: {self._writer.public(failure.value)}")

    def _unread(self, failure: Failure, what: str) -> NoReturn:
        self._failing.has_failed(what, failure.value)
        raise Unavailable("the server cannot read its history now; try again in a moment")

    # -- forgetting ------------------------------------------------------------------------------

    @inlineCallbacks
    def _tidy(self) -> Generator[Deferred[Any], Any, None]:
        """Retention: remove events that are too old or too many, in slices between commits."""
        days, most = self.retention.days, self.retention.events
        before = 0 if days is None else int(self._now() * 1_000_000 - days * DAY)
        try:
            yield self._writing.do(self._writer.tidy)
            more = self.retention != FOR_EVER
            while more and not self._closed:
                forgotten = yield self._writing.do(partial(self._writer.forget, before, most))
                more = forgotten.more
                if forgotten.firsts and self._follower:
                    self._follower.forgotten(forgotten.firsts)
            self._failing.worked("forget", None)
        except Unavailable as problem:
            self._failing.has_failed("forget", problem)

    def _index(self) -> Deferred[bool]:
        """Index a block, between commits; fires with whether another may be due."""

        def failed(failure: Failure) -> bool:
            self._failing.has_failed("index", failure.trap(Unavailable) and failure.value)
            return False

        indexing = self._writing.do(self._writer.index)
        return indexing.addCallbacks(partial(self._failing.worked, "index"), failed)

    # -- failures, and the end -------------------------------------------------------------------

    def _end_when_done(self) -> None:
        busy = self._commits.busy or self._notes.busy
        if self._closed and not (busy or self._ending):
            self._ending = True
            self._writing.do(self._writer.end).addBoth(self._ended)

    def _ended(self, _: object) -> None:
        self._reading.do(self._reader.close).addBoth(lambda _: self._searching.close()).addBoth(
            self._released
        )

    def _released(self, _: object) -> None:
        assert self._closed
        self._writing.stop()
        self._reading.stop()
        self._closed.callback(None)


def _echoed(deferred: Deferred[None]) -> Deferred[None]:
    """A new Deferred that fires when another one does."""
    echo: Deferred[None] = Deferred()
    deferred.addCallback(echo.callback)
    return echo
