"""Accounts as they were last shown, and whose a name is.

1. A registered name is its account's, whether the account is signed in or not.  A unit that takes a
   name expects the cell `accounts/KEY`, and those of the name's skeletons, as they were when the
   name was judged; so no two registrations of one name, or of look-alikes, both succeed.
2. A name is compared with registered ones by the cells of its skeletons.  Of the registered names
   with one skeleton the first has the cell: either all of them are ASCII, or it is the only one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, gatherResults

from ..model.account import Account, decode_account
from ..model.errors import BadCredentials, NameRegistered
from ..model.lookalikes import skeletons
from ..model.names import name_key
from ..model.units import ACCOUNTS, IGNORES, JOINED, SKELETONS, Change, Expect, account_table
from ..store import Store
from .livecells import LiveCell, LiveCells, first_error, together

Record = LiveCell[Account]
"""The cell of one account, which need not be there."""


WRONG = "name and password do not belong together; check both"
"""What is said of a wrong password, and of an account that there is not."""


class Claim(NamedTuple):
    """A name that a person wants, and what is registered of it and of what looks like it."""

    name: str
    """As it is shown."""
    record: Record
    looks: Sequence[LiveCell[str]]

    def check(self) -> None:
        """Raises `NameRegistered` if the name, or one that it could be taken for, is an
        account's.
        """
        if self.record.version:
            raise NameRegistered(
                f"the name {self.name} is registered; sign in with its password, or choose another"
            )
        for look in self.looks:
            other = look.value
            if other is not None and not (other.isascii() and self.name.isascii()):
                raise NameRegistered(
                    f"that name looks like {other}, which is registered; choose another"
                )

    @property
    def expects(self) -> Sequence[Expect]:
        """That nothing of it was registered meanwhile."""
        return [self.record.expect, *(look.expect for look in self.looks)]

    @property
    def skeletons(self) -> Sequence[Change]:
        """What is written down when the name is registered."""
        return [
            Change(SKELETONS, look.key, self.name.encode())
            for look in self.looks
            if not look.version
        ]


class Proof(NamedTuple):
    """That a client knows the password of an account, as it was then."""

    record: Record
    epoch: int

    @property
    def account(self) -> Account:
        """The account.  Raises `BadCredentials` if its password was changed since."""
        account = self.record.value
        if account is None or account.deleted or account.epoch != self.epoch:
            raise BadCredentials(WRONG)
        return account


class Accounts:
    """The accounts that are in use."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._records: LiveCells[Account] = LiveCells(store, ACCOUNTS, decode_account)
        self._looks: LiveCells[str] = LiveCells(store, SKELETONS, bytes.decode)

    def find(self, key: str) -> Deferred[Record]:
        """The account with that name key.  Fails with `Unavailable`."""
        return self._records.find(key)

    def live(self, key: str) -> Record | None:
        """The account with that name key, if it is in memory."""
        return self._records.live(key)

    def claim(self, name: str) -> Deferred[Claim]:
        """What is registered of a (clean) name.  Fails with `Unavailable`."""
        looking = self._looks.find_all(sorted(skeletons(name)))
        finding = self.find(name_key(name))
        both: Deferred[Any] = gatherResults([finding, looking], consumeErrors=True)
        both.addErrback(first_error)
        return both.addCallback(lambda found: Claim(name, *found))

    def joined(self, key: str) -> Deferred[list[str]]:
        """The rooms that an account has joined, in the order of joining.  Fails with
        `Unavailable`.
        """
        table: Deferred[Any] = self._store.table(account_table(JOINED, key))
        return table.addCallback(lambda cells: sorted(cells, key=lambda room: cells[room].version))

    def ignored(self, key: str) -> Deferred[dict[str, str]]:
        """The names that an account ignores, by their keys.  Fails with `Unavailable`."""
        table: Deferred[Any] = self._store.table(account_table(IGNORES, key))
        return table.addCallback(
            lambda cells: {key: cell.value.decode() for key, cell in cells.items()}
        )

    def anew(self) -> Deferred[Callable[[], object]]:
        """Read what is in memory anew; fires with what folds it.  Fails with `Unavailable`."""
        return together([self._records.anew(), self._looks.anew()])

    def shown(self, change: Change, version: int) -> None:
        """Fold one change of a stored unit."""
        if change.table == ACCOUNTS:
            self._records.shown(change, version)
        elif change.table == SKELETONS:
            self._looks.shown(change, version)
