"""A deadline for the TLS handshake.

A client that never finishes its handshake would keep its connection for ever: Twisted's TLS has no
timeout for it, and the bytes of the handshake do not reach the protocol.  The deadline is absolute:
bytes do not postpone it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IHandshakeListener, IReactorTime, ISSLTransport
from zope.interface import implementer

from .timeouts import Timeouts

HANDSHAKE_SECONDS = 20.0
"""Seconds for a handshake: two round trips and a signature, over a satellite and on a phone."""


@implementer(IHandshakeListener)
class TimedHandshake:
    """A protocol whose connection is aborted if its TLS handshake takes too long."""

    transport: Any
    _handshakes: Timeouts[TimedHandshake] | None = None
    """The timeouts of handshakes, while this connection's takes place."""

    def begin_handshake(self, handshakes: Timeouts[TimedHandshake]) -> bool:
        """The connection is made.  Returns whether a handshake comes first, as over TLS."""
        if not ISSLTransport.providedBy(self.transport):
            return False
        self._handshakes = handshakes
        handshakes.start(self, HANDSHAKE_SECONDS)
        return True

    def handshakeCompleted(self) -> None:  # noqa: N802
        """See `IHandshakeListener.handshakeCompleted`."""
        self.end_handshake()

    def end_handshake(self) -> None:
        """The handshake is done, or the connection is closed."""
        if self._handshakes is not None:
            self._handshakes.forget(self)
            self._handshakes = None


def handshake_timeouts(clock: IReactorTime) -> Timeouts[TimedHandshake]:
    """The timeouts of handshakes, each of which aborts its connection."""
    return Timeouts(clock, lambda connection: connection.transport.abortConnection())
