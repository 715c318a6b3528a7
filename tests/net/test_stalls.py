"""Stalled clients: when a client that does not read is disconnected, and what it is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from weakref import ref

import pytest

from chatd.model.metrics import RARE
from chatd.net import stalls
from chatd.net.stalls import LAST_SECONDS, LEAST_BYTES, STALL_SECONDS, Stalls
from chatd.testing import FakeConnection
from chatd.testing.clock import StrictClock

from ..kit.server import MemoryServer
from ..kit.terminal import greeted


def line(server: MemoryServer) -> FakeConnection:
    """A telnet user's connection."""
    return greeted(server)


def stream(server: MemoryServer) -> FakeConnection:
    """A stream of server-sent events."""
    return _request(server, "Accept: text/event-stream\r\n")


def websocket(server: MemoryServer) -> FakeConnection:
    """A WebSocket."""
    return _request(
        server,
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    )


def answer(server: MemoryServer) -> FakeConnection:
    """An ordinary response."""
    return _request(server, "")


def _request(server: MemoryServer, headers: str) -> FakeConnection:
    wire = server.chat.connect(server.http_door)
    request = f"GET /rooms/lobby/events?wait=0 HTTP/1.1\r\nHost: chat.example\r\n{headers}\r\n"
    wire.send(request.encode())
    server.chat.settle()
    return wire


Connect = Callable[[MemoryServer], FakeConnection]
doors = pytest.mark.parametrize("connect", [line, stream, websocket, answer])


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of bytes that a full client has not read yet, which the test sets."""
    unsent = [10 * LEAST_BYTES]
    monkeypatch.setattr(stalls, "unsent", lambda transport: unsent[0])
    return unsent


def test_a_timeout_that_is_taken_away_disconnects_no_client(
    server: MemoryServer, unread: list[int]
) -> None:
    """Nor does one that had begun; a buffer that fills later has the new one."""
    wire, later = line(server), line(server)
    wire.fill()
    server.peers.stalls.seconds = 0
    server.chat.advance(2 * STALL_SECONDS)
    assert not wire.lost
    assert server.peers.stalls.count() == 0
    server.peers.stalls.seconds = 7
    later.fill()
    server.chat.advance(7.2 + LAST_SECONDS)
    assert (wire.lost, later.lost) == (False, True)


@doors
def test_a_client_that_reads_nothing_is_disconnected_at_the_stall_timeout(
    server: MemoryServer, unread: list[int], connect: Connect
) -> None:
    """And not before.  It is counted while its buffer is full, and when it is disconnected."""
    wire = connect(server)
    stalled = RARE.stalled
    assert server.peers.stalls.count() == 0
    wire.fill()
    assert server.peers.stalls.count() == 1
    server.chat.advance(STALL_SECONDS - 1)
    assert not wire.lost
    server.chat.advance(1)
    server.chat.advance(LAST_SECONDS + 0.2)
    assert wire.lost
    assert (server.peers.stalls.count(), RARE.stalled - stalled) == (0, 1)


@doors
def test_a_client_that_drains_in_time_stays(
    server: MemoryServer, unread: list[int], connect: Connect
) -> None:
    """However often it was full; the timeout starts anew each time."""
    wire = connect(server)
    if connect is answer:
        wire = stream(server)  # an idle connection is closed for another reason
    for _ in range(3):
        wire.fill()
        server.chat.advance(STALL_SECONDS - 1)
        wire.drain()
        server.chat.advance(2)
        wire.received()
    for _ in range(10):
        server.chat.advance(STALL_SECONDS / 5)
        if connect is websocket:
            wire.send(b"\x8a\x80\0\0\0\0")  # a pong
    assert not wire.lost


@pytest.mark.parametrize("connect", [line, stream, websocket])
def test_a_slow_client_that_reads_enough_stays(
    server: MemoryServer, unread: list[int], connect: Connect
) -> None:
    """It must read `LEAST_BYTES` per timeout; if it reads less, it is disconnected."""
    wire = connect(server)
    wire.fill()
    for _ in range(5):
        unread[0] -= LEAST_BYTES
        server.chat.advance(STALL_SECONDS + 0.2)
        assert not wire.lost
    unread[0] -= LEAST_BYTES - 1
    server.chat.advance(STALL_SECONDS + 0.2)
    server.chat.advance(LAST_SECONDS + 0.2)
    assert wire.lost


@pytest.mark.parametrize(
    ("connect", "words"),
    [
        (line, rb"!! you read too slowly; come back, and /history shows the rest\r\n"),
        (stream, rb": you read too slowly; .*\nretry: \d{4}\n\r\n0\r\n\r\n"),
        (websocket, rb"\x03\xf5you read too slowly; come back and go on from your last id"),
        (answer, rb'^{"room":"lobby","events":\[\],.*}'),
    ],
)
def test_a_stalled_client_is_told_why(
    server: MemoryServer, unread: list[int], connect: Connect, words: bytes
) -> None:
    """On the line door in words, on a WebSocket by close code 1013, on an event stream by a
    comment; an ordinary response has no place for it.
    """
    wire = connect(server)
    wire.fill()
    server.chat.advance(STALL_SECONDS)
    assert re.search(words + rb"\Z", wire.received(), re.M)


def test_a_stalled_event_stream_ends_as_a_complete_response(
    server: MemoryServer, unread: list[int]
) -> None:
    """Unread events are left out, so that the client does not see a response that is cut off."""
    http = server.http()
    http.send("GET", "/rooms/lobby/events", headers={"Accept": "text/event-stream"})
    server.say("hello")
    http.wire.fill()
    server.say("unread")
    server.chat.advance(STALL_SECONDS)
    response = http.response()
    assert b'"text":"hello"' in response.body
    assert b"unread" not in response.body
    assert re.search(rb"\n\n: you read too slowly.*\nretry: \d+\n$", response.body)


@doors
def test_without_a_stall_timeout_every_client_stays(unread: list[int], connect: Connect) -> None:
    """`--stall 0`."""
    server = MemoryServer()
    server.peers.stalls.seconds = 0
    wire = line(server) if connect is answer else connect(server)
    wire.fill()
    server.chat.advance(100 * STALL_SECONDS)
    assert not wire.lost


def test_a_stalled_client_that_reads_in_its_last_seconds_is_still_disconnected(
    server: MemoryServer, unread: list[int]
) -> None:
    """It was already told to come back."""
    wire = websocket(server)
    wire.fill()
    server.chat.advance(STALL_SECONDS + 0.2)
    assert not wire.lost
    wire.drain()
    server.chat.advance(LAST_SECONDS)
    assert wire.lost


def test_a_client_that_hangs_up_while_full_is_freed(server: MemoryServer) -> None:
    """Nothing is kept of it until its stall timeout."""
    wire = line(server)
    wire.fill()
    kept = ref(wire.protocol)
    wire.hang_up()
    del wire
    assert kept() is None
    server.chat.advance(STALL_SECONDS + LAST_SECONDS)
    assert len(server.peers) == 0
    assert not server.peers.stalls._stalls


class StalledConnection:
    """A connection with a given transport."""

    def __init__(self, transport: object) -> None:
        self.transport = transport

    def disconnect(self) -> None:
        """Do nothing."""


def test_closing_a_drained_connection_needs_no_timer() -> None:
    """Nearly every close is such a one, many times a second."""
    clock = StrictClock()
    Stalls(clock).closing(StalledConnection(FakeConnection))
    assert clock.getDelayedCalls() == []
