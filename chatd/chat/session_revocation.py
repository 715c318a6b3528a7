"""Ends the sessions that are signed out, over HTTP and of connections.

A session rests on a credential (`chatd.chat.credentials`): it ends when the credential's cell is
deleted, or when its account is deleted or begins another epoch.  Signing out is a unit that does
one of these; the fold then ends the session and its readers.  So it does not matter which request,
or which node, signed the session out.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed

from ..model.errors import BadToken
from ..model.units import ACCOUNTS, Change
from .credentials import Credentials
from .livecells import together
from .readers import Readers
from .session_registry import SessionRegistry
from .sessions import LastingSession, Session


class SessionRevocation:
    """Follows the credentials of sessions, and ends the sessions whose credential is not good."""

    def __init__(
        self,
        registry: SessionRegistry,
        credentials: Credentials,
        readers: Readers,
        end: Callable[[LastingSession], object],
    ) -> None:
        """`end` ends a session over HTTP; a connection ends its own when its reader is revoked."""
        self._registry = registry
        self._credentials = credentials
        self._readers = readers
        self._end = end

    def shown(self, change: Change, version: int) -> None:
        """Fold one change of a stored unit."""
        self._credentials.shown(change, version)
        if change.table == ACCOUNTS:
            for session in list(self._registry.of(change.key)):
                self.check(session)
        elif change.value is None:
            changed = self._registry.with_hash(change.key)
            if changed is not None:
                self.check(changed)

    def anew(self) -> Deferred[Callable[[], object]]:
        """Read the credentials in memory again; fires with a function that folds them, and ends the
        sessions whose credential is not good.  Fails with `Unavailable`.
        """
        return together([self._credentials.anew(), succeed(self._check_all)])

    def _check_all(self) -> None:
        for session in self._registry.signed_in():
            self.check(session)

    def check(self, session: Session) -> None:
        """End a session and its readers if its credential is not good any more."""
        if session.credential is None:
            return
        try:
            session.credential.check()
        except BadToken as error:
            self._readers.revoke(error, session=session)
            if isinstance(session, LastingSession):
                self._end(session)
        else:
            account = session.credential.record.value
            if session.person.visiting and account is not None:
                session.person.admin = account.admin
