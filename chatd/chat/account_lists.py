"""Lists of an account that have a bound: its sessions, personal tokens, and ignored names.

Such a list is not in memory, so it is read before a command is judged by it.  The unit that makes
it longer expects the account's cell as it was before the list was read, and writes that cell anew.
So of two such units that were judged at the same time the store refuses one as stale, and its list
is read again.  On one node they come one after another, so only those of several nodes contend.

If the store does not answer one unit, the units that wait behind it fail, too: each of them would
wait for the store just as long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from twisted.internet.defer import CancelledError, Deferred, DeferredLock

from ..model.account import encode
from ..model.errors import InDoubt, NoSession, Unavailable
from ..model.units import ACCOUNTS, Change, Unit
from .accounts import Record
from .journal import CROWDED, TRIES, Journal

L = TypeVar("L")

NOT_TRIED = "the server cannot store that now; try again in a moment"
"""The message to a request that has waited behind one that the store did not answer."""


class _Outdated(Unavailable):
    """The account's cell has changed since the list was read."""


class AccountLists:
    """Makes lists longer: those of one account one after another, so that only nodes contend."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._turns: WeakValueDictionary[str, DeferredLock] = WeakValueDictionary()
        """By account, as long as one of its lists is being made longer."""

    def lengthen(
        self,
        record: Record,
        read: Callable[[], Deferred[L]],
        judge: Callable[[L], Sequence[Change]],
    ) -> Deferred[Any]:
        """Store the changes that make a list of an account longer; fires when they are shown.

        `read` reads the list, and `judge` answers the changes, or raises the error that refuses
        them; both are called again if another node stored such a unit first.  Fails with that
        error, with `NoSession` if the account was deleted, and with `Unavailable`.
        """
        return Deferred.fromCoroutine(self._lengthen(record, read, judge))

    async def _lengthen(
        self,
        record: Record,
        read: Callable[[], Deferred[L]],
        judge: Callable[[L], Sequence[Change]],
    ) -> Any:
        turn = self._turns.setdefault(record.key, DeferredLock())
        try:
            await turn.acquire()
        except CancelledError:
            raise Unavailable(NOT_TRIED) from None
        try:
            return await self._in_turn(record, read, judge)
        except (Unavailable, InDoubt):
            for waiting in tuple(turn.waiting):
                waiting.cancel()
            raise
        finally:
            turn.release()

    async def _in_turn(
        self,
        record: Record,
        read: Callable[[], Deferred[L]],
        judge: Callable[[L], Sequence[Change]],
    ) -> Any:
        for _ in range(TRIES):
            self._journal.check()
            version, account = record.version, record.value
            changes = judge(await read())
            if account is None or account.deleted:
                raise NoSession("the account is gone; sign in to another")
            changes = (*changes, Change(ACCOUNTS, record.key, encode(account)))

            def judged(version: int = version, changes: Sequence[Change] = changes) -> Unit:
                if record.version != version:
                    raise _Outdated("")
                return Unit((), changes, (record.expect,))

            try:
                return await self._journal.submit(judged)
            except _Outdated:
                continue
        raise Unavailable(CROWDED)
