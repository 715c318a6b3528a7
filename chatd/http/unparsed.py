"""HTTP connections without a channel, because nothing that came on them had to be parsed.

Most of a channel's objects are for parsing requests.  Most clients of a program never need them:
they send polls that are known or plain (`chatd.http.fastpath`) or plain posts, or begin a known
stream.

1. A connection begins as an `UnparsedConnection`.  Its first packet decides: a poll or a post is
   answered or held, and the connection stays as it is; a known stream takes the connection over;
   any other packet makes a `ChatChannel`, which gets the packet.
2. While the connection polls or posts, its `FastRequest` gets the packets.  A packet that is not
   another request of that kind is decided on like the first one, because no request is in progress
   then.
3. Only a channel buffers input, paces answers, closes idle connections and is drained.  So a
   channel is made, and goes on with the `FastRequest`, when a packet comes while the request is
   held, when the client does not read, when it is idle for too long, and when the server goes down.
4. If the client ends its input while its request is held, the request is answered if its answer is
   there within `LINGER_SECONDS`; then, or after that time, the connection is closed, as by a
   channel.
5. A connection on which nothing comes is closed after the idle timeout, by a channel that is made
   for that.
6. The connection is in `Peers` all the time: as this object first, then as the one that it was
   handed over to.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPushProducer,
    ISSLTransport,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from ..net.connections import LINGER_SECONDS
from ..net.handshakes import TimedHandshake
from ..net.tcp import close_now, one_write
from .fastpath import FastRequest, Upgraded


@implementer(IHalfCloseableProtocol, IPushProducer)
class UnparsedConnection(TimedHandshake):
    """One HTTP connection of a `ChatSite`, of which nothing had to be parsed so far."""

    transport: Any
    full = False
    """See `FastConnection.full`."""
    early = b""
    """See `FastConnection.early`."""
    learned: FastRequest | None = None
    """The poll that the connection repeats, or its posts; None: nothing has come yet."""
    _is_own = False
    """Whether the transport calls this object, and no other before it (`haproxy:` does)."""
    _flowing = False
    """Whether this object is the transport's producer, which the transport pauses when full."""
    _input_over = False
    """Whether the client sends no more."""
    _successor: Any = None
    """What the connection was handed over to, if its transport was not handed over too."""

    def __init__(self, site: Any, host: str) -> None:
        """`host` is that of the other end of the TCP connection."""
        self.site = site
        self._host = host

    @property
    def host(self) -> str:
        """See `FastConnection.host`."""
        if self._is_own:
            return self._host
        return str(getattr(self.transport.getPeer(), "host", ""))  # what a proxy has told

    @property
    def is_secure(self) -> bool:
        """See `FastConnection.is_secure`."""
        return bool(ISSLTransport.providedBy(self.transport))

    @property
    def awaited(self) -> bool:
        """Whether the first request of the client, or the rest of a request, is still to come."""
        return self.learned is None or bool(self.learned.begun)

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        return self.learned is not None and self.learned.owed

    # -- the transport's side --------------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        """See `IProtocol.makeConnection`."""
        self.transport = transport
        self._is_own = getattr(transport, "protocol", None) is self
        site = self.site
        site.peers.add(self)
        site.first_bytes.start(self, site.idle_seconds)
        self.begin_handshake(site.peers.handshakes)

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol.dataReceived`."""
        if self._successor is not None:
            self._successor.dataReceived(data)
        elif self.learned is not None:
            self.learned.data_received(data)
        else:
            self._begin(data)

    def pauseProducing(self) -> None:
        """See `IPushProducer.pauseProducing`: the client does not read."""
        self._become_channel().pauseProducing()

    def resumeProducing(self) -> None:
        """See `IPushProducer.resumeProducing`; never called, because a channel was paused."""

    def stopProducing(self) -> None:
        """See `IProducer.stopProducing`; `connectionLost` follows."""

    def readConnectionLost(self) -> None:
        """See `IHalfCloseableProtocol.readConnectionLost`: the client sends no more."""
        self._input_over = True
        if self._successor is not None:
            self._successor.readConnectionLost()
        elif self.learned is not None and self.learned.held:
            self.learned.come_back()
            self.site.last_answers.start(self, LINGER_SECONDS)
        else:
            self.loseConnection()

    def writeConnectionLost(self) -> None:
        """Never called: only clients half-close the connection."""

    def connectionLost(self, reason: Failure) -> None:
        """See `IProtocol.connectionLost`."""
        successor, self._successor = self._successor, None
        learned, self.learned = self.learned, None
        self._leave()
        if successor is not None:
            successor.connectionLost(reason)
        elif learned is not None:
            learned.unlearn()
            learned.gone()

    # -- requests --------------------------------------------------------------------------------

    def _begin(self, packet: bytes) -> None:
        """Handle a packet that came while no request was in progress."""
        site = self.site
        fast_path, openings, peers = site.fast_path, site.openings, site.peers
        if not (peers.draining or peers.retiring):  # a channel says that its answer is the last
            learned = fast_path and fast_path.recognise(self, packet)
            if learned is None and openings is not None and openings.open(self, packet):
                return
            if learned is not None:
                if not self._flowing:
                    self._flowing = True
                    site.first_bytes.forget(self)
                    self.transport.registerProducer(self, True)
                self.learned = learned
                if learned.take(packet):
                    return
                self.learned = None
        self._become_channel().dataReceived(packet)

    def receive_other(self, data: bytes) -> None:
        """See `FastConnection.receive_other`."""
        learned, self.learned = self.learned, None
        if learned is not None:
            learned.unlearn()
        self._begin(data)

    def parse(self, data: bytes) -> None:
        """See `FastConnection.parse`."""
        learned, self.learned = self.learned, None
        if learned is not None:
            learned.unlearn()
        self._become_channel().parse(data)

    def defer(self, data: bytes) -> None:
        """See `FastConnection.defer`."""
        self._become_channel().defer(data)

    def replay_soon(self) -> None:
        """See `FastConnection.replay_soon`."""
        if self._input_over:
            self.loseConnection()

    # -- closing ---------------------------------------------------------------------------------

    def time_is_up(self) -> None:
        """Nothing has come for the idle timeout, or a client whose input has ended has waited for
        its answer for too long.
        """
        if self._input_over:
            self.site.peers.stalls.closing(self)
            self._end_flow()
            close_now(self.transport)
        else:
            self._become_channel().timeoutConnection()

    def close_idle(self) -> None:
        """See `FastConnection.close_idle`."""
        self._become_channel().close_idle()

    def drain(self) -> None:
        """See `Connected.drain`.  A request that comes later is answered: with a refusal."""
        if self.learned is not None:
            self._become_channel().drain()

    def disconnect(self) -> None:
        """See `Reader.disconnect`."""
        self.transport.loseConnection()

    def loseConnection(self) -> None:
        """See `FastConnection.loseConnection`."""
        self.site.peers.stalls.closing(self)
        self._end_flow()
        self.transport.loseConnection()

    # -- handing over ----------------------------------------------------------------------------

    def upgrade(self, accept: bytes, protocol: Upgraded) -> None:
        """Write `accept`, and hand the connection over to `protocol`, without a channel."""
        transport = self.transport
        try:
            with one_write(transport):
                self._precede(protocol)
                transport.write(accept)
                protocol.makeConnection(transport)
        finally:
            self._leave()

    def _become_channel(self) -> Any:
        """Hand the connection over to a channel, which is returned."""
        channel = self.site.channel()
        learned, self.learned = self.learned, None
        self._precede(channel)
        try:
            channel.makeConnection(self.transport)
        finally:
            self._leave()
        if learned is not None:
            channel.repeat(learned)
        if self._input_over:
            channel.readConnectionLost()
        return channel

    def _precede(self, successor: Any) -> None:
        """Have the transport call the successor from now on, or this object if the transport is
        not its own.
        """
        self._end_flow()
        if self._is_own:
            self.transport.protocol = successor
        else:
            self._successor = successor

    def _end_flow(self) -> None:
        if self._flowing:
            self._flowing = False
            self.transport.unregisterProducer()

    def _leave(self) -> None:
        """The connection is closed, or another object's."""
        self.end_handshake()
        self.site.first_bytes.forget(self)
        if self._input_over:
            self.site.last_answers.forget(self)
        self.site.peers.discard(self)
