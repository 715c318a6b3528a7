"""TCP connections with direct writes, delegated reads, and fair reading.

Twisted's `write` appends to a buffer, asks the reactor to watch for writability, and sends in a
later turn.  That costs three more system calls and a turn of the reactor for each reader of each
message.  `WriteThrough.write` sends at once if no earlier bytes are buffered.  Bytes that the
socket does not take go Twisted's way, and so does everything after an error.  (TLS is a protocol on
top of this one, `chatd.net.tls`, not `startTLS`.)

Why this is correct:

1. Bytes are sent directly only while both of Twisted's buffers are empty, so they cannot overtake
   earlier bytes.
2. Bytes that the socket did not take are passed to Twisted's `write`, which buffers them, pauses
   the producer, and watches for writability.
3. An error is not handled here: the same bytes are passed to Twisted's `write`, whose next attempt
   gets the same error where Twisted expects it.  So `connectionLost` is called from the reactor,
   never from within `write`.
4. A `DirectWriter` calls the socket's `send` itself.  While bytes wait in Twisted's buffers, its
   `send` is the transport's `write` instead.
5. While writes are gathered (`one_write`), they wait in a list of this class, which is sent before
   anything else is: to the socket, or Twisted's way.
6. A protocol that closes the connection because the input has ended loses it before the reactor
   goes on, if no bytes are buffered and no producer is registered.  Otherwise Twisted closes it
   when all has been sent.  The same holds for a connection that a timer closes (`close_now`).
7. A `ReadDelegate` may read in the transport's place.  The connection is watched either by the
   reactor or by an epoll group (`chatd.net.epollgroup`), never by both.  When the delegate has read
   the end of the input, no one watches it any more.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from errno import ETIMEDOUT, EWOULDBLOCK
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any, Protocol

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure

from ..stream.writing import direct_write
from .epollgroup import EpollGroup, ReadDelegate
from .private import LeanServer, all_sent, bytes_buffered

MOST_GATHERED = 16 * 1024
"""Bytes that are gathered for one write; then they are sent, and so is what follows."""
READ_BYTES = 4096
"""Bytes that are read from one connection per turn.  The contents of 64 KiB, as much as Twisted
reads, can take 0.1 s to handle; few requests are longer than this."""


class PeerDead(ConnectionLost):
    """TCP gave the connection up, because the peer did not acknowledge data for too long."""


PEER_DEAD = PeerDead()
_DONE = Failure(CONNECTION_DONE)
DEFER_SECONDS = 1
"""Seconds after which a connection is accepted whose client has sent nothing: see
`defer_accept`."""


_ADDRESSES: dict[Any, Any] = {}
"""The machine's own addresses that connections came to: they share one object each."""


class DirectWriter(Protocol):
    """Sends to a socket without its transport, which saves a call per reader and message."""

    send: Callable[[bytes], int | None]
    """Sends bytes and returns how many; None: all of them are taken care of.  May raise
    `OSError`."""


class DirectTransport:
    """A transport that has direct writes."""

    __slots__ = ()

    def enable_direct_writes(self, writer: DirectWriter) -> None:
        """Set `writer.send` to what sends at once, whenever nothing else has to be sent before."""
        raise NotImplementedError

    def gather(self) -> None:
        """Keep what is written until `send_gathered`, which sends it with one call of the kernel.

        Bytes that are buffered already, or more than `MOST_GATHERED`, are not waited for.
        """
        raise NotImplementedError

    def send_gathered(self) -> None:
        """Send what was written since `gather`."""
        raise NotImplementedError


class WriteThrough(LeanServer, DirectTransport):
    """The server's side of a TCP connection, with direct writes.

    Set as `twisted.internet.tcp.Port.transport`, it is the class of all connections of that port.
    """

    _reads = True
    """Whether the connection is read, by this transport or by the delegate."""
    _here: Any = None
    """The server's end of the connection, once it has been asked for."""
    _delegate: ReadDelegate | None = None
    _writer: DirectWriter | None = None
    _gathered: list[bytes] | None = None
    """The writes that wait to be sent as one; None: each write is sent at once."""
    _epoll_group: EpollGroup
    _straight = True
    """Whether no bytes are buffered, so that a write may go to the socket."""
    _input_ends = False
    """Whether the protocol is being notified of the end of the input."""

    def getHost(self) -> Any:
        """See `twisted.internet.interfaces.ITransport.getHost`."""
        if self._here is None:  # Twisted would ask the kernel again for each request
            here = super().getHost()
            self._here = _ADDRESSES.setdefault(here, here)
        return self._here

    def doRead(self) -> ConnectionDone | ConnectionLost | None:  # type: ignore[override]
        """See `twisted.internet.interfaces.IReadDescriptor.doRead`."""
        try:
            data = self.receive(READ_BYTES)
        except OSError as problem:
            if problem.errno == EWOULDBLOCK:
                return None
            return PEER_DEAD if problem.errno == ETIMEDOUT else CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        self.protocol.dataReceived(data)
        return None

    def read_ahead(self) -> None:
        """Read once now, in case bytes have arrived: it saves a turn of the reactor.

        The end of the input and errors are left to the reactor, which will meet them, too.
        """
        if self._reads and not self._delegate:
            self.doRead()

    def enable_direct_writes(self, writer: DirectWriter) -> None:
        """Set `writer.send` to the socket's `send` while no bytes are buffered, and to this
        transport's `write` otherwise, because nothing may overtake buffered bytes.  That ends when
        another writer is enabled, or the connection is lost.

        Bytes that `send` did not take, or all of them if it raised, have to be passed to `write`
        before anything else is sent.
        """
        if self._writer:
            self._writer.send = self.write
        self._writer = writer
        writer.send = self.send_now if self._straight else self.write

    def delegate_reads(self, delegate: ReadDelegate, epoll_group: EpollGroup) -> bool:
        """Let `delegate.doRead` read from the socket when the epoll group finds it readable.

        Returns whether that is possible.  `delegate.step_aside` is called when reading stops.
        """
        if not (self._reads and epoll_group.possible):
            return False
        try:
            epoll_group.enter(self.fileno(), delegate, self.reactor)
        except OSError:
            return False
        self.reactor.removeReader(self)
        self._delegate, self._epoll_group = delegate, epoll_group
        return True

    def take_back_reads(self) -> None:
        """Let the transport read again."""
        if self._delegate:
            self._delegate = None
            self._epoll_group.leave(self.fileno())
            if self._reads:
                super().startReading()

    def startReading(self) -> None:
        """See `twisted.internet.abstract.FileDescriptor.startReading`."""
        self._reads = True
        if not self._delegate:
            super().startReading()

    def stopReading(self) -> None:
        """See `twisted.internet.abstract.FileDescriptor.stopReading`."""
        self._reads = False
        if self._delegate:
            self._delegate.step_aside()
        super().stopReading()

    def readConnectionLost(self, reason: Failure) -> None:
        """See `twisted.internet.interfaces.IHalfCloseableDescriptor.readConnectionLost`."""
        self._reads = False
        if self._delegate:
            self._delegate.step_aside()
        self._input_ends = True
        super().readConnectionLost(reason)
        self._input_ends = False
        if self.disconnecting and self.is_idle:
            self.connectionLost(reason)

    @property
    def is_idle(self) -> bool:
        """Whether the connection may be closed at once: nothing waits to be sent, and no producer
        is registered.
        """
        return bool(self.connected) and self._straight and self.producer is None

    def loseConnection(self) -> None:
        """See `twisted.internet.interfaces.ITransport.loseConnection`.

        Twisted closes a connection when the reactor finds it writable, in a later turn.  At the end
        of the input, as nearly all clients disconnect, there is no need to wait for that.
        """
        if self._input_ends and self.is_idle:
            self.disconnecting = True
        else:
            FileDescriptor.loseConnection(self)

    def received(self, data: bytes) -> None:
        """Handle bytes that a delegate has read; empty bytes are the end of the input."""
        if data:
            self.protocol.dataReceived(data)
        else:
            self.readConnectionLost(_DONE)

    def write(self, data: bytes) -> None:
        """See `twisted.internet.interfaces.ITransport.write`."""
        if self._straight:
            direct_write(self.send_now, self._write_later, data)
        elif self._gathered is None:
            super().write(data)
        else:
            self._gathered.append(data)
            if sum(map(len, self._gathered)) > MOST_GATHERED:
                self.send_gathered()

    def gather(self) -> None:
        """See `DirectTransport.gather`."""
        if self._straight:
            self._straight = False
            self._gathered = []
            if self._writer:
                self._writer.send = self.write

    def send_gathered(self) -> None:
        """See `DirectTransport.send_gathered`."""
        gathered, self._gathered = self._gathered, None
        if gathered is not None:
            self._unwind()
            if gathered:
                self.write(b"".join(gathered))

    def doWrite(self) -> Any:
        """See `twisted.internet.interfaces.IWriteDescriptor.doWrite`."""
        result = super().doWrite()
        if all_sent(self):
            self._unwind()
        return result

    def loseWriteConnection(self) -> None:
        """See `twisted.internet.interfaces.ITCPTransport.loseWriteConnection`."""
        self.send_gathered()
        self._wind()
        super().loseWriteConnection()

    def _write_later(self, data: bytes) -> None:
        """Buffer the bytes that the socket did not take."""
        self._wind()
        super().write(data)

    def _wind(self) -> None:
        """Buffer all writes, until the buffer has been sent."""
        self._straight = False
        if self._writer:
            self._writer.send = self.write

    def _unwind(self) -> None:
        """Send writes to the socket again: nothing is buffered."""
        self._straight = True
        if self._writer:
            self._writer.send = self.send_now

    def connectionLost(self, reason: Failure) -> None:
        """See `twisted.internet.abstract.FileDescriptor.connectionLost`.

        A protocol with a method `salvage` may read the bytes that the socket has received and the
        protocol was not given.
        """
        if salvage := getattr(getattr(self, "protocol", None), "salvage", None):
            salvage(self.receive)
        super().connectionLost(reason)
        self._writer = None

    # Twisted's own would first look whether `startTLS` was called.
    registerProducer = FileDescriptor.registerProducer
    unregisterProducer = FileDescriptor.unregisterProducer

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """See `twisted.internet.interfaces.ITransport.writeSequence`."""
        self.write(b"".join(iovec))


def enable_direct_writes(transport: object, writer: DirectWriter) -> None:
    """See `DirectTransport.enable_direct_writes`; other transports have no direct writes."""
    if isinstance(transport, DirectTransport):
        transport.enable_direct_writes(writer)


def defer_accept(port: Any) -> None:
    """Have the kernel accept a connection of this TCP port when the client's first bytes are there
    (TCP_DEFER_ACCEPT, tcp(7)), where that is possible.

    It saves a turn of the reactor for each client, if clients speak first.  A client that does not
    speak is accepted after about `DEFER_SECONDS`.
    """
    option = getattr(socket, "TCP_DEFER_ACCEPT", None)
    if option is not None:
        with suppress(OSError):  # a UNIX socket
            port.socket.setsockopt(socket.IPPROTO_TCP, option, DEFER_SECONDS)


def close_now(transport: Any) -> None:
    """Close a connection within this call, unless bytes are buffered: then when they are sent.

    The caller must not be called from the connection's transport or protocol; timers may call it.
    """
    if isinstance(transport, WriteThrough) and transport.is_idle:
        transport.connectionLost(_DONE)
    else:
        transport.loseConnection()


def read_ahead(transport: object) -> None:
    """See `WriteThrough.read_ahead`; other transports wait for the reactor."""
    if isinstance(transport, WriteThrough):
        transport.read_ahead()


class one_write:  # noqa: N801 - it is used like a function
    """Send what is written to a connection meanwhile with one call of the kernel, and in one TCP
    segment and one record of TLS if it fits.  Transports without direct writes write as always.
    """

    __slots__ = ("_transport",)

    def __init__(self, transport: Any) -> None:
        while transport is not None and not isinstance(transport, DirectTransport):
            transport = getattr(transport, "transport", None)
        self._transport: DirectTransport | None = transport

    def __enter__(self) -> None:
        if self._transport is not None:
            self._transport.gather()

    def __exit__(self, *problem: object) -> None:
        if self._transport is not None:
            self._transport.send_gathered()


APART = one_write(None)
"""In place of a `one_write`: each write is sent by itself."""


def unsent(transport: object) -> int:
    """Bytes that were written to a connection and not acknowledged by its peer: those in Twisted's
    buffers, and those in the kernel's (`SIOCOUTQ`, tcp(7)).
    """
    descriptor = descriptor_of(transport)
    if descriptor is None:
        return 0
    try:
        kernel: int = struct.unpack("i", ioctl(descriptor.fileno(), TIOCOUTQ, bytes(4)))[0]
    except OSError:  # the socket is closed, or the system does not support this
        kernel = 0
    return bytes_buffered(descriptor) + kernel


def lingers(transport: object) -> bool:
    """Whether closing a connection may wait for its peer: until the buffer has been sent, or until
    a TLS peer closes, too.
    """
    descriptor = descriptor_of(transport)
    if descriptor is None or descriptor is transport:
        return descriptor is not None and bytes_buffered(descriptor) > 0
    # The server's closing alert may be buffered, if the kernel's buffer is full.
    return getattr(transport, "waits_for_alert", True) or unsent(descriptor) > 0


def descriptor_of(transport: object) -> FileDescriptor | None:
    """The connection of the kernel to which a transport's bytes go; None: it has none."""
    while transport is not None and not isinstance(transport, FileDescriptor):
        transport = getattr(transport, "transport", None)  # TLS delegates before it
    return transport
