"""TLS over real sockets: each write is encrypted and sent at once, in order."""

from __future__ import annotations

import gc
import socket
import ssl
import subprocess
import weakref
from collections.abc import Callable
from pathlib import Path
from select import select
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from chatd.net.tcp import enable_direct_writes, one_write, unsent
from chatd.net.tls import MAX_RECORD
from chatd.net.tlsfactory import TlsFactory

from ..kit.tcp import TcpPair
from ..kit.tls import BIG, VERSIONS, OneContext, Recorder, TlsPair, server_context


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


def test_writes_at_once_are_one_record(pair: TlsPair) -> None:
    """So the beginning of a stream is encrypted once, and takes one packet."""
    pair.shake_hands()
    assert pair.heard() == b""
    with one_write(pair.tls):
        for word in (b"head,", b"events,", b"ready"):
            pair.tls.write(word)
        assert not select([pair.wire.client], [], [], 0)[0]
    packet = pair.wire.client.recv(1 << 16)
    assert len(packet) == 5 + int.from_bytes(packet[3:5])  # RFC 8446, section 5.1
    pair._in.write(packet)
    assert pair.heard() == b"head,events,ready"


def test_writes_at_once_wait_for_no_more_than_a_bound(pair: TlsPair) -> None:
    """The client gets a long history while it is still written."""
    pair.shake_hands()
    with one_write(pair.tls):
        pair.tls.write(BIG)
        assert pair.heard() == BIG
        pair.tls.write(b"more")
    assert pair.heard() == b"more"


@pytest.mark.parametrize("producing", [False, True])
def test_close_during_writes_at_once_sends_what_was_written(pair: TlsPair, producing: bool) -> None:
    """Later writes are dropped, unless a producer is registered."""
    pair.shake_hands()
    if producing:
        pair.tls.registerProducer(pair.protocol, True)
    with one_write(pair.tls):
        pair.tls.write(b"before")
        pair.tls.loseConnection()
        pair.tls.write(b" and after")
    pair.tls.unregisterProducer()
    assert pair.heard() == (b"before and after" if producing else b"before")


def test_writes_at_once_during_the_handshake_follow_it(contexts: OneContext) -> None:
    """They wait for it like all others."""

    class Early(Recorder):
        def connectionMade(self) -> None:
            with one_write(self.transport):
                self.transport.write(b"early")

    pair = TlsPair(contexts, Early())
    pair.shake_hands()
    assert pair.heard() == b"early"
    pair.close()


def test_protocol_may_be_replaced(pair: TlsPair) -> None:
    """As that of plain TCP: the successor gets the bytes that follow, and the end."""
    pair.shake_hands()
    first, second = pair.protocol, Recorder()
    pair.tls.protocol = second
    pair.say(b"to the successor")
    pair.wire.server.connectionLost(Failure(ConnectionLost()))
    assert (first.received, second.received) == (b"", b"to the successor")
    assert (len(first.losses), len(second.losses)) == (0, 1)


def test_direct_writer_writes_nothing_once_the_connection_is_to_close(pair: TlsPair) -> None:
    """Except while a producer is registered, for which closing waits."""
    pair.shake_hands()

    class Writer:
        send: Any

    writer = Writer()
    enable_direct_writes(pair.tls, writer)
    pair.tls.registerProducer(pair.protocol, True)
    writer.send(b"open,")
    pair.tls.loseConnection()
    writer.send(b"producing")
    pair.tls.unregisterProducer()
    writer.send(b"closed")
    assert pair.heard() == b"open,producing"
    pair.wire.server.connectionLost(Failure(ConnectionLost()))
    writer.send(b"lost")


def test_failure_of_openssl_ends_the_connection(pair: TlsPair) -> None:
    """The writer gets no exception: it writes to other clients, too."""
    pair.shake_hands()
    pair.client.write(b"genuine")
    record = bytearray(pair.packets())
    record[-1] ^= 1
    write = pair.tls.write
    pair.give(bytes(record))
    write(b"after the failure")
    pair.flow()
    assert len(pair.protocol.losses) == 1


def test_lost_connection_leaves_no_reference_cycle(contexts: OneContext) -> None:
    """Thousands that are lost at once would wait for the garbage collection."""
    pair = TlsPair(contexts)
    pair.shake_hands()
    gone = weakref.ref(pair.tls)
    pair.wire.server.connectionLost(Failure(ConnectionLost()))
    pair.wire.client.close()
    del pair.protocol.transport  # the factory of the test leads back to the protocol
    gc.disable()
    try:
        del pair
        assert gone() is None
    finally:
        gc.enable()


def test_handshake_begins_as_soon_as_the_connection_is_accepted(contexts: OneContext) -> None:
    """If the client's first packet is there already, no turn of the reactor is waited for."""
    protocol = Recorder()
    made: Any = protocol
    connection = TlsFactory(contexts, Factory.forProtocol(lambda: made)).buildProtocol(None)
    assert connection is not None
    client = TlsPair(contexts)
    with pytest.raises(ssl.SSLWantReadError):
        client.client.do_handshake()
    wire = TcpPair(connection, client.packets())
    assert select([wire.client], [], [], 0)[0]
    wire.close()
    client.close()


def test_handshake_ends_with_a_packet_of_the_server(pair: TlsPair) -> None:
    """Without its acknowledgement, Nagle's algorithm holds the client's request back for 40 ms."""
    pair.shake_hands()
    assert pair.heard() == b""
    assert pair.client.session is not None
    assert pair.client.session.has_ticket


@pytest.mark.parametrize("together", [True, False])
def test_request_behind_the_handshake_is_read_in_the_same_turn(
    pair: TlsPair, together: bool
) -> None:
    """Whether the request arrives with the end of the client's handshake, or just after it."""
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.do_handshake()
    pair.give(pair.packets())
    pair.flow()
    pair.client.do_handshake()
    finished = pair.packets()
    pair.client.write(b"hello")
    request = pair.packets()
    if together:
        finished += request
    else:
        pair.wire.client.sendall(request)
        assert select([pair.wire.server.socket], [], [], 10)[0]
    pair.give(finished)
    assert pair.protocol.received == b"hello"


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


def test_write_at_the_end_of_the_handshake_comes_too_late_after_a_close(
    contexts: OneContext,
) -> None:
    """As everything that is written after a close."""

    class Late(Recorder):
        def connectionMade(self) -> None:
            self.transport.write(b"bye")
            self.transport.loseConnection()

        def handshakeCompleted(self) -> None:  # noqa: N802
            self.transport.write(b", too late")

    pair = TlsPair(contexts, Late())
    pair.shake_hands()
    assert pair.heard() == b"bye"
    pair.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_session_is_resumed(contexts: OneContext, version: ssl.TLSVersion) -> None:
    """With the ticket that came with the handshake or the first answer."""
    first = TlsPair(contexts, version=version)
    first.shake_hands()
    first.tls.write(b"hello")
    assert first.heard() == b"hello"
    session = first.client.session
    first.close()
    again = TlsPair(contexts, version=version, after=first)
    assert session is not None
    again.shake_hands()
    assert again.client.session_reused
    again.say(b"me again")
    assert again.protocol.received == b"me again"
    again.close()


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


class OpenSsl:
    """OpenSSL's own client, whose packets are passed to a connection of the server."""

    def __init__(self, contexts: OneContext, *options: str) -> None:
        self.protocol = Recorder()
        made: Any = self.protocol
        connection = TlsFactory(contexts, Factory.forProtocol(lambda: made)).buildProtocol(None)
        assert connection is not None
        self.server = connection
        self._wire = TcpPair(connection)
        with socket.create_server(("127.0.0.1", 0)) as relay:
            port = relay.getsockname()[1]
            self._client = subprocess.Popen(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                bufsize=0,  # no line of the output waits where `select` does not see it
            )  # fmt: skip
            self._end, _ = relay.accept()
        self._wire.client.setblocking(False)
        self._end.setblocking(False)

    def type(self, line: str) -> None:
        """A line for the client: to send, or one of its commands."""
        assert self._client.stdin
        self._client.stdin.write(f"{line}\n".encode())
        self._client.stdin.flush()

    def until(self, done: Callable[[], bool]) -> None:
        """Pass packets on until `done`."""
        while not done():
            readable, _, _ = select([self._end, self._wire.client], [], [], 20)
            assert readable
            for one in readable:
                data = one.recv(65536)
                assert data
                (self.server.dataReceived if one is self._end else self._end.sendall)(data)

    def line_with(self, words: bytes) -> bytes:
        """The client's next line of output with these words; packets are passed on meanwhile."""
        assert self._client.stdout
        output = self._client.stdout
        sources: list[Any] = [self._end, self._wire.client, output]
        while True:
            readable, _, _ = select(sources, [], [], 20)
            assert readable
            if output in readable:
                line = output.readline()
                assert line
                if words in line:
                    return line
            for one in (self._end, self._wire.client):
                if one in readable and (data := one.recv(65536)):
                    (self.server.dataReceived if one is self._end else self._end.sendall)(data)

    def close(self) -> None:
        self._client.kill()
        self._client.communicate()
        self._end.close()
        self._wire.close()


def test_key_update_between_writes(contexts: OneContext) -> None:
    """OpenSSL's client requests new keys for both directions (RFC 8446, section 4.6.3)."""
    client = OpenSsl(contexts, "-quiet", "-no_ign_eof")
    client.until(lambda: bool(client.protocol.established))
    client.type("before")
    client.until(lambda: client.protocol.received.endswith(b"before\n"))
    client.type("K")
    client.line_with(b"KEYUPDATE")
    client.type("after")
    client.until(lambda: client.protocol.received.endswith(b"after\n"))
    client.server.write(b"heard\n")
    assert client.line_with(b"heard")
    client.close()


def test_renegotiation_is_refused(contexts: OneContext) -> None:
    """Of TLS 1.2 (RFC 5746): the client is told that there is none, and gives up by itself."""
    client = OpenSsl(contexts, "-tls1_2", "-quiet", "-no_ign_eof")
    client.until(lambda: bool(client.protocol.established))
    client.type("before")
    client.until(lambda: client.protocol.received.endswith(b"before\n"))
    client.type("R")
    assert client.line_with(b"no renegotiation")
    client.server.write(b"still here")
    assert client.protocol.established == 1
    client.close()
