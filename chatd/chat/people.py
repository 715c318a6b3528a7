"""The people: which person holds which name.

1. A unit that takes a name expects the name's cell to be absent.  So no two persons get the same
   name, even on different nodes, and a person holds a name only once the store has taken the unit.
2. This is a fold of the table `names`: it changes when a unit is shown.
3. A chosen name is refused if it looks like a name in use in another script, or like one of the
   server's own (Unicode TR39, `chatd.model.lookalikes`).  It is compared with the names shown so
   far, so two look-alikes that are claimed at the same moment may both be granted.
4. A person of this node is an object that its doors hold (`Person`); of a person on another node
   only the cell is known (`Elsewhere`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import NamedTuple, Protocol

import msgspec
from twisted.logger import Logger

from ..model.account import decode_account
from ..model.addresses import LOCAL, Address
from ..model.errors import BadName, NameInUse, NameRegistered, NoSuchPerson
from ..model.identity import decode_holder, subject_of
from ..model.lookalikes import Lookalikes, speaks_for_server
from ..model.names import clean_name, name_key
from ..model.units import ACCOUNTS, MEMBERS, NAMES, Cell, Change, Expect, room_table
from .inbox import Inboxes
from .person import Person
from .room import Room

_MEMBERS = room_table(MEMBERS, "")


class Elsewhere(NamedTuple):
    """A person whose sessions are on another node."""

    id: str
    name: str
    key: str
    """The name's key (`chatd.model.names.name_key`)."""
    version: int
    """The version of the cell `names/KEY`."""
    account: str | None = None
    admin: bool = False
    address: Address = LOCAL

    @property
    def subject(self) -> str:
        """See `chatd.model.identity.subject_of`."""
        return subject_of(self.id, self.account)

    @property
    def expect(self) -> Expect:
        """That this person still holds the name."""
        return Expect(NAMES, self.key, self.version)


class PeopleObserver(Protocol):
    """What is told of changes that were shown, as soon as they are folded."""

    def came(self, person: Person | Elsewhere) -> None:
        """A person has taken that name."""

    def went(self, person: Person | Elsewhere, id_: int) -> None:
        """A person, still known by that name, has given it up: with the unit of that id."""


def taken(name: str, holder: Person | Elsewhere) -> NameInUse | NameRegistered:
    """The error for another person who wants the name that `holder` has."""
    if holder.account is None:
        return NameInUse(f"the name {name} is in use; choose another")
    return NameRegistered(
        f"the name {name} is registered; sign in with its password, or choose another"
    )


class People:
    """All persons who hold a name."""

    _log = Logger()

    def __init__(self, node: str = "", inboxes: Inboxes | None = None) -> None:
        """`node` begins the ids of this node's persons, so that no other node has them; `inboxes`
        are those of the accounts.
        """
        self.inboxes = inboxes or Inboxes()
        self._by_key: dict[str, Person | Elsewhere] = {}
        self._own: dict[str, Person] = {}
        # Ids are stored with guests' sessions, so an id must not be used again after a restart.
        self._start = f"{node}{secrets.token_hex(4)}-"
        self._ids = count(1)
        self._guests = 0
        self._looks = Lookalikes()
        """The chosen names, by their skeletons."""
        self.observers: list[PeopleObserver] = []

    def opened(self, names: Mapping[str, Cell]) -> None:
        """Take over the names that the store has on opening: other nodes hold them."""
        for key, cell in names.items():
            self._hold(key, cell.value, cell.version)

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
        """The person who holds that name now, or None."""
        try:
            return self._by_key.get(name_key(name))
        except BadName:
            return None

    def local(self) -> Iterable[Person]:
        """The persons of this node."""
        return self._own.values()

    def check_visitor(self, person: Person) -> None:
        """Raise `NameInUse` or `NameRegistered` if a person has taken the name of this visitor."""
        if person.visiting and (holder := self._by_key.get(person.key)) is not None:
            raise taken(person.name, holder)

    def current(self, person: Person | Elsewhere) -> Person | Elsewhere:
        """The same person, by id, as known now; a person of another node may have another name.

        Raises `NoSuchPerson` if the person has left.
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
        """The name as it is shown, if the person `own` can take it, now or as soon as its holder
        has left.

        Raises `BadName`, `NameInUse`, `NameRegistered`.  It does not know the accounts that are not
        signed in; `chatd.chat.accounts.Claim` does.
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
        """Raise `NameInUse` if a person holds the name with that key."""
        if key in self._by_key:
            raise NameInUse(f"the name {name} is in use; choose another")

    def leaving(self, key: str) -> Person | None:
        """The person who holds the name with that key, if it is of this node and about to leave."""
        person = self.own(key)
        return person if person and person.ended else None

    def guest_name(self) -> str:
        """A name for a guest that no person holds as far as was shown."""
        while True:
            self._guests += 1
            name = f"guest-{self._guests:04}"
            if name not in self._by_key:
                return name

    def add_local(self, make: Callable[[str], Person], id: str = "") -> Person:
        """Add a person of this node, who is about to take a name: `make` makes it with its id,
        which is `id` if given, or else a new one.
        """
        person = make(id or f"{self._start}{next(self._ids):x}")
        self._own[person.id] = person
        return person

    def is_new(self, person: Person) -> bool:
        """Whether a person has come since this start, rather than outlived it."""
        return person.id.startswith(self._start)

    def remove_local(self, person: Person) -> None:
        """Remove a person of this node who could not come, or has left."""
        self._own.pop(person.id, None)

    # -- the fold --------------------------------------------------------------------------------

    def change(self, change: Change, version: int, room: Callable[[str], Room | None]) -> None:
        """Fold one change of a stored unit."""
        if change.table == NAMES:
            if change.value is None:
                gone = self._by_key.pop(change.key, None)
                if gone is not None:
                    self._looks.discard(gone.name)
                    for observer in self.observers:
                        observer.went(gone, version)
            else:
                self._hold(change.key, change.value, version)
        elif change.table == ACCOUNTS:
            person = self._by_key.get(change.key)
            if isinstance(person, Person) and person.account == change.key and change.value:
                person.admin = decode_account(change.value).admin
        elif change.table.startswith(_MEMBERS):
            person = self._by_key.get(change.key)
            if isinstance(person, Person):
                name = change.table[len(_MEMBERS) :]
                if change.value is None:
                    person.rooms.pop(name, None)
                elif (joined := room(name)) is not None:
                    person.rooms[name] = joined
                for listener in tuple(person.listeners or ()):
                    listener()

    def _hold(self, key: str, value: bytes, version: int) -> None:
        try:
            holder = decode_holder(value)
        except msgspec.DecodeError as problem:
            self._log.error("the holder of a name cannot be decoded: {problem}", problem=problem)
            return
        before = self._by_key.get(key)
        if before is not None:
            self._looks.discard(before.name)
        if holder.named:
            self._looks.add(holder.name)
        person = self._own.get(holder.id)
        if person is None:
            self._by_key[key] = Elsewhere(
                holder.id,
                holder.name,
                key,
                version,
                key if holder.account else None,
                holder.admin,
                Address(holder.address or LOCAL),
            )
        else:
            if person.name != holder.name:  # else keep the string that is shared already
                person.name = holder.name
            if person.key != key or not person.since:
                if person.since:
                    person.earlier.append((person.key, person.since, version))
                person.since = version
            person.key, person.named, person.version = key, holder.named, version
            person.account = key if holder.account else None
            if holder.account and person.inbox.account is None:  # a guest has registered
                self.inboxes.register(person.inbox, key)
            self._by_key[key] = person
        if before is None:
            for observer in self.observers:
                observer.came(self._by_key[key])
