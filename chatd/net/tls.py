"""The server's side of TLS, on the standard library's `ssl`, with direct writes.

Twisted's TLS collects writes, encrypts them in a later turn, and needs three more calls for each
write.  Here a write is encrypted at once, and its record is sent as plain TCP sends its bytes
(`chatd.net.tcp`): directly to the socket, unless earlier bytes are buffered.

1. OpenSSL never touches the socket.  Received bytes go into one memory buffer, and OpenSSL puts the
   bytes to send into another.
2. After each call of OpenSSL, all records that it has produced are sent.  So records are sent in
   the order in which they were made, including those of key updates.  The session tickets with
   which a handshake of TLS 1.3 ends follow after an answer to a request that is there already.
   They do not wait for a request: their packet acknowledges the client's last one, and without it
   a client with Nagle's algorithm (RFC 9293, section 3.7.4) holds its request back for 40 ms.
3. Writes wait only for the end of the handshake.  Afterwards OpenSSL always accepts them: TLS 1.3
   has no renegotiation, and the context refuses the renegotiation of TLS 1.2.
4. Records are sent by the `send` of the transport below, which `WriteThrough` replaces while bytes
   are buffered.  Only that transport pauses the producer, so backpressure is the same as over
   plain TCP.
5. From the end of the handshake on, `write` is a function of the connection's own (`_writer`),
   without look-ups: it runs for each reader of each message.
6. The protocol is notified of the connection's end once, by `connectionLost`, which the transport
   below calls, and never from within `write`.
"""

from __future__ import annotations

from collections.abc import Callable
from ssl import MemoryBIO, SSLContext, SSLError, SSLWantReadError, SSLZeroReturnError
from typing import Any, Protocol

from twisted.internet.interfaces import (
    IConsumer,
    IHandshakeListener,
    INegotiated,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.protocol import Factory, connectionDone
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import implementer

from ..stream.writing import direct_write
from .private import encryption
from .tcp import DirectTransport, DirectWriter, enable_direct_writes, read_ahead

MAX_RECORD = 16_384
"""Bytes in one record (RFC 8446, section 5.1)."""


class Contexts(Protocol):
    """The source of the SSL context for new connections of a port."""

    context: SSLContext
    """The context for connections that begin now.  It must refuse renegotiation."""


@implementer(ISSLTransport, INegotiated, IPushProducer, IConsumer)
class TlsConnection(ProtocolWrapper, DirectTransport):
    """One TLS connection: the protocol of the transport below, and the transport of another."""

    send: Callable[[bytes], int | None]
    """See `DirectWriter.send`: sends records to the transport below."""
    transport: Any
    factory: Any
    wrappedProtocol: Any  # noqa: N815 - Twisted's name

    def __init__(self, factory: TlsFactory, protocol: IProtocol) -> None:
        super().__init__(factory, protocol)  # type: ignore[arg-type]
        self._received = MemoryBIO()
        self._produced = MemoryBIO()
        self._tls = factory.contexts.context.wrap_bio(
            self._received, self._produced, server_side=True
        )
        self._established = False
        """Whether the handshake is done."""
        self._ended = False
        """Whether nothing more will be read or written."""
        self._waiting: list[bytes] = []
        """Bytes written during the handshake, to be encrypted after it."""
        self._producing = False
        """Whether a producer is registered.  Closing waits until it is unregistered."""
        self._reason: Failure | None = None
        """The error of TLS that ended the connection; None if there was none."""

    # -- for the transport below -----------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        """See `IProtocol.makeConnection`.  The client begins the handshake, most likely already."""
        self.transport = transport
        self.connected = 1
        self.send = transport.write
        enable_direct_writes(transport, self)
        self.wrappedProtocol.makeConnection(self)
        if not self._ended:
            read_ahead(transport)

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        if self._ended:
            return
        self._received.write(data)
        if self._established or self._shake_hands():
            self._decrypt()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol.connectionLost`."""
        self.connected = 0
        self._ended = self.disconnecting = True
        self.__dict__.pop("write", None)  # it refers to this object
        protocol, self.wrappedProtocol = self.wrappedProtocol, None
        protocol.connectionLost(self._reason or reason)

    # -- for the protocol ------------------------------------------------------------------------

    @property
    def negotiatedProtocol(self) -> bytes | None:  # noqa: N802
        """See `INegotiated.negotiatedProtocol` (RFC 7301)."""
        chosen = self._tls.selected_alpn_protocol()
        return chosen.encode() if chosen else None

    def getPeerCertificate(self) -> None:  # noqa: N802
        """See `ISSLTransport.getPeerCertificate`.  No client is asked for a certificate."""

    def enable_direct_writes(self, writer: DirectWriter) -> None:
        """See `DirectTransport.enable_direct_writes`: each write is direct."""
        writer.send = self.write

    def write(self, data: bytes) -> None:
        """Encrypt bytes of any number and send them; see `ITransport.write`."""
        if self._ended or (self.disconnecting and not self._producing):
            return
        if self._established:
            self._encrypt(data)
        else:
            self._waiting.append(data)

    def writeSequence(self, iovec: Any) -> None:
        """See `ITransport.writeSequence`."""
        self.write(b"".join(iovec))

    def loseConnection(self) -> None:
        """Close when all that was written is sent and no producer is registered."""
        if self.disconnecting:
            return
        if not (self._established or self._waiting):
            self.abortConnection()
            return
        self.disconnecting = True
        self._close_when_done()

    def abortConnection(self) -> None:
        """Close at once, whatever waits to be sent."""
        self._ended = self.disconnecting = True
        self.transport.abortConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See `IConsumer.registerProducer`."""
        self.transport.registerProducer(producer, streaming)
        self._producing = True

    def unregisterProducer(self) -> None:
        """See `IConsumer.unregisterProducer`."""
        self._producing = False
        self.transport.unregisterProducer()
        if self.disconnecting:
            self._close_when_done()

    def pauseProducing(self) -> None:
        """See `IPushProducer.pauseProducing`.  Bytes that have arrived are decrypted anyway."""
        self.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """See `IPushProducer.resumeProducing`."""
        self.transport.resumeProducing()

    def stopProducing(self) -> None:
        """See `IProducer.stopProducing`."""
        self.loseConnection()

    # -- OpenSSL ---------------------------------------------------------------------------------

    def _shake_hands(self) -> bool:
        """Continue the handshake; returns whether it is complete and more bytes were received."""
        try:
            self._tls.do_handshake()
        except SSLWantReadError:
            self._send_records()
            return False
        except SSLError as problem:
            self._fail(problem)
            return False
        self._established = True
        self.write = self._writer()  # type: ignore[assignment, method-assign]
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._encrypt(b"".join(waiting))
        if IHandshakeListener.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.handshakeCompleted()
        if self.disconnecting:
            self._close_when_done()
        if self._received.pending:
            return True
        read_ahead(self.transport)  # many clients send their first request in a packet of its own
        self._send_records()
        return False

    def _writer(self) -> Callable[[bytes], None]:
        """What `write` does while the connection is open, without look-ups."""
        encrypt, records_produced = encryption(self._tls), self._produced.read

        def write(data: bytes) -> None:
            """See `TlsConnection.write`."""
            if self.disconnecting:
                TlsConnection.write(self, data)
                return
            try:
                encrypt(data)
            except SSLError as problem:
                self._fail(problem)
                return
            records = records_produced()
            try:  # `direct_write`, without the call
                sent = self.send(records)
            except OSError:
                sent = 0
            if sent != len(records) and sent is not None:
                self.transport.write(records[sent:])

        return write

    def _decrypt(self) -> None:
        """Decrypt the received bytes, and pass them to the protocol."""
        while not self._ended:
            try:
                data = self._tls.read(MAX_RECORD)
            except SSLWantReadError:
                break
            except SSLZeroReturnError:  # raised instead of an empty read if our alert came first
                data = b""
            except SSLError as problem:
                self._fail(problem)
                return
            if not data:  # the peer's closing alert
                self._close()
                self._end()
                return
            self.wrappedProtocol.dataReceived(data)
            if not (self._received.pending or self._tls.pending()):
                break
        self._send_records()

    def _encrypt(self, data: bytes) -> None:
        try:
            self._tls.write(data)
        except SSLError as problem:
            self._fail(problem)
        else:
            self._send_records()

    def _send_records(self) -> None:
        if records := self._produced.read():
            direct_write(self.send, self.transport.write, records)

    def _close_when_done(self) -> None:
        if self._established and not (self._producing or self._ended):
            self._close()

    def _close(self) -> None:
        """Send the closing alert.  If the peer has sent its own, close the transport, too."""
        try:
            self._tls.unwrap()
        except SSLError:  # the peer's alert is not here yet, or more of its data comes before it
            self._send_records()
        else:
            self._send_records()
            self._end()

    def _fail(self, problem: SSLError) -> None:
        """The peer does not speak TLS, or shares no version or cipher: send an alert, and close."""
        self._reason = Failure(CONNECTION_LOST if self._established else problem)
        self._send_records()
        self._end()

    def _end(self) -> None:
        self._ended = self.disconnecting = True
        self.transport.loseConnection()


class TlsFactory(Factory):
    """Makes the connections of a TLS port."""

    noisy = False

    def __init__(self, contexts: Contexts, factory: IProtocolFactory) -> None:
        """`factory` makes the protocols to which the connections are the transports."""
        self.contexts = contexts
        self._factory = factory

    def buildProtocol(self, addr: Any) -> TlsConnection | None:
        """See `IProtocolFactory.buildProtocol`."""
        protocol = self._factory.buildProtocol(addr)
        return None if protocol is None else TlsConnection(self, protocol)

    def doStart(self) -> None:  # noqa: N802
        """See `IProtocolFactory.doStart`."""
        self._factory.doStart()

    def doStop(self) -> None:  # noqa: N802
        """See `IProtocolFactory.doStop`."""
        self._factory.doStop()
