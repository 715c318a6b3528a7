"""Which rooms exist, who brought them into being, and how many there may be.

1. A room exists as long as something is kept of it, it has a member, or a command that brings it
   into being is under way.  Its first member or its first event brings it into being; when the last
   member has left and nothing is kept, it is gone.
2. Reading brings no room into being.  A room that is only read is in memory for its readers, takes
   the place of none that exists, and has a bound of its own.
3. Both are counted by the address that they came from, so that one address leaves places to the
   others.  What it brought into being before the last start is not known any more.
4. Counts are corrected when a bound is reached: rooms that are gone by then do not count.
5. No room comes into being whose name could be taken for that of one that exists, in another
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
"""The limit on rooms kept in memory only because somebody reads them, as a multiple of the limit on
all rooms.  Such a room takes 1.5 kB."""


class Directory:
    """The rooms of one chat."""

    def __init__(
        self, limits: Callable[[], Limits], index: RoomIndex, in_memory: Mapping[str, Room]
    ) -> None:
        """`index` knows the rooms of which something is kept, and `in_memory` has those that are in
        memory, whether they exist or not.
        """
        self._limits = limits
        self._index = index
        self._in_memory = in_memory
        self._claims: Counter[str] = Counter()
        """Rooms that commands under way may bring into being."""
        self._founded: dict[Address, set[str]] = {}
        """Rooms by the address that brought them into being, as far as they may still exist."""
        self._noted = 0
        """How many those are."""
        self._unkept: set[str] = set()
        """Those of them of which nothing was kept when that was last looked at."""
        self._names: list[str] | None = None
        """The rooms that are listed, in alphabetical order, and some that are not any more; None:
        no list was asked for yet."""
        self._noted_names: set[str] = set()
        """The same, to look one up."""
        self._looks = Lookalikes()
        """The names of rooms in memory or in the index, by what they look like."""
        self._looks.add(LOBBY)
        self.changes = 0
        """Changes so far that a list of rooms tells, beside events."""
        self._read: dict[Address, int] = {}
        """Rooms in memory for their readers only, by the address of the first reader."""
        self._read_in_all = 0

    def opened(self) -> None:
        """The index is complete."""
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
        """The rooms where somebody is or something is kept, in alphabetical order: at most `limit`
        of them, those behind the name `after`.  Rooms that are closed or not listed are only there
        if they are among `own`.
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
        """A room of that name begins, or something of it is stored."""
        self._looks.add(key)
        if self._names is not None and key not in self._noted_names:
            self._noted_names.add(key)
            insort(self._names, key)

    def _is_listed(self, key: str) -> bool:
        room = self._in_memory.get(key)
        return key in self._index or bool(room and room.members)

    # -- bringing into being ---------------------------------------------------------------------

    def found(self, room: Room, address: Address) -> None:
        """A person at that address is about to come into a room, or to say something in it; if it
        does not exist, that brings it into being.

        Raises `BadRoom` if its name could be taken for that of a room that exists, `Unavailable` if
        there are as many rooms as there may be, `TooMany` if the address has brought as many into
        being as it may.
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
        """A command is under way, with that outcome, that may bring the room into being: the room
        counts as one that exists, however slow the store is.
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
        """Rooms that an address may bring into being."""
        limits = self._limits()
        if limits.rooms_per_address is not None:
            return limits.rooms_per_address or limits.rooms
        return ceil(limits.rooms * (PUBLIC_SHARE if is_public(address) else NEARBY_SHARE))

    def _forget(self) -> None:
        """Now and then, forget the rooms that are gone, and with them many addresses."""
        self._looks.keep(lambda name: name == LOBBY or self.exists(name))
        living = {address: {*filter(self.exists, own)} for address, own in self._founded.items()}
        self._founded = {address: own for address, own in living.items() if own}
        self._noted = sum(map(len, self._founded.values()))

    # -- reading ---------------------------------------------------------------------------------

    def read(self, room: Room, address: Address) -> None:
        """Somebody at that address is about to read a room, which need not exist.

        Raises `TooMany` if too many that do not exist are read from there, `Unavailable` if too
        many are read in all.
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
        """A member has left a room, from that address; if it was the last and the room is read, it
        stays in memory for its readers.
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
        """Uncount, for this address, a room that has lost its last reader."""
        self._read_in_all -= 1
        self._read[address] -= 1
        if not self._read[address]:
            del self._read[address]
