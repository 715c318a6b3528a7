"""The bounds of HTTP: how much, how long, and in which order."""

from __future__ import annotations

import re

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from chatd.http.bounds import IDLE_SECONDS, LATE_SECONDS, REQUEST_SECONDS
from chatd.net.connections import LINGER_SECONDS

from ..kit.http import HttpClient, head
from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"
MESSAGES = "/rooms/lobby/messages?name=ada"


# -- how much --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 600 + b"\r\n",
        b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
    ],
    ids=["line", "header", "headers", "target", "length", "two-lengths", "chunk"],
)
def test_what_is_not_http_ends_the_connection(
    server: MemoryServer, http: HttpClient, data: bytes
) -> None:
    """With an answer that says so, and without a trace in the log."""
    http.wire.send(data)
    server.chat.advance(LINGER_SECONDS)
    assert re.match(rb"HTTP/1\.1 4\d\d ", http.wire.received())
    assert http.closed


# -- how long --------------------------------------------------------------------------------------


def test_a_learned_poll_that_crosses_the_end_of_idling_is_answered(
    server: MemoryServer, http: HttpClient
) -> None:
    """It begins another time of idling."""
    before = server.say("hello") - 1
    for _ in range(4):
        assert http.get(f"{EVENTS}?since={before}").texts == ["hello"]
        server.chat.advance(IDLE_SECONDS + LATE_SECONDS - 0.1)
        assert not http.closed


def test_a_held_poll_is_no_idle_connection(server: MemoryServer, http: HttpClient) -> None:
    """Whatever else is limited: it may be held for as long as it asked."""
    for _ in range(3):
        http.send("GET", f"{EVENTS}?wait=60")
        server.chat.advance(59.5)
        assert http.responses() == []
        server.chat.advance(1)
        assert http.response().texts == []


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    "data",
    [
        head("GET", "/healthz"),
        head("GET", f"{EVENTS}?wait=30"),
        head("POST", MESSAGES, "Content-Type: text/plain", "Content-Length: 5") + b"hello",
    ],
    ids=["get", "poll", "post"],
)
def test_a_connection_that_breaks_leaves_nothing_behind(
    server: MemoryServer, data: bytes, size: int
) -> None:
    """At whatever byte: no reader, and no timer that outlives its time."""
    for end in range(0, len(data), size):
        http = server.http()
        http.wire.send(data[:end])
        http.wire.hang_up(Failure(ConnectionLost()))
    server.chat.settle()
    assert server.chat.room("lobby").readers == 0
    server.chat.advance(100)
    assert server.chat.clock.getDelayedCalls() == []


# -- in which order --------------------------------------------------------------------------------


def test_a_connection_serves_one_request_after_another(
    server: MemoryServer, http: HttpClient
) -> None:
    """It is kept, whatever the answers were."""
    statuses = [
        http.get(target).status for target in ("/healthz", "/nowhere", "/rooms", "/session")
    ]
    assert statuses == [200, 404, 200, 401]
    assert not http.closed


def test_a_connection_is_closed_where_the_client_asks_for_it(http: HttpClient) -> None:
    """`Connection: close`, or HTTP/1.0."""
    assert http.get("/healthz", Connection="close").status == 200
    assert http.closed


def test_http_1_0_is_answered_and_closed(server: MemoryServer, http: HttpClient) -> None:
    """As `ab` and old proxies speak it; polls too."""
    http.send_raw(f"GET {EVENTS}?wait=10 HTTP/1.0\r\n\r\n".encode())
    server.say("hello")
    assert http.response().texts == ["hello"]
    assert http.closed


def test_all_that_was_asked_before_half_closing_is_answered(
    server: MemoryServer, http: HttpClient
) -> None:
    """`printf 'GET … GET …' | nc -N`."""
    http.wire.send(head("GET", "/healthz") * 4)
    http.wire.end_input()
    server.chat.settle()
    assert http.wire.received().count(b"HTTP/1.1 200 OK") == 4
    assert http.closed


@pytest.mark.parametrize("before", [0, 1, 3], ids=["new", "second", "learned"])
@pytest.mark.parametrize("chop", [0, 1], ids=["whole", "bytewise"])
def test_what_is_pipelined_behind_a_held_poll_waits_for_it(
    server: MemoryServer, http: HttpClient, before: int, chop: int
) -> None:
    """Answers come in the order of the requests, and none is lost."""
    place = server.say("hello")
    for _ in range(before):
        assert http.get(f"{EVENTS}?since=0").status == 200
    http.send("GET", f"{EVENTS}?since={place}", chop=chop)
    http.send("GET", "/healthz", chop=chop)
    http.send("GET", f"{EVENTS}?since={place}", chop=chop)
    server.chat.settle()
    assert http.responses() == []
    server.say("now")
    server.chat.settle()
    poll, health, again = http.responses()
    assert poll.texts == again.texts == ["now"]
    assert health.json == {"status": "ok"}


def test_a_request_begun_behind_a_held_poll_has_its_deadline_too(
    server: MemoryServer, http: HttpClient
) -> None:
    """It counts from when it could be looked at."""
    http.send("GET", f"{EVENTS}?wait=30")
    http.send_raw(b"GET /heal")
    server.chat.advance(29)
    server.say("hello")
    assert http.response().texts == ["hello"]
    server.chat.advance(REQUEST_SECONDS)
    assert http.response().refusal == (408, "too-slow")


def test_a_flood_behind_a_held_poll_is_left_to_tcp(server: MemoryServer, http: HttpClient) -> None:
    """What is kept of it is bounded: reading stops."""
    http.send("GET", f"{EVENTS}?wait=60")
    for _ in range(20):
        http.wire.send(head("GET", "/healthz") * 200)
        if http.wire.producerState == "paused":
            break
    assert http.wire.producerState == "paused"


def test_a_client_that_leaves_while_its_poll_is_held_costs_nothing(
    server: MemoryServer, http: HttpClient
) -> None:
    """Nothing is written to it, nothing is logged, and nothing is counted as reading."""
    http.send("GET", f"{EVENTS}?wait=60")
    assert server.chat.room("lobby").readers == 1
    http.wire.hang_up(Failure(ConnectionLost()))
    assert server.chat.room("lobby").readers == 0
    server.say("hello")
    server.chat.advance(100)
    assert http.wire.received() == b""


def test_a_client_that_leaves_before_its_message_is_stored_has_said_it(
    server: MemoryServer, http: HttpClient
) -> None:
    """It is stored and shown all the same; only its answer has nowhere to go."""
    http.send("POST", MESSAGES, "hello", {"Content-Type": "text/plain"})
    http.wire.hang_up(Failure(ConnectionLost()))
    server.chat.settle()
    assert server.chat.texts("lobby") == ["hello"]
    assert http.wire.received() == b""


@pytest.mark.parametrize("target", ["/healthz", "/rooms/lobby/events?since=1"])
def test_who_half_closes_is_answered_first(server: MemoryServer, target: str) -> None:
    """`printf … | nc -N`: the end of the request is not the end of interest in its answer."""
    http = server.http()
    http.send("GET", target)
    http.wire.end_input()
    assert http.response().status == 200
    assert http.closed


@pytest.mark.parametrize("packets", [1, 3])
def test_all_that_was_said_before_half_closing_is_stored(
    server: MemoryServer, packets: int
) -> None:
    """Each has to wait for the store, and the next one behind it."""
    http = server.http()
    requests = [
        b"POST /rooms/lobby/messages?name=q HTTP/1.1\r\nHost: chat\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\n" + text
        for text in (b"one", b"two", b"six")
    ]
    parts = requests if packets == 3 else [b"".join(requests), b"", b""]
    for part in parts:
        http.send_raw(part, "POST")
    http.wire.end_input()
    server.chat.settle()
    assert [response.status for response in http.responses()] == [201] * 3
    assert server.chat.texts("lobby") == ["one", "two", "six"]
    assert http.closed


def test_what_stands_behind_a_held_poll_is_answered_though_it_has_half_closed(
    server: MemoryServer,
) -> None:
    """The first poll of a connection, too, which is Twisted's."""
    http = server.http()
    http.send("GET", "/rooms/lobby/events")
    http.send("GET", "/healthz")
    http.wire.end_input()
    server.say("hello")
    server.chat.settle()
    assert [response.status for response in http.responses()] == [200, 200]
    assert http.closed


def test_what_a_half_closed_client_said_is_acknowledged(server: MemoryServer) -> None:
    """Also when the answer has to wait for the store."""
    http = server.http()
    http.send("POST", "/rooms/lobby/messages?name=q", "hi", headers={"Content-Type": "text/plain"})
    http.wire.end_input()
    server.chat.settle()
    assert http.response().status == 201
    assert http.closed


def test_a_poll_whose_client_half_closed_is_let_go_soon(server: MemoryServer) -> None:
    """Nobody would ask again on that connection."""
    http = server.http()
    http.send("GET", "/rooms/lobby/events")
    http.wire.end_input()
    server.chat.advance(3)
    assert http.closed
    assert server.chat.room("lobby").readers == 0
