"""A TLS connection of the server over a real socket, and a client whose packets tests pass on."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from select import select
from typing import Any

from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.net.tls import TlsConnection
from chatd.net.tlsfactory import Contexts, TlsFactory

from .certificates import write_certificate
from .tcp import TcpPair

BIG = bytes(range(256)) * 4096
"""More bytes than the buffers of a connection hold."""
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@dataclass
class OneContext:
    """The same context for each connection."""

    context: ssl.SSLContext


def server_context(directory: Path) -> OneContext:
    """A context with a new certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.load_cert_chain(*write_certificate(directory))
    return OneContext(context)


@implementer(IHandshakeListener)
class Recorder(Protocol):
    """Records what happens to a connection."""

    transport: Any

    def __init__(self) -> None:
        self.received = b""
        self.established = 0
        self.losses: list[Failure] = []
        self.pauses: list[bool] = []

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def handshakeCompleted(self) -> None:  # noqa: N802
        self.established += 1

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.losses.append(reason)

    def pauseProducing(self) -> None:
        self.pauses.append(True)

    def resumeProducing(self) -> None:
        self.pauses.append(False)

    def stopProducing(self) -> None:
        pass


def _client_context(version: ssl.TLSVersion) -> ssl.SSLContext:
    """A client that trusts any server."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    client.maximum_version = version
    client.set_alpn_protocols(["http/1.1"])
    return client


class TlsPair:
    """The server's end is a `TlsConnection`, whose protocol is `protocol`."""

    def __init__(
        self,
        contexts: Contexts,
        protocol: Recorder | None = None,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        after: TlsPair | None = None,
    ) -> None:
        """The client speaks `version`, and resumes the session of an earlier pair."""
        self.protocol = protocol or Recorder()
        made: Any = self.protocol
        factory = Factory.forProtocol(lambda: made)
        connection = TlsFactory(contexts, factory).buildProtocol(None)
        assert connection is not None
        self.tls: TlsConnection = connection
        self.wire = TcpPair(connection)
        client = after.client.context if after else _client_context(version)
        session = after.client.session if after else None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client: ssl.SSLObject = client.wrap_bio(self._in, self._out, session=session)

    def packets(self) -> bytes:
        """The bytes that the client has to send."""
        return self._out.read()

    def give(self, packets: bytes) -> None:
        """The server receives bytes of the client."""
        if packets and self.wire.server.connected:
            self.wire.server.protocol.dataReceived(packets)

    def say(self, data: bytes) -> None:
        """The client sends application data."""
        self.client.write(data)
        self.give(self.packets())

    def flow(self) -> None:
        """Let the server send all that it can, and pass it to the client."""
        server, ours = self.wire.server, self.wire.client
        while True:
            if waits := self.wire.waits_to_write:
                select([ours], [server.socket], [], 10)
                if (why := server.doWrite()) is not None:
                    server.connectionLost(Failure(why))
            if not select([ours], [], [], 0)[0]:
                if waits:
                    continue
                return
            packets = ours.recv(1 << 20)
            if not packets:
                self._in.write_eof()
                return
            self._in.write(packets)

    def closed_by_client(self) -> Failure:
        """The client closes, or answers the server's alert; returns how the protocol lost it."""
        self.client.unwrap()
        self.give(self.packets())
        self.flow()
        (loss,) = self.protocol.losses
        return loss

    def heard(self) -> bytes:
        """The application data that the client receives until the server has no more to send."""
        data = b""
        while True:
            self.flow()
            try:
                part = self.client.read(1 << 20)
            except ssl.SSLWantReadError:
                self.give(self.packets())
                return data
            except ssl.SSLZeroReturnError:  # the client's own alert came first
                return data
            if not part:
                return data
            data += part

    def shake_hands(self, piece: int = 1 << 20) -> None:
        """Do the handshake; the server receives it in pieces of that many bytes."""
        done = False
        while not done:
            try:
                self.client.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                pass
            packets = self.packets()
            for at in range(0, len(packets), piece):
                self.give(packets[at : at + piece])
            self.flow()

    def close(self) -> None:
        self.wire.watch.run()
        self.wire.close()
