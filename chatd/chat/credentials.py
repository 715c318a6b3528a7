"""Credentials: the stored session of an account, or personal token, that a client's token names.

1. A token is looked up by its hash; the token itself is not stored.
2. A credential's cell and its account's are live cells (`chatd.chat.livecells`) while it is in use,
   so `Credential.check` answers at any moment, without the store, whether it is still good.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from ..model.account import (
    AccountSession,
    PersonalToken,
    decode_session,
    decode_token,
    hash_of,
    is_over,
    is_valid,
)
from ..model.errors import BadToken
from ..model.units import SESSIONS, TOKENS, USED, Cell, Change
from ..store import Store
from .accounts import Accounts, Record
from .livecells import LiveCell, LiveCells, together
from .tokens import PREFIX, is_good

SIGNED_OUT = "you were signed out here; sign in again"
UNKNOWN_TOKEN = "that token is unknown or its session is over; POST /session for a new one"
NO_TOKEN = "that token is unknown, was removed, or its time is up; POST /account/tokens for another"


class Credential(NamedTuple):
    """An account's session or personal token, with the account."""

    record: Record
    cell: LiveCell[AccountSession] | LiveCell[PersonalToken]
    now: Callable[[], int]
    """Microseconds since the Unix epoch."""

    @property
    def session(self) -> AccountSession | None:
        """The session; None: a personal token, or deleted."""
        value = self.cell.value
        return value if isinstance(value, AccountSession) else None

    @property
    def token(self) -> PersonalToken | None:
        """The personal token; None: a session, or deleted."""
        value = self.cell.value
        return value if isinstance(value, PersonalToken) else None

    def check(self) -> None:
        """Raise `BadToken` if it is not good any more: deleted, expired, or its account's epoch or
        deletion ended it.
        """
        if self.cell.table == TOKENS:
            if not is_good(self.token, self.record.value, self.now()):
                raise BadToken(NO_TOKEN)
        elif not is_valid(self.session, self.record.value):
            raise BadToken(SIGNED_OUT)


class Credentials:
    """Finds the credentials of tokens."""

    def __init__(self, now: Callable[[], float], store: Store, accounts: Accounts) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch."""
        self._now = now
        self._store = store
        self._accounts = accounts
        self._sessions: LiveCells[AccountSession] = LiveCells(store, SESSIONS, decode_session)
        self._tokens: LiveCells[PersonalToken] = LiveCells(store, TOKENS, decode_token)

    def find(self, token: str) -> Deferred[Credential]:
        """The credential of a token.  Fails with `BadToken`, `Unavailable`."""
        hash_ = hash_of(token)
        found: Deferred[Any]
        if token.startswith(PREFIX):
            found = self._tokens.find(hash_).addCallback(self._with_account)
        else:
            found = self._sessions.find(hash_).addCallback(self._unexpired)
        return found

    def anew(self) -> Deferred[Callable[[], object]]:
        """Read what is in memory anew; fires with what folds it.  Fails with `Unavailable`."""
        return together([self._sessions.anew(), self._tokens.anew()])

    def shown(self, change: Change, version: int) -> None:
        """Fold one change of a stored unit."""
        if change.table == SESSIONS:
            self._sessions.shown(change, version)
        elif change.table == TOKENS:
            self._tokens.shown(change, version)

    def _unexpired(self, cell: LiveCell[AccountSession]) -> Deferred[Credential]:
        stored = cell.value
        if stored is None:
            raise BadToken(UNKNOWN_TOKEN)

        def looked_up(used: Mapping[str, Cell]) -> Deferred[Credential]:
            last = int(used[cell.key].value) if cell.key in used else 0
            if is_over(stored, last, self._micros()):
                raise BadToken("that session was not used for 30 days; sign in again")
            return self._with_account(cell)

        used: Deferred[Any] = self._store.get(USED, [cell.key])
        return used.addCallback(looked_up)

    def _with_account(
        self, cell: LiveCell[AccountSession] | LiveCell[PersonalToken]
    ) -> Deferred[Credential]:
        stored = cell.value
        if stored is None:
            raise BadToken(NO_TOKEN)

        def found(record: Record) -> Credential:
            credential = Credential(record, cell, self._micros)
            credential.check()
            return credential

        return self._accounts.find(stored.account).addCallback(found)

    def _micros(self) -> int:
        return int(self._now() * 1_000_000)
