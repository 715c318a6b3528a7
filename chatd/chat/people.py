"""The people: the fold of the table `names`, and the persons of this node.

1. A unit that takes a name expects the name's cell to be absent.  So no two persons get the same
   name, even on different nodes, and a person holds a name only once the store has taken the unit.
2. The holders of names change only when a unit is shown.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Protocol

import msgspec
from twisted.logger import Logger

from ..model.account import decode_account
from ..model.addresses import LOCAL, Address
from ..model.identity import decode_holder
from ..model.lookalikes import Lookalikes
from ..model.units import MEMBERS, Cell, Change, room_table
from .card import card_of
from .elsewhere import Elsewhere, elsewhere
from .held_names import HeldNames
from .inbox import Inboxes
from .person import Person
from .room import Room

_MEMBERS = room_table(MEMBERS, "")
_ID_BYTES = 4
"""Random bytes in the ids of one start, as hexadecimal digits behind the node's name."""


class PeopleObserver(Protocol):
    """Is called for each change of the holders of names, as soon as it is folded."""

    def came(self, person: Person | Elsewhere) -> None:
        """The person has taken its name."""

    def went(self, person: Person | Elsewhere, id_: int) -> None:
        """The person has given up its name, which it still has here, by the unit with that id."""


class People(HeldNames):
    """All persons who hold a name."""

    _log = Logger()

    def __init__(self, node: str = "", inboxes: Inboxes | None = None) -> None:
        """`node` begins the ids of this node's persons, so that no other node has them; `inboxes`
        are those of the accounts.
        """
        super().__init__()
        self.inboxes = inboxes or Inboxes()
        self._own: dict[str, Person] = {}
        # Ids are stored with guests' sessions, so an id must not be used again after a restart.
        self._node = node
        self._start = f"{node}{secrets.token_hex(_ID_BYTES)}-"
        self._ids = count(1)
        self.ended: list[Person] = []
        """Persons of this node who lost their names by what was shown.  The sessions of some of
        them have not ended."""
        self.room: Callable[[str], Room | None] = lambda name: None
        """The room of a name, if it is in memory."""
        self.unloaded: Callable[[Person, str], object] = lambda person, room: None
        """Called when a person joined a room by another node, and the room is not in memory."""
        self.observers: list[PeopleObserver] = []

    def opened(self, names: Mapping[str, Cell]) -> None:
        """Take over the names that the store has on opening: other nodes hold them."""
        for key, cell in names.items():
            self._hold(key, cell.value, cell.version)

    @property
    def start(self) -> str:
        """The prefix of the ids of persons who came by this node since it was started."""
        return self._start

    def local(self) -> Iterable[Person]:
        """The persons of this node."""
        return self._own.values()

    def by_id(self, id: str) -> Person | None:
        """The person of this node that has that id."""
        return self._own.get(id)

    def began_here(self, id: str) -> bool:
        """Whether a person of that id came by this node, now or before it was restarted."""
        return id.rpartition("-")[0][: -2 * _ID_BYTES] == self._node

    def give_up(self) -> list[Person]:
        """Take this node's persons for persons of another node, because other nodes release their
        names; answers them.
        """
        own, self._own = list(self._own.values()), {}
        for key, held in self._by_key.items():
            if isinstance(held, Person):
                self._by_key[key] = elsewhere(held)
        return own

    def identify(self, person: Person, id: str) -> None:
        """Give a person who is about to come the id that the same person has on another node."""
        self._own.pop(person.id, None)
        person.id = id
        self._own[id] = person

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
        """Remove a person of this node who could not come, or has left; or who has sessions on
        other nodes only.
        """
        if self._own.get(person.id) is person:  # otherwise the person has come back meanwhile
            del self._own[person.id]
        if self._by_key.get(person.key) is person:
            self._by_key[person.key] = elsewhere(person)

    # -- the fold --------------------------------------------------------------------------------

    def name_changed(self, change: Change, version: int) -> None:
        """Fold a change of the table `names`."""
        if change.value is not None:
            self._hold(change.key, change.value, version)
            return
        gone = self._by_key.pop(change.key, None)
        if gone is not None:
            self._looks.discard(gone.name)
            for observer in self.observers:
                observer.went(gone, version)
        if isinstance(gone, Person):
            self.ended.append(gone)

    def account_changed(self, change: Change, version: int) -> None:
        """Fold a change of the table `accounts`."""
        person = self._by_key.get(change.key)
        if isinstance(person, Person) and person.account == change.key and change.value:
            person.admin = decode_account(change.value).admin

    def member_changed(self, change: Change, version: int) -> None:
        """Fold a change of a room's members."""
        held = self._by_key.get(change.key)
        # The person may also be about to come here from another node.
        person = held if held is None or isinstance(held, Person) else self._own.get(held.id)
        if person is not None:
            name = change.table[len(_MEMBERS) :]
            if change.value is None:
                person.rooms.pop(name, None)
            elif (joined := self.room(name)) is not None:
                person.rooms[name] = joined
            else:
                self.unloaded(person, name)
            for listener in tuple(person.listeners or ()):
                listener()

    def restated(self, names: Mapping[str, Cell]) -> list[Person]:
        """Take over the names that the store has now; answers the persons of this node that have
        lost theirs.
        """
        before, self._by_key = self._by_key, {}
        self._looks = Lookalikes()
        observers, self.observers = self.observers, []  # they observe only differences
        for key, cell in names.items():
            self._hold(key, cell.value, cell.version)
        self.observers = observers
        self._observe(before)
        bereft = []
        for person in self._own.values():
            if person.version and self._by_key.get(person.key) is not person:
                person.version = 0
                bereft.append(person)
        return bereft

    def _observe(self, before: Mapping[str, Person | Elsewhere]) -> None:
        """Tell observers which names are held now and were not `before`, and the reverse."""
        last = max((held.version for held in (*before.values(), *self._by_key.values())), default=0)
        for observer in self.observers:
            for key in before.keys() - self._by_key.keys():
                observer.went(before[key], last)
            for key in self._by_key.keys() - before.keys():
                observer.came(self._by_key[key])

    def rejoined(self, rooms: Iterable[Room]) -> None:
        """Correct the rooms of this node's persons: the members of `rooms` were read again."""
        for person in self._own.values():
            if person.version:
                person.rooms = {room.name: room for room in rooms if person.key in room.members}

    def _hold(self, key: str, value: bytes, version: int) -> None:
        try:
            holder = decode_holder(value)
        except msgspec.DecodeError as problem:
            self._log.error("the holder of a name cannot be decoded: {problem}", problem=problem)
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
                card_of(holder),
                holder.kept,
            )
        else:
            if holder.named and not person.owner:
                person.owner = key
            if person.name != holder.name:  # else keep the string that is shared already
                person.name = holder.name
            if person.key != key or not person.since:
                if person.since:
                    person.earlier += ((person.key, person.since, version),)
                person.since = version
                if before is not None and before is not person and before.id == holder.id:
                    person.since = before.since  # it comes from another node
            person.key, person.named, person.version = key, holder.named, version
            person.account = key if holder.account else None
            if self._node:  # its client on another node may have changed the card
                person.card = card_of(holder)
            if holder.account and person.inbox.account is None:  # a guest has registered
                self.inboxes.register(person.inbox, key)
            self._by_key[key] = person
        if before is None:
            for observer in self.observers:
                observer.came(self._by_key[key])
