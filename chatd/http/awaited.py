"""New HTTP connections, until their first bytes arrive.

Most of a channel's objects are for parsing requests.  A connection whose first packet begins a
known stream (`chatd.http.fastpath.Openings`) never parses one, so its channel is not made at all.

1. The first packet decides: either the connection is handed over to the stream that the packet
   begins, or to a `ChatChannel`, which gets the packet.
2. A connection on which nothing comes is closed after the idle timeout, by a channel that is made
   for that.
3. The connection is in `Peers` all the time: as this object first, then as the one that it was
   handed over to.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..net.handshakes import TimedHandshake
from ..net.tcp import one_write
from .fastpath import Upgraded


class FirstBytes:
    """The deadlines for the first bytes of one site's new connections, with one timer in all."""

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._due: dict[AwaitedConnection, float] = {}
        """The deadlines of the connections, the oldest connection first."""
        self._timer: IDelayedCall | None = None

    def expect(self, connection: AwaitedConnection, seconds: float) -> None:
        """Call the connection's `time_is_up` in that time, or later: when the connections before it
        are over their time.
        """
        self._due[connection] = self._clock.seconds() + seconds
        if self._timer is None:
            self._timer = self._clock.callLater(seconds, self._reached)

    def forget(self, connection: AwaitedConnection) -> None:
        """The first bytes have come, or the connection is closed."""
        self._due.pop(connection, None)
        if not self._due and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _reached(self) -> None:
        self._timer = None
        now = self._clock.seconds()
        late = [*takewhile(lambda each: self._due[each] <= now, self._due)]
        for connection in late:
            self._due.pop(connection, None)
            try:
                connection.time_is_up()
            except Exception:
                self._log.failure("a connection on which nothing came could not be closed")
        if self._due and self._timer is None:
            first = next(iter(self._due.values()))
            self._timer = self._clock.callLater(max(first - now, 0.0), self._reached)


@implementer(IHalfCloseableProtocol)
class AwaitedConnection(TimedHandshake):
    """One HTTP connection of a `ChatSite`, from which nothing has come yet."""

    transport: Any
    owed = False
    """See `Connected.owed`."""
    awaited = True
    """Whether the first request of the client is still to come."""
    _successor: Any = None
    """What the connection was handed over to, if its transport was not handed over too."""

    def __init__(self, site: Any, host: str) -> None:
        """`host` is the client's."""
        self.site = site
        self.host = host

    @property
    def is_last(self) -> bool:
        """Whether the first request is the last that is answered, because the server goes down."""
        peers = self.site.peers
        return bool(peers.draining or peers.retiring)

    # -- the transport's side --------------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        """See `IProtocol.makeConnection`."""
        self.transport = transport
        transport.setTcpNoDelay(True)
        site = self.site
        site.peers.add(self)
        site.first_bytes.expect(self, site.idle_seconds)
        self.begin_handshake(transport, site.reactor)

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol.dataReceived`."""
        if self._successor is not None:
            self._successor.dataReceived(data)
            return
        openings = self.site.openings
        if openings is None or not openings.open(self, data):
            self._become_channel().dataReceived(data)

    def time_is_up(self) -> None:
        """Nothing has come for the idle timeout."""
        self._become_channel().timeoutConnection()

    def readConnectionLost(self) -> None:
        """See `IHalfCloseableProtocol.readConnectionLost`: the client sends nothing at all."""
        if self._successor is not None:
            self._successor.readConnectionLost()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Never called: only clients half-close the connection."""

    def connectionLost(self, reason: Failure) -> None:
        """See `IProtocol.connectionLost`."""
        self.end_handshake()
        successor, self._successor = self._successor, None
        if successor is not None:
            successor.connectionLost(reason)
        else:
            self._leave()

    # -- disconnection by the server -------------------------------------------------------------

    def drain(self) -> None:
        """See `Connected.drain`.  A request that comes later is answered: with a refusal."""

    def disconnect(self) -> None:
        """See `Reader.disconnect`."""
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
        self._precede(channel)
        try:
            channel.makeConnection(self.transport)
        finally:
            self._leave()
        return channel

    def _precede(self, successor: Any) -> None:
        """Have the transport call the successor from now on, or this object if the transport is
        not its own (behind `haproxy:`, for example).
        """
        if getattr(self.transport, "protocol", None) is self:
            self.transport.protocol = successor
        else:
            self._successor = successor

    def _leave(self) -> None:
        """There is nothing to wait for any more."""
        self.end_handshake()
        self.site.first_bytes.forget(self)
        self.site.peers.discard(self)
