"""Killing: an administrator ends all sessions of a person (IRC's KILL), who may come back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import gatherResults, succeed

from ..model.audit import Record, recorded
from ..model.errors import Kicked, NotAllowed
from ..model.policy import Action
from ..model.units import Unit
from .account_sessions import AccountSessions, Listed
from .accounts import Record as LiveAccount
from .arguments import reason
from .core import Core
from .elsewhere import Elsewhere
from .http_sessions import Sessions
from .journal import Outcome
from .person import Person
from .rulings import new_stamp


class Killing:
    """Ends the sessions of persons."""

    def __init__(
        self,
        core: Core,
        sessions: Sessions,
        signed_in: AccountSessions,
        now: Callable[[], int],
    ) -> None:
        """`now` tells microseconds since the Unix epoch."""
        self._journal = core.journal
        self._people = core.people
        self._readers = core.readers
        self._accounts = core.accounts
        self._sessions = sessions
        self._signed_in = signed_in
        self._now = now

    def kill(self, by: Person, name: str, text: str) -> Outcome:
        """End all sessions of the person who holds a name: `by` is an administrator, and `text` the
        reason.  All readers of the person end at once; an account is signed out everywhere.

        Raises `NotAllowed`, `NoSuchPerson`; fails with `Unavailable`.
        """
        self._readers.policy.may(by, Action.BAN_FROM_SERVER)
        holder = self._people.person(name)
        if isinstance(holder, Elsewhere) and holder.account is None:
            raise NotAllowed(
                f"{holder.name} is a guest on another node; ban the guest from the server"
            )
        why = reason(text)
        record = Record("kill", by.name, by.account is not None, "", holder.name, why)
        stamp = new_stamp(self._now())

        def judged() -> Unit:
            self._readers.policy.may(by, Action.BAN_FROM_SERVER)
            return Unit((), (recorded(stamp, record),))

        told = Kicked(f"killed by {by.name}: {why}" if why else f"killed by {by.name}")
        return self._journal.submit(judged).addCallback(lambda _: self._end(holder, told))

    def _end(self, holder: Person | Elsewhere, error: Kicked) -> Outcome:
        if isinstance(holder, Person):
            self._readers.revoke(error, person=holder)
            if holder.account is None:
                return self._sessions.end_guest(holder)
        if holder.account is None:
            return succeed(None)
        return self._accounts.find(holder.account).addCallback(self._sign_out)

    def _sign_out(self, record: LiveAccount) -> Outcome:
        def listed(sessions: Mapping[str, Listed]) -> Outcome:
            ends = [
                self._signed_in.end_session(record.key, id_, session.hash)
                for id_, session in sessions.items()
            ]
            return gatherResults(ends, consumeErrors=True).addCallback(lambda _: None)

        return self._signed_in.listed(record).addCallback(listed)
