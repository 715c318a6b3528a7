"""Lists of an account that have a bound: its sessions, personal tokens, and ignored names.

Such a list is not in memory, so it is read before a command is judged by it.  The unit that makes
it longer expects the account's cell as it was before the list was read, and writes that cell anew.
So of two such units that were judged at the same time the store refuses one as stale, whichever
nodes they come from, and its list is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from ..model.account import encode
from ..model.errors import NoSession, Unavailable
from ..model.units import ACCOUNTS, Change, Unit
from .accounts import Record
from .journal import CROWDED, TRIES, Journal

L = TypeVar("L")


class _Outdated(Unavailable):
    """The account's cell has changed since the list was read."""


def lengthen(
    journal: Journal,
    record: Record,
    read: Callable[[], Deferred[L]],
    judge: Callable[[L], Sequence[Change]],
) -> Deferred[Any]:
    """Store the changes that make a list of an account longer; fires when they are shown.

    `read` reads the list, and `judge` answers the changes, or raises the error that refuses them;
    both are called again if another such unit was stored first.  Fails with that error, with
    `NoSession` if the account was deleted, and with `Unavailable`.
    """
    return Deferred.fromCoroutine(_lengthen(journal, record, read, judge))


async def _lengthen(
    journal: Journal,
    record: Record,
    read: Callable[[], Deferred[L]],
    judge: Callable[[L], Sequence[Change]],
) -> Any:
    for _ in range(TRIES):
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
            return await journal.submit(judged)
        except _Outdated:
            continue
    raise Unavailable(CROWDED)
