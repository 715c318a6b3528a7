"""A room: its log, its settings, who is in it, and its presence stream.

A room in memory is a fold: it changes only by what the store has shown (`Rooms.shown`).
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
"""Where everyone starts."""
PRESENCE_LOG = 200
"""Arrivals and departures kept for a reader of the presence stream that lags behind."""


class Founder(Protocol):
    """Whoever may bring a room into being: a person."""

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
    """A room as it stands in a list of rooms."""

    name: str
    topic: str
    people: int
    first: int | None
    """The id of the oldest event kept; None: there is none."""
    last: int | None
    """The id of the newest."""


class Room(Source):
    """One room that has readers or members, or is being judged."""

    def __init__(self, name: str, log: EventLog, archive: Archive | None = None) -> None:
        super().__init__(name, log, archive)
        self.set_state(NEW_ROOM, 0)
        self.rights = EMPTY
        """Roles, bans, mutes and members."""
        self.readable = True
        """Whether `rights` are known: they are not while the store could not be read."""
        self.table = room_table(MEMBERS, name)
        """The table of its members."""
        self.members: dict[str, str] = {}
        """Who is here, guests too: the name by its key."""
        self.names: list[str] = []
        """The same names in alphabetical order, kept so: of ten thousand who connect, each is told
        who is here."""
        self.counted: finalize[[Address], Room] | None = None
        """Uncounts the room when it leaves memory, if it was counted as one that is only read."""
        self.unread = False
        """Whether the store could not be read: who is here is known only as far as it was shown."""
        self.asked = 0.0
        """When the store was last asked for the room, on the reactor's clock."""
        self._presence: ref[Presence] | None = None

    @property
    def unfounded(self) -> bool:
        """See `chatd.model.policy.RoomView`.  The lobby belongs to nobody."""
        return not self.version and self.name != LOBBY

    def holds(self, identity: Identity) -> bool:
        """Whether the identity's person is in the room."""
        return identity.key in self.members

    def founded_by(self, founder: Founder | None) -> tuple[Change, ...]:
        """What brings the room into being with its first event; empty if it has a cell.

        An account that does it owns the room; a guest is its op, with an owner's powers.
        """
        if founder is None or not (self.unfounded and founder.subject):
            return self.founding
        state, changes = self.begun(founder)
        return (self.rewritten(state), *changes)

    def begun(self, founder: Founder | None) -> tuple[RoomState, tuple[Change, ...]]:
        """The settings that a unit begins with, and the roles that it gives if it brings the room
        into being.
        """
        if founder is None or not (self.unfounded and founder.subject):
            return self.state, ()
        owned = founder.account is not None
        grant = Grant(founder.name, Role.OWNER if owned else Role.OP, founder=not owned)
        state = replace(self.state, owners=int(owned), borrowed=not owned)
        return state, (self.given(ROLES, founder.subject, encode_rights(grant)),)

    def rewritten(self, state: RoomState | None = None) -> Change:
        """The change that rewrites the room's cell, with other settings if any are given: every
        unit does it that changes settings, roles, bans, mutes or members.
        """
        return Change(ROOMS, self.name, encode_state(self.state if state is None else state))

    def given(self, table: str, key: str, value: bytes | None) -> Change:
        """A change in one of the room's own tables."""
        return Change(room_table(table, self.name), key, value)

    @property
    def presence(self) -> Source:
        """The presence stream: every arrival and departure (`PresenceEvent`), from the moment on
        when somebody first asks for it.
        """
        presence = self.watched
        if presence is None:
            presence = Presence(self)
            self._presence = ref(presence)
        return presence

    @property
    def watched(self) -> Source | None:
        """The presence stream if it is in use."""
        return self._presence() if self._presence else None

    def member(self, key: str, name: str | None) -> Change:
        """The change by which a person becomes a member, or with None is none any more."""
        value = None if name is None else name.encode()
        return Change(self.table, key, value)

    def set_state(self, state: RoomState, version: int) -> None:
        """The settings changed."""
        self.state = state
        self.version = version
        """The version of the cell `rooms/NAME`; 0: the room has none."""
        self.expect = Expect(ROOMS, self.name, version)
        """That the room's settings are still those that a command was judged by."""
        self.founding: tuple[Change, ...] = ()
        """What brings the room into being with an event of nobody in particular; empty if it has a
        cell."""
        if not version:
            self.founding = (Change(ROOMS, self.name, encode_state(state)),)

    def restart(self, entries: Collection[Entry], floor: int, last: int, fanout: Fanout) -> None:
        """See `Source.restart`; the presence stream, which is not kept, begins anew."""
        super().restart(entries, floor, last, fanout)
        if self.watched is not None:
            self.watched.restart((), last, last, fanout)

    def restate_members(self, members: Mapping[str, Cell]) -> None:
        """The members were read anew."""
        self.members = {}
        self.names = []
        for key, cell in members.items():
            self.set_member(key, cell.value.decode())

    def set_right(self, table: str, key: str, value: bytes | None, version: int) -> None:
        """A role, ban, mute, membership or invite changed.  Raises `msgspec.DecodeError`."""
        if self.rights is EMPTY:
            self.rights = Rights()
        self.rights.set(table, key, value, version)

    def set_member(self, key: str, name: str | None) -> None:
        """A person came, or is called otherwise; with None, a person went."""
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
    """A room's presence stream.  It is not kept, and lives as long as it is read."""

    def __init__(self, room: Room) -> None:
        super().__init__(room.name, EventLog(PRESENCE_LOG, room.log.last))
        self.room = room
        """Kept in memory by who reads its presence."""
