"""The open connections of all doors: those to drain when the server goes down, and those to
disconnect when their clients do not read.

`chatd.net.connections` limits their number.  A door implements `Connected` for each of its
connections, adds it to `Peers` when it is made, and discards it when it is closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import uniform
from typing import Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime

from ..model.errors import Unavailable
from .handshakes import handshake_timeouts
from .stalls import STALL_SECONDS, Reader, Stalls

GOING_DOWN = "the server is going down; come back in a moment"
"""The message to every client that is disconnected because the server goes down."""
RETRY_SECONDS = 2.0
"""Seconds after which clients may reconnect; a start takes about one second."""
SPREAD_SECONDS = 4.0
"""Seconds over which reconnecting clients are spread after a shutdown."""


class Connected(Reader, Protocol):
    """A connection that can be drained."""

    @property
    def owed(self) -> bool:
        """Whether one of its requests is still being carried out."""

    def drain(self) -> None:
        """Accept no more commands, finish the accepted ones, send the client the reason, close."""


class Peers:
    """All open connections."""

    def __init__(self, clock: IReactorTime, stall: float = STALL_SECONDS) -> None:
        """`stall` is the stall timeout in seconds; 0: none."""
        self.stalls = Stalls(clock, stall)
        self.handshakes = handshake_timeouts(clock)
        """The timeouts of TLS handshakes."""
        self.draining = False
        """Whether the server is going down, so that no new request is accepted."""
        self.retiring = False
        """Whether another process takes this one's place: clients are asked to connect anew, and
        are served until they do."""
        self._here: set[Connected] = set()
        self._emptied: list[Deferred[None]] = []

    def add(self, connection: Connected) -> None:
        """A connection was made."""
        self._here.add(connection)

    def discard(self, connection: Connected) -> None:
        """The connection is closed."""
        self._here.discard(connection)
        self.stalls.forget(connection)
        if not self._here:
            emptied, self._emptied = self._emptied, []
            for waiting in emptied:
                waiting.callback(None)

    def __len__(self) -> int:
        return len(self._here)

    def __iter__(self) -> Iterator[Connected]:
        return iter(tuple(self._here))

    def emptied(self) -> Deferred[None]:
        """Fires when no connection is open any more."""
        if not self._here:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._emptied.append(waiting)
        return waiting


def spread(seconds: float) -> float:
    """`seconds` plus a random part of `SPREAD_SECONDS`, after which a client should reconnect."""
    return seconds + uniform(0, SPREAD_SECONDS)


def going_down() -> Unavailable:
    """The refusal of requests that come in while the server goes down."""
    return Unavailable(GOING_DOWN, RETRY_SECONDS)
