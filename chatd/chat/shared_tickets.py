"""Tickets where several nodes share a store: each is valid on every node, and once only.

1. The node that issues a ticket stores, under the ticket's hash, the session's token.  The token is
   encrypted by a key made of the ticket, so a program that reads the store can use neither.
2. A request with a ticket *fetches* it first: one unit deletes the cell, so of several nodes one
   gets the ticket.  From then on the ticket is valid on that node, until it is used or expires.
3. The table is a presence table: the cells of a node that dies are deleted with it.
4. A chat of one node stores no tickets.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from twisted.internet.defer import Deferred, succeed

from ..model.account import hash_of
from ..model.addresses import Address
from ..model.errors import BadToken, ChatError
from ..model.units import TICKETS, Cell, Change, Expect, Unit
from ..store import Store
from .admission import Admission
from .http_sessions import Sessions
from .journal import Journal
from .sessions import LastingSession
from .tickets import TICKET_SECONDS, Tickets, unknown

_TICKET = re.compile("[A-Za-z0-9_-]{32}")
"""The form of a ticket."""
_NONCE = bytes(12)
"""The nonce of the encryption; each key, being made of a ticket, encrypts one token only."""


class Stored(msgspec.Struct, frozen=True):
    """A ticket as it is stored."""

    until: int
    """The end of its validity, in microseconds since the Unix epoch."""
    token: bytes
    """The session's token, encrypted."""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Stored).decode


class SharedTickets:
    """Issues tickets, and finds the sessions of those that this node or another one has issued."""

    def __init__(
        self,
        now: Callable[[], float],
        micros: Callable[[], int],
        store: Store,
        journal: Journal,
        admission: Admission,
        sessions: Sessions,
        *,
        shared: bool,
    ) -> None:
        """`now` is a monotonic clock in seconds, and `micros` the wall clock in microseconds since
        the Unix epoch; with `shared` there may be other nodes.
        """
        self._micros = micros
        self._store = store
        self._journal = journal
        self._admission = admission
        self._sessions = sessions
        self._shared = shared
        self._valid: Tickets[LastingSession] = Tickets(now)
        """The tickets that are valid on this node."""
        self._issued: Tickets[LastingSession] = Tickets(now, self._forget)
        """The tickets that this node has issued and stored, to limit the tickets per session."""
        self.holder = self._valid.holder
        """See `Tickets.holder`."""
        self.redeem = self._valid.redeem
        """See `Tickets.redeem`."""

    def issue(self, session: LastingSession) -> Deferred[str]:
        """A new ticket for a session; fires when it is valid.  Raises `RateLimited`; fails with
        `Unavailable`.
        """
        if not self._shared:
            return succeed(self._valid.issue(session))
        self._admission.spend_note(session.person)
        ticket = self._issued.issue(session)
        until = self._micros() + int(TICKET_SECONDS * 1_000_000)
        stored = _encode(
            Stored(until, _cipher(ticket).encrypt(_NONCE, session.token.encode(), None))
        )
        unit = Unit((), (Change(TICKETS, hash_of(ticket), stored),))
        return self._journal.submit(lambda: unit).addCallback(lambda _: ticket)

    def fetch(self, ticket: str, address: Address) -> Deferred[Any] | None:
        """Make a ticket valid on this node, for a request from `address`; None if there is nothing
        to fetch.  A ticket that is not valid anywhere is no failure here: `holder` refuses it.

        Fails with `Unavailable`, and as `Sessions.adopt` does.
        """
        if not self._shared or ticket in self._valid or not _TICKET.fullmatch(ticket):
            return None
        hash_ = hash_of(ticket)
        found: Deferred[Any] = self._store.get(TICKETS, [hash_])
        found.addCallback(self._found, ticket, hash_, address)
        return found.addErrback(lambda failure: failure.trap(BadToken))

    def _found(
        self, cells: Mapping[str, Cell], ticket: str, hash_: str, address: Address
    ) -> Deferred[Any]:
        cell = cells.get(hash_)
        stored = _decode(cell.value) if cell else None
        if cell is None or stored is None or stored.until <= self._micros():
            raise unknown()
        units = iter([Unit((), (Change(TICKETS, hash_, None),), _unused(hash_, cell))])

        def take() -> Unit:
            unit = next(units, None)
            if unit is None:
                raise unknown()  # another node has fetched it first
            return unit

        def taken(_: object) -> Deferred[LastingSession]:
            try:
                token = _cipher(ticket).decrypt(_NONCE, stored.token, None).decode()
            except InvalidTag:
                raise unknown() from None
            return self._sessions.adopt(token, address)

        def adopted(session: LastingSession) -> None:
            self._valid.add(ticket, session)

        return self._journal.submit(take).addCallback(taken).addCallback(adopted)

    def _forget(self, ticket: str) -> None:
        """Delete the cell of a ticket that is not valid any more, if it was not fetched."""

        def forget() -> Unit:
            return Unit((), (Change(TICKETS, hash_of(ticket), None),))

        self._journal.submit(forget).addErrback(lambda failure: failure.trap(ChatError))


def _unused(hash_: str, cell: Cell) -> tuple[Expect, ...]:
    return (Expect(TICKETS, hash_, cell.version),)


def _cipher(ticket: str) -> ChaCha20Poly1305:
    key = hashlib.blake2b(ticket.encode(), digest_size=32, person=b"chatd ticket").digest()
    return ChaCha20Poly1305(key)
