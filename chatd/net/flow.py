"""Flow control: the base of every connection on which the server sends events unasked.

1. A connection is in `Peers` from when it is made until it is lost, so it can be drained.
2. While its buffer is full (`full`), the server writes no more events to it, and the stall timeout
   runs.  The subclass is called at both ends of that time: `filled`, `drained`.
3. `hang_up` closes the connection when the client has read what was sent; the stall timeout bounds
   that time.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from .handshakes import TimedHandshake
from .peers import Peers


@implementer(IPushProducer)
class FlowControlled(Protocol):
    """A connection with backpressure, a stall timeout and an orderly end."""

    transport: Any
    full = False
    """Whether the transport's buffer is full, because the client reads too slowly."""
    flowing = False
    """Whether this connection is the transport's producer, which the transport pauses when full."""
    is_closing = False
    """Whether the connection closes as soon as the client has read what was sent."""

    def __init__(self, peers: Peers) -> None:
        self.peers = peers

    # -- for subclasses --------------------------------------------------------------------------

    def filled(self) -> None:
        """The buffer is full: write nothing that can wait."""

    def drained(self) -> None:
        """The buffer is empty again."""

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        return False

    def drain(self) -> None:
        """See `Connected.drain`."""
        self.hang_up()

    def disconnect(self) -> None:
        """See `Reader.disconnect`."""
        self.hang_up()

    # -- the transport's side --------------------------------------------------------------------

    def connectionMade(self) -> None:
        """The connection may be written to."""
        self.peers.add(self)
        self.begin_flow()

    @property
    def truncated(self) -> bool:
        """Whether the end of the input may have been cut off: see `TlsConnection.truncated`."""
        return getattr(self.transport, "truncated", False)

    def begin_flow(self) -> None:
        """Become the transport's producer, so that it calls `pauseProducing` when it is full."""
        self.flowing = True
        self.transport.registerProducer(self, True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self.is_closing = True
        self.peers.discard(self)

    def pauseProducing(self) -> None:
        """See `IPushProducer.pauseProducing`: the buffer is full."""
        self.full = True
        self.peers.stalls.full(self)
        self.filled()

    def resumeProducing(self) -> None:
        """See `IPushProducer.resumeProducing`: the buffer is empty again."""
        self.full = False
        self.peers.stalls.drained(self)
        self.drained()

    def stopProducing(self) -> None:
        """See `IProducer.stopProducing`; `connectionLost` follows."""

    def hang_up(self) -> None:
        """Close once the client has read what was sent; does nothing if the close has begun."""
        if not self.is_closing:
            self.end_flow()
            self.transport.loseConnection()

    def end_flow(self) -> None:
        """The connection is about to close: over TLS, a producer would keep it open."""
        self.is_closing = True
        self.peers.stalls.closing(self)
        if self.flowing:
            self.flowing = False
            self.transport.unregisterProducer()


class TcpConnection(TimedHandshake, FlowControlled):
    """A connection that a door accepts over TCP or TLS; `established` follows the TLS handshake."""

    def established(self) -> None:
        """The client can be written to."""
        raise NotImplementedError

    def connectionMade(self) -> None:
        """A client has connected.  Over TLS, wait for the end of the handshake.

        Bytes written before that would make Twisted pause the producer until more input arrives.
        """
        self.transport.setTcpNoDelay(True)
        self.peers.add(self)
        if not self.begin_handshake(self.peers.handshakes):
            self._establish()

    def handshakeCompleted(self) -> None:  # noqa: N802
        """See `IHandshakeListener.handshakeCompleted`."""
        super().handshakeCompleted()
        if not self.is_closing:
            self._establish()

    def _establish(self) -> None:
        self.begin_flow()
        self.established()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self.end_handshake()
        super().connectionLost(reason)

    def cut_handshake(self) -> bool:
        """Abort the connection if its handshake is not done; returns whether that was so."""
        if self._handshakes is None:
            return False
        self.is_closing = True
        self.transport.abortConnection()
        return True
