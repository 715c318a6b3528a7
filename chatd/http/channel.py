"""One HTTP connection: the fast path, the parsed path, and the hand-over to another protocol.

1. A body is capped while it comes in, whether its length is told or it is chunked.
2. How requests are read is in `chatd.http.strict`, when they are answered in `chatd.http.paced`.
3. A connection may take a fast path past all of this (`chatd.http.fastpath`): a request of a few
   lines that came whole, whose bytes and meaning are known.
4. A connection may be handed over to another protocol (`upgrade`).

What is overridden of `HTTPChannel`: `connectionMade`, `connectionLost` and `dataReceived` (for the
fast path), `readConnectionLost` (Twisted knows no half-closing, and would drop the answers).
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from ..net.connections import LINGER_SECONDS
from ..net.handshakes import TimedHandshake
from .fastpath import FastRequest
from .paced import PacedChannel
from .request import ChatRequest

MAX_EARLY = 16 * 1024
"""Bytes that are kept of what a client sends before it has its answer; the rest waits in TCP."""


class Upgraded(Protocol):
    """What a connection may be handed over to: an `IProtocol` that knows half-closing."""

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        """See `IProtocol.makeConnection`."""

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol.dataReceived`."""

    def readConnectionLost(self) -> None:
        """See `IHalfCloseableProtocol.readConnectionLost`."""

    def connectionLost(self, reason: Failure) -> None:
        """See `IProtocol.connectionLost`."""


@implementer(IHalfCloseableProtocol)
class ChatChannel(TimedHandshake, PacedChannel):
    """One HTTP connection of a `ChatSite`."""

    requestFactory = ChatRequest
    _new = True
    """Whether nothing has come in yet."""
    early = b""
    """What came in while a learned poll was held."""
    _input_over = False
    """Whether the client sends no more."""

    def connectionMade(self) -> None:
        """A client has come."""
        super().connectionMade()
        self.learned: FastRequest | None = None
        """The request that this connection sends again and again, once it has sent it."""
        self._transport = self.transport
        self.site.peers.add(self)
        self.begin_handshake(self.transport, self.site.reactor)

    def dataReceived(self, data: bytes) -> None:
        """Bytes came in; a request that they leave incomplete has to hurry."""
        if self._new:
            self._new = False
            if self.site.fast_path:
                self.learned = self.site.fast_path.recognise(self, data)
        idle = not (self.requests or self.unparsed or self.full)
        if self.learned and idle and self.learned.take(data):
            # Twisted's idle timer is for what Twisted parses: moving it costs more than a poll.
            self.setTimeout(None)
            self.dataReceived = self.learned.data_received  # type: ignore[method-assign]
            return
        if self._refused:
            return
        # Nothing under way: no request, and (in LineReceiver's buffer) no beginning of one.
        self.packet = b"" if self.requests or self.unparsed else data
        self.read_strictly(data)
        self._start_clock()
        if sum(map(len, self.waiting)) > MAX_EARLY:
            # Twisted overlooks what comes behind a body, and all of it while the client is full.
            self._transport.pauseProducing()

    def readConnectionLost(self) -> None:
        """The client sends no more; what it asked for last is answered, unless that takes long."""
        self._input_over = True
        held = self.learned and self.learned.held
        if self._answered or (self.early and not held):
            self._half_closed = True  # others wait to be answered too
        elif self._busy or held:
            if self.learned and held:
                self._half_closed = True
                self.learned.come_back()
            elif self._more:
                self._half_closed = True  # Twisted would drop what waits behind the last answer
            else:
                self.persistent = 0
            self._deadline = self._deadline or self.callLater(LINGER_SECONDS, self._hang_up)
        else:
            self._stop_clock()
            self._hang_up()

    def writeConnectionLost(self) -> None:
        """Never happens: it is the client who half-closes."""

    def resumeProducing(self) -> None:
        """The client has read all of it."""
        next_request = self._answered and not self._turn
        super().resumeProducing()
        if self.early and not (next_request or (self.learned and self.learned.held)):
            self.replay_soon()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        self.end_handshake()
        learned = self.learned
        self.unlearn()
        if learned:
            learned.gone()
        self.early = b""
        super().connectionLost(reason)
        self.site.peers.discard(self)

    def drain(self) -> None:
        """See `Connected.drain`.

        A request that is on its way here is still answered; by the door's tree, which refuses it.
        """
        for request in self.requests:
            if request is self._answered:
                continue  # those behind it are refused
            self.persistent = 0
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])
        learned = self.learned
        self.unlearn()
        self.early = b""
        if learned and learned.held:
            learned.conclude()
        elif self.requests and self.requests[0].conclude:
            self.requests[0].conclude()

    # -- the fast path ---------------------------------------------------------------------------

    def unlearn(self) -> None:
        """From here on everything goes through Twisted again, until a poll is learned anew."""
        if self.learned:
            self.learned.unlearn()
            self.learned = None
        self.__dict__.pop("dataReceived", None)

    def put_off(self, data: bytes) -> None:
        """Let what comes while a poll is held wait: who pipelines is answered in order."""
        self.early += data
        if len(self.early) > MAX_EARLY:
            self._transport.pauseProducing()

    def replay_soon(self) -> None:
        """The poll is answered: what had to wait for that goes on."""
        self.callLater(0, self._replay)

    def _replay(self) -> None:
        early, self.early = self.early, b""
        if early:
            self._transport.resumeProducing()
            self.dataReceived(early)
        if self._half_closed:
            self.readConnectionLost()

    # -- another protocol ------------------------------------------------------------------------

    def upgrade(self, accept: bytes, protocol: Upgraded) -> int:
        """Hand the connection over: behind `accept`, it speaks another protocol.

        See RFC 9110, section 7.8; or it is an answer that does not end, and has begun.  The request
        that asked for it is never finished, and its `notifyFinish` never fires.
        """
        transport: Any = self.transport
        # Where Twisted keeps what came in while the request waited for its rooms.
        early = self.take_waiting()
        self._stop_clock()
        self.setTimeout(None)
        self.requests.clear()
        self.packet = b""
        transport.unregisterProducer()
        if accept:
            transport.write(accept)
        # What follows in this packet, and in all others, is the new protocol's.
        self.dataReceived = self.rawDataReceived = protocol.dataReceived  # type: ignore[method-assign]
        self.readConnectionLost = protocol.readConnectionLost  # type: ignore[method-assign]
        self.connectionLost = protocol.connectionLost  # type: ignore[assignment, method-assign]
        self.site.peers.discard(self)
        if early:
            transport.resumeProducing()
        protocol.makeConnection(transport)
        if early:
            protocol.dataReceived(early)
        if self._input_over:
            protocol.readConnectionLost()
        return NOT_DONE_YET
