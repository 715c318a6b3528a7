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
4. Whoever sends to many may borrow what sends, and is given the transport's `write` instead for as
   long as something waits.
5. Something else may read in its place, while something is to be read at all: it is watched either
   by the reactor or by the lane (`chatd.transports.lane`).
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
from .lane import Lane, Stand

READ_BYTES = 4096
"""Bytes of one connection that are looked at before others have their turn: what is in 64 KiB, as
Twisted reads them, can take a tenth of a second to go through.  Hardly a request is longer."""


class PeerDead(ConnectionLost):
    """The peer did not acknowledge anything for so long that TCP gave the connection up."""


PEER_DEAD = PeerDead()


class Borrower(Protocol):
    """Who sends to a socket past its transport: one call less for each reader of each message."""

    send: Callable[[bytes], int | None]
    """What sends bytes, and answers how many; None: the rest is seen to.  May raise `OSError`."""


class WriteThrough(Server):
    """A server's side of a TCP connection that writes at once.

    For `twisted.internet.tcp.Port.transport`, so that every connection of that port is one.
    """

    _reads = False
    """Whether what comes in is read, be it by the stand."""
    _stand: Stand | None = None
    _borrower: Borrower | None = None
    _lane: Lane

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

    def lend(self, borrower: Borrower) -> None:
        """Let `borrower.send` be what writes to the socket at once, as long as nothing waits; and
        this transport's `write` while something does, for nothing may pass that.  Until it is lent
        to another, or the connection is lost.

        What that did not send, be it that it raised, is to be written here before anything else.
        """
        if self._borrower:
            self._borrower.send = self.write
        self._borrower = borrower
        borrower.send = self._send if self._straight else self.write

    def stand_in(self, stand: Stand, lane: Lane) -> bool:
        """Let `stand.doRead` read from the socket, when the lane says so; answers whether it does.

        When nothing is to be read any more, its `step_aside` is called.
        """
        if not (self._reads and lane.possible):
            return False
        try:
            lane.enter(self.fileno(), stand, self.reactor)
        except OSError:
            return False
        super().stopReading()
        self._stand, self._lane = stand, lane
        return True

    def stand_down(self) -> None:
        """Read what comes in again."""
        if self._stand:
            self._stand = None
            self._lane.leave(self.fileno())
            if self._reads:
                super().startReading()

    def startReading(self) -> None:
        """See `twisted.internet.abstract.FileDescriptor.startReading`."""
        self._reads = True
        if not self._stand:
            super().startReading()

    def stopReading(self) -> None:
        """See `twisted.internet.abstract.FileDescriptor.stopReading`."""
        self._reads = False
        if self._stand:
            self._stand.step_aside()
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
        if self._straight and self._borrower:
            self._borrower.send = self._send
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
        if self._borrower:
            self._borrower.send = self.write

    def connectionLost(self, reason: Failure) -> None:
        """See `twisted.internet.abstract.FileDescriptor.connectionLost`.

        A protocol with a `salvage` gets what the socket has received and it was not given yet.
        """
        if salvage := getattr(getattr(self, "protocol", None), "salvage", None):
            salvage(self.receive)
        super().connectionLost(reason)
        self._borrower = None

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """See `twisted.internet.interfaces.ITransport.writeSequence`."""
        self.write(b"".join(iovec))


def lend(transport: object, borrower: Borrower) -> None:
    """See `WriteThrough.lend`; other transports have no way past them."""
    if isinstance(transport, WriteThrough):
        transport.lend(borrower)


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
        transport = getattr(transport, "transport", None)  # TLS stands before it
    return transport


def _buffered(descriptor: FileDescriptor) -> int:
    size: int = len(descriptor.dataBuffer) - descriptor.offset + descriptor._tempDataLen
    return size
