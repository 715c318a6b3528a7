"""Readers that do not read: who is let go, when, and with which words."""

from __future__ import annotations

import re
from collections.abc import Callable
from weakref import ref

import pytest

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
    return _asked(server, "Accept: text/event-stream\r\n")


def websocket(server: MemoryServer) -> FakeConnection:
    """A WebSocket."""
    return _asked(
        server,
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    )


def answer(server: MemoryServer) -> FakeConnection:
    """An ordinary answer, of which nothing is read."""
    return _asked(server, "")


def _asked(server: MemoryServer, headers: str) -> FakeConnection:
    wire = server.chat.connect(server.http_door)
    request = f"GET /rooms/lobby/events?wait=0 HTTP/1.1\r\nHost: chat.example\r\n{headers}\r\n"
    wire.send(request.encode())
    server.chat.settle()
    return wire


Connect = Callable[[MemoryServer], FakeConnection]
doors = pytest.mark.parametrize("connect", [line, stream, websocket, answer])


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What a full reader has not taken yet."""
    unsent = [10 * LEAST_BYTES]
    monkeypatch.setattr(stalls, "unsent", lambda transport: unsent[0])
    return unsent


@doors
def test_a_client_that_reads_nothing_is_disconnected(
    server: MemoryServer, left: list[int], connect: Connect
) -> None:
    """When its time is up, and not before."""
    wire = connect(server)
    wire.fill()
    server.chat.advance(STALL_SECONDS - 1)
    assert not wire.lost
    server.chat.advance(1)
    server.chat.advance(LAST_SECONDS + 0.2)
    assert wire.lost


@doors
def test_a_client_that_reads_again_in_time_stays(
    server: MemoryServer, left: list[int], connect: Connect
) -> None:
    """However often it was full; each time it has all the time."""
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
def test_a_slow_client_stays(server: MemoryServer, left: list[int], connect: Connect) -> None:
    """As long as it reads `LEAST_BYTES` per timeout; when it reads less, it is disconnected."""
    wire = connect(server)
    wire.fill()
    for _ in range(5):
        left[0] -= LEAST_BYTES
        server.chat.advance(STALL_SECONDS + 0.2)
        assert not wire.lost
    left[0] -= LEAST_BYTES - 1
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
    server: MemoryServer, left: list[int], connect: Connect, words: bytes
) -> None:
    """On the line door in words, on a WebSocket with 1013, in a stream with a comment behind what
    it was sent; in an answer there is no place for that.
    """
    wire = connect(server)
    wire.fill()
    server.chat.advance(STALL_SECONDS)
    assert re.search(words + rb"\Z", wire.received(), re.M)


def test_a_stream_that_is_let_go_ends_as_its_answer_began(
    server: MemoryServer, left: list[int]
) -> None:
    """Whole, whatever it was sent before: a client need not think that something is cut off."""
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
def test_without_a_stall_timeout_every_client_stays(left: list[int], connect: Connect) -> None:
    """`--stall 0`."""
    server = MemoryServer()
    server.peers.stalls.seconds = 0
    wire = line(server) if connect is answer else connect(server)
    wire.fill()
    server.chat.advance(100 * STALL_SECONDS)
    assert not wire.lost


def test_a_stalled_client_that_reads_in_its_last_seconds_is_still_disconnected(
    server: MemoryServer, left: list[int]
) -> None:
    """The client was told to come back."""
    wire = websocket(server)
    wire.fill()
    server.chat.advance(STALL_SECONDS + 0.2)
    assert not wire.lost
    wire.drain()
    server.chat.advance(LAST_SECONDS)
    assert wire.lost


def test_a_reader_that_is_gone_is_forgotten(server: MemoryServer) -> None:
    """Whatever it was full of: nothing of it is kept until its time would have been up."""
    wire = line(server)
    wire.fill()
    kept = ref(wire.protocol)
    wire.hang_up()
    del wire
    assert kept() is None
    server.chat.advance(STALL_SECONDS + LAST_SECONDS)
    assert len(server.peers) == 0
    assert not server.peers.stalls._stalls


class Sink:
    """A reader whose transport is given."""

    def __init__(self, transport: object) -> None:
        self.transport = transport

    def disconnect(self) -> None:
        """It is."""


def test_closing_an_empty_connection_costs_no_timer() -> None:
    """That is nearly everybody, many times a second."""
    clock = StrictClock()
    Stalls(clock).closing(Sink(FakeConnection))
    assert clock.getDelayedCalls() == []
