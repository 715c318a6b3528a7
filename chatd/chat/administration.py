"""What administrators do with accounts: make, list, change and remove them, and end their sessions.

1. The console and the administrators' resources over HTTP call the same methods.  Each asks the
   policy, and leaves a record in the audit trail.
2. The console is a person too (`console`): no name can be its own, and it is present nowhere.
3. Accounts are listed in pages, which are read beside what is stored meanwhile
   (`chatd.store.Store.cells`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from ..model.account import Account, decode_account, encode
from ..model.audit import Record, recorded
from ..model.errors import BadName, NotFound
from ..model.lookalikes import speaks_for_server
from ..model.names import clean_name, name_key
from ..model.password import clean_password
from ..model.policy import Action
from ..model.units import ACCOUNTS, ADMINS, NAMES, Change, Expect, Unit
from . import judge
from .account_removal import AccountRemoval
from .account_sessions import AccountSessions, Listed
from .accounts import Claim
from .accounts import Record as AccountRecord
from .administrators import Administrators
from .core import Core
from .journal import Outcome
from .limits import TokenBucket
from .passwords import Passwords
from .person import Person
from .room import LOBBY
from .rulings import new_stamp

CONSOLE = "(console)"
"""The name of the console in the audit trail; no person can have such a name."""


def console(bucket: TokenBucket) -> Person:
    """The person who acts on the console."""
    person = Person("console", CONSOLE, CONSOLE, bucket, named=True, visiting=True)
    person.admin = True
    return person


class Entry(NamedTuple):
    """An account in the list of all."""

    account: Account
    here: bool
    """Whether it is present."""


class Administration:
    """Carries out what administrators ask of accounts."""

    def __init__(
        self,
        core: Core,
        now: Callable[[], int],
        passwords: Passwords,
        signed_in: AccountSessions,
        removal: AccountRemoval,
        administrators: Administrators,
    ) -> None:
        """`now` tells microseconds since the Unix epoch."""
        self._now = now
        self._store = core.store
        self._journal = core.journal
        self._accounts = core.accounts
        self._people = core.people
        self._readers = core.readers
        self._passwords = passwords
        self._signed_in = signed_in
        self._removal = removal
        self._administrators = administrators

    def list_some(self, by: Person, after: str, limit: int) -> Deferred[tuple[list[Entry], bool]]:
        """The first `limit` accounts behind the name `after` (empty: of all) in the order of their
        names, without those that were deleted; and whether there are more.

        Raises as the policy does; fails with `Unavailable`.
        """
        self._check(by)
        try:
            place = name_key(after) if after else None
        except BadName:
            place = after.casefold()  # no account has that name: go on from where it would be
        return Deferred.fromCoroutine(self._list_some(place, limit))

    async def _list_some(self, place: str | None, limit: int) -> tuple[list[Entry], bool]:
        found: list[Entry] = []
        while len(found) <= limit:
            cells = await self._store.cells(ACCOUNTS, place, limit + 1)
            accounts = ((key, decode_account(cell.value)) for key, cell in cells)
            found += [
                Entry(account, self._is_here(key))
                for key, account in accounts
                if not account.deleted
            ]
            if len(cells) <= limit:
                break
            place = cells[-1][0]
        return found[:limit], len(found) > limit

    def add(
        self, by: Person, name: str, password: str, *, admin: bool = False
    ) -> Deferred[Account]:
        """Make an account, even where registration is closed.  The console may also give it a name
        that is reserved for the server.

        Raises or fails with `BadName`, `NameInUse`, `NameRegistered`, `BadPassword`, `Unavailable`,
        and as the policy does.
        """
        self._check(by)
        shown = clean_name(name)
        clean = clean_password(password, shown)

        def claimed(claim: Claim) -> Deferred[Account]:
            self._check_free(by, claim)
            return self._passwords.hash(clean).addCallback(hashed, claim)

        def hashed(hashed: str, claim: Claim) -> Deferred[Account]:
            account = Account(claim.name, hashed, admin=admin, created=self._now())
            key = claim.record.key
            changes = [
                Change(ACCOUNTS, key, encode(account)),
                *([Change(ADMINS, key, b"")] if admin else []),
                *claim.skeletons,
                *judge.joins(key, claim.name, LOBBY),
            ]

            def judged() -> Unit:
                self._check_free(by, claim)
                return Unit((), changes, (*claim.expects, Expect(NAMES, key, 0)))

            what = "account-add-admin" if admin else "account-add"
            return self._rule(by, what, claim.name, judged).addCallback(lambda _: account)

        return self._accounts.claim(shown).addCallback(claimed)

    def set_password(self, by: Person, name: str, password: str) -> Deferred[Account]:
        """Give an account another password; all its sessions end.

        Raises or fails with `BadPassword`, `NotFound`, `Unavailable`, and as the policy does.
        """
        self._check(by)
        clean = clean_password(password, name)

        def found(record: AccountRecord) -> Deferred[Account]:
            return self._passwords.hash(clean).addCallback(hashed, record)

        def hashed(hashed: str, record: AccountRecord) -> Deferred[Account]:
            return self._change(
                by,
                record,
                "account-password",
                lambda account: replace(account, password=hashed, epoch=account.epoch + 1),
            )

        return self._find(name).addCallback(found)

    def set_admin(self, by: Person, name: str, *, admin: bool) -> Deferred[Account]:
        """Make an account an administrator's, or take that from it.

        Fails with `NotFound`, `LastAdmin`, `Unavailable`; raises as the policy does.
        """
        self._check(by)
        what = "account-admin" if admin else "account-no-admin"

        def further(record: AccountRecord) -> Unit:
            account = _account(record)
            if admin:
                return Unit((), (Change(ADMINS, record.key, b""),))
            if not account.admin:
                return Unit()
            return self._administrators.dismissal(record.key, account.name)

        return self._find(name).addCallback(
            lambda record: self._change(
                by, record, what, lambda account: replace(account, admin=admin), further
            )
        )

    def remove(self, by: Person, name: str) -> Deferred[Account]:
        """Delete an account: its sessions end, its name stays reserved, its messages stay.

        Fails with `NotFound`, `LastAdmin`, `Unavailable`; raises as the policy does.
        """
        self._check(by)

        def found(record: AccountRecord) -> Deferred[Account]:
            account = _account(record)

            def judged() -> Unit:
                who = account.name if by.name == CONSOLE else by.name
                return self._removal.deletion(record, _account(record), who, self._now())

            removing = self._rule(by, "account-remove", account.name, judged)
            removing.addCallback(lambda _: self._removal.forget(record.key))
            return removing.addCallback(lambda _: account)

        return self._find(name).addCallback(found)

    def sessions(self, by: Person, name: str) -> Deferred[dict[str, Listed]]:
        """The sessions of an account, by their ids.  Fails with `NotFound`, `Unavailable`; raises
        as the policy does.
        """
        self._check(by)
        return self._find(name).addCallback(self._signed_in.listed)

    def end_sessions(self, by: Person, name: str, id_: str | None = None) -> Deferred[int]:
        """End one session of an account, or all of them; fires with their number.  Their readers
        end at once.

        Fails with `NotFound`, `Unavailable`; raises as the policy does.
        """
        self._check(by)

        def found(record: AccountRecord) -> Deferred[int]:
            return self._signed_in.listed(record).addCallback(end, record)

        def end(listed: Mapping[str, Listed], record: AccountRecord) -> Deferred[int]:
            meant = {each: it for each, it in listed.items() if id_ in (None, each)}
            if id_ is not None and not meant:
                raise NotFound(f"{_account(record).name} has no session of that id")
            unit = Unit((), self._signed_in.ending(record.key, meant))
            told = _account(record).name + (f" {id_}" if id_ else "")
            ended = self._rule(by, "session-end", told, lambda: unit)
            return ended.addCallback(done, meant)

        def done(_: object, meant: Mapping[str, Listed]) -> int:
            self._signed_in.forget_use(it.hash for it in meant.values())
            return len(meant)

        return self._find(name).addCallback(found)

    # -- inside ----------------------------------------------------------------------------------

    def _check(self, by: Person) -> None:
        self._readers.policy.may(by, Action.ADMINISTER)

    def _check_free(self, by: Person, claim: Claim) -> None:
        """Raises `BadName`, `NameInUse`, `NameRegistered` if the name cannot be given."""
        claim.check()
        if by.name == CONSOLE and speaks_for_server(claim.name):
            self._people.check_free(claim.record.key, claim.name)
        else:
            self._people.free_name(claim.name)

    def _is_here(self, key: str) -> bool:
        holder = self._people.held.get(key)
        return holder is not None and holder.account is not None

    def _find(self, name: str) -> Deferred[AccountRecord]:
        """The account of that name, which is there."""

        def found(record: AccountRecord) -> AccountRecord:
            _account(record)
            return record

        try:
            key = name_key(name)
        except BadName:
            key = ""  # no account has it
        return self._accounts.find(key).addCallback(found)

    def _change(
        self,
        by: Person,
        record: AccountRecord,
        what: str,
        changed: Callable[[Account], Account],
        further: Callable[[AccountRecord], Unit] = lambda record: Unit(),
    ) -> Deferred[Account]:
        """Change an account; `further` judges what else changes with it."""
        name = _account(record).name

        def judged() -> Unit:
            account, more = changed(_account(record)), further(record)
            changes = (Change(ACCOUNTS, record.key, encode(account)), *more.changes)
            return Unit((), changes, (record.expect, *more.expects))

        return self._rule(by, what, name, judged).addCallback(
            lambda _: record.value or Account(name)
        )

    def _rule(self, by: Person, what: str, target: str, judged: Callable[[], Unit]) -> Outcome:
        """Store a unit, together with a record of the person who caused it."""
        stamp = new_stamp(self._now())

        def judgement() -> Unit:
            self._check(by)
            unit = judged()
            record = Record(what, by.name, by.account is not None, target=target)
            return replace(
                unit,
                changes=(*unit.changes, recorded(stamp, record, admin=True)),
                expects=(by.expect, *unit.expects),
            )

        return self._journal.submit(judgement)


def _account(record: AccountRecord) -> Account:
    """The account of a record.  Raises `NotFound` if there is none."""
    account = record.value
    if account is None or account.deleted:
        raise NotFound("nobody has an account of that name")
    return account
