"""Ignore lists: the names whose messages a person does not want.

1. An account's list is stored, and holds in all its sessions; a guest's ends with the guest.
2. Private messages of an ignored person are acknowledged to the sender, and not delivered.
3. Doors for people leave out what ignored persons say in rooms; programs get everything.
4. An account ignores at most `MOST_IGNORED` names, however many are added at the same time
   (`chatd.chat.account_lists`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed

from ..model.account import MOST_IGNORED
from ..model.errors import BadName, Malformed
from ..model.names import name_key
from ..model.units import IGNORES, Change, Unit, account_table
from .account_lists import AccountLists
from .accounts import Accounts, Record
from .admission import Admission
from .journal import Journal
from .lane import ALONE, in_order
from .livecells import together
from .people import People
from .person import Person

_IGNORES = account_table(IGNORES, "")


class Ignores:
    """Changes and reads ignore lists."""

    def __init__(
        self,
        journal: Journal,
        lists: AccountLists,
        accounts: Accounts,
        people: People,
        admission: Admission,
    ) -> None:
        self._journal = journal
        self._lists = lists
        self._accounts = accounts
        self._people = people
        self._admission = admission

    def ignore(self, person: Person, name: str) -> Deferred[Any]:
        """Put a name on a person's ignore list.

        Raises or fails with `BadName`, `RateLimited`, `Malformed`, `NoSession`, `Unavailable`.
        """
        key = name_key(name)
        if key == person.key:
            raise BadName("that is you; give the name of somebody else")
        self._admission.spend(person)
        account = person.account
        if account is None:
            _check_room(person.ignored, key)
            self._set(person, key, ignored=True)
            return succeed(None)

        def found(record: Record) -> Deferred[Any]:
            def judged(names: dict[str, str]) -> list[Change]:
                _check_room(names, key)
                return [Change(account_table(IGNORES, account), key, name.encode())]

            return self._lists.lengthen(record, lambda: self._accounts.ignored(account), judged)

        def add() -> Deferred[Any]:
            return self._accounts.find(account).addCallback(found)

        return in_order(person, ALONE, add)

    def unignore(self, person: Person, name: str) -> Deferred[Any]:
        """Take a name off the list.  Raises or fails with `BadName`, `RateLimited`,
        `Unavailable`.
        """
        key = name_key(name)
        self._admission.spend(person)
        if person.account is None:
            self._set(person, key, ignored=False)
            return succeed(None)
        change = Change(account_table(IGNORES, person.account), key, None)
        return in_order(person, ALONE, self._journal.submit, lambda: Unit((), (change,)))

    def names(self, person: Person) -> Deferred[dict[str, str]]:
        """The names that a person ignores, by their keys.  Fails with `Unavailable`."""
        if person.account is None:
            return succeed({key: key for key in person.ignored})
        return self._accounts.ignored(person.account)

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


def _check_room(names: Collection[str], key: str) -> None:
    """Raise `Malformed` if the list is full, and the name is not in it."""
    if key not in names and len(names) >= MOST_IGNORED:
        raise Malformed(f"you ignore {MOST_IGNORED} names, the most there may be")


def _tell(person: Person) -> None:
    for listener in tuple(person.listeners or ()):
        listener()
