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

from ..doors.house import House
from ..doors.terminal import greeted


def line(house: House) -> FakeConnection:
    """A telnet user's connection."""
    return greeted(house)


def stream(house: House) -> FakeConnection:
    """A stream of server-sent events."""
    return _asked(house, "Accept: text/event-stream\r\n")


def websocket(house: House) -> FakeConnection:
    """A WebSocket."""
    return _asked(
        house,
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    )


def answer(house: House) -> FakeConnection:
    """An ordinary answer, of which nothing is read."""
    return _asked(house, "")


def _asked(house: House, headers: str) -> FakeConnection:
    wire = house.chat.connect(house.http_door)
    request = f"GET /rooms/lobby/events?wait=0 HTTP/1.1\r\nHost: chat.example\r\n{headers}\r\n"
    wire.send(request.encode())
    house.chat.settle()
    return wire


Connect = Callable[[House], FakeConnection]
doors = pytest.mark.parametrize("connect", [line, stream, websocket, answer])


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What a full reader has not taken yet."""
    unsent = [10 * LEAST_BYTES]
    monkeypatch.setattr(stalls, "unsent", lambda transport: unsent[0])
    return unsent


@doors
def test_who_takes_nothing_is_let_go(house: House, left: list[int], connect: Connect) -> None:
    """When its time is up, and not before."""
    wire = connect(house)
    wire.fill()
    house.chat.advance(STALL_SECONDS - 1)
    assert not wire.lost
    house.chat.advance(1)
    house.chat.advance(LAST_SECONDS + 0.2)
    assert wire.lost


@doors
def test_who_reads_again_in_time_stays(house: House, left: list[int], connect: Connect) -> None:
    """However often it was full; each time it has all the time."""
    wire = connect(house)
    if connect is answer:
        wire = stream(house)  # an idle connection is closed for another reason
    for _ in range(3):
        wire.fill()
        house.chat.advance(STALL_SECONDS - 1)
        wire.drain()
        house.chat.advance(2)
        wire.received()
    for _ in range(10):
        house.chat.advance(STALL_SECONDS / 5)
        if connect is websocket:
            wire.send(b"\x8a\x80\0\0\0\0")  # a pong
    assert not wire.lost


@pytest.mark.parametrize("connect", [line, stream, websocket])
def test_who_reads_slowly_stays(house: House, left: list[int], connect: Connect) -> None:
    """As long as it takes `LEAST_BYTES` in its time; then it does no more, and is let go."""
    wire = connect(house)
    wire.fill()
    for _ in range(5):
        left[0] -= LEAST_BYTES
        house.chat.advance(STALL_SECONDS + 0.2)
        assert not wire.lost
    left[0] -= LEAST_BYTES - 1
    house.chat.advance(STALL_SECONDS + 0.2)
    house.chat.advance(LAST_SECONDS + 0.2)
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
def test_who_is_let_go_is_told(
    house: House, left: list[int], connect: Connect, words: bytes
) -> None:
    """On the line door in words, on a WebSocket with 1013, in a stream with a comment behind what
    it was sent; in an answer there is no place for that.
    """
    wire = connect(house)
    wire.fill()
    house.chat.advance(STALL_SECONDS)
    assert re.search(words + rb"\Z", wire.received(), re.M)


def test_a_stream_that_is_let_go_ends_as_its_answer_began(house: House, left: list[int]) -> None:
    """Whole, whatever it was sent before: a client need not think that something is cut off."""
    http = house.http()
    http.send("GET", "/rooms/lobby/events", headers={"Accept": "text/event-stream"})
    house.say("hello")
    http.wire.fill()
    house.say("unread")
    house.chat.advance(STALL_SECONDS)
    response = http.response()
    assert b'"text":"hello"' in response.body
    assert b"unread" not in response.body
    assert re.search(rb"\n\n: you read too slowly.*\nretry: \d+\n$", response.body)


@doors
def test_with_no_limit_everybody_stays(left: list[int], connect: Connect) -> None:
    """`--stall 0`."""
    house = House()
    house.peers.stalls.seconds = 0
    wire = line(house) if connect is answer else connect(house)
    wire.fill()
    house.chat.advance(100 * STALL_SECONDS)
    assert not wire.lost


def test_who_goes_on_reading_within_its_last_seconds_is_gone_all_the_same(
    house: House, left: list[int]
) -> None:
    """It was told to come back."""
    wire = websocket(house)
    wire.fill()
    house.chat.advance(STALL_SECONDS + 0.2)
    assert not wire.lost
    wire.drain()
    house.chat.advance(LAST_SECONDS)
    assert wire.lost


def test_a_reader_that_is_gone_is_forgotten(house: House) -> None:
    """Whatever it was full of: nothing of it is kept until its time would have been up."""
    wire = line(house)
    wire.fill()
    kept = ref(wire.protocol)
    wire.hang_up()
    del wire
    assert kept() is None
    house.chat.advance(STALL_SECONDS + LAST_SECONDS)
    assert len(house.peers) == 0
    assert not house.peers.stalls._stalls


class Sink:
    """A reader whose transport is given."""

    def __init__(self, transport: object) -> None:
        self.transport = transport

    def disconnect(self) -> None:
        """It is."""


def test_whoever_closes_with_nothing_on_the_way_costs_no_timer() -> None:
    """That is nearly everybody, many times a second."""
    clock = StrictClock()
    Stalls(clock).closing(Sink(FakeConnection))
    assert clock.getDelayedCalls() == []
