"""Lines that a client sent before it closed, and that are carried out afterwards."""

from __future__ import annotations

import socket
import tracemalloc

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from chatd.codecs.lines import LineDecoder
from chatd.codecs.telnet import OptionFilter
from chatd.doors.line.backlog import (
    BACKLOG_BYTES,
    BACKLOG_SECONDS,
    MOST_BACKLOGS,
    MOST_OF_ADDRESS,
    received,
)
from chatd.doors.linequeue import Carrier, LineQueue
from chatd.net.tcp import READ_BYTES
from chatd.testing import FakeConnection

from ...kit.server import MemoryServer
from ...kit.tcp import TcpPair
from ...kit.terminal import greeted

SIXTY = [f"{number}" for number in range(60)]


@pytest.fixture
def limited() -> MemoryServer:
    """A server with a rate of five messages a second, and a burst of twenty."""
    return MemoryServer(message_rate=5)


def typed(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize("half_closed", [True, False], ids=["after-eof", "at-once"])
def test_every_line_of_a_closed_client_is_carried_out(
    limited: MemoryServer, half_closed: bool
) -> None:
    """At the pace that the rate limit allows; then the session ends, and nothing of it is kept."""
    wire = limited.line()
    wire.send(typed(SIXTY))
    if half_closed:
        wire.end_input()
    wire.hang_up(Failure(ConnectionLost()))
    limited.chat.settle()
    assert limited.chat.texts("lobby") == SIXTY[:20]
    assert limited.here == ["guest-0001"]
    limited.chat.advance(4.1)
    assert limited.chat.texts("lobby") == SIXTY[:40]
    limited.chat.advance(4)
    assert limited.chat.texts("lobby") == SIXTY
    assert (limited.here, len(limited.peers)) == ([], 0)
    assert limited.chat.clock.getDelayedCalls() == []


def test_commands_of_a_closed_client_are_carried_out_in_order(
    limited: MemoryServer,
) -> None:
    """Answers have no client to go to, and delay nothing."""
    wire = limited.line()
    wire.send(b"one\n/join dev\n/who\ntwo\n/quit bye\nthree\n")
    wire.hang_up()
    limited.chat.advance(30)
    assert limited.chat.texts("lobby") == ["one"]
    assert limited.chat.texts("dev") == ["two"]
    assert limited.here == []


def test_line_cut_by_a_broken_connection_is_dropped(limited: MemoryServer) -> None:
    """Only an end of input completes a line that has no line ending."""
    wire = limited.line()
    wire.send(b"whole\nI like you bet")
    wire.hang_up(Failure(ConnectionLost()))
    limited.chat.advance(1)
    assert limited.chat.texts("lobby") == ["whole"]


def test_lines_of_a_closed_client_wait_for_a_bounded_time() -> None:
    """Lines that are left then are dropped."""
    limited = MemoryServer(message_rate=1)
    wire = limited.line()
    wire.send(typed(SIXTY * 10))
    wire.hang_up()
    limited.chat.advance(BACKLOG_SECONDS + 1)
    assert 300 <= len(limited.chat.texts("lobby")) <= 310
    assert (limited.here, len(limited.peers)) == ([], 0)


def test_backlogs_are_bounded_by_address_and_in_all(
    limited: MemoryServer,
) -> None:
    """A client beyond the bounds has only those lines carried out that its burst allows."""
    for _ in range(MOST_OF_ADDRESS + 5):
        wire = greeted(limited)
        wire.send(typed(SIXTY))
        wire.hang_up()
    assert len(limited.peers) == MOST_OF_ADDRESS
    for number in range(MOST_BACKLOGS):
        wire = greeted(limited, f"198.51.100.{number}")
        wire.send(typed(SIXTY))
        wire.hang_up()
    assert len(limited.peers) == MOST_BACKLOGS
    limited.chat.advance(BACKLOG_SECONDS)
    assert len(limited.peers) == 0
    wire = greeted(limited)
    wire.send(typed(SIXTY))
    wire.hang_up()
    assert len(limited.peers) == 1


def test_shutdown_does_not_wait_for_backlogs(
    limited: MemoryServer,
) -> None:
    """They cannot be stored any more, and have no client to tell; the log says how many were
    dropped.
    """
    wire = greeted(limited)
    wire.send(typed(SIXTY))
    wire.hang_up()
    done = limited.going_down().stopService()
    limited.chat.advance(0.1)
    assert done.called
    assert len(limited.peers) == 0
    assert len(limited.chat.texts("lobby")) == 20


def test_lines_of_a_client_disconnected_for_not_reading_are_carried_out(
    limited: MemoryServer,
) -> None:
    """They were received before it stopped reading."""
    wire = greeted(limited)
    wire.send(typed(SIXTY))
    wire.protocol.disconnect()
    limited.chat.advance(30)
    assert limited.chat.texts("lobby") == SIXTY


def close_with(wire: FakeConnection, left: bytes) -> None:
    """The client has closed, and the socket still holds these bytes."""
    parts = [left, b""]
    wire.protocol.salvage(lambda size: parts.pop(0))
    wire.hang_up(Failure(ConnectionLost()))


SHORT = b"ab\n" * (BACKLOG_BYTES // 3)
"""About as many lines as fit into a backlog."""


def test_backlog_keeps_bytes_and_no_object_for_each_line(
    limited: MemoryServer,
) -> None:
    """64 kB of short lines are 21,000 lines."""
    wires = [limited.line() for _ in range(MOST_OF_ADDRESS)]
    for wire in wires:
        wire.send(b"hello\n" * 30)
    tracemalloc.start()
    for wire in wires:
        close_with(wire, bytes(bytearray(SHORT)))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(limited.peers) == MOST_OF_ADDRESS
    assert kept < MOST_OF_ADDRESS * 128 * 1024


@pytest.mark.parametrize(
    "left",
    [SHORT, b"\n" * BACKLOG_BYTES, b"\xff\xf1" * (BACKLOG_BYTES // 2)],
    ids=["short lines", "empty lines", "commands"],
)
def test_backlog_bytes_are_decoded_in_slices_over_turns(
    limited: MemoryServer, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    """Short lines, empty ones, and telnet commands: never all in the turn in which the connection
    was lost.
    """
    turns = [0]
    feed_options, feed_lines, go_on = OptionFilter.feed, LineDecoder.feed, LineQueue._go_on

    def count_options(options: OptionFilter, data: bytes) -> bytes:
        turns[-1] += len(data)
        return feed_options(options, data)

    def count_lines(decoder: LineDecoder, data: bytes) -> list[bytes | None]:
        turns[-1] += len(data)
        return feed_lines(decoder, data)

    def count_turns(queue: LineQueue, carrier: Carrier) -> None:
        turns.append(0)
        go_on(queue, carrier)

    wire = limited.line()
    monkeypatch.setattr(OptionFilter, "feed", count_options)
    monkeypatch.setattr(LineDecoder, "feed", count_lines)
    monkeypatch.setattr(LineQueue, "_go_on", count_turns)
    close_with(wire, left)
    limited.chat.advance(BACKLOG_SECONDS + 1)
    assert len(turns) > 5
    assert max(turns) <= 16 * 1024
    assert (limited.here, len(limited.peers)) == ([], 0)


def test_last_line_of_a_closed_client_needs_no_line_ending() -> None:
    """The client closed in order, so the line is whole; telnet commands in between are no lines."""
    server = MemoryServer()
    wire = server.line()
    wire.send(b"one\ntw")
    close_with(wire, b"o\n" + b"\xff\xf1" * 5000 + b"\r\nthree")
    server.chat.advance(1)
    assert server.chat.texts("lobby") == ["one", "two", "three"]
    assert (server.here, len(server.peers)) == ([], 0)
    assert server.chat.clock.getDelayedCalls() == []  # and no heartbeat was started


def test_another_protocol_is_recognized_in_a_backlog() -> None:
    """Its lines do not become messages."""
    server = MemoryServer()
    wire = server.line()
    close_with(wire, b"POST /a b HTTP/1.1\r\nHost: chat\r\n\r\nhello\r\n")
    server.chat.advance(1)
    assert server.chat.texts("lobby") == []
    assert (server.here, len(server.peers)) == ([], 0)


# -- over real sockets -----------------------------------------------------------------------------


def test_bytes_in_a_reset_socket_are_read_to_their_end() -> None:
    """`seq 2000 > /dev/tcp/…`: the client closes, and the greeting makes that a reset."""
    server = MemoryServer()
    wire = TcpPair(server.line_door.buildProtocol(None))
    lines = [f"{number}" for number in range(2000)]
    wire.client.sendall(typed([*lines, "the last one"])[:-1])
    wire.client.close()
    assert len(typed(lines)) > READ_BYTES
    wire.server.write(b"the other end answers this with a reset")
    wire.server.connectionLost(Failure(ConnectionLost()))
    server.chat.advance(60)
    assert server.chat.texts("lobby")[-1000:] == [*lines, "the last one"][-1000:]
    assert server.here == []


def test_bytes_read_from_a_dead_socket_are_bounded() -> None:
    """However many the kernel holds."""
    left = bytes(4 * BACKLOG_BYTES)
    assert received(lambda size: left[: min(size, 1000)]) == (left[:BACKLOG_BYTES], False)


@pytest.mark.parametrize("closed", [True, False])
def test_received_tells_a_closed_socket_from_a_broken_one(closed: bool) -> None:
    """By the end of file in place of an error."""
    wire = TcpPair()
    wire.client.sendall(b"hello")
    if closed:
        wire.client.shutdown(socket.SHUT_WR)
    else:
        wire.reset()
    assert received(wire.server.receive) == (b"hello", closed)
    wire.close()
