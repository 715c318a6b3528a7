"""A room in memory: its log, settings, members, roles, bans and mutes, and its presence stream.

It is a fold: it changes only by what the store has shown (`chatd.chat.rooms`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol
from weakref import finalize, ref

from msgspec.structs import replace

from ..model.addresses import Address
from ..model.identity import Identity
from ..model.rights import EMPTY, Grant, Rights, Role, encode_rights
from ..model.roomstate import NEW_ROOM, RoomState, encode_state
from ..model.units import MEMBERS, ROLES, ROOMS, Cell, Change, Expect, room_table
from ..stream.archive import Archive
from ..stream.eventlog import Entry, EventLog
from ..stream.feed import Fanout, Source

LOBBY = "lobby"
"""The room that everyone starts in."""
PRESENCE_LOG = 200
"""Arrivals and departures kept in memory for slow readers of a presence stream."""


class Founder(Protocol):
    """A person who may create a room."""

    @property
    def name(self) -> str:
        """The name as it is shown."""

    @property
    def subject(self) -> str:
        """See `chatd.model.identity.subject_of`."""

    @property
    def account(self) -> str | None:
        """The key of the account; None: a guest."""


class Listing(NamedTuple):
    """A room's entry in a list of rooms."""

    name: str
    topic: str
    people: int
    """The number of its members."""
    first: int | None
    """The id of the oldest event kept; None: there is none."""
    last: int | None
    """The id of the newest."""


class Room(Source):
    """One room in memory."""

    def __init__(self, name: str, log: EventLog, archive: Archive | None = None) -> None:
        super().__init__(name, log, archive)
        self.set_state(NEW_ROOM, 0)
        self.rights = EMPTY
        """Roles, bans, mutes and members."""
        self.readable = True
        """Whether `rights` are known; they are not if the store could not be read, or not
        decoded."""
        self.table = room_table(MEMBERS, name)
        """The table of its members."""
        self.members: dict[str, str] = {}
        """The names of the members, guests included, by key."""
        self.names: list[str] = []
        """The same names in alphabetical order.  They are kept sorted, because each of ten thousand
        clients that connect is sent the list."""
        self.roster = 0
        """Changes whenever a member comes or goes, or takes another name."""
        self.counted: finalize[[Address], Room] | None = None
        """Uncounts the room when it leaves memory, if the directory counts it as only read."""
        self.unread = False
        """Whether the store could not be read: the members are known only as far as shown."""
        self.asked = 0.0
        """When the store was last asked for the room, on the reactor's clock."""
        self._presence: ref[Presence] | None = None
        self._stream: ref[WholeStream] | None = None

    def holds(self, identity: Identity) -> bool:
        """Whether the identity's person is in the room."""
        return identity.key in self.members

    def founded_by(self, founder: Founder | None) -> tuple[Change, ...]:
        """The changes by which `founder` creates the room with its first event; empty if the room
        has a cell.

        An account that creates a room owns it; a guest becomes its op, with an owner's powers.
        """
        if founder is None or not (self.unfounded and founder.subject):
            return self.founding
        state, changes = self.begun(founder)
        return (self.rewritten(state), *changes)

    def begun(self, founder: Founder | None) -> tuple[RoomState, tuple[Change, ...]]:
        """The settings that a unit starts from, and the changes that give the founder its role if
        the unit creates the room.
        """
        if founder is None or not (self.unfounded and founder.subject):
            return self.state, ()
        owned = founder.account is not None
        grant = Grant(founder.name, Role.OWNER if owned else Role.OP, founder=not owned)
        state = replace(self.state, owners=int(owned), borrowed=not owned)
        return state, (self.given(ROLES, founder.subject, encode_rights(grant)),)

    def rewritten(self, state: RoomState | None = None) -> Change:
        """The change that rewrites the room's cell, with the settings `state` if they change.
        Every unit that changes settings, roles, bans, mutes or members has it: judgements rest on
        it.
        """
        return Change(ROOMS, self.name, encode_state(self.state if state is None else state))

    def given(self, table: str, key: str, value: bytes | None) -> Change:
        """A change in one of the room's own tables."""
        return Change(room_table(table, self.name), key, value)

    @property
    def presence(self) -> Source:
        """The presence stream: every arrival and departure (`PresenceEvent`) since it was first
        asked for.
        """
        presence = self.watched
        if presence is None:
            presence = Presence(self)
            self._presence = ref(presence)
        return presence

    @property
    def watched(self) -> Source | None:
        """The presence stream; None if it has no reader."""
        return self._presence() if self._presence else None

    @property
    def stream(self) -> Source:
        """The room's events and presence in one source, so that its readers are on the fast path.
        It begins with the first access to this property.
        """
        stream = self.streamed
        if stream is None:
            stream = WholeStream(self)
            self._stream = ref(stream)
        return stream

    @property
    def streamed(self) -> Source | None:
        """The source `stream` if it is in use, otherwise None."""
        return self._stream() if self._stream else None

    def member(self, key: str, name: str | None) -> Change:
        """The change by which a person becomes a member under that name, or with None leaves."""
        value = None if name is None else name.encode()
        return Change(self.table, key, value)

    def set_state(self, state: RoomState, version: int) -> None:
        """Fold a change of the settings; `version` is that of their cell."""
        self.state = state
        self.version = version
        """The version of the cell `rooms/NAME`; 0: the room has none."""
        self.unfounded = not version and self.name != LOBBY
        """See `chatd.model.policy.RoomView`.  The lobby has no founder."""
        self.expect = Expect(ROOMS, self.name, version)
        """The expectation of units judged by the settings: that the settings are unchanged."""
        self.founding: tuple[Change, ...] = ()
        """The changes that create the room, without a founder, with its first event; empty if it
        has a cell."""
        if not version:
            self.founding = (Change(ROOMS, self.name, encode_state(state)),)

    def restart(self, entries: Collection[Entry], floor: int, last: int, fanout: Fanout) -> None:
        """See `Source.restart`; the presence, which is not stored, begins again."""
        super().restart(entries, floor, last, fanout)
        if self.watched is not None:
            self.watched.restart((), last, last, fanout)
        if self.streamed is not None:
            self.streamed.restart(entries, floor, last, fanout)

    def redact(self, entry: Entry) -> None:
        """See `Source.redact`; the stream has the event too."""
        super().redact(entry)
        if self.streamed is not None:
            self.streamed.redact(entry)

    def erase(self) -> None:
        """See `Source.erase`; the stream has the events too."""
        super().erase()
        if self.streamed is not None:
            self.streamed.erase()

    @property
    def complete(self) -> bool:
        """Whether everything that the store has of it could be read."""
        return self.readable and not self.unread and not self.log.incomplete

    def restate_members(self, members: Mapping[str, Cell]) -> None:
        """Take over the members that the store has."""
        self.members = {}
        self.names = []
        self.roster += 1
        for key, cell in members.items():
            self.set_member(key, cell.value.decode())

    def set_right(self, table: str, key: str, value: bytes | None, version: int) -> None:
        """Fold a role, ban, mute, membership or invite.  Raises `msgspec.DecodeError`."""
        if self.rights is EMPTY:
            self.rights = Rights()
        self.rights.set(table, key, value, version)

    def set_member(self, key: str, name: str | None) -> None:
        """Fold the arrival or new name of a member, or with None a departure."""
        self.roster += 1
        old = self.members.pop(key, None)
        if old is not None:
            at = bisect_left(self.names, old.casefold(), key=str.casefold)
            del self.names[self.names.index(old, at)]
        if name is not None:
            if name == key:
                name = key  # one string, not two
            self.members[key] = name
            insort(self.names, name, key=str.casefold)


class Presence(Source):
    """A room's presence stream: not stored, and in memory only while it has a reader."""

    def __init__(self, room: Room) -> None:
        super().__init__(room.name, EventLog(PRESENCE_LOG, room.log.last))
        self.room = room
        """The room, which stays in memory while its presence stream is read."""


class WholeStream(Source):
    """A room's events and its presence in one, as long as it is read.  What lies behind its window
    comes from the room's archive, without presence, which is kept nowhere.
    """

    def __init__(self, room: Room) -> None:
        super().__init__(room.name, EventLog(room.log.capacity, room.log.last), room.archive)
        self.room = room
        """The room, which stays in memory while its stream is read."""
