"""One HTTP connection: the fast path, the parsed path, and the hand-over to another protocol.

1. The size of a body is checked while it is received, with a Content-Length and with chunks.
2. `chatd.http.strict` parses requests, and `chatd.http.paced` decides when they are answered.
3. A request may take the fast path past both (`chatd.http.fastpath`): if its bytes are those of a
   request that was parsed before, or those of the plain poll with which the channel goes on
   (rule 4), or if it is a plain post.
4. A channel is made when something has to be parsed or paced (`chatd.http.unparsed`).  If the
   connection polls or posts at that moment, the channel goes on with it.
5. A connection may be handed over to another protocol (`upgrade`).

Overridden methods of `HTTPChannel`: `connectionMade`, `connectionLost` and `dataReceived` (for the
fast path), `readConnectionLost` (Twisted's channel does not support half-closed connections, and
would drop the answers).
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from ..net.connections import LINGER_SECONDS
from ..net.tcp import one_write
from .fastpath import FastRequest, Upgraded
from .paced import PacedChannel
from .request import ChatRequest

MAX_EARLY = 16 * 1024
"""Bytes of input that are buffered while a client waits for an answer; further input stays in TCP's
buffers."""


@implementer(IHalfCloseableProtocol)
class ChatChannel(PacedChannel):
    """One HTTP connection of a `ChatSite`, from the first bytes on that have to be parsed."""

    requestFactory = ChatRequest
    _new = True
    """Whether no byte has been received yet."""
    early = b""
    """Bytes that were received while a learned request was held, and wait for a later turn."""
    _input_over = False
    """Whether the client sends no more."""

    def connectionMade(self) -> None:
        """A client has connected."""
        super().connectionMade()
        self.learned: FastRequest | None = None
        """The request that this connection repeats; None: it has not sent one."""
        self._transport = self.transport
        self.site.peers.add(self)

    def dataReceived(self, data: bytes) -> None:
        """Handle received bytes; if a request is incomplete after them, its deadline starts.

        Bytes behind the last request are dropped (RFC 9112, section 9.6).
        """
        if self._transport.disconnecting:
            return  # TLS passes on what it receives until the client closes too
        if self.early:
            self.defer(data)
            return
        idle = not (self.requests or self.unparsed or self.full)
        if not (idle and self._take(data)):
            self._parse(data)

    def _take(self, packet: bytes) -> bool:
        """Whether a packet takes the fast path: it repeats the learned request, or is a plain post.

        Polls are not looked for, because they are learned when they are answered; nor is anything
        in the first packet, in which the connection without a channel has looked for it.
        """
        if not (self.learned and self.learned.take(packet)):
            if not packet.startswith(b"POST "):
                return False
            if self._new or self._refused or self.is_last or not self.persistent:
                return False
            fast_path = self.site.fast_path
            posts: FastRequest | None = fast_path and fast_path.recognise(self, packet)
            if posts is None:
                return False
            self.unlearn()
            self.learned = posts
            if not posts.take(packet):
                return False
        # Twisted's idle timer is off on the fast path: resetting it costs more than a poll.
        self.setTimeout(None)
        self.dataReceived = self.learned.data_received  # type: ignore[method-assign]
        return True

    def _parse(self, data: bytes) -> None:
        """Let Twisted parse bytes."""
        first, self._new = self._new, False
        if self._refused:
            return
        if first and not self._late:
            self.setTimeout(self.site.idle_seconds)
        # Learnable only if no request is in progress, and none has begun in LineReceiver's buffer.
        self.packet = b"" if self.requests or self.unparsed else data
        self.read_strictly(data)
        self._start_clock()
        if sum(map(len, self.waiting)) > MAX_EARLY:
            # Twisted does not limit input behind a body, nor any input while the client is full.
            self._transport.pauseProducing()

    @property
    def host(self) -> str:
        """See `FastConnection.host`."""
        return str(getattr(self._transport.getPeer(), "host", ""))

    @property
    def is_secure(self) -> bool:
        """See `FastConnection.is_secure`."""
        return bool(self.isSecure())

    @property
    def awaited(self) -> bool:
        """Whether the first request of the client, or the rest of a request, is still to come."""
        begun = bool(self.requests or self.unparsed or (self.learned and self.learned.begun))
        return self._new or (begun and not (self._busy or self._refused))

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        return super().owed or (self.learned is not None and self.learned.owed)

    def readConnectionLost(self) -> None:
        """The client sends no more; its last request is answered, if that takes at most
        `LINGER_SECONDS`.
        """
        self._input_over = True
        held = self.learned and self.learned.held
        if self._answered or (self.early and not held):
            self._half_closed = True  # further requests wait to be answered
        elif self._busy or held:
            if self.learned and held:
                self._half_closed = True
                self.learned.come_back()
            elif self._more:
                self._half_closed = True  # Twisted would drop the requests that wait
            else:
                self.persistent = 0
            self._deadline = self._deadline or self.callLater(LINGER_SECONDS, self._hang_up)
        else:
            self._stop_clock()
            self._hang_up()

    def writeConnectionLost(self) -> None:
        """Never called: only clients half-close the connection."""

    def resumeProducing(self) -> None:
        """The client has read all that was sent."""
        next_request = self._answered and not self._turn
        super().resumeProducing()
        if self.early and not (next_request or (self.learned and self.learned.held)):
            self.replay_soon()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The client is gone."""
        learned = self.learned
        self.unlearn()
        if learned:
            learned.gone()
        self.early = b""
        super().connectionLost(reason)
        self.site.peers.discard(self)

    def drain(self) -> None:
        """See `Connected.drain`.

        A request that arrives later is answered too: the door's resource tree refuses it.
        """
        for request in self.requests:
            if request is self._answered:
                continue  # the resource tree refuses the requests behind it
            self.persistent = 0
            request.responseHeaders.setRawHeaders(b"connection", [b"close"])
        learned = self.learned
        if learned and learned.owed:
            learned.conclude()
            return  # what comes until then is put off, so that nothing is answered before it
        self.unlearn()
        if learned and learned.held:
            self.early = b""
            learned.conclude()
        elif learned and learned.begun:
            self._parse(learned.begun)
        elif self.requests and self.requests[0].conclude:
            self.requests[0].conclude()

    # -- the fast path ---------------------------------------------------------------------------

    def repeat(self, learned: FastRequest) -> None:
        """Go on with a request that the connection repeats, and that may be held."""
        self._new = False
        self.learned = learned
        learned.connection = self
        self.dataReceived = learned.data_received  # type: ignore[method-assign]

    def receive_other(self, data: bytes) -> None:
        """See `FastConnection.receive_other`."""
        self.unlearn()
        self.setTimeout(self.site.idle_seconds)
        self.dataReceived(data)

    def parse(self, data: bytes) -> None:
        """See `FastConnection.parse`."""
        self.unlearn()
        self.setTimeout(self.site.idle_seconds)
        self._parse(data)

    def unlearn(self) -> None:
        """Leave the fast path: Twisted parses all requests again, until a poll is learned anew
        or a plain post comes.
        """
        if self.learned:
            self.learned.unlearn()
            self.learned = None
        self.__dict__.pop("dataReceived", None)

    def defer(self, data: bytes) -> None:
        """See `FastConnection.defer`: pipelined requests are answered in order."""
        self.early += data
        if len(self.early) > MAX_EARLY:
            self._transport.pauseProducing()

    def replay_soon(self) -> None:
        """See `FastConnection.replay_soon`: in a later turn."""
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
        """Write `accept`, and hand the connection over to `protocol`.

        It speaks another protocol (RFC 9110, section 7.8), or sends the rest of an answer that has
        begun and does not end.  The request that caused the upgrade is never finished, and its
        `notifyFinish` never fires.
        """
        transport: Any = self.transport
        # Twisted has buffered the bytes received while the request's rooms were loaded.
        early = self.take_waiting()
        self._stop_clock()
        self.setTimeout(None)
        self.requests.clear()
        self.packet = b""
        transport.unregisterProducer()
        # The rest of this packet, and all later bytes, belong to the new protocol.
        self.dataReceived = self.rawDataReceived = protocol.dataReceived  # type: ignore[method-assign]
        self.readConnectionLost = protocol.readConnectionLost  # type: ignore[method-assign]
        self.connectionLost = protocol.connectionLost  # type: ignore[assignment, method-assign]
        self.site.peers.discard(self)
        if early:
            transport.resumeProducing()
        with one_write(transport):
            if accept:
                transport.write(accept)
            protocol.makeConnection(transport)
        if early:
            protocol.dataReceived(early)
        if self._input_over:
            protocol.readConnectionLost()
        return NOT_DONE_YET
