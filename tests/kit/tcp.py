"""A `WriteThrough` over a real socket without a reactor, whose work tests do by hand."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from select import select
from typing import Any, NoReturn

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.net.tcp import WriteThrough


@implementer(IReactorFDSet)
class WatchList:
    """A reactor's lists of readers and writers, and nothing more."""

    def __init__(self) -> None:
        self.readers: set[Any] = set()
        self.writers: set[object] = set()
        self.later: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def addReader(self, reader: object) -> None:
        self.readers.add(reader)

    def addWriter(self, writer: object) -> None:
        self.writers.add(writer)

    def removeReader(self, reader: object) -> None:
        self.readers.discard(reader)

    def removeWriter(self, writer: object) -> None:
        self.writers.discard(writer)

    def callLater(  # noqa: N802
        self, seconds: float, call: Callable[..., object], *args: object
    ) -> None:
        """Record a call that a turn of the reactor would make."""
        self.later.append((call, args))

    def run(self) -> None:
        """Make the recorded calls."""
        later, self.later = self.later, []
        for call, args in later:
            call(*args)

    def removeAll(self) -> NoReturn:
        raise NotImplementedError

    def getReaders(self) -> NoReturn:
        raise NotImplementedError

    def getWriters(self) -> NoReturn:
        raise NotImplementedError


class LossRecorder(Protocol):
    """Records that the connection was lost."""

    lost: Failure | None = None

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


class TcpPair:
    """A `WriteThrough` on one end of a TCP connection, and a socket on the other."""

    def __init__(self, protocol: Any = None, sent: bytes = b"") -> None:
        """With `protocol` at the server's end, or a `LossRecorder`; the client has `sent` bytes
        before the server accepts the connection.
        """
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.client = socket.create_connection(listening.getsockname())
            self.client.sendall(sent)
            served, _ = listening.accept()
        served.setblocking(False)
        served.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.client.settimeout(10)
        self.watch = WatchList()
        self.note = LossRecorder()
        address = ("127.0.0.1", 0)
        protocol = protocol or self.note
        port: Any = None
        self.server = WriteThrough(served, protocol, address, port, 0, self.watch)
        protocol.makeConnection(self.server)

    @property
    def waits_to_write(self) -> bool:
        """Whether bytes are left for the reactor to write."""
        return self.server in self.watch.writers

    def receive(self, size: int) -> bytes:
        """The bytes that the client gets, while the reactor writes for the server."""
        data = b""
        while len(data) < size:
            data += self.turn()
        return data

    def turn(self) -> bytes:
        """Let the server write if it wants to and can; returns the bytes that the client gets."""
        writers = [self.server.socket] if self.waits_to_write else []
        readable, writable, _ = select([self.client], writers, [], 10)
        assert readable or writable
        if writable and (why := self.server.doWrite()) is not None:
            assert isinstance(why, ConnectionDone)
            self.server.connectionLost(Failure(why))
        return self.client.recv(65536) if readable else b""

    def reset(self) -> None:
        """Close the client's end with a reset."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()

    def close(self) -> None:
        self.client.close()
        if self.server.connected:
            self.server.connectionLost(Failure(ConnectionError()))
