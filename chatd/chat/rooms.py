"""The rooms: which there are, and those in memory.

1. Which rooms exist is known without asking the store: a room exists if it has a cell in the table
   `rooms`, an event, or a member.  Reading creates none.
2. A room is in memory while it has a member or a reader, or a command for it is under way; the
   store has it afterwards.  `load` brings it back before its first reader or judgement.
3. What is shown while a room is being loaded is put behind what was loaded: it is asked for as it
   was at one id, and follows from there on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
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
from ..model.names import clean_room
from ..model.rights import EMPTY
from ..model.units import MEMBERS, RIGHTS, ROOMS, Cell, Change, Redaction, room_table
from ..store import Loaded, Shown, Store
from ..stream.archive import Archive
from ..stream.eventlog import Entry, EventLog, Page
from ..stream.feed import Source
from ..stream.notifier import Notifier
from .directory import Directory
from .limits import Limits
from .person import Person
from .redactions import Redactions
from .room import Listing, Room
from .room_index import RoomIndex

WARM_ROOMS = 100
"""Rooms kept in memory for a while after their last reader: a client that polls comes back."""
RELOAD_SECONDS = 10.0
"""Seconds between two attempts to load a room that could not be read: each request asks for it."""
_MEMBERS = room_table(MEMBERS, "")


class Loading:
    """A room that the store was asked for."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[Room]] = []
        self.shown: list[Shown] = []
        """What was shown meanwhile."""
        self.erased = 0
        """The id up to which the room's history was erased meanwhile."""


class Rooms:
    """All rooms of one chat, as this node was shown them."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        store: Store,
        notifier: Notifier,
        history: int,
        limits: Callable[[], Limits],
        horizon: Callable[[], int],
    ) -> None:
        """`history` is how many events of a room are kept in memory, and `horizon` tells the
        highest id shown.
        """
        self._clock = clock
        self._store = store
        self.notifier = self._notifier = notifier
        self._history = history
        self._horizon = horizon
        self.index = RoomIndex()
        self._live: WeakValueDictionary[str, Room] = WeakValueDictionary()
        self._loading: dict[str, Loading] = {}
        self.redacted = Redactions()
        """What was redacted lately: a page that was read before may still be under way."""
        self._warm: deque[Room] = deque(maxlen=WARM_ROOMS)
        self.directory = Directory(limits, self.index, self._live)

    # -- a room in memory ------------------------------------------------------------------------

    def load(self, name: str) -> Deferred[Room]:
        """The room of that name, which need not exist.

        Raises `BadRoom`.
        """
        key = clean_room(name)
        room = self._live.get(key)
        if room is not None:
            if not room.readable:
                return self._complete(room).addCallback(lambda _: room)
            if room.log.incomplete or room.unread:
                self._complete(room)
            return succeed(room)
        arrival: Deferred[Room] = Deferred()
        loading = self._loading.get(key)
        if loading is not None:
            loading.waiting.append(arrival)
            return arrival
        loading = self._loading[key] = Loading()
        loading.waiting.append(arrival)
        until = self._horizon()
        self._store.load(key, until).addCallbacks(
            self._loaded, self._unread, callbackArgs=(key,), errbackArgs=(key, until)
        )
        return arrival

    def live(self, name: str) -> Room | None:
        """The room of that (clean) name, if it is in memory."""
        return self._live.get(name)

    def __iter__(self) -> Iterator[Room]:
        """The rooms in memory."""
        return iter(list(self._live.values()))

    def _loaded(self, loaded: Loaded, key: str) -> None:
        erased = self._loading[key].erased
        log = EventLog(self._history, loaded.floor)
        log.extend([entry for entry in loaded.entries if entry.id > erased])
        self._arrived(key, log, loaded.tables)

    def _unread(self, failure: Failure, key: str, until: int) -> None:
        """The room cannot be read now.  It is used without its past, which is asked for again."""
        self._note(failure)
        ends = self.index.ends(key)
        incomplete = ends is not None and ends.first <= until
        self._arrived(key, EventLog(self._history, until, incomplete=incomplete), None)

    def _arrived(
        self, key: str, log: EventLog, tables: Mapping[str, Mapping[str, Cell]] | None
    ) -> None:
        """The room is in memory from here on; `tables` is None if it could not be read."""
        loading = self._loading.pop(key)
        archive = Archive(partial(self._read, key), self._notifier.wake_soon)
        room = self._live[key] = Room(key, log, archive)
        room.asked = self._clock.seconds()
        known = self.index.known(key)
        room.set_state(known.state, known.version)
        if tables is None:
            room.unread = True
            room.readable = not (known.state.guarded or known.state.closed)
        else:
            self._fill(room, tables)
        for shown in loading.shown:
            self._follow(room, shown)
        if log.count or log.incomplete:
            self._warm.append(room)
        for waiting in loading.waiting:
            waiting.callback(room)

    def _fill(self, room: Room, tables: Mapping[str, Mapping[str, Cell]]) -> None:
        """Give a room the cells that the store has of it."""
        room.restate_members(tables.get(MEMBERS, {}))
        room.unread = False
        room.readable = True
        room.rights = EMPTY
        for table in RIGHTS:
            for key, (version, value) in tables.get(table, {}).items():
                self._set_right(room, table, key, value, version)

    def _set_right(
        self, room: Room, table: str, key: str, value: bytes | None, version: int
    ) -> None:
        try:
            room.set_right(table, key, value, version)
        except (msgspec.DecodeError, ValueError) as problem:
            # What is not understood may be a ban: nobody may do anything there until it is.
            room.readable = False
            self._log.error(
                "a cell of #{name} is not understood, and the room is closed: {table} {key}:"
                " {problem}",
                name=room.name,
                table=table,
                key=key,
                problem=problem,
            )

    def _complete(self, room: Room) -> Deferred[None]:
        """Try again to load what could not be read before; fires when that is over."""
        now = self._clock.seconds()
        if now - room.asked < RELOAD_SECONDS or room.name in self._loading:
            return succeed(None)
        room.asked = now
        until = room.log.floor
        loading = self._loading[room.name] = Loading()

        def loaded(loaded: Loaded) -> None:
            if room.log.incomplete:
                page = self.redacted.cleared(Page(loaded.entries, loaded.floor, False))
                room.prepend(page.entries, loaded.floor)
            if room.unread or not room.readable:
                self._fill(room, loaded.tables)
                for shown in loading.shown:
                    self._follow_cells(room, shown)

        def done(result: Any) -> Any:
            del self._loading[room.name]
            return result

        completing: Deferred[Any] = self._store.load(room.name, until)
        return completing.addCallbacks(loaded, self._note).addBoth(done)

    def _read(self, key: str, after: int, limit: int, done: Callable[[Page | None], None]) -> None:
        """The archive of a room's log: what lies behind the window in memory."""

        def unread(failure: Failure) -> None:
            self._note(failure)
            done(None)

        page = self._store.read(key, after=after, limit=limit).addCallback(self.redacted.cleared)
        page.addCallbacks(done, unread).addErrback(
            lambda failure: self._log.failure("a reader failed while reading on", failure)
        )

    def _note(self, failure: Failure) -> None:
        if not failure.check(Unavailable):
            self._log.failure("the store failed to read", failure)

    # -- the fold --------------------------------------------------------------------------------

    def change(self, change: Change, version: int) -> None:
        """Fold one change of a stored unit."""
        if change.table == ROOMS:
            before = self.index.known(change.key).state
            known = self.index.changed(change, version)
            room = self._live.get(change.key)
            if before.erased_by(known.state):
                self._erased(change.key, version)
            if room is not None:
                room.set_state(known.state, known.version)
        elif change.table.startswith(_MEMBERS):
            room = self._live.get(change.table[len(_MEMBERS) :])
            if room is not None:
                room.set_member(change.key, _text(change.value))
                self.directory.changes += 1
        else:
            kind, _, name = change.table.partition(":")
            if kind in RIGHTS and name:
                room = self._live.get(name)
                if room is not None:
                    self._set_right(room, kind, change.key, change.value, version)

    def _erased(self, name: str, version: int) -> None:
        """A room is open again, and its history, which the store has erased, may not be shown."""
        if (room := self._live.get(name)) is not None:
            room.erase()
        if (loading := self._loading.get(name)) is not None:
            loading.erased = version

    def redact(self, redaction: Redaction) -> None:
        """An event gave place to another: nothing of it may be sent from here on."""
        entry = Entry(redaction.id, redaction.event)
        self.redacted.add(entry, self._clock.seconds())
        room = self._live.get(redaction.event.room)
        if room is not None:
            room.redact(entry)

    def kept(self, event: RoomEvent, id: int) -> Room | None:
        """An event of a room was stored; answers the room, if it is in memory."""
        if self.index.appended(event.room, id):
            self.directory.note(event.room)
        return self._live.get(event.room)

    def presence(self, name: str) -> Source | None:
        """The presence stream of a room, if it is in use."""
        room = self._live.get(name)
        return room.watched if room is not None else None

    def shown(self, batch: Sequence[Shown]) -> None:
        """A batch was shown, while some rooms may be being loaded."""
        for loading in self._loading.values():
            loading.shown += batch

    def _follow(self, room: Room, shown: Shown) -> None:
        """What was shown while the room was being loaded, and concerns it."""
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
                room.set_member(change.key, _text(change.value))
            elif kind in RIGHTS:
                self._set_right(room, kind, change.key, change.value, shown.id)

    def restate(self, room: Room, loaded: Loaded, last: int) -> None:
        """A room was read anew, as it was at the id `last`; its settings are in the index."""
        known = self.index.known(room.name)
        room.set_state(known.state, known.version)
        self._fill(room, loaded.tables)
        room.restart(loaded.entries, loaded.floor, last, self.notifier)

    # -- which rooms there are -------------------------------------------------------------------

    def listings(
        self, after: str = "", limit: int | None = None, own: Collection[str] = ()
    ) -> list[Listing]:
        """The rooms that everybody may see in a list, and those in `own`, in alphabetical order: at
        most `limit` of them, those behind the (clean) name `after`.
        """
        return [self.listing(name) for name in self.directory.names(after, limit, own)]

    def unlisted_for(self, person: Person) -> list[str]:
        """The rooms that only some people see in a list, and that this person is in."""
        return [
            name
            for name, room in person.rooms.items()
            if room.state.closed or not room.state.listed
        ]

    def roles(self, room: Room) -> dict[str, str]:
        """Who has which role in a room, by the names under which they got it."""
        return {grant.name: grant.role.word for grant in room.rights.roles.values()}

    @property
    def list_version(self) -> object:
        """Which changes the list of rooms has seen: while it is equal, so is the list, but for what
        retention has removed.
        """
        return self._horizon(), self.directory.changes

    def listing(self, name: str) -> Listing:
        """The room of that (clean) name, as it stands in a list."""
        room, ends = self._live.get(name), self.index.ends(name)
        return Listing(
            name,
            self.index.known(name).state.topic,
            len(room.members) if room else 0,
            ends.first if ends else None,
            ends.last if ends else None,
        )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
