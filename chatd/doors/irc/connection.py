"""The connections of the IRC door over TCP and TLS."""

from __future__ import annotations

from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, ISSLTransport
from twisted.internet.protocol import Factory, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ...codecs.irc.events import to_bytes
from ...codecs.irc.message import form
from ...codecs.opening import Opening
from ...model.addresses import LOCAL, Address, address_of, is_own_machine
from ...model.errors import ChatError
from ...net.flow import TcpConnection
from ...net.tcp import enable_direct_writes
from ...stream.subscriber import Subscriber
from .door import IrcDoor
from .link import IrcLink


@implementer(IHalfCloseableProtocol)
class IrcConnection(IrcLink, TcpConnection):
    """One client's connection over TCP or TLS."""

    def __init__(self, door: IrcDoor, address: Address = LOCAL) -> None:
        super().__init__(door.peers)
        secure = is_own_machine(address) or door.service.sign_in.rules.plain_passwords
        self.begin_link(door, address, secure=secure)
        self._opening: Opening | None = Opening()
        self._held = False

    def established(self) -> None:
        """See `TcpConnection.established`."""
        if ISSLTransport.providedBy(self.transport):
            self.secure = True
        self.opened()

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        if self.ending or self.finishing:
            return
        self.heard()
        if self._opening is not None:
            if self._opening.feed(data):
                self.send(to_bytes([form("ERROR", text="closing link: this port speaks IRC")]))
                self.finish()
                return
            if self._opening.done:
                self._opening = None
        self.received(data)

    def readConnectionLost(self) -> None:
        """The client has half-closed: it sends no more, but may still read."""
        if self.finishing:
            self.transport.loseConnection()
        else:
            self.ended()

    def writeConnectionLost(self) -> None:
        """Never happens: only a client half-closes."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is lost; it stays among the peers until its lines are carried out."""
        self.is_closing = True
        self.end_handshake()
        self.peers.stalls.forget(self)
        self.lost()

    def drain(self) -> None:
        """See `Connected.drain`."""
        if not self.cut_handshake():
            super().drain()

    # -- the transport ---------------------------------------------------------------------------

    def transmit(self, data: bytes) -> None:
        """See `IrcLink.transmit`."""
        self.transport.write(data)

    @property
    def encrypted(self) -> bool:
        """See `Link.encrypted`."""
        return ISSLTransport.providedBy(self.transport)

    def begin_reading(self, subscriber: Subscriber) -> None:
        """See `IrcLink.begin_reading`.  The subscriber writes directly to the socket if it can."""
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

    def shut(self) -> None:
        """See `IrcLink.shut`."""
        self.end_flow()
        if self._held and not self.ending:
            # With unread input the close would be a TCP reset, which could destroy the last words.
            self.transport.loseWriteConnection()
            self.transport.resumeProducing()
        else:
            self.transport.loseConnection()


class IrcFactory(Factory):
    """The factory of the IRC door's connections over TCP or TLS."""

    noisy = False

    def __init__(self, door: IrcDoor) -> None:
        self.door = door

    def buildProtocol(self, addr: IAddress | None) -> IrcConnection:
        """A connection for a client that has just arrived."""
        return IrcConnection(self.door, address_of(getattr(addr, "host", None)))

    def rejection(self, error: ChatError) -> bytes:
        """The bytes to a client whose connection is refused, with the error's message unchanged."""
        return to_bytes([form("ERROR", text=f"closing link: {error.message}")])
