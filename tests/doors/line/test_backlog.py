"""Lines of clients that have closed before their lines were carried out."""

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
    """A chat that takes five messages a second, twenty at once."""
    return MemoryServer(message_rate=5)


def typed(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize("half_closed", [True, False], ids=["after-eof", "at-once"])
def test_every_line_of_a_client_that_has_closed_is_said(
    limited: MemoryServer, half_closed: bool
) -> None:
    """At the pace that the limits allow; then the session has left, and nothing is kept of it."""
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


def test_commands_of_a_client_that_has_closed_are_carried_out_in_order(
    limited: MemoryServer,
) -> None:
    """Those that answer only the client answer nobody, and hold nothing up."""
    wire = limited.line()
    wire.send(b"one\n/join dev\n/who\ntwo\n/quit bye\nthree\n")
    wire.hang_up()
    limited.chat.advance(30)
    assert limited.chat.texts("lobby") == ["one"]
    assert limited.chat.texts("dev") == ["two"]
    assert limited.here == []


def test_a_line_that_a_breaking_connection_cut_is_not_said(limited: MemoryServer) -> None:
    """Only the end of input ends a line without an end."""
    wire = limited.line()
    wire.send(b"whole\nI like you bet")
    wire.hang_up(Failure(ConnectionLost()))
    limited.chat.advance(1)
    assert limited.chat.texts("lobby") == ["whole"]


def test_lines_of_a_client_that_has_closed_wait_for_a_bounded_time() -> None:
    """What is not said by then is dropped."""
    limited = MemoryServer(message_rate=1)
    wire = limited.line()
    wire.send(typed(SIXTY * 10))
    wire.hang_up()
    limited.chat.advance(BACKLOG_SECONDS + 1)
    assert 300 <= len(limited.chat.texts("lobby")) <= 310
    assert (limited.here, len(limited.peers)) == ([], 0)


def test_closed_clients_whose_lines_wait_are_bounded_by_address_and_in_all(
    limited: MemoryServer,
) -> None:
    """Of the others only what may be said at once is said."""
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


def test_a_server_that_goes_down_waits_for_no_lines_of_clients_that_have_closed(
    limited: MemoryServer,
) -> None:
    """They can not be stored any more, and nobody is there to be told: the log says how many."""
    wire = greeted(limited)
    wire.send(typed(SIXTY))
    wire.hang_up()
    done = limited.going_down().stopService()
    limited.chat.advance(0.1)
    assert done.called
    assert len(limited.peers) == 0
    assert len(limited.chat.texts("lobby")) == 20


def test_lines_of_a_client_that_is_let_go_for_not_reading_are_carried_out(
    limited: MemoryServer,
) -> None:
    """They were received before it stopped."""
    wire = greeted(limited)
    wire.send(typed(SIXTY))
    wire.protocol.disconnect()
    limited.chat.advance(30)
    assert limited.chat.texts("lobby") == SIXTY


def close_with(wire: FakeConnection, left: bytes) -> None:
    """The client has closed, and the socket holds bytes that were not read."""
    parts = [left, b""]
    wire.protocol.salvage(lambda size: parts.pop(0))
    wire.hang_up(Failure(ConnectionLost()))


SHORT = b"ab\n" * (BACKLOG_BYTES // 3)
"""As many lines as fit, nearly."""


def test_closed_clients_with_short_lines_keep_bytes_and_not_an_object_for_each(
    limited: MemoryServer,
) -> None:
    """64 kB of them are 21,000 lines."""
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
def test_a_closed_client_s_bytes_are_read_in_slices_over_turns(
    limited: MemoryServer, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    """Short lines, empty ones, or telnet's commands: never all in the turn that lost it."""
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


def test_of_a_closed_client_the_last_line_without_an_end_is_said_behind_the_others() -> None:
    """It had closed, so the line is whole; telnet's commands between are no lines."""
    server = MemoryServer()
    wire = server.line()
    wire.send(b"one\ntw")
    close_with(wire, b"o\n" + b"\xff\xf1" * 5000 + b"\r\nthree")
    server.chat.advance(1)
    assert server.chat.texts("lobby") == ["one", "two", "three"]
    assert (server.here, len(server.peers)) == ([], 0)
    assert server.chat.clock.getDelayedCalls() == []  # no heartbeat was started for it


def test_a_closed_client_of_another_protocol_says_nothing() -> None:
    """Its first line is judged behind its end too."""
    server = MemoryServer()
    wire = server.line()
    close_with(wire, b"POST /a b HTTP/1.1\r\nHost: chat\r\n\r\nhello\r\n")
    server.chat.advance(1)
    assert server.chat.texts("lobby") == []
    assert (server.here, len(server.peers)) == ([], 0)


# -- over real sockets -----------------------------------------------------------------------------


def test_what_a_dead_socket_has_received_is_read_to_its_end() -> None:
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


def test_of_a_dead_socket_only_so_much_is_read() -> None:
    """However much the kernel holds."""
    left = bytes(4 * BACKLOG_BYTES)
    assert received(lambda size: left[: min(size, 1000)]) == (left[:BACKLOG_BYTES], False)


@pytest.mark.parametrize("closed", [True, False])
def test_whether_a_dead_socket_was_closed_is_known(closed: bool) -> None:
    """By an end of file, and not by an error."""
    wire = TcpPair()
    wire.client.sendall(b"hello")
    if closed:
        wire.client.shutdown(socket.SHUT_WR)
    else:
        wire.reset()
    assert received(wire.server.receive) == (b"hello", closed)
    wire.close()
