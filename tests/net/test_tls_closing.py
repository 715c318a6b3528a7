"""The end of a TLS connection: closing alerts, half-closed peers, and FINs without an alert."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from select import select

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.net.tcp import lingers, unsent
from chatd.net.tls import MAX_RECORD, MOST_DISCARDED

from ..kit.tls import BIG, VERSIONS, OneContext, Recorder, TlsPair


@implementer(IHalfCloseableProtocol)
class Answerer(Recorder):
    """Records the end of the input, and may then still write."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = 0

    def readConnectionLost(self) -> None:
        self.ends += 1

    def writeConnectionLost(self) -> None:
        raise AssertionError


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def half(contexts: OneContext, request: pytest.FixtureRequest) -> Iterator[TlsPair]:
    """A connection with an `Answerer`, after the handshake."""
    pair = TlsPair(contexts, Answerer(), version=request.param)
    pair.shake_hands()
    yield pair
    pair.close()


def ends(pair: TlsPair) -> int:
    """How often the protocol was notified that the input has ended."""
    assert isinstance(pair.protocol, Answerer)
    return pair.protocol.ends


def send_alert(pair: TlsPair) -> None:
    """The client sends its closing alert."""
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.unwrap()
    pair.give(pair.packets())


def send_fin(pair: TlsPair) -> None:
    """The client's TCP connection sends no more."""
    pair.wire.client.shutdown(socket.SHUT_WR)
    server = pair.wire.server
    assert select([server.socket], [], [], 10)[0]
    assert server.doRead() is not None
    # What the reactor does at the end of the input if the transport can be half-closed.
    server.stopReading()
    server.readConnectionLost(Failure(ConnectionLost()))


# -- the server closes -----------------------------------------------------------------------------


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
    loss = pair.closed_by_client()
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


def test_close_does_not_wait_for_a_later_producer(pair: TlsPair) -> None:
    """Its writes are dropped: the closing alert is sent already."""
    pair.shake_hands()
    pair.tls.loseConnection()
    pair.tls.registerProducer(pair.protocol, True)
    pair.tls.write(b"too late")
    pair.tls.unregisterProducer()
    assert pair.heard() == b""
    loss = pair.closed_by_client()
    assert not loss.check(ConnectionLost)


def test_data_that_crosses_the_closing_alert_is_no_error(pair: TlsPair) -> None:
    """The peer sent the data before it had read the alert."""
    pair.shake_hands()
    pair.client.write(b"crossing")
    crossing = pair.packets()
    pair.tls.loseConnection()
    pair.give(crossing)
    assert pair.heard() == b""
    loss = pair.closed_by_client()
    assert not loss.check(ConnectionLost)


def test_protocol_that_has_closed_receives_nothing_more(pair: TlsPair) -> None:
    """As over plain TCP, which stops reading; here the peer's alert is still looked for."""
    pair.shake_hands()
    pair.client.write(b"crossing")
    pair.tls.loseConnection()
    pair.give(pair.packets())
    assert pair.protocol.received == b""


def test_input_after_a_close_is_bounded(pair: TlsPair) -> None:
    """A client that goes on sending is disconnected after `MOST_DISCARDED` bytes."""
    pair.shake_hands()
    pair.tls.loseConnection()
    for _ in range(MOST_DISCARDED // MAX_RECORD - 1):
        pair.say(b"x" * MAX_RECORD)
    pair.flow()
    assert not pair.protocol.losses
    pair.say(b"x" * MAX_RECORD)
    pair.flow()
    assert len(pair.protocol.losses) == 1
    assert pair.protocol.received == b""


def test_close_of_a_paused_connection_reads_the_alert(pair: TlsPair) -> None:
    """Otherwise the connection would stay open until the stall timeout."""
    pair.shake_hands()
    pair.tls.pauseProducing()
    pair.tls.loseConnection()
    assert pair.wire.server in pair.wire.watch.readers
    assert pair.heard() == b""
    pair.closed_by_client()


def test_fin_after_a_close_ends_the_connection(half: TlsPair) -> None:
    """A client may leave the closing alert unanswered."""
    half.tls.write(b"bye")
    half.tls.loseConnection()
    send_fin(half)
    assert half.heard() == b"bye"
    assert len(half.protocol.losses) == 1
    assert ends(half) == 0


# -- the server half-closes ------------------------------------------------------------------------


def test_half_close_ends_the_output_and_goes_on_reading(half: TlsPair) -> None:
    """So a refused client can read why, whatever it has sent meanwhile."""
    half.tls.write(b"refused")
    half.tls.loseWriteConnection()
    half.tls.write(b"too late")
    assert half.heard() == b"refused"
    half.say(b"the rest of the request")
    assert half.protocol.received == b"the rest of the request"
    assert not half.protocol.losses
    half.closed_by_client()
    assert ends(half) == 0


def test_half_close_is_followed_by_a_close(half: TlsPair) -> None:
    """The client gets one closing alert."""
    half.tls.loseWriteConnection()
    half.tls.loseWriteConnection()
    half.tls.loseConnection()
    assert half.heard() == b""
    half.closed_by_client()


def test_half_close_during_the_handshake_waits_for_it(contexts: OneContext) -> None:
    """A client that is refused at once learns why."""

    class Refusing(Recorder):
        def connectionMade(self) -> None:
            self.transport.write(b"the server is full")
            self.transport.loseWriteConnection()

    pair = TlsPair(contexts, Refusing())
    pair.shake_hands()
    assert pair.heard() == b"the server is full"
    pair.client.unwrap()  # the closing alert has come
    pair.close()


def test_half_close_crosses_the_alert_of_the_client(contexts: OneContext) -> None:
    """Both directions are closed, and so is the connection."""

    class Closing(Answerer):
        def dataReceived(self, data: bytes) -> None:
            super().dataReceived(data)
            self.transport.loseWriteConnection()

    pair = TlsPair(contexts, Closing())
    pair.shake_hands()
    pair.client.write(b"last words")
    send_alert(pair)
    assert pair.heard() == b""
    assert pair.protocol.received == b"last words"
    assert len(pair.protocol.losses) == 1
    pair.close()


# -- the client closes -----------------------------------------------------------------------------


def test_client_that_has_sent_its_alert_gets_the_answer(half: TlsPair) -> None:
    """An alert closes one direction: what is written later comes before the server's own alert."""
    half.client.write(b"question")
    send_alert(half)
    assert (half.protocol.received, ends(half)) == (b"question", 1)
    assert not half.protocol.losses
    half.tls.write(b"answer")
    half.tls.write(BIG)
    half.tls.loseConnection()
    assert half.heard() == b"answer" + BIG
    half.client.unwrap()  # the server's alert has come
    assert len(half.protocol.losses) == 1
    assert not half.tls.truncated


def test_fin_behind_the_alert_is_no_second_end(half: TlsPair) -> None:
    """The protocol is notified once, and the answer may come after both."""
    assert lingers(half.tls)
    send_alert(half)
    assert not lingers(half.tls)
    send_fin(half)
    assert ends(half) == 1
    assert not half.tls.truncated
    half.tls.write(b"answer")
    half.tls.loseConnection()
    assert half.heard() == b"answer"
    assert len(half.protocol.losses) == 1


def test_fin_without_an_alert_is_the_end_of_truncated_input(half: TlsPair) -> None:
    """The answer is sent, with a closing alert, and the protocol can see that the input may have
    been cut off (RFC 8446, section 6.1).
    """
    half.say(b"question")
    send_fin(half)
    assert (ends(half), half.tls.truncated) == (1, True)
    half.tls.write(b"answer")
    half.tls.loseConnection()
    assert half.heard() == b"answer"
    half.client.unwrap()
    assert len(half.protocol.losses) == 1


def test_bytes_behind_the_alert_are_ignored(half: TlsPair) -> None:
    """Whatever they are (RFC 8446, section 6.1)."""
    half.client.write(b"last words")
    with pytest.raises(ssl.SSLWantReadError):
        half.client.unwrap()
    half.give(half.packets() + b"garbage after the alert")
    half.give(b"and more")
    assert (half.protocol.received, ends(half)) == (b"last words", 1)
    half.tls.write(b"answer")
    assert half.heard() == b"answer"


def test_bytes_behind_the_alert_are_bounded(half: TlsPair) -> None:
    """A client that goes on sending is disconnected, although an answer is owed."""
    send_alert(half)
    half.give(bytes(MOST_DISCARDED))
    half.flow()
    assert not half.protocol.losses
    half.give(b"x")
    half.flow()
    assert len(half.protocol.losses) == 1


def test_close_behind_unread_bytes_lingers(half: TlsPair) -> None:
    """Also of a peer whose alert has come: the server's alert may not fit into the kernel's buffer,
    so the stall timeout has to run.
    """
    half.tls.write(b"x" * 1000)
    send_alert(half)
    assert lingers(half.tls) is (unsent(half.tls) > 0)
    half.tls.write(BIG)
    assert lingers(half.tls)


def test_alert_while_a_producer_keeps_the_connection_open(half: TlsPair) -> None:
    """The rest of what it produces is sent, then the connection is closed."""
    half.tls.registerProducer(half.protocol, True)
    half.tls.loseConnection()
    send_alert(half)
    half.tls.write(b"the rest")
    half.tls.unregisterProducer()
    assert half.heard() == b"the rest"
    assert len(half.protocol.losses) == 1
    assert ends(half) == 0


def test_protocol_may_close_in_the_notification_of_the_end(contexts: OneContext) -> None:
    """Most do, because the client has left."""

    class Leaving(Answerer):
        def readConnectionLost(self) -> None:
            super().readConnectionLost()
            self.transport.loseConnection()

    pair = TlsPair(contexts, Leaving())
    pair.shake_hands()
    send_alert(pair)
    pair.flow()
    pair.client.unwrap()
    assert (ends(pair), len(pair.protocol.losses)) == (1, 1)
    pair.close()


def test_fin_during_the_handshake_ends_the_connection(contexts: OneContext) -> None:
    """There is nothing to answer."""
    pair = TlsPair(contexts, Answerer())
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.do_handshake()
    pair.give(pair.packets())
    send_fin(pair)
    pair.flow()
    assert (ends(pair), len(pair.protocol.losses)) == (0, 1)
    pair.close()


@pytest.mark.parametrize("end", ["alert", "FIN", "no end"])
def test_bytes_that_the_socket_has_received_can_be_salvaged(contexts: OneContext, end: str) -> None:
    """Decrypted, when the connection is lost before the protocol was given them; their end is known
    only after the closing alert.
    """
    salvaged: list[bytes] = []

    class Salvaging(Recorder):
        def salvage(self, receive: Callable[[int], bytes]) -> None:
            with suppress(OSError):
                while not salvaged or salvaged[-1]:
                    salvaged.append(receive(10))

    pair = TlsPair(contexts, Salvaging())
    pair.shake_hands()
    pair.client.write(b"received, but not read")
    record = pair.packets()
    pair.give(record[:10])
    if end == "alert":
        with pytest.raises(ssl.SSLWantReadError):
            pair.client.unwrap()
    pair.wire.client.sendall(record[10:] + pair.packets())
    if end == "FIN":
        pair.wire.client.shutdown(socket.SHUT_WR)
    assert select([pair.wire.server.socket], [], [], 10)[0]
    pair.wire.server.connectionLost(Failure(ConnectionLost()))
    assert b"".join(salvaged) == b"received, but not read"
    assert (salvaged[-1] == b"") is (end == "alert")
    assert len(pair.protocol.losses) == 1
    pair.close()


def test_nothing_is_salvaged_for_a_protocol_that_has_closed(contexts: OneContext) -> None:
    """It wants no more input; nor does one without a method for it."""

    class Salvaging(Recorder):
        def salvage(self, receive: Callable[[int], bytes]) -> None:
            raise AssertionError

    for protocol in (Salvaging(), Recorder()):
        pair = TlsPair(contexts, protocol)
        pair.shake_hands()
        if isinstance(protocol, Salvaging):
            pair.tls.loseConnection()
        pair.wire.server.connectionLost(Failure(ConnectionLost()))
        assert len(protocol.losses) == 1
        pair.close()


# -- protocols that cannot be half-closed ----------------------------------------------------------


def test_alert_ends_a_connection_that_cannot_be_half_closed(pair: TlsPair) -> None:
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


def test_fin_ends_a_connection_that_cannot_be_half_closed(pair: TlsPair) -> None:
    """Without an alert, too."""
    pair.shake_hands()
    send_fin(pair)
    assert len(pair.protocol.losses) == 1
    pair.tls.write(b"into the void")


def test_alert_comes_behind_what_was_buffered(pair: TlsPair) -> None:
    """A client that has sent its alert gets all that was written before."""
    pair.shake_hands()
    pair.tls.write(BIG)
    send_alert(pair)
    assert pair.heard() == BIG
    pair.flow()
    assert len(pair.protocol.losses) == 1


def test_client_that_is_lost_without_an_alert_is_lost_once(pair: TlsPair) -> None:
    """Later calls of the protocol do nothing."""
    pair.shake_hands()
    pair.wire.server.connectionLost(Failure(ConnectionLost()))
    assert len(pair.protocol.losses) == 1
    pair.tls.write(b"nobody reads this")
    pair.tls.loseWriteConnection()
    pair.tls.loseConnection()
