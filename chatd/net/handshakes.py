"""A deadline for the TLS handshake.

A client that never finishes its handshake would keep its connection for ever: Twisted's TLS has no
timeout for it, and the bytes of the handshake do not reach the protocol.  The deadline is absolute:
bytes do not postpone it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    IReactorTime,
    ISSLTransport,
)
from zope.interface import implementer

HANDSHAKE_SECONDS = 20.0
"""Seconds for a handshake: two round trips and a signature, over a satellite and on a phone."""


@implementer(IHandshakeListener)
class TimedHandshake:
    """A protocol whose connection is aborted if its TLS handshake takes too long."""

    _handshake: IDelayedCall | None = None

    def begin_handshake(self, transport: Any, clock: IReactorTime) -> bool:
        """The connection is made.  Returns whether a handshake comes first, as over TLS."""
        if not ISSLTransport.providedBy(transport):
            return False
        self._handshake = clock.callLater(HANDSHAKE_SECONDS, self._abort, transport)
        return True

    def handshakeCompleted(self) -> None:  # noqa: N802
        """See `IHandshakeListener.handshakeCompleted`."""
        self.end_handshake()

    def end_handshake(self) -> None:
        """The handshake is done, or the connection is closed."""
        if self._handshake:
            self._handshake.cancel()
            self._handshake = None

    def _abort(self, transport: Any) -> None:
        self._handshake = None
        transport.abortConnection()
