"""Write-through: bytes that are ready now leave now.  And fair reading: of each a little at a time.

Twisted's `write` appends to a buffer, asks the reactor to watch for writability, and sends in a
later turn: three more system calls and a turn of the loop for each reader of each message.
`WriteThrough.write` tries the socket at once when nothing is waiting before it; what the socket
does not take goes Twisted's own way, as does everything in doubt.  (TLS comes as a protocol around
this one, not by `startTLS`.)

Why this is right:

1. Bytes are only sent directly when both of Twisted's buffers are empty, so they cannot overtake
   others: from the first that the socket did not take until Twisted has written all that waited.
2. What is left over is handed to Twisted's `write`, which buffers it, pauses producers, and watches
   for writability.
3. An error is not handled here: the same bytes go to Twisted's `write`, whose next attempt meets
   the same error in the place where Twisted expects it, and `connectionLost` is called from the
   reactor, never from within `write`.
4. A `DirectWriter` calls the socket's `send` itself.  While bytes wait in Twisted's buffers, it is
   given the transport's `write` instead.
5. A `ReadDelegate` may read in the transport's place.  The connection is watched either by the
   reactor or by an epoll group (`chatd.net.epollgroup`), never by both.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from errno import ETIMEDOUT, EWOULDBLOCK
from fcntl import ioctl
from termios import TIOCOUTQ
from typing import Any, Protocol

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.tcp import Server
from twisted.python.failure import Failure

from ..stream.writing import direct_write
from .epollgroup import EpollGroup, ReadDelegate

READ_BYTES = 4096
"""Bytes of one connection that are looked at before others have their turn: what is in 64 KiB, as
Twisted reads them, can take a tenth of a second to go through.  Hardly a request is longer."""


class PeerDead(ConnectionLost):
    """The peer did not acknowledge anything for so long that TCP gave the connection up."""


PEER_DEAD = PeerDead()


class DirectWriter(Protocol):
    """Sends to a socket past its transport: one call less for each reader of each message."""

    send: Callable[[bytes], int | None]
    """What sends bytes, and answers how many; None: the rest is seen to.  May raise `OSError`."""


class WriteThrough(Server):
    """A server's side of a TCP connection that writes at once.

    For `twisted.internet.tcp.Port.transport`, so that every connection of that port is one.
    """

    _reads = False
    """Whether what comes in is read, be it by the delegate."""
    _delegate: ReadDelegate | None = None
    _writer: DirectWriter | None = None
    _epoll_group: EpollGroup

    def __init__(self, sock: Any, *args: Any) -> None:
        """See `twisted.internet.tcp.Server`."""
        super().__init__(sock, *args)
        self._straight = True
        """Whether nothing waits before what is written, so that it may go to the socket."""
        # Found once, for what is done a million times; of a closed socket they raise.
        self._send = sock.send
        self.receive = sock.recv

    def doRead(self) -> ConnectionDone | ConnectionLost | None:  # type: ignore[override]
        """See `twisted.internet.interfaces.IReadDescriptor.doRead`."""
        try:
            data = self.receive(READ_BYTES)
        except OSError as problem:
            if problem.errno == EWOULDBLOCK:
                return None
            return PEER_DEAD if problem.errno == ETIMEDOUT else CONNECTION_LOST
        return self.received(data)

    def enable_direct_writes(self, writer: DirectWriter) -> None:
        """Set `writer.send` to the socket's `send` while nothing waits, and to this transport's
        `write` while bytes wait in a buffer, because nothing may overtake those.  It ends when
        another writer is enabled, or the connection is lost.

        Bytes that `send` did not take, or all of them if it raised, have to be passed to `write`
        before anything else is sent.
        """
        if self._writer:
            self._writer.send = self.write
        self._writer = writer
        writer.send = self._send if self._straight else self.write

    def delegate_reads(self, delegate: ReadDelegate, epoll_group: EpollGroup) -> bool:
        """Let `delegate.doRead` read from the socket when the epoll group finds it readable.

        Answers whether that is possible.  `delegate.step_aside` is called when reading stops.
        """
        if not (self._reads and epoll_group.possible):
            return False
        try:
            epoll_group.enter(self.fileno(), delegate, self.reactor)
        except OSError:
            return False
        super().stopReading()
        self._delegate, self._epoll_group = delegate, epoll_group
        return True

    def take_back_reads(self) -> None:
        """Read what comes in again."""
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
        super().readConnectionLost(reason)

    def received(self, data: bytes) -> ConnectionDone | None:
        """What `doRead` makes of bytes that came in; there are none at the end."""
        if not data:
            return CONNECTION_DONE
        self.protocol.dataReceived(data)
        return None

    def write(self, data: bytes) -> None:
        """See `twisted.internet.interfaces.ITransport.write`."""
        if self._straight:
            direct_write(self._send, self._write_later, data)
        else:
            super().write(data)

    def doWrite(self) -> Any:
        """See `twisted.internet.interfaces.IWriteDescriptor.doWrite`."""
        result = super().doWrite()
        self._straight = not (self.dataBuffer or self._tempDataBuffer or self._writeDisconnecting)
        if self._straight and self._writer:
            self._writer.send = self._send
        return result

    def loseWriteConnection(self) -> None:
        """See `twisted.internet.interfaces.ITCPTransport.loseWriteConnection`."""
        self._wind()
        super().loseWriteConnection()

    def _write_later(self, data: bytes) -> None:
        """Leave bytes to Twisted that the socket did not take."""
        self._wind()
        super().write(data)

    def _wind(self) -> None:
        """From here on, until all of it is written, what is written waits."""
        self._straight = False
        if self._writer:
            self._writer.send = self.write

    def connectionLost(self, reason: Failure) -> None:
        """See `twisted.internet.abstract.FileDescriptor.connectionLost`.

        A protocol with a `salvage` gets what the socket has received and it was not given yet.
        """
        if salvage := getattr(getattr(self, "protocol", None), "salvage", None):
            salvage(self.receive)
        super().connectionLost(reason)
        self._writer = None

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """See `twisted.internet.interfaces.ITransport.writeSequence`."""
        self.write(b"".join(iovec))


def enable_direct_writes(transport: object, writer: DirectWriter) -> None:
    """See `WriteThrough.enable_direct_writes`; other transports have no way past them."""
    if isinstance(transport, WriteThrough):
        transport.enable_direct_writes(writer)


def unsent(transport: object) -> int:
    """Bytes that were written to a connection and not taken by its other end: those in Twisted's
    buffers, and those in the kernel's (`SIOCOUTQ`, tcp(7)).
    """
    descriptor = _descriptor(transport)
    if descriptor is None:
        return 0
    try:
        kernel: int = struct.unpack("i", ioctl(descriptor.fileno(), TIOCOUTQ, bytes(4)))[0]
    except OSError:  # it is closed, or this system does not tell
        kernel = 0
    return _buffered(descriptor) + kernel


def lingers(transport: object) -> bool:
    """Whether a connection that is told to close would wait for its other end: until what is
    buffered here was taken, or until a TLS peer agrees.
    """
    descriptor = _descriptor(transport)
    return descriptor is not None and (descriptor is not transport or _buffered(descriptor) > 0)


def _descriptor(transport: object) -> FileDescriptor | None:
    while transport is not None and not isinstance(transport, FileDescriptor):
        transport = getattr(transport, "transport", None)  # TLS delegates before it
    return transport


def _buffered(descriptor: FileDescriptor) -> int:
    size: int = len(descriptor.dataBuffer) - descriptor.offset + descriptor._tempDataLen
    return size
