"""Deleting accounts: what goes, and what stays.

1. The unit of the deletion ends all sessions and tokens, and the right to administer; the name
   stays reserved, and what the account said in rooms stays.
2. After it, in units of their own, go: its roles and memberships in all rooms, the rooms that it
   had joined, its sessions with their push subscriptions, tokens, markers, ignored names, known
   addresses, and the conversations whose other account is gone too (`Correspondence.forget`).
3. The table `REMOVED` has the account until all of that is done.  If anything fails meanwhile, the
   rest is tried again every `AGAIN_SECONDS`; what a start finds in the table is gone on with.
4. A room whose only owner is deleted has no owner; its ops stay, and an administrator of the server
   gives it another owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Any

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.account import Account, encode
from ..model.errors import ChatError
from ..model.units import (
    ACCOUNTS,
    ADMITTED,
    FAMILIAR,
    IGNORES,
    MARKERS,
    PUSHES,
    REMOVED,
    ROLES,
    SESSIONS,
    TOKENS,
    USED,
    VIEWS,
    Cell,
    Change,
    Unit,
    account_table,
    room_table,
)
from . import judge_members
from .accounts import Record
from .administrators import Administrators
from .core import Core
from .correspondence import Correspondence
from .journal import Outcome
from .judge import no_longer_joins

AT_ONCE = 50
"""Cells that are changed together."""
ROOMS_AT_ONCE = 500
"""Rooms that are looked at together."""
AGAIN_SECONDS = 60.0
"""Seconds after which a removal that has failed goes on."""


class AccountRemoval:
    """Deletes accounts."""

    _log = Logger()

    def __init__(
        self, core: Core, correspondence: Correspondence, administrators: Administrators
    ) -> None:
        self._clock = core.clock
        self._store = core.store
        self._journal = core.journal
        self._rooms = core.rooms
        self._accounts = core.accounts
        self._correspondence = correspondence
        self._administrators = administrators
        self._later: dict[str, IDelayedCall] = {}
        """By the accounts' keys, when removals that have failed go on."""
        self._stopped = False

    def deletion(self, record: Record, account: Account, by: str, now: int) -> Unit:
        """The unit that deletes an account; `by` is the name of who does it, and `now` is in
        microseconds since the Unix epoch.

        Raises `LastAdmin`.
        """
        gone = Account(account.name, created=account.created, deleted=now, epoch=account.epoch + 1)
        key = record.key
        changes = (Change(ACCOUNTS, key, encode(gone)), Change(REMOVED, key, by.encode()))
        unit = Unit((), changes, (record.expect,))
        if not account.admin:
            return unit
        dismissal = self._administrators.dismissal(key, account.name)
        return replace(
            unit,
            changes=(*changes, *dismissal.changes),
            expects=(*unit.expects, *dismissal.expects),
        )

    def forget(self, key: str) -> Deferred[Any]:
        """An account was deleted: remove the rest of it.  Fires when that is done, or is put off
        because it has failed.
        """
        later = self._later.pop(key, None)
        if later is not None and later.active():
            later.cancel()

        def failed(failure: Failure) -> None:
            if not failure.check(ChatError):
                self._log.failure("the rest of a deleted account could not be removed", failure)
            if self._stopped or self._journal.draining:
                return
            self._log.warn(
                "what is left of a deleted account is removed later: {problem}",
                problem=failure.value,
            )
            self._later[key] = self._clock.callLater(AGAIN_SECONDS, self.forget, key)

        return Deferred.fromCoroutine(self._forget(key)).addErrback(failed)

    def stop(self) -> None:
        """Begin no more removals: the store is about to be closed."""
        self._stopped = True
        while self._later:
            self._later.popitem()[1].cancel()

    def opened(self, removed: Mapping[str, Cell]) -> None:
        """Go on with the accounts that the store has in `REMOVED` on opening."""
        for key in removed:
            self.forget(key)

    async def _forget(self, key: str) -> None:
        cells: Mapping[str, Cell] = await self._store.get(REMOVED, [key])
        if key not in cells:
            return
        joined = await self._accounts.joined(key)
        for names in _batches(dict.fromkeys([*joined, *self._rooms.index]), ROOMS_AT_ONCE):
            for name in await self._granted_in(key, names):
                await self._leave(key, name, cells[key].value.decode())
        for names in _batches(joined):
            await self._change(change for name in names for change in no_longer_joins(key, name))
        await self._correspondence.forget(key)
        for table in (SESSIONS, TOKENS):
            await self._forget_credentials(key, table)
        ignored = account_table(IGNORES, key)
        await self._change(Change(ignored, name, None) for name in await self._store.table(ignored))
        for kind in (MARKERS, FAMILIAR, VIEWS):
            await self._unnote(account_table(kind, key))
        await self._change([Change(REMOVED, key, None)])

    async def _granted_in(self, key: str, names: list[str]) -> list[str]:
        """Of these rooms, those in which the account has a role or is a member."""
        found, tables = [], {}
        for name in names:
            room = self._rooms.loaded(name)
            if room is None:
                tables.update({room_table(kind, name): name for kind in (ROLES, ADMITTED)})
            elif key in room.rights.roles or key in room.rights.admitted:
                found.append(name)
        having = await self._store.having(tables, key) if tables else ()
        return [*found, *dict.fromkeys(tables[table] for table in having)]

    async def _leave(self, key: str, name: str, by: str) -> None:
        room = await self._rooms.load(name)
        await self._journal.submit(partial(judge_members.forget, room, key, by), room)

    async def _forget_credentials(self, key: str, kind: str) -> None:
        """Remove the sessions or the tokens of an account; none is good any more."""
        table = account_table(kind, key)
        ids: Mapping[str, Cell] = await self._store.table(table)
        await self._change(
            change
            for id_, cell in ids.items()
            for change in (
                Change(kind, cell.value.decode(), None),
                *((Change(PUSHES, cell.value.decode(), None),) if kind == SESSIONS else ()),
                Change(table, id_, None),
            )
        )
        for cell in ids.values():
            await self._store.note(USED, cell.value.decode(), None)

    async def _unnote(self, table: str) -> None:
        for cell in await self._store.table(table):
            await self._store.note(table, cell, None)

    def _change(self, changes: Iterable[Change]) -> Outcome:
        unit = Unit((), tuple(changes))
        return self._journal.submit(lambda: unit)


def _batches(names: Iterable[str], most: int = AT_ONCE) -> Iterable[list[str]]:
    rest = iter(names)
    while batch := list(islice(rest, most)):
        yield batch
