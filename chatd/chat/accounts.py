"""Accounts as last shown, and which names they have registered.

1. A registered name belongs to its account, whether the account is signed in or not.  A unit that
   takes a name expects the cell `accounts/KEY`, and the cells of the name's skeletons (Unicode
   TR39), as they were when the name was judged.  If two clients register the same name
   at once, or two confusable names, the store accepts the first unit and refuses the second as
   stale.
2. A name is compared with registered names by the cells of its skeletons.  The first name
   registered with a skeleton has its cell; later ones share the skeleton only if all of them are
   ASCII.
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
"""The cell of one account, which may be absent."""


MOST_CLAIMS = 1000
"""Claims that are remembered."""
WRONG = "name and password do not belong together; check both"
"""The one refusal for a wrong password and for an unknown account."""


class Claim(NamedTuple):
    """A name that a person wants, with the cells of that name and of names that look like it."""

    name: str
    """The name as it is shown."""
    record: Record
    looks: Sequence[LiveCell[str]]
    """The cells of its skeletons, each with the registered name that has it."""

    def check(self) -> None:
        """Raise `NameRegistered` if an account has this name, or one confusable with it."""
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
        """The expectations of a unit that takes the name: no such name was registered meanwhile."""
        return [self.record.expect, *(look.expect for look in self.looks)]

    @property
    def skeletons(self) -> Sequence[Change]:
        """The changes that register the name's skeletons."""
        return [
            Change(SKELETONS, look.key, self.name.encode())
            for look in self.looks
            if not look.version
        ]


class Proof(NamedTuple):
    """A client has proved that it knows an account's password, as of the account's `epoch`."""

    record: Record
    epoch: int

    @property
    def account(self) -> Account:
        """The account.  Raises `BadCredentials` if its password was changed since, or it was
        deleted.
        """
        account = self.record.value
        if account is None or account.deleted or account.epoch != self.epoch:
            raise BadCredentials(WRONG)
        return account


class Accounts:
    """Finds accounts, their registered names, and their lists."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._records: LiveCells[Account] = LiveCells(store, ACCOUNTS, decode_account)
        self._looks: LiveCells[str] = LiveCells(store, SKELETONS, bytes.decode)
        self._claims: dict[str, Claim] = {}
        """The last claims, by name.  Their cells are followed, so a claim stays up to date."""

    def find(self, key: str) -> Deferred[Record]:
        """The account with that name key.  Fails with `Unavailable`."""
        return self._records.find(key)

    def live(self, key: str) -> Record | None:
        """The account with that name key, if it is in memory."""
        return self._records.live(key)

    def live_claim(self, name: str) -> Claim | None:
        """The claim of a (clean) name, if it is one of the last that were asked for."""
        return self._claims.get(name)

    def claim(self, name: str) -> Deferred[Claim]:
        """The claim to a (clean) name.  Fails with `Unavailable`."""
        looking = self._looks.find_all(sorted(skeletons(name)))
        finding = self.find(name_key(name))
        both: Deferred[Any] = gatherResults([finding, looking], consumeErrors=True)
        both.addErrback(first_error)
        return both.addCallback(lambda found: self._remember(Claim(name, *found)))

    def _remember(self, claim: Claim) -> Claim:
        if len(self._claims) >= MOST_CLAIMS:
            self._claims.clear()
        self._claims[claim.name] = claim
        return claim

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
