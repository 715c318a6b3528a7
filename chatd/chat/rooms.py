"""The rooms: the fold of their cells and events, and lists of them.

1. Which rooms exist is known without the store: a room exists if it has a cell in the table
   `rooms`, an event, or a member.  Reading creates no room.
2. A room is in memory while it has a member or a reader, or a command for it is under way.  `load`
   brings it back from the store before its first reader or judgement (`chatd.chat.room_loading`).
3. Rooms change only by what the store has shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from ..model.events import RoomEvent
from ..model.names import clean_room
from ..model.units import MEMBERS, Change, Redaction, room_table
from ..store import Loaded, Store
from ..stream.eventlog import Entry
from ..stream.notifier import Notifier
from .directory import Directory
from .limits import Limits
from .person import Person
from .room import Listing, Room
from .room_index import RoomIndex
from .room_loading import RoomLoader, text_of

_MEMBERS = room_table(MEMBERS, "")


class Rooms:
    """All rooms of one chat, as shown to this node."""

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
        self.notifier = notifier
        self._horizon = horizon
        self.index = RoomIndex()
        self._live: WeakValueDictionary[str, Room] = WeakValueDictionary()
        self.live: Callable[[str], Room | None] = self._live.get
        """Returns the room of a (clean) name, if it is in memory, or None."""
        self._loader = RoomLoader(clock, store, notifier, history, self.index, self._live, horizon)
        self.redacted = self._loader.redacted
        """Recent redactions, to apply to pages that were read before them."""
        self.shown = self._loader.shown
        """Passes a batch that was shown on to the rooms that are being loaded."""
        self.directory = Directory(limits, self.index, self._live)
        """Which rooms exist, and how many may."""

    # -- rooms in memory -------------------------------------------------------------------------

    def load(self, name: str) -> Deferred[Room]:
        """The room of that name, in memory or loaded; it need not exist.

        Raises `BadRoom`; never fails.
        """
        return self._loader.load(clean_room(name))

    def loaded(self, name: str) -> Room | None:
        """The room of that (clean) name, if it is in memory and complete."""
        room = self._live.get(name)
        return room if room is not None and room.complete else None

    def __iter__(self) -> Iterator[Room]:
        """The rooms in memory."""
        return iter(list(self._live.values()))

    # -- the fold --------------------------------------------------------------------------------

    def state_changed(self, change: Change, version: int) -> None:
        """Fold a change of the table `rooms`."""
        before = self.index.known(change.key).state
        known = self.index.changed(change, version)
        room = self._live.get(change.key)
        if before.erased_by(known.state):
            self._erased(change.key, version)
        if room is not None:
            room.set_state(known.state, known.version)

    def member_changed(self, change: Change, version: int) -> None:
        """Fold a change of a room's members."""
        room = self._live.get(change.table[len(_MEMBERS) :])
        if room is not None:
            room.set_member(change.key, text_of(change.value))
            self.directory.changes += 1

    def right_changed(self, change: Change, version: int) -> None:
        """Fold a change of a room's roles, bans, mutes, memberships or invites."""
        kind, _, name = change.table.partition(":")
        if name and (room := self._live.get(name)) is not None:
            self._loader.set_right(room, kind, change.key, change.value, version)

    def _erased(self, name: str, version: int) -> None:
        """A closed room was opened: the store has erased its history, and so does the memory."""
        if (room := self._live.get(name)) is not None:
            room.erase()
        self._loader.erased(name, version)

    def redact(self, redaction: Redaction) -> None:
        """Replace an event by its redacted form; the former one is not sent from here on."""
        entry = Entry(redaction.id, redaction.event)
        self.redacted.add(entry, self._clock.seconds())
        room = self._live.get(redaction.event.room)
        if room is not None:
            room.redact(entry)

    def event_stored(self, event: RoomEvent, id: int) -> Room | None:
        """Note that an event of a room was stored; answers the room, if it is in memory."""
        if self.index.appended(event.room, id):
            self.directory.note(event.room)
        return self._live.get(event.room)

    def restate(self, room: Room, loaded: Loaded, last: int) -> None:
        """Take over a room that was read again, as it was at the id `last`; its settings are in the
        index.
        """
        known = self.index.known(room.name)
        room.set_state(known.state, known.version)
        self._loader.fill(room, loaded.tables)
        room.restart(loaded.entries, loaded.floor, last, self.notifier)

    # -- lists of rooms --------------------------------------------------------------------------

    def listings(
        self, after: str = "", limit: int | None = None, own: Collection[str] = ()
    ) -> list[Listing]:
        """The public rooms, and the others that are in `own`, in alphabetical order: at most
        `limit` of them, from behind the (clean) name `after` on.
        """
        return [self.listing(name) for name in self.directory.names(after, limit, own)]

    def unlisted_for(self, person: Person) -> list[str]:
        """The rooms that this person is in, and that lists of public rooms leave out."""
        return [
            name
            for name, room in person.rooms.items()
            if room.state.closed or not room.state.listed
        ]

    def roles(self, room: Room) -> dict[str, str]:
        """The roles in a room, by the names under which they were given."""
        return {grant.name: grant.role.word for grant in room.rights.roles.values()}

    @property
    def list_version(self) -> object:
        """Equal to an earlier value if the list of rooms has only changed by retention since."""
        return self._horizon(), self.directory.changes

    def listing(self, name: str) -> Listing:
        """The entry of the room of that (clean) name in a list."""
        room, ends = self._live.get(name), self.index.ends(name)
        return Listing(
            name,
            self.index.known(name).state.topic,
            len(room.members) if room else 0,
            ends.first if ends else None,
            ends.last if ends else None,
        )
