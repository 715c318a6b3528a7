"""The stored sessions of accounts: beginning, listing and ending them.

1. A token is sent once, to the client that asked for it; only its hash is stored.
2. A session is stored only if the account's password has not changed since the client proved it.
3. A session ends by a change of its cell, or of the account's epoch
   (`chatd.chat.session_revocation`).  The session of a connection (`AccountSession.brief`) also
   ends when its node has no session of the account's person any more (`chatd.chat.attached`).
4. An account has at most `MOST_SESSIONS` sessions: the longest unused ends when one more begins,
   also if several begin at the same time (`chatd.chat.account_lists`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from ..model.account import (
    MOST_SESSIONS,
    AccountSession,
    decode_session,
    encode,
    hash_of,
    is_over,
    is_valid,
)
from ..model.addresses import Address
from ..model.errors import ChatError, NotAllowed, NotFound
from ..model.units import SESSIONS, USED, Cell, Change, Unit, account_table
from ..store import Store
from .account_lists import AccountLists
from .accounts import Proof, Record
from .attached import Attached
from .card import PLAIN, Card
from .connection_sessions import ConnectionSessions
from .deputy import Deputy
from .http_sessions import Sessions
from .journal import Journal
from .sessions import LastingSession, Session

CONNECTING_MICROS = 60_000_000
"""Microseconds.  A younger session of a connection counts before its node has the person."""


class AccountSessions:
    """Begins, lists and ends the stored sessions of accounts."""

    def __init__(
        self,
        now: Callable[[], float],
        store: Store,
        journal: Journal,
        lists: AccountLists,
        sessions: Sessions,
        connections: ConnectionSessions,
        attached: Attached,
        start: str,
    ) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch; `start` is this node's
        (`People.start`).
        """
        self._now = now
        self._store = store
        self._journal = journal
        self._lists = lists
        self._sessions = sessions
        self._connections = connections
        self._attached = attached
        self._start = start

    def begin(self, proof: Proof, address: Address, label: str) -> Deferred[LastingSession]:
        """Begin a session over HTTP.  Raises as `Sessions.check` does; fails with `BadCredentials`
        if the password was changed meanwhile, and as `Sessions.adopt` does.
        """
        self._sessions.check(address)
        token = secrets.token_urlsafe(24)
        stored = self._store_session(proof, address, label, token)
        return stored.addCallback(lambda _: self._sessions.adopt(token, address))

    def become(
        self, proof: Proof, session: LastingSession, address: Address, label: str
    ) -> Deferred[LastingSession]:
        """Turn a guest's session over HTTP into one of the account that the guest has become; it
        gets another token.  Fails as `begin` does.
        """
        token = secrets.token_urlsafe(24)
        stored = self._store_session(proof, address, label, token)
        return stored.addCallback(lambda _: self._sessions.become(session, token))

    def connect(
        self, proof: Proof, address: Address, label: str, card: Card = PLAIN
    ) -> Deferred[Session]:
        """Begin the session of a connection, which lasts as long as it; `card` is the person's if
        it is the first session.  Fails as `begin` does.
        """
        token = secrets.token_urlsafe(24)
        stored = self._store_session(proof, address, label, token, brief=True)
        return stored.addCallback(lambda _: self._connections.connect(token, address, card))

    def attach(self, proof: Proof, session: Session, label: str) -> Deferred[Session]:
        """Turn the session of a guest on a connection into one of the account that the guest has
        become.  Fails as `begin` does.
        """
        token = secrets.token_urlsafe(24)
        stored = self._store_session(proof, session.address, label, token, brief=True)
        return stored.addCallback(lambda _: self._connections.attach(session, token))

    def disconnect(self, session: Session, text: str = "") -> Deferred[Any]:
        """End a session whose connection closes or signs out; `text` is the parting word."""
        left = self._connections.disconnect(session, text)
        if session.credential is None or session.record is None:
            return left
        key, hash_ = session.record.key, session.credential.cell.key
        ended = self._end(key, session.id, hash_)  # its last use was not stored
        ended.addErrback(lambda failure: failure.trap(ChatError))  # lists leave it out
        return left

    def deputy(self, proof: Proof, address: Address) -> Deputy:
        """A connection from `address` acts as an administrator's account.

        Raises `NotAllowed` if the account administers nothing, and `BadCredentials` if its password
        was changed meanwhile.
        """
        deputy = Deputy(proof, self._sessions.bucket(), address)
        if not deputy.admin:
            raise NotAllowed("that account does not administer the server")
        return deputy

    def _store_session(
        self, proof: Proof, address: Address, label: str, token: str, *, brief: bool = False
    ) -> Deferred[AccountSession]:
        key, hash_ = proof.record.key, hash_of(token)
        session = AccountSession(
            key,
            secrets.token_hex(8),
            self._micros,
            proof.epoch,
            label,
            address,
            brief,
            self._start if brief else "",
        )

        ended: list[tuple[str, str]] = []

        def judged(surplus: list[tuple[str, str]]) -> list[Change]:
            proof.account  # noqa: B018 - raises
            ended[:] = surplus
            return [
                Change(SESSIONS, hash_, encode(session)),
                Change(account_table(SESSIONS, key), session.id, hash_.encode()),
                *_ended(key, surplus),
            ]

        def stored(_: object) -> AccountSession:
            self.forget_use(hash_ for _, hash_ in ended)
            return session

        storing = self._lists.lengthen(proof.record, lambda: self._surplus(proof.record), judged)
        return storing.addCallback(stored)

    def _surplus(self, record: Record) -> Deferred[list[tuple[str, str]]]:
        """The ids and hashes of an account's sessions that have ended or are one too many."""

        def found(sessions: Mapping[str, Listed]) -> list[tuple[str, str]]:
            living = sorted(self._living(record, sessions), key=lambda id_: sessions[id_].last)
            kept = set(living[max(len(living) - MOST_SESSIONS + 1, 0) :])
            return [(id_, it.hash) for id_, it in sessions.items() if id_ not in kept]

        return self._all(record.key).addCallback(found)

    def listed(self, record: Record) -> Deferred[dict[str, Listed]]:
        """An account's sessions, by their ids.  Fails with `Unavailable`."""
        return self._all(record.key).addCallback(
            lambda sessions: {id_: sessions[id_] for id_ in self._living(record, sessions)}
        )

    def _living(self, record: Record, sessions: Mapping[str, Listed]) -> list[str]:
        now = self._micros
        here = {session.id for session in self._sessions.of(record.key)}
        return [
            id_
            for id_, it in sessions.items()
            if is_valid(it.session, record.value)
            and not is_over(it.session, it.used, now)
            and (id_ in here or self._has_connection(it.session, now))
        ]

    def _has_connection(self, session: AccountSession, now: int) -> bool:
        """Whether a session that this node does not have may have its connection, if it needs one.
        On this node it has none any more, unless the connection is just about to get the session.
        """
        if not session.brief:
            return True
        here = session.start == self._start
        if not here and not self._attached.shared:
            return False  # of this server before its restart
        if now - session.created < CONNECTING_MICROS:
            return True
        return not here and self._attached.has(session.account, session.start)

    def _all(self, key: str) -> Deferred[dict[str, Listed]]:
        ids: Deferred[Any] = self._store.table(account_table(SESSIONS, key))

        def looked_up(ids: Mapping[str, Cell]) -> Deferred[dict[str, Listed]]:
            hashes = {id_: cell.value.decode() for id_, cell in ids.items()}
            cells: Deferred[Any] = self._store.get(SESSIONS, hashes.values())

            def read(cells: Mapping[str, Cell]) -> Deferred[dict[str, Listed]]:
                used: Deferred[Any] = self._store.get(USED, hashes.values())
                return used.addCallback(
                    lambda used: {
                        id_: Listed(
                            hash_,
                            decode_session(cells[hash_].value),
                            int(used[hash_].value) if hash_ in used else 0,
                        )
                        for id_, hash_ in hashes.items()
                        if hash_ in cells
                    }
                )

            return cells.addCallback(read)

        return ids.addCallback(looked_up)

    def sign_out(self, session: LastingSession) -> Deferred[Any]:
        """End a session over HTTP; fires when that is shown.  Fails with `Unavailable`."""
        if session.record is None:
            return self._sessions.close(session)
        return self.end_session(session.record.key, session.id, session.hash)

    def end_session(self, key: str, id_: str, hash_: str = "") -> Deferred[Any]:
        """End the session with that id of the account with that key, and its readers; `hash_` is
        looked up if it is not given.

        Fails with `NotFound`, `Unavailable`.
        """
        table = account_table(SESSIONS, key)

        def end(hash_: str) -> Deferred[Any]:
            ended = self._end(key, id_, hash_)
            return ended.addCallback(lambda _: self.forget_use([hash_]))

        if hash_:
            return end(hash_)

        def found(cells: Mapping[str, Cell]) -> Deferred[Any]:
            if id_ not in cells:
                return fail(NotFound("there is no such session; GET /account/sessions lists them"))
            return end(cells[id_].value.decode())

        looked_up: Deferred[Any] = self._store.get(table, [id_])
        return looked_up.addCallback(found)

    def _end(self, key: str, id_: str, hash_: str) -> Deferred[Any]:
        changes = _ended(key, [(id_, hash_)])
        return self._journal.submit(lambda: Unit((), changes))

    def forget_use(self, hashes: Iterable[str]) -> None:
        """Remove the stored times of the last use of sessions that have ended."""
        for hash_ in hashes:
            self._store.note(USED, hash_, None).addErrback(_ignore)

    def ending(self, key: str, sessions: Mapping[str, Listed]) -> list[Change]:
        """The changes that end some of an account's sessions."""
        return _ended(key, [(id_, it.hash) for id_, it in sessions.items()])

    @property
    def _micros(self) -> int:
        return int(self._now() * 1_000_000)


class Listed(NamedTuple):
    """A stored session, as lists of sessions show it."""

    hash: str
    session: AccountSession
    used: int
    """The stored time of its last use, in microseconds since the Unix epoch; 0: never used."""

    @property
    def last(self) -> int:
        """When it was last used or began, in microseconds since the Unix epoch."""
        return max(self.session.created, self.used)


def _ignore(failure: Failure) -> None:
    """Drop the error: a time that could not be removed only takes space."""
    failure.trap(ChatError)


def _ended(key: str, sessions: Sequence[tuple[str, str]]) -> list[Change]:
    return [
        change
        for id_, hash_ in sessions
        for change in (
            Change(SESSIONS, hash_, None),
            Change(account_table(SESSIONS, key), id_, None),
        )
    ]
