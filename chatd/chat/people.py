"""The people: who holds which name.

1. A name is taken by a unit that expects its cell to be absent.  So two persons never get
   the same name, even on different nodes, and a person holds a name only once the store has taken
   the unit.
2. This is a fold of the table `names`: it changes when a unit is shown.
3. A chosen name is refused if it looks like a name in use in another script, or like the server's
   own (Unicode TR39, `chatd.model.lookalikes`).  It is compared with the names that were shown, so
   of two look-alikes that are claimed in the same moment both may be granted.
4. A person of this node is an object that its doors hold (`Person`); one of another node is known
   by name only (`Elsewhere`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import NamedTuple

import msgspec
from msgspec import UNSET
from twisted.logger import Logger

from ..model.account import decode_account
from ..model.addresses import LOCAL, Address
from ..model.errors import BadName, NameInUse, NameRegistered, NoSuchPerson
from ..model.events import SignedIn
from ..model.identity import decode_holder, subject_of
from ..model.lookalikes import Lookalikes, speaks_for_server
from ..model.names import clean_name, name_key
from ..model.units import ACCOUNTS, MEMBERS, NAMES, Cell, Change, Expect, room_table
from .person import Person
from .room import Room

_MEMBERS = room_table(MEMBERS, "")
_ID_BYTES = 4
"""Random bytes in the ids of one start, as hexadecimal digits behind the node's name."""


class Elsewhere(NamedTuple):
    """A person whose sessions are on another node."""

    id: str
    name: str
    key: str
    version: int
    named: bool = False
    account: str | None = None
    admin: bool = False
    address: Address = LOCAL
    since: int = 0
    """The version by which the person took the name, as far as it is known."""

    @property
    def subject(self) -> str:
        """See `chatd.model.identity.subject_of`."""
        return subject_of(self.id, self.account)

    @property
    def signed(self) -> SignedIn:
        """What its events say of it: whether it is signed in to an account."""
        return UNSET if self.account is None else True

    @property
    def expect(self) -> Expect:
        """That this person still holds the name."""
        return Expect(NAMES, self.key, self.version)


def taken(name: str, holder: Person | Elsewhere) -> NameInUse | NameRegistered:
    """Why nobody else can have the name that a person holds."""
    if holder.account is None:
        return NameInUse(f"the name {name} is in use; choose another")
    return NameRegistered(
        f"the name {name} is registered; sign in with its password, or choose another"
    )


def _elsewhere(person: Person) -> Elsewhere:
    return Elsewhere(
        person.id,
        person.name,
        person.key,
        person.version,
        person.named,
        person.account,
        person.admin,
        person.address,
        person.since,
    )


class People:
    """Everyone who holds a name."""

    _log = Logger()

    def __init__(self, node: str = "") -> None:
        """`node` tells this node's persons from those of others."""
        self._by_key: dict[str, Person | Elsewhere] = {}
        self._own: dict[str, Person] = {}
        # Ids are kept with the session of a guest, so one must not come again after a restart.
        self._node = node
        self._start = f"{node}{secrets.token_hex(_ID_BYTES)}-"
        self._ids = count(1)
        self._guests = 0
        self.ended: list[Person] = []
        """Persons of this node who hold their names no more, by what was shown; not all of them
        have ended their sessions."""
        self.unloaded: Callable[[Person, str], object] = lambda person, room: None
        """Called when a person has joined a room by another node, and the room is not in memory."""
        self._looks = Lookalikes()
        """The chosen names, by what they look like."""

    def opened(self, names: Mapping[str, Cell]) -> None:
        """The store is open, and these names are held on other nodes."""
        for key, cell in names.items():
            self._hold(key, cell.value, cell.version)

    @property
    def start(self) -> str:
        """What tells this start of this node from every other."""
        return self._start

    @property
    def held(self) -> Mapping[str, Person | Elsewhere]:
        """The holders of all names, by key."""
        return self._by_key

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def person(self, name: str) -> Person | Elsewhere:
        """The person who holds that name now.  Raises `NoSuchPerson`."""
        holder = self.find(name)
        if holder is None:
            raise NoSuchPerson("nobody of that name is here; /who lists those who are")
        return holder

    def find(self, name: str) -> Person | Elsewhere | None:
        """The person who holds that name now, if a person does."""
        try:
            return self._by_key.get(name_key(name))
        except BadName:
            return None

    def mine(self) -> Iterable[Person]:
        """The persons of this node."""
        return self._own.values()

    def check_visitor(self, person: Person) -> None:
        """Raises `NameInUse` or `NameRegistered` if a person has taken the name of a visitor
        meanwhile.
        """
        if person.visiting and (holder := self._by_key.get(person.key)) is not None:
            raise taken(person.name, holder)

    def still(self, person: Person | Elsewhere) -> Person | Elsewhere:
        """The same person as now known: on another node, perhaps by another name.

        Raises `NoSuchPerson` when the person has left.
        """
        held = self._by_key.get(person.key)
        if held is None or held.id != person.id:
            held = next((held for held in self._by_key.values() if held.id == person.id), None)
        if held is None:
            raise NoSuchPerson(f"{person.name} has left; /who lists those who are here")
        return held

    def own(self, key: str) -> Person | None:
        """The person of this node who holds the name with that key."""
        person = self._by_key.get(key)
        return person if isinstance(person, Person) else None

    def free_name(self, name: str, own: Person | None = None) -> str:
        """The name as it is shown, if it can be taken, or can be in a moment: when its holder is
        about to leave.  Raises `BadName`, `NameInUse`, `NameRegistered`; of accounts that nobody is
        signed in to it knows nothing (`chatd.chat.accounts.Claim`).
        """
        shown = clean_name(name)
        key = name_key(shown)
        holder = self._by_key.get(key)
        if holder is not None and holder is not own and not self.leaving(key):
            raise taken(shown, holder)
        if speaks_for_server(shown):
            raise BadName("that name speaks for the server, or looks like one that does")
        own_name = own.name if own else None
        other = self._looks.find(
            shown, lambda other: other != own_name and not self.leaving(name_key(other))
        )
        if other is not None:
            alike = self._by_key.get(name_key(other))
            if alike is not None and alike.account is not None:
                raise NameRegistered(
                    f"that name looks like {other}, which is registered; choose another"
                )
            raise NameInUse(f"that name looks like {other}, who is here; choose another")
        return shown

    def check_free(self, key: str, name: str) -> None:
        """Raises `NameInUse` if a person holds the name with that key."""
        if key in self._by_key:
            raise NameInUse(f"the name {name} is in use; choose another")

    def leaving(self, key: str) -> Person | None:
        """The holder of the name with that key, if it is a person of this node who is about to
        leave.
        """
        person = self.own(key)
        return person if person and person.ended else None

    def guest_name(self) -> str:
        """A name for a guest, which is free as far as is known."""
        while True:
            self._guests += 1
            name = f"guest-{self._guests:04}"
            if name not in self._by_key:
                return name

    def began_here(self, id: str) -> bool:
        """Whether a person of that id came by this node, or by an earlier life of it."""
        return id.rpartition("-")[0][: -2 * _ID_BYTES] == self._node

    def elsewhere(self, id: str) -> Elsewhere | None:
        """The person of another node with that id."""
        held = next((held for held in self._by_key.values() if held.id == id), None)
        return held if isinstance(held, Elsewhere) else None

    def give_up(self) -> list[Person]:
        """The persons of this node, which are none any more: others release their names."""
        own, self._own = list(self._own.values()), {}
        for key, held in self._by_key.items():
            if isinstance(held, Person):
                self._by_key[key] = _elsewhere(held)
        return own

    def same(self, person: Person, id: str) -> None:
        """A person who is about to come is the one of that id, who is on another node."""
        self._own.pop(person.id, None)
        person.id = id
        self._own[id] = person

    def coming(self, make: Callable[[str], Person], id: str = "") -> Person:
        """A person of this node is about to take a name: `make` makes one with the id given, which
        is a new one unless the person has one.
        """
        person = make(id or f"{self._start}{next(self._ids):x}")
        self._own[person.id] = person
        return person

    def gone(self, person: Person) -> None:
        """That person has not come, or has left; or goes on at other nodes only."""
        self._own.pop(person.id, None)
        if self._by_key.get(person.key) is person:
            self._by_key[person.key] = _elsewhere(person)

    # -- the fold --------------------------------------------------------------------------------

    def change(self, change: Change, version: int, room: Callable[[str], Room | None]) -> None:
        """Fold one change of a stored unit."""
        if change.table == NAMES:
            if change.value is None:
                gone = self._by_key.pop(change.key, None)
                if gone is not None:
                    self._looks.discard(gone.name)
                if isinstance(gone, Person):
                    self.ended.append(gone)
            else:
                self._hold(change.key, change.value, version)
        elif change.table == ACCOUNTS:
            person = self._by_key.get(change.key)
            if isinstance(person, Person) and person.account == change.key and change.value:
                person.admin = decode_account(change.value).admin
        elif change.table.startswith(_MEMBERS):
            held = self._by_key.get(change.key)
            # Or one who is about to come here from another node.
            person = held if held is None or isinstance(held, Person) else self._own.get(held.id)
            if person is not None:
                name = change.table[len(_MEMBERS) :]
                if change.value is None:
                    person.rooms.pop(name, None)
                elif (joined := room(name)) is not None:
                    person.rooms[name] = joined
                else:
                    self.unloaded(person, name)
                for listener in tuple(person.listeners or ()):
                    listener()

    def restated(self, names: Mapping[str, Cell]) -> list[Person]:
        """The names were read anew, and these are held; answers the persons of this node who held
        one before and hold none any more.
        """
        self._by_key.clear()
        self._looks = Lookalikes()
        for key, cell in names.items():
            self._hold(key, cell.value, cell.version)
        bereft = []
        for person in self._own.values():
            if person.version and self._by_key.get(person.key) is not person:
                person.version = 0
                bereft.append(person)
        return bereft

    def rejoined(self, rooms: Iterable[Room]) -> None:
        """The members of rooms were read anew: so are the rooms of this node's persons."""
        for person in self._own.values():
            if person.version:
                person.rooms = {room.name: room for room in rooms if person.key in room.members}

    def _hold(self, key: str, value: bytes, version: int) -> None:
        try:
            holder = decode_holder(value)
        except msgspec.DecodeError as problem:
            self._log.error("the holder of a name is not understood: {problem}", problem=problem)
            return
        before = self._by_key.get(key)
        if before is not None:
            self._looks.discard(before.name)
            if isinstance(before, Person) and before.id != holder.id:
                self.ended.append(before)
        if holder.named:
            self._looks.add(holder.name)
        person = self._own.get(holder.id)
        if person is None:
            self._by_key[key] = Elsewhere(
                holder.id,
                holder.name,
                key,
                version,
                holder.named,
                key if holder.account else None,
                holder.admin,
                Address(holder.address or LOCAL),
                before.since if before is not None and before.id == holder.id else version,
            )
        else:
            if person.name != holder.name:  # or else the string that is kept already is kept
                person.name = holder.name
            if person.key != key or not person.since:
                if person.since:
                    person.earlier.append((person.key, person.since, version))
                person.since = version
                if before is not None and before is not person and before.id == holder.id:
                    person.since = before.since  # it comes from another node
            person.key, person.named, person.version = key, holder.named, version
            person.account = key if holder.account else None
            self._by_key[key] = person
