"""Ignore lists: the names whose messages a person does not want.

1. An account's list is stored, and holds in all its sessions; a guest's ends with the guest.
2. Private messages of an ignored person are acknowledged to the sender, and not delivered.
3. Doors for people leave out what ignored persons say in rooms; programs get everything.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed

from ..model.account import MOST_IGNORED
from ..model.errors import BadName, Malformed
from ..model.names import name_key
from ..model.units import IGNORES, Change, Unit, account_table
from .accounts import Accounts
from .journal import Journal
from .livecells import together
from .people import People
from .person import Person

_IGNORES = account_table(IGNORES, "")


class Ignores:
    """Changes and reads ignore lists."""

    def __init__(self, journal: Journal, accounts: Accounts, people: People) -> None:
        self._journal = journal
        self._accounts = accounts
        self._people = people

    def ignore(self, person: Person, name: str) -> Deferred[Any]:
        """Put a name on a person's ignore list.

        Raises or fails with `BadName`, `Malformed`, `Unavailable`.
        """
        key = name_key(name)
        if key == person.key:
            raise BadName("that is you")

        def ignored(names: dict[str, str]) -> Deferred[Any]:
            if len(names) >= MOST_IGNORED and key not in names:
                raise Malformed(f"you ignore {MOST_IGNORED} names, the most there may be")
            return self._change(person, key, name)

        return self.names(person).addCallback(ignored)

    def unignore(self, person: Person, name: str) -> Deferred[Any]:
        """Take a name off the list.  Raises or fails with `BadName`, `Unavailable`."""
        return self._change(person, name_key(name), None)

    def names(self, person: Person) -> Deferred[dict[str, str]]:
        """The names that a person ignores, by their keys.  Fails with `Unavailable`."""
        if person.account is None:
            return succeed({key: key for key in person.ignored})
        return self._accounts.ignored(person.account)

    def _change(self, person: Person, key: str, name: str | None) -> Deferred[Any]:
        if person.account is None:
            self._set(person, key, ignored=name is not None)
            return succeed(None)
        value = None if name is None else name.encode()
        change = Change(account_table(IGNORES, person.account), key, value)
        return self._journal.submit(lambda: Unit((), (change,)))

    def anew(self) -> Deferred[Callable[[], object]]:
        """Read anew the ignore lists of present accounts; fires with what folds them.  Fails with
        `Unavailable`.
        """

        def read(person: Person, key: str) -> Deferred[Callable[[], object]]:
            names: Deferred[Any] = self._accounts.ignored(key)
            return names.addCallback(lambda names: partial(fold, person, frozenset(names)))

        def fold(person: Person, keys: frozenset[str]) -> None:
            if person.account is not None and person.ignored != keys:
                person.ignored = keys
                _tell(person)

        return together(
            read(person, person.account)
            for person in self._people.local()
            if person.account is not None
        )

    def shown(self, change: Change, version: int) -> None:
        """Fold a change of a stored unit."""
        if change.table.startswith(_IGNORES):
            person = self._people.own(change.table[len(_IGNORES) :])
            if person is not None and person.account == person.key:
                self._set(person, change.key, ignored=change.value is not None)

    def _set(self, person: Person, key: str, *, ignored: bool) -> None:
        person.ignored = person.ignored | {key} if ignored else person.ignored - {key}
        _tell(person)


def _tell(person: Person) -> None:
    for listener in tuple(person.listeners or ()):
        listener()
