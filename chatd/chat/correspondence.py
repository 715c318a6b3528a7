"""Sending private messages that are kept: those between two accounts.

1. A message is one event in the log of the conversation, and a cell in each account's table of
   partners.  Its judgement expects both accounts, and whether the recipient is here.
2. If the recipient ignores the sender, the message is acknowledged and kept for the sender alone.
3. A message that reaches a session of the recipient moves the recipient's cell in `REACHED`: later
   ones are those that came while the account was away.
4. What an account has said stays when the account is deleted, as long as the other one is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, fail, gatherResults, succeed

from ..model.errors import BadName, NoSuchPerson
from ..model.letters import conversation
from ..model.names import name_key
from ..model.units import (
    IGNORES,
    NAMES,
    PARTNERS,
    REACHED,
    UNSAID,
    Change,
    Expect,
    Unit,
    account_table,
)
from . import judge_letters
from .accounts import Record
from .core import Core
from .elsewhere import Elsewhere
from .journal import Outcome
from .livecells import first_error
from .person import Person

NOBODY = "nobody of that name is here or has an account; /who lists those who are here"

Judge = Callable[[Any], Unit]
"""Judges a private message to a person who is here, or to an account that is away."""


class Absent(NamedTuple):
    """An account that is away, as the recipient of a private message."""

    name: str
    key: str
    kept: str = ""
    """See `Person.kept`."""

    @property
    def expect(self) -> Expect:
        """The expectation that the account is still away."""
        return Expect(NAMES, self.key, 0)


class Correspondence:
    """Carries out private messages between accounts."""

    def __init__(self, core: Core) -> None:
        self._store = core.store
        self._journal = core.journal
        self._accounts = core.accounts
        self._people = core.people

    def keeps(self, sender: Person, to: Person | Elsewhere | None) -> bool:
        """Whether the store keeps a message of `sender` to `to`; None: no present person has the
        recipient's name.
        """
        return sender.account is not None and (to is None or to.account is not None)

    def send(self, sender: Person, to: str, judge: Judge) -> Outcome:
        """Send a private message from an account; fires with its id when it was shown.

        `judge` makes the unit of a message that is not kept.  Fails with `NoSuchPerson` and what
        `judge` raises.
        """
        try:
            key = name_key(to)
        except BadName:
            return fail(NoSuchPerson(NOBODY))

        def found(record: Record) -> Outcome:
            return self._ignored(key, sender).addCallback(submit, record)

        def submit(ignored: bool, record: Record) -> Outcome:
            return self._journal.submit(lambda: self._judge(sender, record, ignored, judge))

        return self._accounts.find(key).addCallback(found)

    def _judge(self, sender: Person, record: Record, ignored: bool, judge: Judge) -> Unit:
        here = self._people.held.get(record.key)
        if here is not None and here.account is None:
            return judge(here)  # a guest has taken the name since
        account = record.value
        if account is None or account.deleted:
            raise NoSuchPerson(NOBODY)
        if isinstance(here, Person):
            ignored = sender.key in here.ignored
        unit = judge(here or Absent(account.name, record.key))
        return judge_letters.keep(unit, sender, record.expect, ignored=ignored, here=bool(here))

    def _ignored(self, key: str, sender: Person) -> Deferred[bool]:
        """Whether an account ignores the sender.  Of one that is here that is known without asking
        the store.
        """
        here = self._people.own(key)
        if here is not None:
            return succeed(sender.key in here.ignored)
        cells = self._store.get(account_table(IGNORES, key), [sender.key])
        return cells.addCallback(lambda cells: sender.key in cells)

    def told(self, account: str) -> Outcome:
        """Store that an account was notified of the messages that came while it was away."""
        return self._journal.submit(lambda: Unit((), (Change(REACHED, account, b""),)))

    def forget(self, account: str) -> Deferred[Any]:
        """Forget a deleted account: erase its conversations with accounts that are deleted, too.

        Fails with `Unavailable`; then some conversations, which no account can read, may be left.
        """
        table = account_table(PARTNERS, account)

        def known(partners: Mapping[str, Any]) -> Deferred[Any]:
            finding: Deferred[Any] = gatherResults(map(self._accounts.find, partners))
            return finding.addCallback(erase)

        def erase(partners: list[Record]) -> Deferred[Any]:
            gone = [one.key for one in partners if one.value is None or one.value.deleted]
            erasing = [self._store.erase(conversation(account, key)) for key in gone]
            erased: Deferred[Any] = gatherResults(erasing, consumeErrors=True)
            erased.addErrback(first_error)
            return erased.addCallback(lambda _: forget(partners))

        def forget(partners: list[Record]) -> Outcome:
            tables = (table, account_table(UNSAID, account))
            changes = [Change(name, one.key, None) for one in partners for name in tables]
            return self._journal.submit(
                lambda: Unit((), (*changes, Change(REACHED, account, None)))
            )

        return self._store.table(table).addCallback(known)
