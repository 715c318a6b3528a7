"""Targets: the person or account that a moderator means by a name.

1. A name means the person who holds it now; if there is none, the account of that name; if there is
   none either, the name itself, and so any person who takes it later.
2. Once found, a target stays the same: if a guest leaves before the command is carried out, the
   next guest of that name is not the target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred, succeed

from ..model.account import decode_account
from ..model.addresses import Address
from ..model.errors import BadName, NoSuchPerson
from ..model.names import clean_name, name_key
from ..model.units import ACCOUNTS, JOINERS, Cell, room_table
from ..store import Store
from .elsewhere import Elsewhere
from .people import People
from .person import Person
from .rulings import Target

NO_SUCH_PERSON = "nobody of that name is here or has an account; look at the spelling"


class Targets:
    """Finds the targets of names."""

    def __init__(self, people: People, store: Store, shared: Callable[[Address], bool]) -> None:
        """`shared` tells whether an address is that of a proxy."""
        self._shared = shared
        self._people = people
        self._store = store

    def find(self, name: str, room: str = "") -> Deferred[Target]:
        """The target of a name.  For an account that is away, `Target.joined` tells whether it has
        joined the (clean) `room`.  Raises `BadName`; fails with `Unavailable`.
        """
        return self._find(name).addCallback(self._joined, room)

    def joined(self, room: str) -> Deferred[dict[str, str]]:
        """The accounts that have joined a (clean) room, present or away: names by key.  Fails with
        `Unavailable`.
        """

        def found(cells: Mapping[str, Cell]) -> Deferred[dict[str, str]]:
            return self._store.get(ACCOUNTS, cells.keys()).addCallback(
                lambda accounts: {
                    key: cell.value.decode()
                    for key, cell in cells.items()
                    if key in accounts and not decode_account(accounts[key].value).deleted
                }
            )

        return self._store.table(room_table(JOINERS, room)).addCallback(found)

    def _joined(self, target: Target, room: str) -> Target | Deferred[Target]:
        if not (room and target.account and target.person is None):
            return target
        asked = self._store.get(room_table(JOINERS, room), [target.key])
        return asked.addCallback(lambda cells: target._replace(joined=target.key in cells))

    def _find(self, name: str) -> Deferred[Target]:
        holder = self._people.find(name)
        if holder is not None:
            return succeed(self._present(holder))
        key = name_key(name)

        def known(cells: Mapping[str, Cell]) -> Target:
            holder = self._people.find(name)
            if holder is not None:
                return self._present(holder)
            account = decode_account(cells[key].value) if key in cells else None
            if account is None or account.deleted:
                return Target(_shown(name), key)
            return Target(account.name, key, key, account=True, admin=account.admin)

        return self._store.get(ACCOUNTS, [key]).addCallback(known)

    def refresh(self, target: Target) -> Target:
        """The same target as known now.  Raises `NoSuchPerson` if it is a guest who has left."""
        if target.person is not None:
            try:
                return self._present(self._people.current(target.person))
            except NoSuchPerson:
                if not target.account:
                    raise
                return target._replace(person=None)
        holder = self._people.find(target.name)
        if holder is not None and (not target.account or holder.account is not None):
            return self._present(holder)
        return target

    def _present(self, holder: Person | Elsewhere) -> Target:
        """The target for a person who is present."""
        return Target(
            holder.name,
            holder.key,
            holder.subject,
            account=holder.account is not None,
            admin=holder.admin,
            person=holder,
            shared=self._shared(holder.address),
        )


def require_person(target: Target) -> Target:
    """Return the target.  Raises `NoSuchPerson` if it is neither a person nor an account."""
    if not target.subject:
        raise NoSuchPerson(NO_SUCH_PERSON)
    return target


def _shown(name: str) -> str:
    try:
        return clean_name(name)
    except BadName:  # a guest's name: people cannot choose it
        return name_key(name)
