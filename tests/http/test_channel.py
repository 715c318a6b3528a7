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
def test_malformed_http_is_answered_with_4xx_and_a_close(
    server: MemoryServer, http: HttpClient, data: bytes
) -> None:
    """Nothing is logged."""
    http.wire.send(data)
    server.chat.advance(LINGER_SECONDS)
    assert re.match(rb"HTTP/1\.1 4\d\d ", http.wire.received())
    assert http.closed


# -- how long --------------------------------------------------------------------------------------


def test_a_learned_poll_that_crosses_the_idle_timeout_is_answered(
    server: MemoryServer, http: HttpClient
) -> None:
    """The idle timeout then starts anew."""
    before = server.say("hello") - 1
    for _ in range(4):
        assert http.get(f"{EVENTS}?since={before}").texts == ["hello"]
        server.chat.advance(IDLE_SECONDS + LATE_SECONDS - 0.1)
        assert not http.closed


def test_the_idle_timeout_does_not_cut_a_held_poll(server: MemoryServer, http: HttpClient) -> None:
    """A poll may be held for as long as it asked for."""
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
def test_a_broken_connection_leaves_no_reader_and_no_timer(
    server: MemoryServer, data: bytes, size: int
) -> None:
    """Whatever the byte at which it breaks."""
    for end in range(0, len(data), size):
        http = server.http()
        http.wire.send(data[:end])
        http.wire.hang_up(Failure(ConnectionLost()))
    server.chat.settle()
    assert server.chat.room("lobby").readers == 0
    server.chat.advance(100)
    assert server.chat.clock.getDelayedCalls() == []


# -- in which order --------------------------------------------------------------------------------


def test_a_connection_serves_several_requests(server: MemoryServer, http: HttpClient) -> None:
    """It is kept open after error responses too."""
    statuses = [
        http.get(target).status for target in ("/healthz", "/nowhere", "/rooms", "/session")
    ]
    assert statuses == [200, 404, 200, 401]
    assert not http.closed


def test_connection_close_is_obeyed(http: HttpClient) -> None:
    """RFC 9112, section 9.6."""
    assert http.get("/healthz", Connection="close").status == 200
    assert http.closed


def test_http_1_0_is_answered_and_closed(server: MemoryServer, http: HttpClient) -> None:
    """As `ab` and old proxies use it; polls work too."""
    http.send_raw(f"GET {EVENTS}?wait=10 HTTP/1.0\r\n\r\n".encode())
    server.say("hello")
    assert http.response().texts == ["hello"]
    assert http.closed


def test_requests_before_a_half_close_are_all_answered(
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
def test_requests_pipelined_behind_a_held_poll_wait_for_it(
    server: MemoryServer, http: HttpClient, before: int, chop: int
) -> None:
    """Responses come in the order of the requests, and none is lost."""
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


def test_a_request_begun_behind_a_held_poll_has_a_deadline(
    server: MemoryServer, http: HttpClient
) -> None:
    """It counts from when the poll is answered."""
    http.send("GET", f"{EVENTS}?wait=30")
    http.send_raw(b"GET /heal")
    server.chat.advance(29)
    server.say("hello")
    assert http.response().texts == ["hello"]
    server.chat.advance(REQUEST_SECONDS)
    assert http.response().refusal == (408, "too-slow")


def test_input_behind_a_held_poll_is_bounded(server: MemoryServer, http: HttpClient) -> None:
    """Reading pauses, so TCP holds the rest."""
    http.send("GET", f"{EVENTS}?wait=60")
    for _ in range(20):
        http.wire.send(head("GET", "/healthz") * 200)
        if http.wire.producerState == "paused":
            break
    assert http.wire.producerState == "paused"


def test_a_client_that_hangs_up_during_a_held_poll_is_removed_as_reader(
    server: MemoryServer, http: HttpClient
) -> None:
    """Nothing is written to it, and nothing logged."""
    http.send("GET", f"{EVENTS}?wait=60")
    assert server.chat.room("lobby").readers == 1
    http.wire.hang_up(Failure(ConnectionLost()))
    assert server.chat.room("lobby").readers == 0
    server.say("hello")
    server.chat.advance(100)
    assert http.wire.received() == b""


def test_a_message_is_stored_even_if_its_client_hangs_up(
    server: MemoryServer, http: HttpClient
) -> None:
    """Readers get it; only its response is dropped."""
    http.send("POST", MESSAGES, "hello", {"Content-Type": "text/plain"})
    http.wire.hang_up(Failure(ConnectionLost()))
    server.chat.settle()
    assert server.chat.texts("lobby") == ["hello"]
    assert http.wire.received() == b""


@pytest.mark.parametrize("target", ["/healthz", "/rooms/lobby/events?since=1"])
def test_a_half_closed_client_is_answered(server: MemoryServer, target: str) -> None:
    """`printf … | nc -N`: after the end of its input the client still reads the response."""
    http = server.http()
    http.send("GET", target)
    http.wire.end_input()
    assert http.response().status == 200
    assert http.closed


@pytest.mark.parametrize("packets", [1, 3])
def test_messages_sent_before_a_half_close_are_all_stored(
    server: MemoryServer, packets: int
) -> None:
    """Each waits for the store, and the next one for its response."""
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


def test_a_request_behind_a_held_poll_is_answered_after_a_half_close(
    server: MemoryServer,
) -> None:
    """Also behind a connection's first poll, which Twisted parses."""
    http = server.http()
    http.send("GET", "/rooms/lobby/events")
    http.send("GET", "/healthz")
    http.wire.end_input()
    server.say("hello")
    server.chat.settle()
    assert [response.status for response in http.responses()] == [200, 200]
    assert http.closed


def test_a_message_of_a_half_closed_client_is_acknowledged(server: MemoryServer) -> None:
    """Although the response waits for the store."""
    http = server.http()
    http.send("POST", "/rooms/lobby/messages?name=q", "hi", headers={"Content-Type": "text/plain"})
    http.wire.end_input()
    server.chat.settle()
    assert http.response().status == 201
    assert http.closed


def test_a_held_poll_of_a_half_closed_client_ends_within_seconds(server: MemoryServer) -> None:
    """No further request can come on that connection."""
    http = server.http()
    http.send("GET", "/rooms/lobby/events")
    http.wire.end_input()
    server.chat.advance(3)
    assert http.closed
    assert server.chat.room("lobby").readers == 0
