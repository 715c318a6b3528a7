"""A room: its log, its settings, who is in it, and its presence stream.

A room in memory is a fold: it changes only by what the store has shown (`Rooms.shown`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import NamedTuple
from weakref import finalize, ref

from ..model.addresses import Address
from ..model.roomstate import NEW_ROOM, RoomState, encode_state
from ..model.units import MEMBERS, ROOMS, Cell, Change, Expect, room_table
from ..store import Loaded
from ..stream.archive import Archive
from ..stream.eventlog import EventLog
from ..stream.feed import Fanout, Source

LOBBY = "lobby"
"""Where everyone starts."""
PRESENCE_LOG = 200
"""Arrivals and departures kept for a reader of the presence stream that lags behind."""


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
        """What brings the room into being with its first event; empty if it has a cell."""
        if not version:
            self.founding = (Change(ROOMS, self.name, encode_state(state)),)

    def restate(self, loaded: Loaded, last: int, fanout: Fanout) -> None:
        """The room was read anew, as it was at the id `last`."""
        self.restate_members(loaded.tables.get(MEMBERS, {}))
        self.restart(loaded.entries, loaded.floor, last, fanout)
        if self.watched is not None:
            self.watched.restart((), last, last, fanout)

    def restate_members(self, members: Mapping[str, Cell]) -> None:
        """The members were read anew."""
        self.members = {}
        self.names = []
        for key, cell in members.items():
            self.set_member(key, cell.value.decode())

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
