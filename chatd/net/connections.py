"""How many connections there are, and from where: one count for all doors.

1. Every socket that a door accepts over TCP, with or without TLS, or over UNIX sockets is counted
   by its transport, until that is gone.
2. A `ConnectionLimiter` before each door's factory decides whether one more connection may come in.
   A refused client is told so in the door's own words, disconnected, and not counted meanwhile.
3. The reserve (`chatd.net.descriptors`) is what that takes: with every place taken, there
   still is a descriptor to say no with.
4. If even the reserve is used up, Twisted closes newcomers unheard, with a descriptor that it
   keeps for that.  A port that can not even do that rests for a second: it would be awake at once
   again, for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from math import ceil
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

from ..model.addresses import Address, address_of
from ..model.errors import NO_ROOM_SECONDS, ChatError, TooMany, Unavailable
from .liveness import watch_for_death
from .stalls import STALL_SECONDS
from .tcp import WriteThrough

MOST_CONNECTIONS = 65_536
"""Connections in all, however many files may be open: idle ones take half a gigabyte."""
MOST_PER_ADDRESS = 500
"""Connections from one address of the Internet: those of a hundred people behind one NAT, most of
whom have a tab or two open and none of whom a browser lets have more than six."""
NEARBY_SHARE = 0.75
"""How much of all one address of this machine or a private network may take.  A proxy or a
container's gateway speaks for everybody there; but whoever comes in otherwise finds room."""
LINGER_SECONDS = 2.0
"""Seconds for which a refused client's bytes are swallowed, for a reset would take the answer
back."""
MOST_LINGERING = 16
"""Refused clients of a door for which that is done at a time: they live off the reserve."""
QUIET_SECONDS = 60.0
"""Seconds between two lines of the log about the same thing."""
BACKLOG = 1024
"""Connections that may wait to be accepted, where the endpoint does not say: Twisted's own 50 are
there in a millisecond, and whoever comes behind them waits for a second before trying again."""
ACCEPTS_A_TURN = 25
"""Connections of one port that are accepted before others have their turn; Twisted would take more
in each turn the more there are."""
REST_SECONDS = 1.0
"""Seconds for which a port rests that could not accept."""


class DoorFactory(Protocol):
    """What a door's factory has: Twisted's part of it, and words for whom it does not let in."""

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """See `IProtocolFactory`."""

    def doStart(self) -> None:  # noqa: N802
        """See `IProtocolFactory`."""

    def doStop(self) -> None:  # noqa: N802
        """See `IProtocolFactory`."""

    def turn_away(self, error: ChatError) -> bytes:
        """What is said to a client that is not let in, before the connection closes."""


class Connections:
    """Who is connected, and who else may be."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        most: int = MOST_CONNECTIONS,
        per_address: int | None = None,
        stall: float = STALL_SECONDS,
    ) -> None:
        """At most `most` connections in all and `per_address` from one address (0: no limit);
        `stall` is how many seconds a reader may take nothing (0: for ever).

        None stands for `MOST_PER_ADDRESS`, and `NEARBY_SHARE` of `most` for those that are not of
        the Internet.
        """
        self.clock = clock
        self.count = 0
        """Connections that are open, without those that are being turned away."""
        self._most = most
        self._per_address = per_address
        self._stall = stall
        self._from: dict[Address, int] = {}
        self._refusals = LogThrottle(clock, self._tell)

    def refusal(self, host: str) -> ChatError | None:
        """Why one more connection from there is not taken, None if it is.

        A `host` that is empty is a socket of this machine that has no address.
        """
        refusal = self._judge(host)
        if refusal:
            self._refusals.happened(f"{host or 'a socket'}: {refusal.message}")
        return refusal

    def _judge(self, host: str) -> ChatError | None:
        if self.count >= self._most:
            return Unavailable(
                f"the server is full; try again in {NO_ROOM_SECONDS:g} seconds", NO_ROOM_SECONDS
            )
        here = self._from.get(address_of(host), 0)
        if host and here >= (most := self._most_from(host)):
            return TooMany(
                f"your address has {most} connections open, and may not have more; close some",
                NO_ROOM_SECONDS,
            )
        return None

    def add(self, host: str) -> None:
        """A connection has come."""
        self.count += 1
        key = address_of(host)
        self._from[key] = self._from.get(key, 0) + 1

    def remove(self, host: str) -> None:
        """A connection is gone."""
        self.count -= 1
        key = address_of(host)
        if left := self._from[key] - 1:
            self._from[key] = left
        else:
            del self._from[key]

    def watch(self, port: IListeningPort) -> None:
        """Count what this port accepts, unless it is of a kind that is not known here."""
        counted = _COUNTED.get(getattr(port, "transport", None))
        if counted:
            listening = cast("tcp.Port", port)
            listening.transport = counted
            listening.connections = self  # type: ignore[attr-defined]
            if counted is CountedTCP:
                watch_for_death(listening.socket, self._stall)
            if listening.backlog == tcp.Port.backlog:
                listening.socket.listen(BACKLOG)
            listening.doRead = partial(_accept, listening, listening.doRead)  # type: ignore[method-assign]
            # Private, and the only place where a port tells of what it could not accept.
            listening._logger = Logger(observer=_Trouble(self.clock, listening))

    def _most_from(self, host: str) -> int:
        if self._per_address is not None:
            return self._per_address or self._most
        try:
            public = ip_address(host).is_global
        except ValueError:
            public = True  # no address that we know of
        return MOST_PER_ADDRESS if public else ceil(self._most * NEARBY_SHARE)

    def _tell(self, times: int, last: str) -> None:
        self._log.warn(
            "connections not taken: {times}; open: {count}; the last was from {last}",
            times=times,
            count=self.count,
            last=last,
        )


def _accept(port: tcp.Port, accept: Callable[[], None]) -> None:
    """Accept a few, however many the port would like to."""
    port.numberAccepts = min(port.numberAccepts, ACCEPTS_A_TURN)
    accept()


class _Counted(tcp.Server):
    """A transport that its port's `Connections` count."""

    counted = True
    server: Any

    def __init__(
        self,
        sock: Any,
        protocol: IProtocol,
        client: Any,
        server: Any,
        sessionno: int,
        reactor: Any,
    ) -> None:
        super().__init__(sock, protocol, client, server, sessionno, reactor)
        self.server.connections.add(self.host)

    @property
    def host(self) -> str:
        """Where it comes from, as `Connections` take it."""
        return host_of(self.getPeer())

    def uncount(self) -> None:
        """This one is being turned away, and takes nobody's place."""
        if self.counted:
            self.counted = False
            self.server.connections.remove(self.host)

    def connectionLost(self, reason: Failure) -> None:
        """See `tcp.Connection.connectionLost`, which may come twice."""
        super().connectionLost(reason)
        self.uncount()


class CountedTCP(_Counted, WriteThrough):
    """Write-through over TCP."""


class CountedUNIX(_Counted, unix.Server):
    """A connection through a socket of this machine's."""


_COUNTED: dict[Any, Any] = {tcp.Server: CountedTCP, unix.Server: CountedUNIX}


def host_of(address: IAddress | None) -> str:
    """The address as text, empty for a UNIX socket."""
    return str(getattr(address, "host", ""))


@implementer(IProtocolNegotiationFactory)
class ConnectionLimiter(Factory):
    """Stands before a door's factory, and lets in whom there is room for."""

    noisy = False

    def __init__(self, factory: DoorFactory, connections: Connections) -> None:
        self.factory = factory
        self.connections = connections
        self.lingering = 0
        """How many refused clients are waited for."""

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """The door's protocol, or one that says no."""
        refusal = self.connections.refusal(host_of(addr))
        if refusal is None:
            return self.factory.buildProtocol(addr)
        return TurnedAway(self, self.factory.turn_away(refusal))

    def startFactory(self) -> None:
        """The first of its ports listens."""
        self.factory.doStart()

    def stopFactory(self) -> None:
        """None of its ports listens any more."""
        self.factory.doStop()

    def acceptableProtocols(self) -> list[bytes]:
        """What the door speaks over TLS."""
        negotiating = IProtocolNegotiationFactory(self.factory, None)
        return negotiating.acceptableProtocols() if negotiating else []


class TurnedAway(Connection):
    """A connection that is told why it is not taken, and closed."""

    transport: Any

    def __init__(self, limiter: ConnectionLimiter, words: bytes) -> None:
        self._limiter = limiter
        self._words = words
        self._end: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """Say it; what the client says is swallowed for a moment, if not too many have to be."""
        transport = self.transport
        if uncount := getattr(transport, "uncount", None):  # TLS passes it on
            uncount()
        transport.write(self._words)
        plain = isinstance(transport, _Counted)  # TLS knows no half-closing
        if self._limiter.lingering < MOST_LINGERING:
            self._limiter.lingering += 1
            clock = self._limiter.connections.clock
            self._end = clock.callLater(LINGER_SECONDS, transport.abortConnection)
            (transport.loseWriteConnection if plain else transport.loseConnection)()
        elif plain:
            # Now, not in the reactor's next turn: hundreds may be accepted in this one.
            transport.connectionLost(Failure(ConnectionDone()))
        else:
            transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is gone."""
        if self._end:
            self._limiter.lingering -= 1
            if self._end.active():
                self._end.cancel()
            self._end = None


class LogThrottle:
    """Something that may happen all the time and is told seldom, with how often it did."""

    def __init__(self, clock: IReactorTime, tell: Callable[[int, str], None]) -> None:
        self._clock = clock
        self._tell = tell
        self._times = 0
        self._last = ""
        self._quiet: IDelayedCall | None = None

    def happened(self, what: str) -> None:
        """Once more."""
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
class _Trouble:
    """Hears what a port has to tell of connections that it could not accept."""

    _log = Logger(namespace=__name__)

    def __init__(self, clock: IReactorTime, port: tcp.Port) -> None:
        self._clock = clock
        self._port = port
        self._throttle = LogThrottle(clock, self._tell)
        self._resting = False

    def __call__(self, event: LogEvent) -> None:
        """An event of the port's log."""
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
            "no descriptor is left for another connection ({last}), and newcomers are closed; "
            "raise the limit of open files (ulimit -n)",
            last=last,
        )
