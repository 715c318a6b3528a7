"""The sessions in memory, found by token, by the cell that they rest on, or by account."""

from __future__ import annotations

from ..model.account import hash_of
from ..model.errors import BadToken
from .credentials import UNKNOWN_TOKEN, Credential
from .person import Person
from .sessions import LastingSession, Session


class SessionRegistry:
    """All sessions of this node: those over HTTP, and those of connections that are signed in."""

    def __init__(self) -> None:
        self._by_token: dict[str, LastingSession] = {}
        self._by_hash: dict[str, LastingSession] = {}
        """The sessions over HTTP, by the hashes of their tokens."""
        self._connected: dict[str, Session] = {}
        """The sessions of connections, by the hashes of their tokens, which no client knows."""
        self._of: dict[str, set[Session]] = {}
        """The sessions of each account, by the account's key."""

    def add(self, session: LastingSession) -> None:
        """Add a session over HTTP."""
        if session.token:
            self._by_token[session.token] = session
        self._by_hash[session.hash] = session

    def change_token(self, session: LastingSession, token: str) -> None:
        """Give a session over HTTP another token; the former one becomes invalid."""
        self._by_token.pop(session.token, None)
        self._by_hash.pop(session.hash, None)
        session.token, session.hash = token, hash_of(token)
        self.add(session)

    def sign_in(self, session: Session, credential: Credential) -> None:
        """Note which account a session is signed in to, and by which credential."""
        session.record, session.credential = credential.record, credential
        stored = credential.session or credential.token
        assert stored is not None
        session.id, session.label = stored.id, stored.label
        if not isinstance(session, LastingSession):
            self._connected[credential.cell.key] = session
        self._of.setdefault(credential.record.key, set()).add(session)

    def discard(self, session: Session) -> None:
        """Remove a session that is over."""
        if isinstance(session, LastingSession):
            self._by_token.pop(session.token, None)
            self._by_hash.pop(session.hash, None)
        if session.record is None:
            return
        if session.credential is not None:
            self._connected.pop(session.credential.cell.key, None)
        own = self._of.get(session.record.key, set())
        own.discard(session)
        if not own:
            self._of.pop(session.record.key, None)

    def find(self, token: str) -> LastingSession:
        """The session over HTTP with that token.  Raises `BadToken`."""
        session = self._by_token.get(token)
        if session is None:
            session = self._by_hash.get(hash_of(token))
            if session is None:
                raise BadToken(UNKNOWN_TOKEN)
            session.token = token  # a session that outlived a restart: only the hash was stored
            self._by_token[token] = session
        return session

    def knows(self, token: str) -> bool:
        """Whether the session with that token is in memory, and its person has not left."""
        session = self._by_token.get(token)
        return session is not None and not session.person.ended

    def of(self, account: str) -> set[Session]:
        """The sessions of the account with that key."""
        return self._of.get(account, set())

    def signed_in(self) -> list[Session]:
        """The sessions of all accounts."""
        return [session for sessions in self._of.values() for session in sessions]

    def of_guest(self, person: Person) -> LastingSession | None:
        """The session over HTTP of a guest, who has one at most."""
        return next((one for one in self._by_hash.values() if one.person is person), None)

    def with_hash(self, hash_: str) -> Session | None:
        """The session, of either kind, whose token has that hash."""
        return self._by_hash.get(hash_) or self._connected.get(hash_)
