"""Killing: an administrator ends all sessions of a person (IRC's KILL), who may come back.

The unit that records it holds an event that no store keeps; each node ends what it has of the
person when that is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import gatherResults, succeed

from ..model.audit import Record, recorded
from ..model.errors import Kicked
from ..model.events import Killed
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
        why = reason(text)
        record = Record("kill", by.name, by.account is not None, "", holder.name, why)
        stamp = new_stamp(self._now())

        told = f"killed by {by.name}: {why}" if why else f"killed by {by.name}"
        killed = Killed(holder.id, holder.name, told)

        def judged() -> Unit:
            self._readers.policy.may(by, Action.BAN_FROM_SERVER)
            return Unit((killed,), (recorded(stamp, record, admin=True),))

        return self._journal.submit(judged).addCallback(lambda _: self._sign_out(holder))

    def shown(self, killed: Killed) -> None:
        """End what a person has on this node."""
        holder = self._people.by_id(killed.id)
        if holder is None or holder.ended:
            return
        self._readers.revoke(Kicked(killed.text), person=holder)
        if holder.account is None:
            self._sessions.end_guest(holder)

    def _sign_out(self, holder: Person | Elsewhere) -> Outcome:
        """Sign an account out everywhere; a guest has one session, which has ended."""
        if holder.account is None:
            return succeed(None)
        return self._accounts.find(holder.account).addCallback(self._end_all)

    def _end_all(self, record: LiveAccount) -> Outcome:
        def listed(sessions: Mapping[str, Listed]) -> Outcome:
            ends = [
                self._signed_in.end_session(record.key, id_, session.hash)
                for id_, session in sessions.items()
            ]
            return gatherResults(ends, consumeErrors=True).addCallback(lambda _: None)

        return self._signed_in.listed(record).addCallback(listed)
