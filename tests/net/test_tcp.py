"""Direct writes over real sockets: what the socket accepts is sent at once, the rest is
buffered.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from errno import ENOSPC
from select import select
from typing import Any, cast
from weakref import ref

import pytest
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.net.epollgroup import EpollGroup
from chatd.net.tcp import (
    MOST_GATHERED,
    READ_BYTES,
    close_now,
    enable_direct_writes,
    lingers,
    one_write,
    unsent,
)

from ..kit.tcp import TcpPair


@implementer(IPushProducer)
class Producer:
    """A producer that records whether it is paused."""

    paused = False

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False

    def stopProducing(self) -> None:
        pass


@pytest.fixture
def wire() -> Iterator[TcpPair]:
    wire = TcpPair()
    yield wire
    wire.close()


BIG = bytes(range(256)) * 1024


def test_reads_are_bounded_per_turn(wire: TcpPair) -> None:
    """So one sender does not delay other connections; the end of input comes last."""
    received: list[bytes] = []
    wire.note.dataReceived = received.append  # type: ignore[assignment, method-assign]
    wire.client.sendall(b"x" * 2 * READ_BYTES)
    wire.client.shutdown(socket.SHUT_WR)
    for _ in range(2):
        assert wire.server.doRead() is None
    assert received == [b"x" * READ_BYTES] * 2
    assert isinstance(wire.server.doRead(), ConnectionDone)


class DirectWriter:
    """Writes to a socket directly, without its transport."""

    send: Callable[[bytes], int | None]

    def push(self, data: bytes, wire: TcpPair) -> None:
        """Send all bytes, as a direct writer has to."""
        try:
            sent = self.send(data)
        except OSError:
            sent = 0
        if sent is not None and sent < len(data):
            wire.server.write(data[sent:])


def test_a_direct_writer_sends_at_once_while_nothing_is_buffered(wire: TcpPair) -> None:
    """While bytes are buffered, it writes to the transport, so the order is kept."""
    writer = DirectWriter()
    enable_direct_writes(wire.server, writer)
    assert writer.send(b"at once") == 7
    assert wire.client.recv(100) == b"at once"
    writer.push(BIG, wire)
    assert wire.waits_to_write
    assert writer.send(b"later") is None
    assert wire.receive(len(BIG) + 5) == BIG + b"later"
    assert writer.send(b"at once again") == 13
    assert wire.client.recv(100) == b"at once again"


def test_a_direct_writer_sends_after_buffered_bytes(wire: TcpPair) -> None:
    """A writer that is enabled while bytes are buffered must wait for them."""
    wire.server.write(BIG)
    writer = DirectWriter()
    enable_direct_writes(wire.server, writer)
    assert writer.send(b"later") is None
    assert wire.receive(len(BIG) + 5) == BIG + b"later"


def test_direct_writes_belong_to_one_writer_at_a_time(wire: TcpPair) -> None:
    """The previous writer falls back to the transport."""
    before, writer = DirectWriter(), DirectWriter()
    enable_direct_writes(wire.server, before)
    enable_direct_writes(wire.server, writer)
    assert before.send(b"x") is None
    assert writer.send(b"y") == 1
    assert wire.client.recv(100) == b"xy"


def test_a_direct_write_to_a_closed_connection_raises_nothing(wire: TcpPair) -> None:
    """`connectionLost` has already reported it."""
    writer = DirectWriter()
    enable_direct_writes(wire.server, writer)
    wire.server.connectionLost(Failure(ConnectionDone()))
    writer.push(b"x", wire)
    borrowed = ref(writer)
    del writer
    assert borrowed() is None, "the writer is in a reference cycle"


def test_other_transports_allow_no_direct_writes() -> None:
    """TLS must encrypt every byte."""
    enable_direct_writes(StringTransport(), DirectWriter())


class ReadDelegate:
    """Reads in the transport's place, as a learned poll does."""

    def __init__(self, wire: TcpPair) -> None:
        self.server = wire.server
        self.epoll_group = EpollGroup()
        self.read: list[bytes] = []
        self.aside = 0

    def delegate_reads(self) -> bool:
        return self.server.delegate_reads(self, self.epoll_group)

    def doRead(self) -> None:
        self.read.append(self.server.receive(READ_BYTES))

    def step_aside(self) -> None:
        self.aside += 1
        self.server.take_back_reads()

    def failed(self) -> None:
        raise NotImplementedError


def test_a_delegate_reads_in_the_transport_s_place(wire: TcpPair) -> None:
    """The transport itself does not read, even if reading is resumed."""
    delegate = ReadDelegate(wire)
    assert delegate.delegate_reads()
    assert wire.watch.readers == {delegate.epoll_group}
    wire.server.resumeProducing()
    assert wire.watch.readers == {delegate.epoll_group}
    wire.client.send(b"read me")
    delegate.epoll_group.doRead()
    assert delegate.read == [b"read me"]
    assert delegate.aside == 0
    wire.server.take_back_reads()
    assert wire.watch.readers == {wire.server}


def test_reads_are_not_delegated_while_reading_is_stopped(wire: TcpPair) -> None:
    """Neither while paused nor after the close."""
    delegate = ReadDelegate(wire)
    assert delegate.delegate_reads()
    wire.server.pauseProducing()
    assert delegate.aside == 1
    assert wire.watch.readers == set()
    assert not delegate.delegate_reads()
    wire.server.resumeProducing()
    assert delegate.delegate_reads()
    wire.server.connectionLost(Failure(ConnectionDone()))
    assert delegate.aside == 2
    assert wire.watch.readers == set()
    assert not delegate.delegate_reads()


def test_reads_are_not_delegated_after_the_end_of_input(wire: TcpPair) -> None:
    """A half-closed client sends no request, but may still be owed a response."""
    ended: list[str] = []

    @implementer(IHalfCloseableProtocol)
    class Half(Protocol):
        def readConnectionLost(self) -> None:
            ended.append("read")

        def writeConnectionLost(self) -> None:
            pass

    wire.server.protocol = Half()
    wire.server.readConnectionLost(Failure(ConnectionDone()))
    assert ended == ["read"]
    assert not ReadDelegate(wire).delegate_reads()


def test_the_end_of_input_that_a_delegate_reads_closes_the_connection(wire: TcpPair) -> None:
    """Without another read by the reactor."""
    delegate = ReadDelegate(wire)
    assert delegate.delegate_reads()
    wire.client.close()
    delegate.epoll_group.doRead()
    wire.server.received(delegate.read.pop())
    assert wire.note.lost is not None
    assert delegate.aside == 1
    assert wire.watch.readers == set()


def test_a_connection_is_closed_now_unless_bytes_are_buffered(wire: TcpPair) -> None:
    """Those are sent before."""
    wire.server.write(b"x" * 1_000_000)
    close_now(wire.server)
    assert wire.note.lost is None
    wire.receive(1_000_000)
    assert wire.note.lost is not None
    idle = TcpPair()
    close_now(idle.server)
    assert idle.note.lost is not None
    assert idle.watch.readers == set()
    idle.close()


def test_reads_are_not_delegated_if_the_kernel_refuses(
    wire: TcpPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel may refuse another epoll, or another descriptor in it."""
    delegate = ReadDelegate(wire)

    def full(*_: object) -> None:
        raise OSError(ENOSPC, "no space")

    monkeypatch.setattr(delegate.epoll_group, "enter", full)
    assert not delegate.delegate_reads()
    assert wire.watch.readers == {wire.server}


def test_reads_are_not_delegated_without_epoll(
    wire: TcpPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every byte then goes to the protocol as usual."""
    monkeypatch.setattr(EpollGroup, "possible", False)
    assert not ReadDelegate(wire).delegate_reads()


def test_an_empty_read_is_no_error_and_a_reset_is_one(wire: TcpPair) -> None:
    """As in Twisted's own transport."""
    assert wire.server.doRead() is None
    wire.reset()
    assert isinstance(wire.server.doRead(), ConnectionLost)


def test_bytes_that_fit_are_sent_when_write_returns(wire: TcpPair) -> None:
    """No reactor turn lies between a message and its readers."""
    wire.server.write(b"hello")
    assert not wire.waits_to_write
    assert wire.client.recv(100) == b"hello"


def test_bytes_that_do_not_fit_follow_in_order(wire: TcpPair) -> None:
    """Part of a write may be sent at once; the rest and all later writes follow it."""
    wire.server.write(BIG)
    wire.server.write(b"then this")
    wire.server.writeSequence([b" and", b" that"])
    assert wire.waits_to_write
    expected = BIG + b"then this and that"
    assert wire.receive(len(expected)) == expected
    wire.server.write(b"!")
    assert wire.client.recv(100) == b"!"


def test_a_full_socket_pauses_the_producer_and_an_empty_one_resumes_it(wire: TcpPair) -> None:
    """Backpressure is Twisted's own."""
    producer = Producer()
    wire.server.registerProducer(producer, True)
    wire.server.write(b"small")
    assert not producer.paused
    wire.server.write(BIG)
    assert producer.paused
    wire.receive(5 + len(BIG))
    assert not producer.paused


def test_closing_sends_buffered_bytes_first(wire: TcpPair) -> None:
    """Bytes written before the close arrive before the end of the stream."""
    wire.server.write(BIG)
    wire.server.write(b"end")
    wire.server.loseConnection()
    received = wire.receive(len(BIG) + 3)
    while wire.waits_to_write:
        received += wire.turn()
    assert received + wire.client.recv(100) == BIG + b"end"
    assert wire.client.recv(100) == b""


@implementer(IHalfCloseableProtocol)
class Closing(Protocol):
    """A protocol that says goodbye and closes when the input has ended."""

    lost: Failure | None = None
    goodbye = b"bye"

    def readConnectionLost(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()
        self.transport.write(self.goodbye)

    def writeConnectionLost(self) -> None:
        pass

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


def test_a_connection_closed_at_the_end_of_its_input_waits_for_no_turn() -> None:
    """What its protocol still writes is sent first."""
    wire = TcpPair(protocol := Closing())
    wire.client.shutdown(socket.SHUT_WR)
    assert isinstance(wire.server.doRead(), ConnectionDone)
    wire.server.readConnectionLost(Failure(ConnectionDone()))
    assert protocol.lost is not None
    assert protocol.lost.check(ConnectionDone)
    assert not wire.watch.readers | wire.watch.writers
    assert wire.client.recv(100) == b"bye"
    assert wire.client.recv(100) == b""
    wire.close()


@pytest.mark.parametrize("before", [True, False])
def test_a_connection_closed_at_the_end_of_its_input_sends_what_is_buffered(before: bool) -> None:
    """Bytes that were buffered before, or that the socket does not take now."""
    wire = TcpPair(protocol := Closing())
    if before:
        wire.server.write(BIG)
    else:
        protocol.goodbye = BIG
    wire.client.shutdown(socket.SHUT_WR)
    wire.server.readConnectionLost(Failure(ConnectionDone()))
    assert protocol.lost is None
    expected = BIG + b"bye" if before else BIG
    received = wire.receive(len(expected))
    while wire.waits_to_write:
        received += wire.turn()
    assert received == expected
    assert protocol.lost is not None
    wire.close()


def test_the_end_of_the_input_does_not_cut_off_a_producer() -> None:
    """A connection that is closed then waits until its producer has brought all."""

    class Producing(Closing):
        def readConnectionLost(self) -> None:
            cast("Any", self.transport).registerProducer(self, True)
            super().readConnectionLost()

    wire = TcpPair(protocol := Producing())
    wire.client.shutdown(socket.SHUT_WR)
    wire.server.readConnectionLost(Failure(ConnectionDone()))
    assert protocol.lost is None
    wire.server.write(b" and all the rest")
    wire.server.unregisterProducer()
    assert wire.receive(20) == b"bye and all the rest"
    while wire.waits_to_write:
        wire.turn()
    assert protocol.lost is not None
    wire.close()


def test_a_write_during_a_pending_close_keeps_the_order(wire: TcpPair) -> None:
    """As in Twisted's own transport, it is sent after the buffered bytes."""
    wire.server.write(BIG)
    wire.server.loseConnection()
    wire.server.write(b"late")
    assert wire.receive(len(BIG) + 4).endswith(b"late")


def test_a_reset_is_reported_by_the_reactor_not_inside_write(wire: TcpPair) -> None:
    """So a fan-out gets no `connectionLost` for one of its readers."""
    wire.server.write(BIG)
    wire.reset()
    wire.server.write(b"more")
    wire.server.dataBuffer, wire.server._tempDataBuffer, wire.server._tempDataLen = b"", [], 0
    wire.server.write(b"and more")
    assert wire.note.lost is None
    assert wire.waits_to_write
    assert isinstance(wire.server.doWrite(), Exception)


def test_writes_to_a_lost_connection_are_dropped(wire: TcpPair) -> None:
    """They are no error."""
    wire.server.connectionLost(Failure(ConnectionError()))
    wire.server.write(b"too late")
    assert wire.note.lost is not None
    assert not wire.waits_to_write


class TlsWrapper:
    """A transport that wraps another one, as TLS does."""

    def __init__(self, transport: object) -> None:
        self.transport = transport


def test_unsent_counts_bytes_in_twisted_and_in_the_kernel(wire: TcpPair) -> None:
    """Also behind TLS."""
    assert unsent(wire.server) == 0
    wire.server.write(BIG)
    before = unsent(wire.server)
    assert len(BIG) / 2 < before <= len(BIG)
    assert unsent(TlsWrapper(wire.server)) == before
    wire.receive(len(BIG))
    # The kernel may not have seen the last acknowledgement yet.
    assert unsent(wire.server) < before / 2
    assert unsent(object()) == 0


def test_a_connection_lingers_while_twisted_buffers_bytes(wire: TcpPair) -> None:
    """The kernel sends its own buffer after the close; a TLS connection always lingers to close
    properly.
    """
    assert not lingers(wire.server)
    assert lingers(TlsWrapper(wire.server))
    wire.server.write(b"hello")
    assert not lingers(wire.server)
    wire.server.write(BIG * 20)
    assert lingers(wire.server)
    assert not lingers(object())


# -- one write -------------------------------------------------------------------------------------


def arrived(wire: TcpPair) -> bytes:
    """What has come at the client so far."""
    ready, _, _ = select([wire.client], [], [], 0)
    return wire.client.recv(10 * MOST_GATHERED) if ready else b""


def test_writes_are_gathered_into_one(wire: TcpPair) -> None:
    """Also those of a direct writer; nothing is sent before the end."""
    writer = DirectWriter()
    with one_write(wire.server):
        enable_direct_writes(wire.server, writer)
        wire.server.write(b"one ")
        writer.push(b"two ", wire)
        wire.server.write(b"three")
        assert arrived(wire) == b""
    assert arrived(wire) == b"one two three"
    assert writer.send(b"at once") == 7


def test_gathered_writes_are_sent_when_they_are_many(wire: TcpPair) -> None:
    """So backpressure begins nearly as early as without them."""
    with one_write(wire.server):
        wire.server.write(bytes(MOST_GATHERED))
        assert arrived(wire) == b""
        wire.server.write(b"x")
        assert wire.receive(MOST_GATHERED + 1)[-1:] == b"x"
        wire.server.write(b"y")
        assert arrived(wire) == b"y"


def test_nothing_is_gathered_behind_buffered_bytes_or_on_other_transports(wire: TcpPair) -> None:
    """The order stays as it is."""
    wire.server.write(BIG)
    with one_write(wire.server):
        wire.server.write(b"end")
    assert wire.receive(len(BIG) + 3) == BIG + b"end"
    other = StringTransport()
    with one_write(other):
        other.write(b"x")
        assert other.value() == b"x"


def test_gathered_writes_are_sent_before_a_half_close(wire: TcpPair) -> None:
    """They arrive before the end."""
    with one_write(wire.server):
        wire.server.write(b"bye")
        wire.server.loseWriteConnection()
    assert arrived(wire) == b"bye"


def test_gathered_writes_to_a_lost_connection_are_dropped(wire: TcpPair) -> None:
    """And raise nothing."""
    with one_write(wire.server):
        wire.server.write(b"x")
        wire.server.connectionLost(Failure(ConnectionDone()))
