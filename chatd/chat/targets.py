"""Targets: whom a moderator means by a name.

1. The person who holds the name now, if one does; or else the account of that name; or else the
   name itself, whoever takes it.
2. Once it is settled whom a command means, it means no other: a guest who leaves before the command
   is carried out is not taken for the next one of that name.
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
from .people import Elsewhere, People
from .person import Person
from .rulings import Target

NOBODY = "nobody of that name is here or has an account; look at the spelling"


class Targets:
    """Finds whom names mean."""

    def __init__(self, people: People, store: Store, shared: Callable[[Address], bool]) -> None:
        """`shared` tells whether an address is that of a proxy."""
        self._shared = shared
        self._people = people
        self._store = store

    def find(self, name: str, room: str = "") -> Deferred[Target]:
        """Whom a name means, and of an account that is away whether it has joined the (clean)
        `room`.  Raises `BadName`, fails with `Unavailable`.
        """
        return self._find(name).addCallback(self._joined, room)

    def joined(self, room: str) -> Deferred[dict[str, str]]:
        """The accounts that have joined a (clean) room, here or away: names by key.  Fails with
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

    def again(self, target: Target) -> Target:
        """The same as now known.  Raises `NoSuchPerson` when a guest has left."""
        if target.person is not None:
            try:
                return self._present(self._people.still(target.person))
            except NoSuchPerson:
                if not target.account:
                    raise
                return target._replace(person=None)
        holder = self._people.find(target.name)
        if holder is not None and (not target.account or holder.account is not None):
            return self._present(holder)
        return target

    def _present(self, holder: Person | Elsewhere) -> Target:
        """A person who is here, as a target."""
        return Target(
            holder.name,
            holder.key,
            holder.subject,
            account=holder.account is not None,
            admin=holder.admin,
            person=holder,
            shared=self._shared(holder.address),
        )


def need_somebody(target: Target) -> Target:
    """The target, if it is a person or an account.  Raises `NoSuchPerson`."""
    if not target.subject:
        raise NoSuchPerson(NOBODY)
    return target


def _shown(name: str) -> str:
    try:
        return clean_name(name)
    except BadName:  # a guest's name, which only the server gives
        return name_key(name)
