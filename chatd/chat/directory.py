"""Which rooms exist, which address created them, and how many there may be.

1. A room exists while the store has something of it, it has a member, or a command that creates it
   is under way.  Its first member or first event creates it; when the last member has left and
   nothing is stored, it is gone.
2. Reading creates no room.  A room that is only read is in memory for its readers, does not count
   as one that exists, and has a limit of its own.
3. Both are counted by the address that they came from, so that one address cannot use up the limits
   for others.  After a restart it is not known any more which address created a room.
4. Counts are corrected when a limit is reached: rooms that are gone by then do not count.
5. A room cannot be created if its name could be taken for that of an existing room in another
   script (Unicode TR39).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from itertools import islice
from math import ceil
from typing import TypeVar
from weakref import finalize

from twisted.internet.defer import Deferred

from ..model.addresses import Address, is_public
from ..model.errors import NO_ROOM_SECONDS, BadRoom, TooMany, Unavailable
from ..model.lookalikes import Lookalikes, scripts_differ
from .limits import Limits
from .room import LOBBY, Room
from .room_index import RoomIndex

T = TypeVar("T")

PUBLIC_SHARE = 0.05
"""The default share of all rooms that one public address may create."""
NEARBY_SHARE = 0.99
"""The default share for a loopback or private address.  It is large because a reverse proxy there
forwards the requests of many users; the rest is kept for other addresses."""
READ_ONLY = 5
"""The limit on rooms that are in memory only for their readers, as a multiple of the limit on all
rooms.  Such a room takes 1.5 kB."""


class Directory:
    """Counts and lists the rooms of one chat."""

    def __init__(
        self, limits: Callable[[], Limits], index: RoomIndex, in_memory: Mapping[str, Room]
    ) -> None:
        """`index` has the stored rooms, and `in_memory` the rooms in memory, whether they exist or
        not.
        """
        self._limits = limits
        self._index = index
        self._in_memory = in_memory
        self._claims: Counter[str] = Counter()
        """Rooms that commands under way may create, with the number of such commands."""
        self._founded: dict[Address, set[str]] = {}
        """Rooms by the address that created them; some may not exist any more."""
        self._noted = 0
        """The number of rooms in `_founded`."""
        self._unkept: set[str] = set()
        """The rooms in `_founded` that were not stored when last checked."""
        self._names: list[str] | None = None
        """The listed rooms in alphabetical order, with some that do not exist any more; None: no
        list was asked for yet."""
        self._noted_names: set[str] = set()
        """The same names as a set."""
        self._looks = Lookalikes()
        """The names of rooms in memory or in the index, by what they look like."""
        self._looks.add(LOBBY)
        self.changes = 0
        """The number of changes so far that a list of rooms shows, apart from events."""
        self._read: dict[Address, int] = {}
        """Rooms in memory for their readers only, by the address of the first reader."""
        self._read_in_all = 0

    def opened(self) -> None:
        """The index is loaded: take over its names."""
        for name in self._index:
            self._looks.add(name)

    def restated(self) -> None:
        """The index was read anew."""
        self._names = None
        self.changes += 1
        self.opened()

    def exists(self, name: str) -> bool:
        """Whether there is a room of that (clean) name."""
        if name in self._index or name in self._claims:
            return True
        room = self._in_memory.get(name)
        return bool(room and room.members)

    # -- the list --------------------------------------------------------------------------------

    def names(
        self, after: str = "", limit: int | None = None, own: Collection[str] = ()
    ) -> list[str]:
        """The rooms with members or stored events or settings, in alphabetical order: at most
        `limit` of them, from behind the name `after` on.  Rooms that are closed or not listed are
        left out, unless they are in `own`.
        """
        if self._names is None:
            self._noted_names = {LOBBY, *self._index, *self._in_memory}
            self._names = sorted(self._noted_names)
        found: list[str] = []
        gone: set[str] = set()
        for key in islice(self._names, bisect_right(self._names, after) if after else 0, None):
            if limit is not None and len(found) >= limit:
                break
            if self._is_listed(key):
                state = self._index.known(key).state
                if (state.listed and not state.closed) or key in own:
                    found.append(key)
            elif key != LOBBY and not self.exists(key):
                gone.add(key)
        if gone:
            self._names = [key for key in self._names if key not in gone]
            self._noted_names -= gone
        return found

    def note(self, key: str) -> None:
        """Note that a room of that name is being created, or is stored."""
        self._looks.add(key)
        if self._names is not None and key not in self._noted_names:
            self._noted_names.add(key)
            insort(self._names, key)

    def _is_listed(self, key: str) -> bool:
        room = self._in_memory.get(key)
        return key in self._index or bool(room and room.members)

    # -- creating rooms --------------------------------------------------------------------------

    def reserve(self, room: Room, address: Address) -> None:
        """Count a room as created by that address, if it does not exist: a person there is about to
        join it, or to say something in it.

        Raises `BadRoom` if its name could be taken for that of another room, `Unavailable` if there
        are as many rooms as there may be, `TooMany` if the address has created as many as it may.
        """
        if self.exists(room.name) or room.name == LOBBY:
            return
        other = self._looks.find(
            room.name,
            lambda other: (
                (other == LOBBY or self.exists(other)) and scripts_differ(room.name, other)
            ),
        )
        if other is not None:
            shown = "another room" if self._index.known(other).state.closed else f"#{other}"
            raise BadRoom(f"that name looks like {shown}, in another script; choose another")
        most = self._limits().rooms
        if self._count() >= most:
            self._unkept = {key for key in self._unkept if self._only_in_memory(key)}
            if self._count() >= most:
                raise Unavailable(f"there are {most} rooms, the most here; use one of them")
        own = self._founded.setdefault(address, set())
        share = self._share(address)
        if len(own) >= share:
            own.intersection_update([*filter(self.exists, own)])
            if len(own) >= share:
                raise TooMany(
                    f"{share} rooms were begun from your address, the most that one may begin; "
                    "use one of those that there are",
                    NO_ROOM_SECONDS,
                )
        own.add(room.name)
        self.note(room.name)
        self._unkept.add(room.name)
        self._noted += 1
        if self._noted > 2 * most:
            self._forget()

    def claimed(self, room: Room, outcome: Deferred[T]) -> Deferred[T]:
        """Count a room as existing until `outcome` fires: that of a command under way which may
        create it.  Returns the outcome.
        """
        if outcome.called or (room.members and room.version):
            return outcome
        self._claims[room.name] += 1
        return outcome.addBoth(self._unclaim, room.name)

    def _unclaim(self, result: T, name: str) -> T:
        self._claims[name] -= 1
        if not self._claims[name]:
            del self._claims[name]
        return result

    def _count(self) -> int:
        lobby = LOBBY not in self._index and self.exists(LOBBY)
        return len(self._index) + len(self._unkept) + lobby

    def _only_in_memory(self, key: str) -> bool:
        return key not in self._index and self.exists(key)

    def _share(self, address: Address) -> int:
        """The number of rooms that an address may create."""
        limits = self._limits()
        if limits.rooms_per_address is not None:
            return limits.rooms_per_address or limits.rooms
        return ceil(limits.rooms * (PUBLIC_SHARE if is_public(address) else NEARBY_SHARE))

    def _forget(self) -> None:
        """Drop the rooms that are gone, and the addresses that have none left."""
        self._looks.keep(lambda name: name == LOBBY or self.exists(name))
        living = {address: {*filter(self.exists, own)} for address, own in self._founded.items()}
        self._founded = {address: own for address, own in living.items() if own}
        self._noted = sum(map(len, self._founded.values()))

    # -- reading ---------------------------------------------------------------------------------

    def read(self, room: Room, address: Address) -> None:
        """Count a room that does not exist, because a client at that address is about to read it.

        Raises `TooMany` if clients at that address read too many such rooms, `Unavailable` if all
        clients together do.
        """
        if room.counted or room.name == LOBBY or self.exists(room.name):
            return
        share = READ_ONLY * self._share(address)
        if self._read.get(address, 0) >= share:
            raise TooMany(
                f"{share} rooms in which nothing was ever said are read from your address, the "
                "most there may be; close some readers",
                NO_ROOM_SECONDS,
            )
        if self._read_in_all >= READ_ONLY * self._limits().rooms:
            raise Unavailable(
                "too many rooms are read in which nothing was ever said; try again in a moment",
                NO_ROOM_SECONDS,
            )
        self._charge(room, address)

    def left(self, room: Room, address: Address) -> None:
        """A member at that address has left a room.  If it was the last one, and the room is gone
        but has readers, count it as only read.
        """
        if room.members or room.counted or room.name == LOBBY:
            return
        if room.readers and not self.exists(room.name):
            self._charge(room, address)

    def _charge(self, room: Room, address: Address) -> None:
        self._read[address] = self._read.get(address, 0) + 1
        self._read_in_all += 1
        room.counted = finalize(room, self._no_longer_read, address)
        room.counted.atexit = False

    def _no_longer_read(self, address: Address) -> None:
        """Uncount a room that has lost its last reader, for the address that it was counted for."""
        self._read_in_all -= 1
        self._read[address] -= 1
        if not self._read[address]:
            del self._read[address]
