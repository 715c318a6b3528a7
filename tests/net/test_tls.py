"""TLS over real sockets: each write is encrypted and sent at once, in order."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from select import select
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from chatd.net.tcp import enable_direct_writes, lingers, unsent
from chatd.net.tls import MAX_RECORD, TlsFactory

from ..kit.tcp import TcpPair
from ..kit.tls import OneContext, Recorder, TlsPair, server_context

BIG = bytes(range(256)) * 4096
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> OneContext:
    return server_context(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def pair(contexts: OneContext) -> Iterator[TlsPair]:
    pair = TlsPair(contexts)
    yield pair
    pair.close()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_handshake_may_come_in_pieces(
    contexts: OneContext, version: ssl.TLSVersion, piece: int
) -> None:
    """Also byte by byte; the protocol is notified once, when the handshake is complete."""
    pair = TlsPair(contexts, version=version)
    pair.shake_hands(piece)
    assert pair.client.version() == version.name.replace("v1_", "v1.")
    assert pair.protocol.established == 1
    pair.say(b"hello")
    assert pair.protocol.received == b"hello"
    pair.protocol.transport.write(b"and you")
    assert pair.heard() == b"and you"
    pair.close()


def test_protocol_sees_a_tls_transport(pair: TlsPair) -> None:
    """By `ISSLTransport` doors recognise that a connection is encrypted."""
    assert ISSLTransport.providedBy(pair.protocol.transport)
    assert pair.protocol.transport.getPeer() == pair.wire.server.getPeer()


def test_write_is_on_the_socket_when_it_returns(pair: TlsPair) -> None:
    """Without another turn of the reactor; through a direct writer, too."""
    pair.shake_hands()

    class Writer:
        send: Any

    writer = Writer()
    enable_direct_writes(pair.tls, writer)
    assert writer.send(b"one") is None
    pair.tls.write(b"two")
    assert not pair.wire.waits_to_write
    assert pair.heard() == b"onetwo"


@pytest.mark.parametrize("size", [0, 1, MAX_RECORD, MAX_RECORD + 1, len(BIG)])
def test_write_of_any_length_arrives(pair: TlsPair, size: int) -> None:
    """In as many records as it takes."""
    pair.shake_hands()
    pair.tls.write(BIG[:size])
    assert pair.heard() == BIG[:size]


def test_full_socket_pauses_the_producer_and_loses_nothing(pair: TlsPair) -> None:
    """Later writes are buffered behind earlier ones."""
    pair.shake_hands()
    pair.tls.registerProducer(pair.protocol, True)
    pair.tls.write(BIG)
    assert set(pair.protocol.pauses) == {True}
    assert unsent(pair.tls) > 0
    for n in range(100):
        pair.tls.write(b"%d," % n)
    assert pair.heard() == BIG + b"".join(b"%d," % n for n in range(100))
    assert pair.protocol.pauses[-1] is False
    pair.tls.write(b"direct again")
    assert not pair.wire.waits_to_write
    assert pair.heard() == b"direct again"


def test_reader_that_stops_within_a_record_goes_on_later(pair: TlsPair) -> None:
    """The record is read in two parts; nothing is lost or doubled."""
    pair.shake_hands()
    pair.tls.write(b"x" * 1000)
    pair.wire.client.setblocking(True)
    first = pair.wire.client.recv(500)
    pair.tls.write(b"y")
    pair._in.write(first)
    assert pair.heard() == b"x" * 1000 + b"y"


def test_record_may_arrive_in_pieces(pair: TlsPair) -> None:
    """The protocol gets it when it is complete."""
    pair.shake_hands()
    pair.client.write(b"in pieces")
    for byte in pair.packets():
        assert pair.protocol.received == b""
        pair.give(bytes([byte]))
    assert pair.protocol.received == b"in pieces"


def test_many_records_in_one_packet_are_all_read(pair: TlsPair) -> None:
    """In their order."""
    pair.shake_hands()
    for n in range(50):
        pair.client.write(b"%d," % n)
    pair.give(pair.packets())
    assert pair.protocol.received == b"".join(b"%d," % n for n in range(50))


def test_write_during_the_handshake_is_sent_after_it(contexts: OneContext) -> None:
    """Also if the connection was to be closed meanwhile: a refused client learns why."""

    class Refusing(Recorder):
        def connectionMade(self) -> None:
            self.transport.write(b"the server ")
            self.transport.write(b"is full")
            self.transport.loseConnection()

    pair = TlsPair(contexts, Refusing())
    pair.shake_hands()
    assert pair.heard() == b"the server is full"
    pair.client.unwrap()  # the closing alert has come
    pair.close()


def test_close_during_the_handshake_is_at_once(pair: TlsPair) -> None:
    """There is nothing to send."""
    pair.give(pair.packets())
    pair.protocol.transport.loseConnection()
    pair.wire.watch.run()
    assert len(pair.protocol.losses) == 1


def test_close_sends_what_was_written_and_waits_for_the_peer(pair: TlsPair) -> None:
    """The peer gets the closing alert, answers it, and the connection ends without an error."""
    pair.shake_hands()
    pair.tls.write(b"bye")
    pair.tls.loseConnection()
    pair.tls.write(b"too late")
    assert lingers(pair.tls)
    assert pair.heard() == b"bye"
    pair.client.unwrap()
    pair.give(pair.packets())
    pair.flow()
    (loss,) = pair.protocol.losses
    assert not loss.check(ConnectionLost)


def test_close_waits_for_the_producer(pair: TlsPair) -> None:
    """It may write until it is unregistered."""
    pair.shake_hands()
    pair.tls.registerProducer(pair.protocol, True)
    pair.tls.loseConnection()
    pair.tls.write(b"still producing")
    pair.tls.unregisterProducer()
    pair.tls.write(b"too late")
    assert pair.heard() == b"still producing"


def test_data_that_crosses_the_closing_alert_is_no_error(pair: TlsPair) -> None:
    """The peer sent the data before it had read the alert."""
    pair.shake_hands()
    pair.client.write(b"crossing")
    crossing = pair.packets()
    pair.tls.loseConnection()
    pair.give(crossing)
    assert pair.heard() == b""
    pair.client.unwrap()
    pair.give(pair.packets())
    pair.flow()
    (loss,) = pair.protocol.losses
    assert not loss.check(ConnectionLost)


def test_closing_alert_between_writes_ends_the_connection(pair: TlsPair) -> None:
    """The server answers the alert, reads nothing after it, and drops later writes."""
    pair.shake_hands()
    pair.client.write(b"last words")
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.unwrap()
    pair.give(pair.packets() + b"garbage after the alert")
    assert pair.protocol.received == b"last words"
    pair.tls.write(b"into the void")
    pair.flow()
    pair.client.unwrap()
    assert len(pair.protocol.losses) == 1


def test_client_that_closes_without_an_alert_is_lost(pair: TlsPair) -> None:
    """The protocol is notified once."""
    pair.shake_hands()
    pair.wire.server.connectionLost(Failure(ConnectionLost()))
    assert len(pair.protocol.losses) == 1
    pair.tls.write(b"nobody reads this")
    pair.tls.loseConnection()


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-OpenSSH\r\n", bytes(100), b"\x16\x03\x01\xff\xff" * 99],
)
def test_bytes_that_are_no_tls_end_the_connection(pair: TlsPair, garbage: bytes) -> None:
    """The protocol gets none of them."""
    pair.give(garbage)
    pair.flow()
    (loss,) = pair.protocol.losses
    assert loss.check(ssl.SSLError)
    assert pair.protocol.received == b""


def test_broken_record_ends_the_connection(pair: TlsPair) -> None:
    """A record that was changed on its way: the peer gets an alert."""
    pair.shake_hands()
    pair.client.write(b"genuine")
    record = bytearray(pair.packets())
    record[-1] ^= 1
    pair.give(bytes(record))
    assert pair.protocol.received == b""
    with pytest.raises(ssl.SSLError, match="ALERT_BAD_RECORD_MAC"):
        pair.heard()
    (loss,) = pair.protocol.losses
    assert loss.check(ConnectionLost)


def test_abort_ends_the_connection_at_once(pair: TlsPair) -> None:
    """Nothing more is read or written."""
    pair.shake_hands()
    pair.tls.write(BIG)
    pair.tls.abortConnection()
    pair.give(b"anything")
    assert pair.protocol.received == b""


def test_protocol_may_close_while_it_is_given_data(contexts: OneContext) -> None:
    """The protocol does not get the rest of the packet."""

    class OneWord(Recorder):
        def dataReceived(self, data: bytes) -> None:
            super().dataReceived(data)
            self.transport.abortConnection()

    pair = TlsPair(contexts, OneWord())
    pair.shake_hands()
    pair.client.write(b"one")
    pair.client.write(b"two")
    pair.give(pair.packets())
    assert pair.protocol.received == b"one"
    pair.close()


def test_protocol_is_negotiated(contexts: OneContext) -> None:
    """ALPN: None if one side offers no protocol."""
    pair = TlsPair(contexts)
    pair.shake_hands()
    assert pair.tls.negotiatedProtocol is None
    pair.close()
    contexts.context.set_alpn_protocols(["http/1.1"])
    pair = TlsPair(contexts)
    pair.shake_hands()
    assert pair.tls.negotiatedProtocol == b"http/1.1"
    pair.close()


def test_certificates_may_change_under_way(
    contexts: OneContext, pair: TlsPair, tmp_path: Path
) -> None:
    """An open connection keeps its certificates; the next connection gets the new ones."""
    pair.shake_hands()
    contexts.context = server_context(tmp_path).context
    pair.say(b"still here")
    assert pair.protocol.received == b"still here"
    later = TlsPair(contexts)
    later.shake_hands()
    before, after = (one.client.getpeercert(True) for one in (pair, later))
    assert before != after
    later.close()


def test_factory_starts_and_stops_with_the_port(contexts: OneContext) -> None:
    """The start and stop reach the door's own factory."""

    class Door:
        calls: list[str] = []  # noqa: RUF012

        def doStart(self) -> None:  # noqa: N802
            self.calls.append("start")

        def doStop(self) -> None:  # noqa: N802
            self.calls.append("stop")

        def buildProtocol(self, addr: object) -> None:
            """Refuse."""

    door: Any = Door()
    factory = TlsFactory(contexts, door)
    factory.doStart()
    assert factory.buildProtocol(None) is None
    factory.doStop()
    assert door.calls == ["start", "stop"]


def test_key_update_between_writes(contexts: OneContext) -> None:
    """OpenSSL's client requests new keys for both directions (RFC 8446, section 4.6.3)."""
    protocol = Recorder()
    made: Any = protocol
    connection = TlsFactory(contexts, Factory.forProtocol(lambda: made)).buildProtocol(None)
    assert connection is not None
    wire = TcpPair(connection)
    with socket.create_server(("127.0.0.1", 0)) as relay:
        port = relay.getsockname()[1]
        client = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", "-no_ign_eof"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        end, _ = relay.accept()
    wire.client.setblocking(False)
    end.setblocking(False)
    assert client.stdin
    assert client.stdout
    assert client.stderr

    def until(done: Any) -> None:
        while not done():
            readable, _, _ = select([end, wire.client], [], [], 20)
            assert readable
            for one in readable:
                data = one.recv(65536)
                assert data
                (connection.dataReceived if one is end else end.sendall)(data)

    until(lambda: protocol.established)
    client.stdin.write(b"before\n")
    client.stdin.flush()
    until(lambda: protocol.received.endswith(b"before\n"))
    client.stdin.write(b"K\n")
    client.stdin.flush()
    while b"KEYUPDATE" not in client.stderr.readline():
        pass
    client.stdin.write(b"after\n")
    client.stdin.flush()
    until(lambda: protocol.received.endswith(b"after\n"))
    connection.write(b"heard\n")
    end.sendall(wire.client.recv(65536))
    assert client.stdout.readline() == b"heard\n"
    client.kill()
    client.wait()
    client.stdin.close()
    client.stdout.close()
    client.stderr.close()
    end.close()
    wire.close()
