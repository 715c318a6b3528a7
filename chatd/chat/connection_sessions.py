"""The sessions of connections (telnet, WebSocket, IRC) that are signed in to an account.

The store keeps such a session under a token that is sent to no client, and the session ends with
its connection.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from ..model.addresses import Address
from ..model.errors import BadToken
from .arrivals import Arrivals
from .card import PLAIN, Card
from .credentials import Credential, Credentials
from .departures import Departures
from .journal import Outcome
from .person import Person
from .session_registry import SessionRegistry
from .sessions import Session


class ConnectionSessions:
    """Begins and ends the sessions of connections."""

    def __init__(
        self,
        registry: SessionRegistry,
        credentials: Credentials,
        arrivals: Arrivals,
        departures: Departures,
    ) -> None:
        self._registry = registry
        self._credentials = credentials
        self._arrivals = arrivals
        self._departures = departures

    def connect(self, token: str, address: Address, card: Card = PLAIN) -> Deferred[Session]:
        """Begin the session of a connection at that address; it was stored with `token`, and `card`
        is the person's if it is the first session.

        Fails with `BadToken`, and as `Arrivals.arrive` does.
        """

        def found(credential: Credential) -> Deferred[Session]:
            arriving = self._arrivals.arrive(credential.record, address, card)
            return arriving.addCallback(arrived, credential)

        def arrived(person: Person, credential: Credential) -> Session:
            session = Session(person, address)
            try:
                credential.check()
            except BadToken:
                self.disconnect(session)
                raise
            self._registry.sign_in(session, credential)
            return session

        return self._credentials.find(token).addCallback(found)

    def attach(self, session: Session, token: str) -> Deferred[Session]:
        """Sign in the session of a guest on a connection, who has become an account's person.

        Fails with `BadToken`, `Unavailable`.
        """

        def found(credential: Credential) -> Session:
            credential.check()
            self._registry.sign_in(session, credential)
            return session

        return self._credentials.find(token).addCallback(found)

    def disconnect(self, session: Session, text: str = "") -> Outcome:
        """End a session whose connection closes or signs out; `text` is the parting word."""
        session.over = True
        self._registry.discard(session)
        return self._departures.end(session.person, text)
