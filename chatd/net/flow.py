"""Flow control: what every connection that the server writes to on its own shares.

1. A connection is in `Peers` from when it is made until it is lost, so it can be drained.
2. While its buffer is full (`full`) it is given nothing more, and the stall timeout runs; `filled`
   and `drained` tell the subclass.
3. It closes when the client has read what it was sent (`hang_up`), or when the stall timeout ends.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer, IReactorTime
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
    """Whether the client reads more slowly than it is written to."""
    flowing = False
    """Whether the transport tells this connection when it is full."""
    is_closing = False
    """Whether the connection closes as soon as the client has read what it was sent."""

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

    def begin_flow(self) -> None:
        """Have the transport tell when it is full."""
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
        """Close, once the client has read what it was sent; nothing, if it is closing already."""
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
    """A connection that a door accepts over TCP or TLS: it is `established` after the handshake."""

    def __init__(self, peers: Peers, clock: IReactorTime) -> None:
        super().__init__(peers)
        self.clock = clock

    def established(self) -> None:
        """The client can be written to."""
        raise NotImplementedError

    def connectionMade(self) -> None:
        """A client is there; over TLS there is nothing to say before its handshake is done.

        What is written earlier makes Twisted pause its producer until it has read on.
        """
        self.transport.setTcpNoDelay(True)
        self.peers.add(self)
        if not self.begin_handshake(self.transport, self.clock):
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
        if self._handshake is None:
            return False
        self.is_closing = True
        self.transport.abortConnection()
        return True
