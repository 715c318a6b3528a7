"""The memory store, which forgets everything when the process ends.

1. `MemoryEngine` keeps everything; a `MemoryStore` connects one follower to it.  Several may be
   connected to one engine, as several nodes are to one Redis.
2. Every follower is shown every batch, in the same order.  Batches that were stored and not yet
   shown to a follower wait in the queue of its store, and so do the answers to its appends.
3. A store answers reads as its follower was shown: without the changes that wait in its queue.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice, takewhile
from typing import TypeVar

import msgspec
from msgspec import Struct
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorTime

from ..model.errors import Unavailable
from ..model.events import MESSAGES, RoomEvent
from ..model.search import Query
from ..model.units import ROOM_TABLES, Cell, Stale, Unit, never_falls, room_table
from ..stream.eventlog import Entry, Page
from ..stream.pages import MOST_BYTES
from ..stream.turns import at_turn_end
from . import CLOSING, Follower, Found, Loaded, Opened, RoomSummary, Shown
from .cells import Cells
from .judging import Judging
from .paging import take
from .requests import RequestKeys
from .retained import FOR_EVER

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode


class Step(Struct, frozen=True):
    """The effects of one append."""

    batch: Sequence[Shown]
    before: Sequence[tuple[str, str, Cell | None]]
    """The changed cells with their former values."""
    firsts: Mapping[str, int | None]
    """The rooms whose oldest event was evicted by it, with the ids of the oldest ones left."""


class Due(Struct, frozen=True):
    """A step to show to a follower, if there is one, and a function to call after it."""

    step: Step | None
    fire: Callable[[], object] | None


class RoomLog:
    """The last events of one room."""

    __slots__ = ("entries", "floor")

    def __init__(self, capacity: int, floor: int) -> None:
        self.entries: deque[Entry] = deque(maxlen=capacity)
        self.floor = floor
        """The lowest cursor after which `entries` are complete."""

    def append(self, entry: Entry) -> bool:
        """Add the newest entry.  Returns whether the oldest one was evicted."""
        entries = self.entries
        full = len(entries) == entries.maxlen
        if full:
            self.floor = entries[0].id if entries else entry.id
        entries.append(entry)
        return full

    def redact(self, entry: Entry) -> None:
        """Put an entry into the place of the one with its id, if that is there."""
        for place, old in enumerate(self.entries):
            if old.id == entry.id:
                self.entries[place] = entry


class MemoryEngine:
    """The last `history` events of every room, cells and request keys, in memory."""

    def __init__(self, clock: IReactorTime, now: Callable[[], float], history: int) -> None:
        """`clock` never runs backwards, `now` is the wall clock in seconds since the Unix epoch,
        and `history` is in events per room.
        """
        self._now = now
        self._history = history
        self._stores: list[MemoryStore] = []
        self.id = secrets.token_hex(5)
        self._floor = int(now() * 1_000_000)
        self.last = self._floor
        """The highest id given, or the time of the start."""
        self.logs: dict[str, RoomLog] = {}
        self.cells = Cells()
        self.request_keys = RequestKeys(clock.seconds)

    def connect(self, store: MemoryStore) -> Opened:
        """Show a store everything that is stored from now on."""
        self._stores.append(store)
        rooms = {
            name: RoomSummary(log.entries[0].id, log.entries[-1].id)
            for name, log in self.logs.items()
            if log.entries
        }
        return Opened(self.last, rooms, self.request_keys.answers())

    def disconnect(self, store: MemoryStore) -> None:
        """Show a store nothing any more."""
        if store in self._stores:
            self._stores.remove(store)

    def append(
        self,
        units: Sequence[Unit],
        sender: MemoryStore | None = None,
        answer: Callable[[list[int | Stale]], object] | None = None,
    ) -> None:
        """Judge units, store them, and let every store show them; `sender` then calls `answer`."""
        judging = Judging(
            max(self.last, int(self._now() * 1_000_000) - 1),
            self.cells.version,
            self.request_keys.get,
        )
        judged = judging.judge(units)
        step = self._apply(judging, judged.batch) if judged.batch else None
        for store in list(self._stores):
            if store is sender:
                store.take(Due(step, answer and partial(answer, judged.answers)), at_once=True)
            elif step:
                store.take(Due(step, None))

    def erase(self, room: str) -> None:
        """Delete all events of a room, and let every store tell its follower."""
        self.logs.pop(room, None)
        step = Step((), (), {room: None})
        for store in list(self._stores):
            store.take(Due(step, None))

    def note(self, sender: MemoryStore, table: str, key: str, value: bytes | None) -> None:
        """Give a cell of a noted table a value; the other stores tell their followers."""
        self.cells.set(table, key, self.last, value)
        if value is not None and never_falls(table):
            for store in self._stores:
                if store is not sender:
                    store.take(Due(None, partial(store.tell_note, table, key, value)))

    def log(self, room: str) -> RoomLog:
        """A room's log: an empty one for a room without events."""
        return self.logs.get(room) or RoomLog(self._history, self._floor)

    def _apply(self, judging: Judging, batch: Sequence[Shown]) -> Step:
        cells = self.cells
        before = []
        for (table, key), (version, value) in judging.changes.items():
            before.append((table, key, cells.set(table, key, version, value)))
        if judging.request_keys:
            self.request_keys.add(judging.request_keys)
        self.last = judging.last
        firsts: dict[str, int | None] = {}
        for shown in batch:
            for redaction in shown.redacts:
                if (log := self.logs.get(redaction.event.room)) is not None:
                    log.redact(Entry(redaction.id, redaction.event))
            for entry in shown.entries:
                event = entry.event
                if isinstance(event, RoomEvent):
                    log = self.logs.get(event.room)
                    if log is None:
                        log = self.logs[event.room] = self.log(event.room)
                    if log.append(entry):
                        firsts[event.room] = log.entries[0].id if log.entries else None
        return Step(batch, before, firsts)


class MemoryStore:
    """One follower's connection to a `MemoryEngine`.

    Everything is answered at the end of this turn of the reactor or in a later one, although it
    could be answered at once, so that code that uses a store cannot depend on an immediate answer.
    """

    retention = FOR_EVER
    """Ignored: the newest events of each room are kept, anyway."""
    ahead = 0.0
    """See `Store`."""
    _stalled = False
    """Whether nothing is shown to the follower for now; set by `chatd.testing.stores` only."""

    def __init__(
        self,
        clock: IReactorTime,
        now: Callable[[], float],
        history: int,
        *,
        engine: MemoryEngine | None = None,
    ) -> None:
        """`clock` tells when a turn of the reactor ends.  `clock`, `now` and `history` are those of
        the engine; the store has one of its own if none is given.
        """
        self._clock = clock
        self._at_turn_end = at_turn_end(clock)
        self._history = history
        self.engine = engine or MemoryEngine(clock, now, history)
        self.id = self.engine.id
        self._follower: Follower | None = None
        self._waiting: deque[tuple[Sequence[Unit], Deferred[list[int | Stale]]]] = deque()
        self._scheduled = False
        self._due: deque[Due] = deque()
        self._delivering = False
        self._closed = False
        self._shown = self.engine.last

    def check(self) -> None:
        """See `Store.check`."""

    def open(self, follower: Follower) -> Deferred[Opened]:
        """See `Store.open`."""
        self._follower = follower
        opened = self.engine.connect(self)
        self._shown = opened.last
        return self._later(lambda: opened)

    def append(self, units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
        """See `Store.append`."""
        if self._closed or not self._follower:
            return fail(Unavailable(CLOSING))
        stored: Deferred[list[int | Stale]] = Deferred()
        if not self._scheduled:
            self._scheduled = True
            self._at_turn_end(self._store)
        self._waiting.append((units, stored))
        return stored

    def given(self, cursor: int) -> bool:
        """See `Store.given`: there is no other node."""
        return False

    def kept(self, cursor: int) -> int:
        """See `Store.kept`: nothing is lost."""
        return cursor

    def probe(self) -> Deferred[None]:
        """See `Store.probe`."""
        return self._later(lambda: None)

    def load(self, room: str, until: int) -> Deferred[Loaded]:
        """See `Store.load`."""
        log = self.engine.log(room)
        entries = [*takewhile(lambda entry: entry.id <= until, log.entries)]
        tables = {
            table: cells for table in ROOM_TABLES if (cells := self._table(room_table(table, room)))
        }
        loaded = Loaded(entries, min(log.floor, until), tables)
        return self._later(lambda: loaded)

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
        log = self.engine.log(room)
        below = self._shown + 1 if before is None else min(before, self._shown + 1)
        entries, more = take(_sized(log.entries, after, below), limit, size)
        if after is None:
            entries.reverse()
        page = Page(entries, min(log.floor, self._shown), more)
        return self._later(lambda: page)

    def table(self, name: str) -> Deferred[Mapping[str, Cell]]:
        """See `Store.table`."""
        cells = self._table(name)
        return self._later(lambda: cells)

    def get(self, table: str, keys: Collection[str]) -> Deferred[Mapping[str, Cell]]:
        """See `Store.get`."""
        shown = self._table(table)
        cells = {key: shown[key] for key in keys if key in shown}
        return self._later(lambda: cells)

    def having(self, tables: Collection[str], key: str) -> Deferred[Collection[str]]:
        """See `Store.having`."""
        found = [table for table in tables if key in self._table(table)]
        return self._later(lambda: found)

    def cells(
        self, table: str, place: str | None, limit: int, *, down: bool = False
    ) -> Deferred[Sequence[tuple[str, Cell]]]:
        """See `Store.cells`."""
        found = self.engine.cells.span(table, place, limit, down=down)
        return self._later(lambda: found)

    def size(self, table: str) -> Deferred[int]:
        """See `Store.size`."""
        found = self.engine.cells.size(table)
        return self._later(lambda: found)

    def note(self, table: str, key: str, value: bytes | None) -> Deferred[None]:
        """See `Store.note`."""
        if not self._closed and self._follower:
            self.engine.note(self, table, key, value)
        return self._later(lambda: None)

    def count(self, room: str, after: int, most: int) -> Deferred[int]:
        """See `Store.count`."""
        said = (
            entry
            for entry in self.engine.log(room).entries
            if after < entry.id <= self._shown and isinstance(entry.event, MESSAGES)
        )
        found = sum(1 for _ in islice(said, most))
        return self._later(lambda: found)

    def search(
        self,
        room: str,
        query: Query,
        *,
        before: int | None = None,
        limit: int,
        size: int = MOST_BYTES,
    ) -> Deferred[Found]:
        """See `Store.search`: the room's events in memory are looked through."""
        below = self._shown + 1 if before is None else min(before, self._shown + 1)
        matching = (
            (entry, weight)
            for entry, weight in _sized(self.engine.log(room).entries, None, below)
            if isinstance(entry.event, MESSAGES)
            and not entry.event.redacted
            and query.matches(entry.event.text)
        )
        entries, more = take(matching, limit, size)
        found = Found(entries, entries[-1].id if more else None)
        return self._later(lambda: found)

    def erase(self, room: str) -> Deferred[None]:
        """See `Store.erase`."""
        if self._closed or not self._follower:
            return fail(Unavailable(CLOSING))
        erased: Deferred[None] = Deferred()
        self.engine.erase(room)
        self.take(Due(None, lambda: erased.callback(None)))
        return erased

    def close(self) -> Deferred[None]:
        """See `Store.close`."""
        closing: Deferred[None] = Deferred()
        if not self._closed:
            self._closed = True
            self._store()
            self.engine.disconnect(self)
        self._due.append(Due(None, lambda: closing.callback(None)))
        self._deliver()
        return closing

    def take(self, due: Due, *, at_once: bool = False) -> None:
        """Queue a step for the follower; deliver it `at_once`, or at the end of this turn."""
        idle = not self._due
        self._due.append(due)
        if at_once:
            self._deliver()
        elif idle:
            self._at_turn_end(self._deliver)

    def tell_note(self, table: str, key: str, value: bytes) -> None:
        """Tell the follower what another store has noted."""
        if self._follower:
            self._follower.noted(table, key, value)

    # -- inside ----------------------------------------------------------------------------------

    def _store(self) -> None:
        """Pass the waiting appends to the engine, one by one, and show the outcome."""
        self._scheduled = False
        for _ in range(len(self._waiting)):
            if not self._waiting:
                break  # an answer has closed the store, which has given the rest to the engine
            units, stored = self._waiting.popleft()
            self.engine.append(units, self, stored.callback)

    def _deliver(self) -> None:
        """Show what is due, and answer, in order."""
        if self._delivering:
            return  # what is due is delivered by the call that is under way
        self._delivering = True
        try:
            while self._due and not self._stalled:
                due = self._due.popleft()
                step = due.step
                if step and step.batch and self._follower:
                    self._shown = step.batch[-1].id
                    self._follower.shown(step.batch)
                if due.fire:
                    due.fire()
                if step and step.firsts and self._follower:
                    self._follower.forgotten(step.firsts)
        finally:
            self._delivering = False

    def _table(self, name: str) -> dict[str, Cell]:
        """A table, as the follower was shown it."""
        cells = self.engine.cells.snapshot(name).cells()
        for due in reversed(self._due):
            for table, key, cell in due.step.before if due.step else ():
                if table != name:
                    continue
                if cell is None:
                    cells.pop(key, None)
                else:
                    cells[key] = cell
        return cells

    def _later(self, result: Callable[[], T]) -> Deferred[T]:
        """Answer in the next turn."""
        if self._closed or not self._follower:
            return fail(Unavailable(CLOSING))
        answer: Deferred[T] = Deferred()
        self._clock.callLater(0, lambda: answer.callback(result()))
        return answer


def _sized(entries: deque[Entry], after: int | None, below: int) -> Iterator[tuple[Entry, int]]:
    """The entries of a page and their bytes: upward from `after`, or downward from `below`."""
    if after is None:
        found = (entry for entry in reversed(entries) if entry.id < below)
    else:
        found = (entry for entry in entries if after < entry.id < below)
    return ((entry, len(_encode(entry.event))) for entry in found)
