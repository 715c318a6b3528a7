"""Connection limits: one count for all doors, in all and per address.

1. Every socket that a door accepts (TCP, TLS, Unix) is counted by its transport until it is closed.
2. A `ConnectionLimiter` in front of each door's factory accepts or refuses each connection.  A
   refused client gets the reason in the door's format and is disconnected; it does not count.
3. Refused connections use the reserve of descriptors (`chatd.net.descriptors`), so clients can be
   refused with a reason even when all connections are taken.
4. When the reserve is used up too (EMFILE), Twisted closes new connections without an answer, with
   a descriptor that it keeps for that.  If even that fails, the port stops accepting for
   `REST_SECONDS`, because the listening socket stays readable and the reactor would spin.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import ceil
from socket import IPPROTO_TCP, TCP_NODELAY, socket
from typing import Any, Protocol, cast

from twisted.internet import tcp, unix
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IListeningPort,
    IProtocol,
    IProtocolNegotiationFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as Connection
from twisted.logger import ILogObserver, LogEvent, Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from ..model.addresses import Address, address_of, is_public
from ..model.errors import NO_ROOM_SECONDS, ChatError, TooMany, Unavailable
from ..model.metrics import RARE
from ..model.text import plural
from .accepting import ACCEPTS_A_TURN, acceptor
from .liveness import watch_for_death
from .private import log_port_to
from .stalls import STALL_SECONDS
from .tcp import WriteThrough, descriptor_of

MOST_CONNECTIONS = 65_536
"""Connections in all, however many files may be open: that many take half a gigabyte when idle."""
MOST_PER_ADDRESS = 500
"""Connections from one address of the Internet: enough for a hundred people behind one NAT, with a
few connections each (a browser opens at most six)."""
NEARBY_SHARE = 0.75
"""The share of all connections that one address of this machine or a private network may have: it
may be a proxy or a container's gateway with many clients, but must leave room for others."""
LINGER_SECONDS = 2.0
"""Seconds for which the server reads and discards a refused client's bytes.  If it closed with
unread bytes, TCP would send a reset, which may destroy the refusal."""
MOST_LINGERING = 16
"""Refused clients of one door whose bytes are discarded at a time; others are cut off at once."""
QUIET_SECONDS = 60.0
"""Seconds between two log lines about the same thing."""
BACKLOG = 1024
"""The listen backlog of endpoints without one of their own.  Twisted's default of 50 fills in a
millisecond, and then clients wait for a second before they try again."""
REST_SECONDS = 1.0
"""Seconds for which a port stops accepting after it could not accept a connection."""


class DoorFactory(Protocol):
    """The factory of a door: Twisted's interface, and the bytes for a refused client."""

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """See `IProtocolFactory`."""

    def doStart(self) -> None:  # noqa: N802
        """See `IProtocolFactory`."""

    def doStop(self) -> None:  # noqa: N802
        """See `IProtocolFactory`."""

    def rejection(self, error: ChatError) -> bytes:
        """The bytes sent to a refused client before its connection closes."""


class Connections:
    """The number of open connections, in all and per address, and its limits."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        most: int = MOST_CONNECTIONS,
        per_address: int | None = None,
        stall: float = STALL_SECONDS,
    ) -> None:
        """At most `most` connections in all and `per_address` from one address (0: no limit);
        `stall` is the stall timeout in seconds (0: none), which TCP's own timeout has to exceed.

        A `per_address` of None stands for `MOST_PER_ADDRESS`, and for `NEARBY_SHARE` of `most` if
        the address is not one of the Internet.
        """
        self.clock = clock
        self.count = 0
        """Open connections, without those that are being refused."""
        self.by_door: Counter[str] = Counter()
        """Open connections, by the names of their doors."""
        self.limit(most, per_address)
        self._stall = stall
        self.listening: list[socket] = []
        """The sockets of the TCP ports that are watched."""
        self._from: dict[Address, int] = {}
        self._refusals = LogThrottle(clock, self._tell)

    def limit(self, most: int, per_address: int | None) -> None:
        """Use other limits for new connections; open connections stay open."""
        self.most = most
        """How many connections may be open."""
        self._per_address = per_address

    def expect_stalls(self, seconds: float) -> None:
        """Have another stall timeout from now on, for connections that begin then; 0: none."""
        self._stall = seconds
        for listening in self.listening:
            if listening.fileno() >= 0:  # it is not closed
                watch_for_death(listening, seconds)

    def refusal(self, host: str) -> ChatError | None:
        """The refusal of one more connection from `host`; None: it is accepted.

        An empty `host` stands for a Unix socket.
        """
        refusal: ChatError | None = None
        if self.count >= self.most:
            refusal = Unavailable(
                f"the server is full; try again in {NO_ROOM_SECONDS:g} seconds", NO_ROOM_SECONDS
            )
        else:
            address = address_of(host)
            here = self._from.get(address)  # None: none, and every address may have one
            if here and host and here >= (most := self._most_from(address)):
                refusal = TooMany(
                    f"your address has {most} connections open, and may not have more; close some",
                    NO_ROOM_SECONDS,
                )
        if refusal is not None:
            RARE.refused_connections[refusal.code] += 1
            self._refusals.happened(f"{host or 'a socket'}: {refusal.message}")
        return refusal

    def add(self, host: str, door: str = "") -> None:
        """Count a new connection to a door."""
        self.count += 1
        self.by_door[door] += 1
        key = address_of(host)
        self._from[key] = self._from.get(key, 0) + 1

    def remove(self, host: str, door: str = "") -> None:
        """A connection is closed, or was refused: stop counting it."""
        self.count -= 1
        self.by_door[door] -= 1
        key = address_of(host)
        if left := self._from[key] - 1:
            self._from[key] = left
        else:
            del self._from[key]

    def watch(self, port: IListeningPort, door: str = "") -> None:
        """Count the connections that this port of a door accepts, if it is a TCP or a Unix port."""
        counted = _COUNTED.get(getattr(port, "transport", None))
        if counted:
            listening = cast("tcp.Port", port)
            listening.transport = counted
            listening.connections = self  # type: ignore[attr-defined]
            listening.door = door  # type: ignore[attr-defined]
            self.by_door[door] += 0  # from now on its metric is shown
            if counted is CountedTCP:
                watch_for_death(listening.socket, self._stall)
                listening.socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)  # its connections have it
                self.listening.append(listening.socket)
            if listening.backlog == tcp.Port.backlog:
                listening.socket.listen(BACKLOG)
            accepting = acceptor if counted is CountedTCP else _unix_acceptor
            listening.doRead = accepting(listening, listening.doRead)  # type: ignore[method-assign]
            log_port_to(listening, Logger(observer=_AcceptErrors(self.clock, listening)))

    def _most_from(self, address: Address) -> int:
        if self._per_address is not None:
            return self._per_address or self.most
        return MOST_PER_ADDRESS if is_public(address) else ceil(self.most * NEARBY_SHARE)

    def _tell(self, times: int, last: str) -> None:
        self._log.warn(
            f"refused {{times}} {plural(times, 'connection')} ({{count}} open); the last: {{last}}",
            times=times,
            count=self.count,
            last=last,
        )


def _unix_acceptor(port: tcp.Port, do_read: Callable[[], None]) -> Callable[[], None]:
    """A function that accepts at most `ACCEPTS_A_TURN` connections over a Unix socket."""

    def accept() -> None:
        port.numberAccepts = min(port.numberAccepts, ACCEPTS_A_TURN)
        do_read()

    return accept


class _Counted(tcp.Server):
    """A transport that is counted by the `Connections` of its port."""

    counted = True
    server: Any

    @property
    def host(self) -> str:
        """The host of the client, as `Connections` count it."""
        return host_of(self.getPeer())

    def uncount(self) -> None:
        """The connection is refused or closed: it does not count any more."""
        if self.counted:
            self.counted = False
            self.server.connections.remove(self.host, self.server.door)

    def connectionLost(self, reason: Failure) -> None:
        """See `tcp.Connection.connectionLost`, which may come twice."""
        super().connectionLost(reason)
        self.uncount()


class CountedTCP(_Counted, WriteThrough):
    """A counted TCP connection with direct writes."""

    def __init__(
        self, sock: Any, protocol: IProtocol, client: Any, server: Any, *args: Any
    ) -> None:
        super().__init__(sock, protocol, client, server, *args)
        server.connections.add(client[0], server.door)

    @property
    def host(self) -> str:
        """See `_Counted.host`."""
        return str(self.client[0])

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See `ITCPTransport.setTcpNoDelay`.  A port that is watched accepts with that option."""
        if not enabled:
            super().setTcpNoDelay(enabled)


class CountedUNIX(_Counted, unix.Server):
    """A counted connection over a Unix socket."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.server.connections.add(self.host, self.server.door)


_COUNTED: dict[Any, Any] = {tcp.Server: CountedTCP, unix.Server: CountedUNIX}


def host_of(address: IAddress | None) -> str:
    """The host of an address, empty for a Unix socket."""
    return str(getattr(address, "host", ""))


@implementer(IProtocolNegotiationFactory)
class ConnectionLimiter(Factory):
    """A factory in front of a door's factory, which refuses connections over the limits."""

    noisy = False

    def __init__(self, factory: DoorFactory, connections: Connections) -> None:
        self.factory = factory
        self.connections = connections
        self.lingering = 0
        """The number of refused clients whose bytes are being discarded."""

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """The door's protocol, or one that refuses the client."""
        refusal = self.connections.refusal(getattr(addr, "host", ""))
        if refusal is None:
            return self.factory.buildProtocol(addr)
        return RejectedConnection(self, self.factory.rejection(refusal))

    def startFactory(self) -> None:
        """The first port of the door listens."""
        self.factory.doStart()

    def stopFactory(self) -> None:
        """The last port of the door has closed."""
        self.factory.doStop()

    def acceptableProtocols(self) -> list[bytes]:
        """The protocols that the door offers over TLS (ALPN)."""
        negotiating = IProtocolNegotiationFactory(self.factory, None)
        return negotiating.acceptableProtocols() if negotiating else []


class RejectedConnection(Connection):
    """A refused connection: sends the reason, and closes."""

    transport: Any

    def __init__(self, limiter: ConnectionLimiter, words: bytes) -> None:
        self._limiter = limiter
        self._words = words
        self._end: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Send the refusal, then discard the client's bytes for `LINGER_SECONDS`; if already
        `MOST_LINGERING` connections do, cut this one off.
        """
        transport = self.transport
        counted = descriptor_of(transport)
        if isinstance(counted, _Counted):
            counted.uncount()
        transport.write(self._words)
        plain = counted is transport
        if self._limiter.lingering < MOST_LINGERING:
            self._limiter.lingering += 1
            clock = self._limiter.connections.clock
            self._end = clock.callLater(LINGER_SECONDS, transport.abortConnection)
            transport.loseWriteConnection()
        elif plain:
            # Release the descriptor now, not in the next turn: this one may accept hundreds.
            transport.connectionLost(Failure(ConnectionDone()))
        else:
            transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is closed."""
        if self._end:
            self._limiter.lingering -= 1
            if self._end.active():
                self._end.cancel()
            self._end = None


class LogThrottle:
    """Rate limiter for a log line: one in `QUIET_SECONDS`, with the number of occurrences."""

    def __init__(self, clock: IReactorTime, tell: Callable[[int, str], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._times = 0
        self._last = ""
        self._quiet: IDelayedCall | None = None

    def happened(self, what: str) -> None:
        """Count an occurrence; log it now, or with others at the end of `QUIET_SECONDS`."""
        self._times += 1
        self._last = what
        if not self._quiet:
            self._say()

    def _say(self) -> None:
        self._quiet = None
        if self._times:
            self._tell(self._times, self._last)
            self._times = 0
            self._quiet = self._clock.callLater(QUIET_SECONDS, self._say)


@implementer(ILogObserver)
class _AcceptErrors:
    """Observer of a port's log: logs connections that it could not accept, and pauses the port."""

    _log = Logger(namespace=__name__)

    def __init__(self, clock: IReactorTime, port: tcp.Port) -> None:
        self._clock = clock
        self._port = port
        self._throttle = LogThrottle(clock, self._tell)
        self._resting = False

    def __call__(self, event: LogEvent) -> None:
        """Handle an event of the port's log, which has only failures of `accept`."""
        self._throttle.happened(str(event.get("acceptError", "EMFILE")))
        if "acceptError" in event and not self._resting:
            self._resting = True
            self._port.stopReading()
            self._clock.callLater(REST_SECONDS, self._go_on)

    def _go_on(self) -> None:
        self._resting = False
        if self._port.connected and not self._port.disconnecting:
            self._port.startReading()

    def _tell(self, times: int, last: str) -> None:
        self._log.warn(
            "cannot accept connections ({last}): all file descriptors are in use, and new clients "
            "are disconnected without an answer; raise the limit of open files (ulimit -n)",
            last=last,
        )
