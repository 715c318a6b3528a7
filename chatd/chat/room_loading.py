"""Loading rooms: from the store into memory.

1. A room is loaded once, however many commands and readers wait for it.
2. The store answers with the room as it was at one id, the horizon when it was asked.  What is
   shown while the room is being loaded is collected, and applied to it afterwards.
3. A room that the store cannot read is used without its past, and loading it is tried again at most
   every `RELOAD_SECONDS`.  If it has bans, mutes or members, or is closed, it is not *readable*:
   the policy denies everything in it until it could be loaded.
4. A cell of a room that cannot be decoded makes the room unreadable too: it may be a ban.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.errors import Unavailable
from ..model.events import RoomEvent
from ..model.rights import EMPTY
from ..model.units import MEMBERS, RIGHTS, Cell
from ..store import Loaded, Shown, Store
from ..stream.archive import Archive
from ..stream.eventlog import Entry, EventLog, Page
from ..stream.notifier import Notifier
from .redactions import Redactions
from .room import Room
from .room_index import RoomIndex

WARM_ROOMS = 100
"""Rooms kept in memory for a while after their last reader: a client that polls comes back."""
RELOAD_SECONDS = 10.0
"""The least number of seconds between two attempts to load a room that could not be read."""


class Pending:
    """A room that is being loaded."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[Room]] = []
        self.shown: list[Shown] = []
        """What was shown meanwhile."""
        self.erased = 0
        """The id up to which the room's history was erased meanwhile; 0: it was not."""


class RoomLoader:
    """Loads rooms, and completes those that could not be read before."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        store: Store,
        notifier: Notifier,
        history: int,
        index: RoomIndex,
        live: WeakValueDictionary[str, Room],
        horizon: Callable[[], int],
    ) -> None:
        """`history` is how many events of a room are kept in memory; `live` are the rooms in
        memory, to which loaded ones are added; `horizon` tells the highest id shown.
        """
        self._clock = clock
        self._store = store
        self._notifier = notifier
        self._history = history
        self._index = index
        self._live = live
        self._horizon = horizon
        self._pending: dict[str, Pending] = {}
        self.redacted = Redactions()
        """Recent redactions, to apply to pages that were read before them."""
        self._warm: deque[Room] = deque(maxlen=WARM_ROOMS)

    def load(self, key: str) -> Deferred[Room]:
        """The room of that (clean) name, in memory or loaded; it never fails."""
        room = self._live.get(key)
        if room is not None:
            if not room.readable:
                return self._complete(room).addCallback(lambda _: room)
            if not room.complete:
                self._complete(room)
            return succeed(room)
        arrival: Deferred[Room] = Deferred()
        pending = self._pending.get(key)
        if pending is not None:
            pending.waiting.append(arrival)
            return arrival
        pending = self._pending[key] = Pending()
        pending.waiting.append(arrival)
        until = self._horizon()
        self._store.load(key, until).addCallbacks(
            self._loaded, self._not_loaded, callbackArgs=(key,), errbackArgs=(key, until)
        )
        return arrival

    def _loaded(self, loaded: Loaded, key: str) -> None:
        erased = self._pending[key].erased
        log = EventLog(self._history, loaded.floor)
        log.extend([entry for entry in loaded.entries if entry.id > erased])
        self._ready(key, log, loaded.tables)

    def _not_loaded(self, failure: Failure, key: str, until: int) -> None:
        """The store cannot read the room: use it without its past (rule 3)."""
        self._log_failure(failure)
        ends = self._index.ends(key)
        incomplete = ends is not None and ends.first <= until
        self._ready(key, EventLog(self._history, until, incomplete=incomplete), None)

    def _ready(
        self, key: str, log: EventLog, tables: Mapping[str, Mapping[str, Cell]] | None
    ) -> None:
        pending = self._pending.pop(key)
        archive = Archive(partial(self._read, key), self._notifier.wake_soon)
        room = self._live[key] = Room(key, log, archive)
        room.asked = self._clock.seconds()
        known = self._index.known(key)
        room.set_state(known.state, known.version)
        if tables is None:
            room.unread = True
            room.readable = not (known.state.guarded or known.state.closed)
        else:
            self.fill(room, tables)
        for shown in pending.shown:
            self._follow(room, shown)
        if log.count or log.incomplete:
            self._warm.append(room)
        for waiting in pending.waiting:
            waiting.callback(room)

    def fill(self, room: Room, tables: Mapping[str, Mapping[str, Cell]]) -> None:
        """Set a room's members, roles, bans, mutes and invites from the store's cells."""
        room.restate_members(tables.get(MEMBERS, {}))
        room.unread = False
        room.readable = True
        room.rights = EMPTY
        for table in RIGHTS:
            for key, (version, value) in tables.get(table, {}).items():
                self.set_right(room, table, key, value, version)

    def set_right(
        self, room: Room, table: str, key: str, value: bytes | None, version: int
    ) -> None:
        """Fold a change of a room's roles, bans, mutes, memberships or invites."""
        try:
            room.set_right(table, key, value, version)
        except (msgspec.DecodeError, ValueError) as problem:
            room.readable = False  # rule 4
            self._log.error(
                "a cell of #{name} cannot be decoded, so the room is closed: {table} {key}:"
                " {problem}",
                name=room.name,
                table=table,
                key=key,
                problem=problem,
            )

    def _complete(self, room: Room) -> Deferred[None]:
        """Try again to load what the store could not read before; fires when it has answered."""
        now = self._clock.seconds()
        if now - room.asked < RELOAD_SECONDS or room.name in self._pending:
            return succeed(None)
        room.asked = now
        until = room.log.floor
        pending = self._pending[room.name] = Pending()

        def loaded(loaded: Loaded) -> None:
            if room.log.incomplete:
                page = self.redacted.cleared(Page(loaded.entries, loaded.floor, False))
                entries = [entry for entry in page.entries if entry.id > pending.erased]
                room.prepend(entries, loaded.floor)
            if room.unread or not room.readable:
                self.fill(room, loaded.tables)
                for shown in pending.shown:
                    self._follow_cells(room, shown)

        def done(result: Any) -> Any:
            del self._pending[room.name]
            return result

        completing: Deferred[Any] = self._store.load(room.name, until)
        return completing.addCallbacks(loaded, self._log_failure).addBoth(done)

    def _read(self, key: str, after: int, limit: int, done: Callable[[Page | None], None]) -> None:
        """Read events for the archive of a room's log; calls `done` with None if that fails."""

        def unread(failure: Failure) -> None:
            self._log_failure(failure)
            done(None)

        page = self._store.read(key, after=after, limit=limit).addCallback(self.redacted.cleared)
        page.addCallbacks(done, unread).addErrback(
            lambda failure: self._log.failure(
                "a reader failed while it was fed from the store", failure
            )
        )

    def _log_failure(self, failure: Failure) -> None:
        if not failure.check(Unavailable):
            self._log.failure("the store failed to read", failure)

    # -- what is shown meanwhile -----------------------------------------------------------------

    def shown(self, batch: Sequence[Shown]) -> None:
        """Collect a batch that was shown, for the rooms that are being loaded."""
        for pending in self._pending.values():
            pending.shown += batch

    def erased(self, name: str, version: int) -> None:
        """The history of a room was erased up to that id."""
        if (pending := self._pending.get(name)) is not None:
            pending.erased = version

    def _follow(self, room: Room, shown: Shown) -> None:
        """Apply to a room what was shown while it was being loaded."""
        self._follow_cells(room, shown)
        for redaction in shown.redacts:
            if redaction.event.room == room.name:
                room.redact(Entry(redaction.id, redaction.event))
        for entry in shown.entries:
            if isinstance(entry.event, RoomEvent) and entry.event.room == room.name:
                room.log.append(entry)

    def _follow_cells(self, room: Room, shown: Shown) -> None:
        for change in shown.changes:
            kind, _, name = change.table.partition(":")
            if name != room.name:
                continue
            if kind == MEMBERS:
                room.set_member(change.key, text_of(change.value))
            elif kind in RIGHTS:
                self.set_right(room, kind, change.key, change.value, shown.id)


def text_of(value: bytes | None) -> str | None:
    """The text in a cell; None if the cell is absent."""
    return None if value is None else value.decode()
