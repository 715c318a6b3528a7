"""The connections of the IRC door: bytes in, at the pace that the limits allow, and backpressure.

1. A connection is a client, with one reader; when it ends, the client is gone.
2. Lines are carried out in order, and the next one is not looked at while the client reads too
   slowly or says too much: TCP holds the rest back.
3. The end of input is not the end of the conversation: what was said is stored before the
   connection is closed.  Lines that were received are carried out, also if their sender has closed
   meanwhile, for `AFTERWARDS_SECONDS` at most.
4. A client that is silent is asked for a sign of life, and its connection ends without one.
"""

from __future__ import annotations

from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHalfCloseableProtocol,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.tcp import Connection
from twisted.python.failure import Failure
from zope.interface import implementer

from ...codecs.irc.events import to_bytes
from ...codecs.irc.message import MAX_INPUT, form
from ...codecs.opening import Opening
from ...model.addresses import LOCAL, Address, address_of, parse_host
from ...model.errors import ChatError
from ...net.handshakes import TimedHandshake
from ...net.peers import GOING_DOWN
from ...net.tcp import enable_direct_writes
from ...stream.subscriber import Subscriber
from ..linequeue import LineQueue
from .door import IrcDoor
from .shell import IrcShell

PING_SECONDS = 90.0
"""Seconds of silence after which a client is asked for a sign of life."""
SILENT_SECONDS = 150.0
"""Seconds of silence after which its connection ends."""
AFTERWARDS_SECONDS = 60.0
"""Seconds for which the lines of a closed connection are carried out."""


def refusal(error: ChatError) -> bytes:
    """What a client is told that is not let in, or slowed down."""
    return f"NOTICE * :{error.message}\r\n".encode()


class IrcLink:
    """What connections of the door share, whatever the transport: lines, pace, signs of life."""

    def __init__(self, door: IrcDoor, address: Address, *, secure: bool) -> None:
        self.door = door
        self.address = address
        self.secure = secure
        self.due: float | None = None
        self.filed = 0
        self.queue = LineQueue(door.service.clock, MAX_INPUT, refusal)
        self.client: IrcShell | None = None
        self.full = False
        self.gone = False
        self.closing = False
        self.ending = False
        """Whether no more input comes."""
        self._seen = 0.0
        self._asked = False
        self._afterwards: IDelayedCall | None = None

    # -- for subclasses --------------------------------------------------------------------------

    def transmit(self, data: bytes) -> None:
        """Send lines with their ends."""
        raise NotImplementedError

    def begin_reading(self, subscriber: Subscriber) -> None:
        """Start a subscriber."""
        raise NotImplementedError

    def hold(self) -> None:
        """Take no more input for now."""

    def take_more(self) -> None:
        """Take input again."""

    def shut(self) -> None:
        """Close, once the client has read what it was sent."""
        raise NotImplementedError

    def forget(self) -> None:
        """All is over."""

    # -- its life --------------------------------------------------------------------------------

    def opened(self) -> None:
        """The connection is there."""
        self.client = IrcShell(self.door, self)
        self._seen = self.door.service.clock.seconds()
        self.door.deadlines.set(self, PING_SECONDS)

    def heard(self) -> None:
        """The client has sent something."""
        self._seen = self.door.service.clock.seconds()
        self._asked = False

    def time_is_up(self) -> None:
        """See whether the client was silent for too long."""
        if self.closing or self.gone or self.client is None:
            return
        silent = self.door.service.clock.seconds() - self._seen
        unregistered = self.client.applicant is not None
        if silent >= SILENT_SECONDS:
            self.client.parting = "no sign of life"
            self.client.end(f"no sign of life for {SILENT_SECONDS:.0f} seconds")
        elif silent >= PING_SECONDS or unregistered:
            if not self._asked and not self.full:
                self._asked = True
                self.send(f"PING :{self.door.told.name}\r\n".encode())
            self.door.deadlines.set(self, max(SILENT_SECONDS - silent, 1.0))
        else:
            self.door.deadlines.set(self, PING_SECONDS - silent)

    def lost(self) -> None:
        """The connection is gone; its lines are carried out."""
        self.gone = self.ending = True
        self.door.deadlines.forget(self)
        if self.client is not None and self.client.subscriber is not None:
            self.client.subscriber.stop()
        if self.queue.pending and not self.closing:
            clock = self.door.service.clock
            self._afterwards = clock.callLater(AFTERWARDS_SECONDS, self._finish)
        self.work()

    def _finish(self) -> None:
        if self._afterwards is not None:
            if self._afterwards.active():
                self._afterwards.cancel()
            self._afterwards = None
        self.queue.drop()
        client, self.client = self.client, None
        if client is not None:
            client.closed()
        self.forget()

    # -- what the client asks for ----------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """See `Link.send`."""
        if data and not (self.gone or self.closing):
            self.transmit(data)

    def start(self, subscriber: Subscriber) -> None:
        """See `Link.start`."""
        if self.gone:
            return
        if self.full:
            subscriber.pause()
        self.begin_reading(subscriber)

    def close(self) -> None:
        """See `Link.close`."""
        if self.closing:
            return
        self.closing = True
        self.queue.drop()
        if self.client is not None and self.client.subscriber is not None:
            self.client.subscriber.stop()
        if not self.gone:
            self.shut()

    # -- lines into commands ---------------------------------------------------------------------

    def work(self) -> None:
        """See `Link.work`."""
        self.queue.work(self)

    @property
    def busy(self) -> bool:
        """See `Carrier.busy`."""
        return self.client is None or self.closing or (self.full and not self.gone)

    def carry_out(self, line: bytes | None) -> bool:
        """See `Carrier.carry_out`."""
        assert self.client is not None
        return self.client.carry_out(line)

    def take_salvaged(self) -> None:
        """See `Carrier.take_salvaged`: nothing is salvaged here."""

    def make_mistake(self) -> float:
        """See `Carrier.make_mistake`."""
        return self.client.make_mistake() if self.client is not None else 0.0

    def worked(self) -> None:
        """See `Carrier.worked`."""
        if self.gone:
            if (self.queue.idle or self.closing) and not self.owed:
                self._finish()
            return
        if self.queue.lines:
            self.hold()
        elif self.queue.idle and not self.full and not self.ending:
            self.take_more()
        if self.ending and self.queue.idle and not self.owed and self.client is not None:
            self.client.end("goodbye")

    def pause(self) -> None:
        """The client reads too slowly: its cursor stays, and its lines wait."""
        self.full = True
        if self.client is not None and self.client.subscriber is not None:
            self.client.subscriber.pause()
        self.hold()

    def resume(self) -> None:
        """There is room again."""
        self.full = False
        if self.client is not None and self.client.subscriber is not None:
            self.client.subscriber.resume()
        if not self.full:
            self.work()

    # -- being sent away -------------------------------------------------------------------------

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        client = self.client
        return client is not None and (
            client.unanswered > 0 or bool(client.applicant and client.applicant.entering)
        )

    def drain(self) -> None:
        """See `Connected.drain`."""
        if self.gone:
            self._finish()
        elif self.client is not None:
            if self.client.subscriber is not None:
                self.client.subscriber.wake()
            self.client.end(GOING_DOWN)

    def disconnect(self) -> None:
        """See `Reader.disconnect`."""
        if self.client is not None:
            self.client.parting = "reads too slowly"
            self.client.end("you read too slowly")


@implementer(IHalfCloseableProtocol, IPushProducer)
class IrcConnection(TimedHandshake, IrcLink, Protocol):
    """One client's connection over TCP or TLS."""

    transport: Connection

    def __init__(self, door: IrcDoor, address: Address = LOCAL, *, loopback: bool = False) -> None:
        super().__init__(
            door, address, secure=loopback or door.service.sign_in.rules.plain_passwords
        )
        self._opening: Opening | None = Opening()
        self._held = False

    def connectionMade(self) -> None:
        """A client is there."""
        self.transport.setTcpNoDelay(True)
        self.door.peers.add(self)
        if not self.begin_handshake(self.transport, self.door.service.clock):
            self._begin()

    def handshakeCompleted(self) -> None:  # noqa: N802
        """See `IHandshakeListener.handshakeCompleted`."""
        super().handshakeCompleted()
        self.secure = True
        self._begin()

    def _begin(self) -> None:
        self.transport.registerProducer(self, True)
        self.opened()

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        if self.ending or self.closing:
            return
        self.heard()
        if self._opening is not None:
            problem = self._opening.feed(data)
            if problem:
                self.send(to_bytes([form("ERROR", text="closing link: this port speaks IRC")]))
                self.close()
                return
            if self._opening.done:
                self._opening = None
        self.queue.lines.feed(data)
        self.work()

    def readConnectionLost(self) -> None:
        """The client has said all it had to say, but may still be listening."""
        if self.closing:
            self.transport.loseConnection()
            return
        self.queue.lines.finish()
        self.ending = True
        self.work()

    def writeConnectionLost(self) -> None:
        """Never happens: only a client half-closes."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is gone."""
        self.end_handshake()
        self.door.peers.stalls.forget(self)
        self.queue.lines.finish()
        self.lost()

    def pauseProducing(self) -> None:
        """The client reads more slowly than it is written to."""
        self.door.peers.stalls.full(self)
        self.pause()

    def resumeProducing(self) -> None:
        """It has caught up."""
        self.door.peers.stalls.drained(self)
        self.resume()

    def stopProducing(self) -> None:
        """The transport is about to close; `connectionLost` follows."""

    def transmit(self, data: bytes) -> None:
        """See `IrcLink.transmit`."""
        self.transport.write(data)

    def begin_reading(self, subscriber: Subscriber) -> None:
        """See `IrcLink.begin_reading`: past the transport if there is a way."""
        subscriber.start(self.transport.write)
        enable_direct_writes(self.transport, subscriber)

    def hold(self) -> None:
        """See `IrcLink.hold`."""
        if not self._held:
            self._held = True
            self.transport.pauseProducing()

    def take_more(self) -> None:
        """See `IrcLink.take_more`."""
        if self._held:
            self._held = False
            self.transport.resumeProducing()

    def forget(self) -> None:
        """See `IrcLink.forget`."""
        self.door.peers.discard(self)

    def shut(self) -> None:
        """See `IrcLink.shut`."""
        self.door.peers.stalls.closing(self)
        self.transport.unregisterProducer()
        if self._held and not (self.ending or ISSLTransport.providedBy(self.transport)):
            # What was not read would make the close a reset, which takes back the last words.
            self.transport.loseWriteConnection()
            self.transport.resumeProducing()
        else:
            self.transport.loseConnection()


class IrcFactory(Factory):
    """Connections to the IRC door."""

    noisy = False

    def __init__(self, door: IrcDoor) -> None:
        self.door = door

    def buildProtocol(self, addr: IAddress | None) -> IrcConnection:
        """A connection for a client that has just arrived."""
        host = getattr(addr, "host", None)
        return IrcConnection(self.door, address_of(host), loopback=is_loopback(host))

    def turn_away(self, error: ChatError) -> bytes:
        """What a client is told that is not let in."""
        return to_bytes([form("ERROR", text=f"closing link: {error.message}")])


def is_loopback(host: str | None) -> bool:
    """Whether a peer is on this machine; one without a host has come over a UNIX socket."""
    return host is None or parse_host(host).is_loopback
