"""The names that are held: who holds which name, and which names are free.

1. A chosen name is refused if it looks like a name in use in another script, or like one of the
   server's own (Unicode TR39, `chatd.model.lookalikes`).  It is compared with the names shown so
   far, so two look-alikes that are claimed at the same moment may both be granted.
2. A person of this node is an object that its doors hold (`Person`); of a person on another node
   only the cell is known (`Elsewhere`).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..model.errors import BadName, NameInUse, NameRegistered, NoSuchPerson
from ..model.lookalikes import Lookalikes, speaks_for_server
from ..model.names import clean_name, name_key
from .elsewhere import Elsewhere
from .person import Person


def taken(name: str, holder: Person | Elsewhere) -> NameInUse | NameRegistered:
    """The error for another person who wants the name that `holder` has."""
    if holder.account is None:
        return NameInUse(f"the name {name} is in use; choose another")
    return NameRegistered(
        f"the name {name} is registered; sign in with its password, or choose another"
    )


class HeldNames:
    """Holders of names, by the names' keys; `chatd.chat.people` changes it."""

    def __init__(self) -> None:
        self._by_key: dict[str, Person | Elsewhere] = {}
        self._looks = Lookalikes()
        """The chosen names, by their skeletons."""
        self._guests = 0

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

    # -- free names ------------------------------------------------------------------------------

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
            raise BadName(
                "that name speaks for the server, or looks like one that does; choose another"
            )
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
