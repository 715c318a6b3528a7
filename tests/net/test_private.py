"""The private names of Twisted that chatd uses still exist, with the same meaning."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from select import EPOLLIN
from ssl import PROTOCOL_TLS_CLIENT, MemoryBIO, SSLContext, SSLWantReadError
from typing import Any

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Port, Server
from twisted.internet.testing import StringTransport
from twisted.internet.unix import Port as UnixPort
from twisted.logger import Logger
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.python.failure import Failure
from twisted.python.systemd import ListenFDs
from twisted.web.http import HTTPFactory
from twisted.web.http import Request as HTTPRequest

from chatd.net import private
from chatd.testing.clock import StrictClock

CHATD = Path(private.__file__).parent.parent


class UnsentTransport(FileDescriptor):
    """A transport whose socket has sent nothing yet."""

    connected = True
    taken = b""

    def __init__(self) -> None:
        clock: Any = StrictClock()
        super().__init__(clock)

    def startWriting(self) -> None:  # noqa: N802
        pass

    def stopWriting(self) -> None:  # noqa: N802
        pass

    def writeSomeData(self, data: bytes) -> int:  # noqa: N802
        self.taken += data
        return len(data)


def test_buffered_bytes_are_counted() -> None:
    """`_tempDataBuffer`, `_tempDataLen`."""
    transport = UnsentTransport()
    assert private.all_sent(transport)
    transport.write(b"hello")
    assert not private.all_sent(transport)
    assert private.bytes_buffered(transport) == 5
    transport.doWrite()
    assert private.all_sent(transport)
    assert private.bytes_buffered(transport) == 0


def test_a_pending_half_close_counts_as_unsent() -> None:
    """`_writeDisconnecting`."""
    transport = UnsentTransport()
    transport.write(b"hello")
    transport.loseWriteConnection()
    transport._tempDataBuffer.clear()
    assert not private.all_sent(transport)


def test_a_port_logs_accept_errors_to_the_given_logger() -> None:
    """`_logger`."""
    seen: list[Any] = []
    observer: Any = seen.append
    port = Port(0, Factory(), reactor=StrictClock())
    private.log_port_to(port, Logger(observer=observer))

    class Full:
        def accept(self) -> None:
            raise OSError(24, "too many open files")

    port.socket = Full()
    port.numberAccepts = 1
    port.doRead()
    assert seen


def test_a_connection_is_accepted_with_its_peer() -> None:
    """`_accept` of the standard library's socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            private.accepted_descriptor(listening)
        with socket.create_connection(listening.getsockname()) as client:
            descriptor, peer = private.accepted_descriptor(listening)
            os.close(descriptor)
            assert peer == client.getsockname()


@pytest.mark.parametrize("client", [("127.0.0.1", 1), ("::1", 1, 0, 0)])
def test_a_lean_server_lacks_nothing_that_a_server_has(client: tuple[Any, ...]) -> None:
    """But the texts for Twisted's log: `_tempDataBuffer`, `_tempDataLen`, `_addressType`."""
    made = []
    for kind in (Server, private.LeanServer):
        port: Any = Port(0, Factory(), reactor=StrictClock())
        protocol: Any = Protocol()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            reactor: Any = EPollReactor()
            server: Any = kind(ours, protocol, client, port, 7, reactor)
            assert server in reactor.getReaders()
            assert not ours.getblocking()
            assert server.getPeer().host == client[0]
            assert server.logPrefix() == f"Protocol,7,{client[0]}"
            assert "Protocol #7" in repr(server)
        made.append(server.__dict__)
    theirs_, ours_ = made
    assert theirs_.keys() - ours_.keys() == {"logstr", "repstr"}
    alike = ("_tempDataBuffer", "_tempDataLen", "client", "sessionno", "hostname", "connected")
    assert [theirs_[name] for name in alike] == [ours_[name] for name in alike]


class Selectable:
    """A descriptor that the reactor watches, and that counts reads and losses."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.lost: list[object] = []
        self.reads = 0

    def fileno(self) -> int:
        return self.fd

    def logPrefix(self) -> str:
        return "a selectable"

    def doRead(self) -> None:
        self.reads += 1

    def connectionLost(self, reason: object) -> None:
        self.lost.append(reason)

    readConnectionLost = connectionLost


def test_a_reactor_polls_reads_and_closes_its_descriptors() -> None:
    """`_selectables`, `_poller`, `_doReadOrWrite`, `_disconnectSelectable`."""
    reactor = EPollReactor()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        selectable = Selectable(ours.fileno())
        watched: Any = selectable
        reactor.addReader(watched)
        assert private.selectables(reactor)[ours.fileno()] is selectable
        theirs.send(b"x")
        assert private.poll_of(reactor)(0, 10) == [(ours.fileno(), EPOLLIN)]
        private.do_read_or_write(reactor, selectable, ours.fileno(), EPOLLIN)
        assert selectable.reads == 1
        private.disconnect(reactor, selectable, ConnectionError())
        assert len(selectable.lost) == 1
        assert ours.fileno() not in private.selectables(reactor)


class UnansweredRequest(HTTPRequest):
    """A request that is not answered."""

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()

    def process(self) -> None:
        pass


class Channel(private.OpenChannel):
    """A channel that counts the requests that Twisted refuses."""

    requestFactory = UnansweredRequest
    refusals = 0

    def refused_by_twisted(self) -> None:
        self.refusals += 1


@pytest.fixture
def channel() -> Iterator[Channel]:
    channel: Any = Channel()
    channel.factory = HTTPFactory(reactor=StrictClock())
    channel.site = channel.factory
    channel.callLater = StrictClock().callLater
    channel.makeConnection(StringTransport())
    yield channel
    channel.setTimeout(None)


POST = b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_an_unfinished_line_is_unparsed(channel: Channel) -> None:
    """`_buffer`."""
    channel.dataReceived(b"GET /")
    assert channel.unparsed == b"GET /"


def test_bytes_after_a_pending_request_are_queued(channel: Channel) -> None:
    """`_dataBuffer`."""
    channel.dataReceived(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    channel.dataReceived(b"GET /next")
    assert channel.waiting == [b"GET /next"]
    assert channel.take_waiting() == b"GET /next"
    assert channel.waiting == []


def test_the_request_line_is_known_before_the_body(channel: Channel) -> None:
    """`_command`, `_path`, `_version`."""
    assert channel.method == b""
    channel.dataReceived(POST)
    assert channel.request_line == (b"POST", b"/a", b"HTTP/1.1")
    assert channel.method == b"POST"


def test_the_length_of_a_chunk_is_known_before_its_bytes(channel: Channel) -> None:
    """`_transferDecoder`."""
    assert channel.chunk_length == 0
    channel.dataReceived(POST + b"ff\r\n")
    assert channel.chunk_length == 255


def test_another_decoder_may_read_the_body(channel: Channel) -> None:
    """`_transferDecoder`, `_finishRequestBody`."""
    finished: list[object] = []
    given: list[bytes] = []

    class Decoder:
        def dataReceived(self, data: bytes) -> None:
            given.append(data)

    channel.dataReceived(POST)
    channel.decode_body_with(lambda finish: finished.append(finish) or Decoder())  # type: ignore[func-returns-value]
    channel.dataReceived(b"anything")
    assert given == [b"anything"]
    assert callable(finished[0])


def test_too_many_headers_are_told_from_other_refusals(channel: Channel) -> None:
    """`_receivedHeaderCount`, `_receivedHeaderSize`, `_respondToBadRequestAndDisconnect`."""
    channel.dataReceived(b"GET / HTTP/1.1\r\n")
    assert not channel.too_many_headers
    channel.dataReceived(b"a: b\r\n" * (channel.maxHeaders + 2))
    assert channel.refusals
    assert channel.too_many_headers


def test_too_many_header_bytes_count_as_too_many_headers(channel: Channel) -> None:
    """`_receivedHeaderSize`."""
    channel.dataReceived(b"GET / HTTP/1.1\r\n")
    line = b"a: " + b"b" * 10_000 + b"\r\n"
    channel.dataReceived(line * (channel.totalHeadersSize // len(line) + 1))
    assert channel.too_many_headers


def test_no_other_module_uses_a_private_name_of_twisted() -> None:
    """So a new release of Twisted has to be checked in one place only."""
    fenced = {
        "_tempDataBuffer",
        "_tempDataLen",
        "_addressType",
        "_getLogPrefix",
        "_writeDisconnecting",
        "_logger",
        "_selectables",
        "_poller",
        "_doReadOrWrite",
        "_disconnectSelectable",
        "_dataBuffer",
        "_command",
        "_transferDecoder",
        "_finishRequestBody",
        "_receivedHeaderCount",
        "_receivedHeaderSize",
        "_respondToBadRequestAndDisconnect",
        "_sslobj",
    }
    source = Path(private.__file__).read_text()
    assert all(name in source for name in fenced)
    pattern = re.compile(rf"\b({'|'.join(fenced)})\b")
    used = [
        f"{path.name}: {found[1]}"
        for folder in ("net", "http", "doors", "server")
        for path in (CHATD / folder).rglob("*.py")
        if path.name != "private.py"
        for found in pattern.finditer(path.read_text())
    ]
    assert not used


def test_tls_object_has_one_of_openssl() -> None:
    """`_sslobj`; a TLS object without one does the work itself."""
    context = SSLContext(PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    tls = context.wrap_bio(MemoryBIO(), MemoryBIO())
    worker = private.openssl_object(tls)
    assert worker is tls._sslobj  # type: ignore[attr-defined]
    with pytest.raises(SSLWantReadError):
        worker.do_handshake()
    with pytest.raises(SSLWantReadError):
        worker.read(1)
    with pytest.raises(SSLWantReadError):
        worker.write(b"hello")
    other: Any = object()
    assert private.openssl_object(other) is other


def test_the_words_of_an_endpoint_are_told_apart() -> None:
    """`endpoints._parse`: positional and named arguments, and escaped colons."""
    assert private.endpoint_words(r"ssl:443:key.pem:interface=\:\:1") == (
        ["ssl", "443", "key.pem"],
        {"interface": "::1"},
    )


def test_a_unix_socket_stays_open_when_its_port_is_closed(tmp_path: Path) -> None:
    """`_bindPath`, `_shouldShutdown`."""
    for keeps in (False, True):
        path = tmp_path / f"door-{keeps}"
        port = UnixPort(os.fsencode(path), Factory(), reactor=EPollReactor())
        port.startListening()
        if keeps:
            private.keep_listening(port)
        with port.socket.dup() as other, socket.socket(socket.AF_UNIX) as client:
            port.connectionLost(Failure(ConnectionDone()))
            assert path.is_socket() == keeps
            assert bool(other.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
            if keeps:
                client.connect(str(path))


def test_systemds_sockets_are_known_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """`_SystemdParser._sddaemon`, `_names`; several may have one name."""
    assert private.systemd_sockets() == []
    passed = ListenFDs([3, 4], ("http", "http"))
    monkeypatch.setattr("twisted.internet.endpoints._SystemdParser._sddaemon", passed)
    assert private.systemd_sockets() == [("http", 3), ("http", 4)]


class Receiver(Protocol):
    """Remembers what comes, and raises for `bug`."""

    received = b""

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        if data == b"bug":
            raise ValueError(data)


def proxied() -> tuple[Receiver, Any, StringTransport]:
    """A door's connection, that of the `haproxy:` endpoint before it, and the transport."""
    port: Any = Port(0, HAProxyWrappingFactory(Factory.forProtocol(Receiver)))
    private.check_proxy_headers(port)
    connection, transport = port.factory.buildProtocol(None), StringTransport()
    connection.makeConnection(transport)
    return connection.wrappedProtocol, connection, transport


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 192.0.2.7 192.0.2.8 x y\r\n",
        b"PROXY TCP4 \xff 192.0.2.8 1 2\r\n",
        b"PROXY TCP4\r\n",
        b"PROXY BOGUS\r\n",
        b"GET / HTTP/1.1\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\1x",
    ],
)
def test_a_malformed_proxy_header_closes_the_connection(header: bytes) -> None:
    """Without an error in the log, and without a byte for the door."""
    door, connection, transport = proxied()
    connection.dataReceived(header + b"hello")
    assert transport.disconnecting
    assert door.received == b""


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ::1 ::2 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.8 1 2\r\n",
    ],
)
def test_what_follows_a_proxy_header_is_the_doors(header: bytes) -> None:
    """`_proxyInfo`; an error of the door itself is not taken for one of the header."""
    door, connection, transport = proxied()
    connection.dataReceived(header + b"hello")
    connection.dataReceived(b"PROXY UNKNOWN\r\n")
    assert door.received == b"helloPROXY UNKNOWN\r\n"
    with pytest.raises(ValueError, match="bug"):
        connection.dataReceived(b"bug")
    assert not transport.disconnecting


def test_a_port_without_proxy_headers_is_left_as_it_is() -> None:
    """Its factory has no connections of its own kind."""
    port = Port(0, Factory())
    private.check_proxy_headers(port)
    assert not hasattr(port.factory, "protocols")
