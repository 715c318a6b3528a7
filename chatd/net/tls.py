"""The server's side of TLS, on the standard library's `ssl`, with direct writes.

Twisted's TLS collects writes, encrypts them in a later turn, and needs three more calls for each
write.  Here a write is encrypted at once, and its record is sent as plain TCP sends its bytes
(`chatd.net.tcp`): directly to the socket, unless earlier bytes are buffered.

1. OpenSSL never touches the socket.  Received bytes go into one memory buffer, and OpenSSL puts the
   bytes to send into another.
2. After each call of OpenSSL, all records that it has produced are sent.  So records are sent in
   the order in which they were made, including those of key updates.  The session tickets with
   which a handshake of TLS 1.3 ends are sent behind the answer if a request has come with the end
   of the handshake, and otherwise at once: their packet acknowledges the client's last one, and
   without it a client with Nagle's algorithm (RFC 9293, section 3.7.4) holds its request back for
   40 ms.
3. A write waits only for the end of the handshake, or while writes are gathered (`one_write`): in a
   list, whose bytes become one write.  Otherwise OpenSSL always accepts it: TLS 1.3 has no
   renegotiation, and the context refuses the renegotiation of TLS 1.2.  A write that comes after
   `loseConnection` is dropped, unless a producer is registered.
4. Records are sent by the `send` of the transport below, which `WriteThrough` replaces while bytes
   are buffered.  Only that transport pauses the producer, so backpressure is the same as over
   plain TCP.
5. `write` runs for each reader of each message, so it touches few objects: attributes are slots,
   there is no `__getattr__`, and one flag (`_direct`) tells whether to encrypt and send at once.
   It is set while the connection is open, and not set during the handshake, while writes are
   gathered, and when the connection closes; then `_write_later` keeps or drops the write.
6. Each closing alert closes one direction (RFC 8446, section 6.1).  After the peer's, the protocol
   is notified that the input has ended, as over plain TCP, and may write the answers that it owes.
   A FIN without an alert does the same, but sets `truncated`: someone on the way may have cut off
   the end of the input.  TLS 1.2 has the server drop such answers (RFC 5246, section 7.2.1); they
   are sent nevertheless, because the peer has asked for them.
7. After `loseConnection` the protocol receives nothing more.  Input is decrypted only to find the
   peer's closing alert.  A peer that sends more than `MOST_DISCARDED` bytes then, or behind its
   alert, is disconnected.
8. The protocol is notified of the connection's end once, by `connectionLost`, which the transport
   below calls, and never from within `write`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from ssl import MemoryBIO, SSLContext, SSLError, SSLWantReadError, SSLZeroReturnError
from typing import Any

from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableProtocol,
    INegotiated,
    IProtocol,
    IPushProducer,
    ISSLTransport,
)
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ..stream.writing import direct_write
from .private import openssl_object
from .tcp import (
    MOST_GATHERED,
    DirectTransport,
    DirectWriter,
    enable_direct_writes,
    read_ahead,
)

MAX_RECORD = 16_384
"""Bytes in one record (RFC 8446, section 5.1)."""
MOST_DISCARDED = 64 * 1024
"""Bytes that a peer may send after the protocol has closed, or after its own closing alert."""


@implementer(ISSLTransport, INegotiated, IPushProducer, IConsumer, IHalfCloseableProtocol)
class TlsConnection(DirectTransport):  # type: ignore[misc]  # of ITCPTransport only what doors use
    """One TLS connection: the protocol of the transport below, and the transport of another."""

    __slots__ = (
        "__weakref__",
        "_direct",
        "_discarded",
        "_encrypt",
        "_established",
        "_input_over",
        "_openssl",
        "_produced",
        "_producing",
        "_reason",
        "_received",
        "_takes_writes",
        "_tls",
        "_waiting",
        "disconnecting",
        "protocol",
        "send",
        "transport",
        "truncated",
    )

    def __init__(self, context: SSLContext, protocol: IProtocol) -> None:
        received, produced = MemoryBIO(), MemoryBIO()
        tls = context.wrap_bio(received, produced, server_side=True)
        self.transport: Any = None
        """The transport below."""
        self.protocol: Any = protocol
        """What is notified of the connection's bytes, and of its end.  It may be replaced."""
        self.send: Callable[[bytes], int | None]
        """See `DirectWriter.send`: sends records to the transport below."""
        self.disconnecting = False
        """Whether the connection closes when everything is sent, or is closed."""
        self.truncated = False
        """Whether the input has ended without the peer's closing alert."""
        self._tls = tls
        self._received = received
        self._openssl = openssl_object(tls)
        """Does what is done for each record, without the calls of Python that `_tls` makes."""
        self._encrypt = self._openssl.write
        self._produced = produced.read
        """Takes the records that OpenSSL has produced."""
        self._established = False
        """Whether the handshake is done."""
        self._input_over = False
        """Whether nothing more will be read."""
        self._discarded = 0
        """Bytes that came too late for the protocol."""
        self._takes_writes = True
        """Whether what is written now or later is sent.  It never becomes true again."""
        self._direct = False
        """Whether a write is encrypted and sent at once."""
        self._waiting: list[bytes] = []
        """The writes that wait for the handshake, or are gathered."""
        self._producing = False
        """Whether a producer is registered.  Closing waits until it is unregistered."""
        self._reason: Failure | None = None
        """The error of TLS that ended the connection; None if there was none."""

    # -- for the transport below -----------------------------------------------------------------

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        """See `IProtocol.makeConnection`.  The client begins the handshake, most likely already."""
        self.transport = transport
        self.send = transport.write
        enable_direct_writes(transport, self)
        self.protocol.makeConnection(self)
        if not self._input_over:
            read_ahead(transport)

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        if (self.disconnecting or self._input_over) and self._discard(len(data)):
            return
        self._received.write(data)
        if self._established or self._shake_hands():
            self._decrypt()

    def readConnectionLost(self) -> None:
        """See `IHalfCloseableProtocol.readConnectionLost`: a FIN, with or without an alert before
        it.
        """
        if not self._established:
            self._end()
        elif not self._input_over:
            self.truncated = True
            self._end_input()

    def writeConnectionLost(self) -> None:
        """Never called: the transport below is not half-closed."""

    def salvage(self, receive: Callable[[int], bytes]) -> None:
        """See `WriteThrough.connectionLost`: let the protocol read what the socket has received."""
        salvage = getattr(self.protocol, "salvage", None)
        if salvage and self._established and not self.disconnecting:
            salvage(partial(self._salvaged, receive))

    def _salvaged(self, receive: Callable[[int], bytes], size: int) -> bytes:
        """Up to `size` decrypted bytes; none: the peer's closing alert.  Raises `OSError` if no
        more has been received.
        """
        while True:
            with suppress(SSLWantReadError):
                return self._openssl.read(size)
            data = receive(size)
            if not data:
                raise ConnectionResetError  # a FIN without an alert
            self._received.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol.connectionLost`."""
        self._stop()
        protocol, self.protocol = self.protocol, None
        protocol.connectionLost(self._reason or reason)

    # -- for the protocol ------------------------------------------------------------------------

    @property
    def negotiatedProtocol(self) -> bytes | None:  # noqa: N802
        """See `INegotiated.negotiatedProtocol` (RFC 7301)."""
        chosen = self._tls.selected_alpn_protocol()
        return chosen.encode() if chosen else None

    def getPeerCertificate(self) -> None:  # noqa: N802
        """See `ISSLTransport.getPeerCertificate`.  No client is asked for a certificate."""

    @property
    def waits_for_alert(self) -> bool:
        """Whether a close waits for the peer's closing alert: not if the input has ended."""
        return not self._input_over

    def enable_direct_writes(self, writer: DirectWriter) -> None:
        """See `DirectTransport.enable_direct_writes`: each write is direct."""
        writer.send = self.write

    def getPeer(self) -> Any:
        """See `ITransport.getPeer`."""
        return self.transport.getPeer()

    def getHost(self) -> Any:
        """See `ITransport.getHost`."""
        return self.transport.getHost()

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See `ITCPTransport.setTcpNoDelay`."""
        self.transport.setTcpNoDelay(enabled)

    def write(self, data: bytes) -> None:
        """Encrypt bytes of any number and send them; see `ITransport.write`."""
        if not self._direct:
            self._write_later(data)
            return
        try:
            self._encrypt(data)
        except SSLError as problem:
            self._fail(problem)
            return
        records = self._produced()
        try:  # `direct_write`, without the call
            sent = self.send(records)
        except OSError:
            sent = 0
        if sent != len(records) and sent is not None:
            self.transport.write(records[sent:])

    def writeSequence(self, iovec: Any) -> None:
        """See `ITransport.writeSequence`."""
        self.write(b"".join(iovec))

    def gather(self) -> None:
        """See `DirectTransport.gather`: what is gathered becomes one record, if it fits."""
        self._direct = False

    def send_gathered(self) -> None:
        """See `DirectTransport.send_gathered`."""
        if self._established and self._takes_writes:
            self._flush()

    def loseConnection(self) -> None:
        """Close when all that was written is sent and no producer is registered."""
        if self.disconnecting:
            return
        if not (self._established or self._waiting):
            self.abortConnection()
            return
        self.disconnecting = True
        if not self._producing:
            self._close_output()

    def loseWriteConnection(self) -> None:
        """Send the closing alert behind all that was written, and go on reading; see
        `ITCPTransport.loseWriteConnection`.
        """
        if self._takes_writes:
            self._close_output()

    def abortConnection(self) -> None:
        """Close at once, whatever waits to be sent."""
        self._stop()
        self.transport.abortConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See `IConsumer.registerProducer`.  A close that has begun does not wait for it."""
        self.transport.registerProducer(producer, streaming)
        self._producing = not self.disconnecting

    def unregisterProducer(self) -> None:
        """See `IConsumer.unregisterProducer`."""
        self._producing = False
        self.transport.unregisterProducer()
        if self.disconnecting and self._takes_writes:
            self._close_output()

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
            self._openssl.do_handshake()
        except SSLWantReadError:
            self._send_records()
            return False
        except SSLError as problem:
            self._fail(problem)
            return False
        self._established = True
        self._flush()
        self._direct = self._takes_writes
        closes = not self._takes_writes
        if completed := getattr(self.protocol, "handshakeCompleted", None):  # IHandshakeListener
            completed()
        if closes and not self._input_over:
            self._close_output()
        if self._received.pending:
            return True
        self._send_records()
        read_ahead(self.transport)  # many clients have sent their first request meanwhile
        return False

    def _decrypt(self) -> None:
        """Decrypt the received bytes, and pass them to the protocol unless it has closed."""
        received, read = self._received, self._openssl.read
        while not self._input_over:
            try:
                # The rest of one record: OpenSSL takes no more from the buffer, because it does not
                # read ahead (SSL_CTX_set_read_ahead), and no record has more bytes.
                data = read(MAX_RECORD)
            except SSLWantReadError:
                break
            except SSLZeroReturnError:  # raised instead of an empty read if our alert came first
                data = b""
            except SSLError as problem:
                self._fail(problem)
                return
            if not data:  # the peer's closing alert
                self._end_input()
                return
            if not self.disconnecting:
                self.protocol.dataReceived(data)
            if not received.pending:
                break
        self._send_records()

    def _discard(self, size: int) -> bool:
        """Count received bytes that are not for the protocol, and close if they are too many.

        Returns whether they are dropped: otherwise the peer's closing alert may be in them.
        """
        self._discarded += size
        if self._discarded > MOST_DISCARDED:
            self._end()
        return self._input_over

    def _send_records(self) -> None:
        if records := self._produced():
            direct_write(self.send, self.transport.write, records)

    # -- writes that wait ------------------------------------------------------------------------

    def _write_later(self, data: bytes) -> None:
        """Keep what is written during the handshake or gathered; drop it if it comes too late."""
        if self._takes_writes:
            self._waiting.append(data)
            if self._established and sum(map(len, self._waiting)) > MOST_GATHERED:
                self._flush()

    def _flush(self) -> None:
        """Send the writes that have waited, and the later ones at once."""
        self._direct = True
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self.write(b"".join(waiting))

    # -- the end ---------------------------------------------------------------------------------

    def _end_input(self) -> None:
        """The peer sends no more: notify the protocol, which may still write.  If it cannot, or has
        closed already, close the connection.
        """
        self._input_over = True
        half_closeable = IHalfCloseableProtocol(self.protocol, None)
        if not self._takes_writes or half_closeable is None:
            self._close_output()
        elif not self.disconnecting:  # if it is, a producer may still write
            half_closeable.readConnectionLost()

    def _close_output(self) -> None:
        """Write nothing more, and send the closing alert once the handshake is done.  If the peer
        has sent its own, close the transport, too.
        """
        self._takes_writes = False
        if not self._established:
            return
        self._flush()
        self._direct = False
        try:
            self._tls.unwrap()
        except SSLError:  # the peer's alert is not here yet, or more of its data comes before it
            closed = self._input_over
        else:
            closed = True
        self._send_records()
        if closed:
            self._end()
        elif not self._input_over:
            self.transport.resumeProducing()  # or its alert would never be read

    def _fail(self, problem: SSLError) -> None:
        """The peer does not speak TLS, or shares no version or cipher: send an alert, and close."""
        self._reason = Failure(CONNECTION_LOST if self._established else problem)
        self._send_records()
        self._end()

    def _end(self) -> None:
        self._stop()
        self.transport.loseConnection()

    def _stop(self) -> None:
        """Read and write nothing more."""
        self._input_over = self.disconnecting = True
        self._takes_writes = self._direct = False
