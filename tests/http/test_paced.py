"""The pace of one HTTP connection: deadlines, idle timeout, pipelining, backpressure."""

from __future__ import annotations

import pytest

from chatd.doors.api.tree import web_site
from chatd.http.bounds import IDLE_SECONDS, LATE_SECONDS, MAX_BODY, REQUEST_SECONDS, Bounds
from chatd.http.channel import MAX_EARLY
from chatd.net.connections import LINGER_SECONDS
from chatd.testing.clock import StrictClock

from ..kit.http import HttpClient, head
from ..kit.server import MemoryServer
from ..kit.timers import timers

EVENTS = "/rooms/lobby/events"
MESSAGES = "/rooms/lobby/messages?name=ada"


def test_http_bounds_are_configurable(server: MemoryServer) -> None:
    """Body size, request timeout and idle timeout, each separately."""
    bounds = Bounds(body=100, request_seconds=3, idle_seconds=7)
    server.http_door = web_site(server.chat.service, bounds=bounds, hosts=server.hosts)
    http = server.http()
    assert http.request("POST", MESSAGES, "x" * 101, {"Content-Type": "text/plain"}).status == 413
    http = server.http()
    http.send_raw(b"GET /")
    server.chat.advance(3)
    assert http.response().refusal == (408, "too-slow")
    http = server.http()
    assert http.get("/healthz").status == 200
    server.chat.advance(6 + LATE_SECONDS)
    assert not http.closed
    server.chat.advance(1 + LINGER_SECONDS)
    assert http.closed


@pytest.mark.parametrize("begun", [b"GET /", head("POST", MESSAGES, "Content-Length: 9") + b"{"])
def test_the_idle_timeout_does_not_cut_a_begun_request(server: MemoryServer, begun: bytes) -> None:
    """A request has its own timeout for head and body; the idle timeout starts after it."""
    bounds = Bounds(request_seconds=20, idle_seconds=3)
    server.http_door = web_site(server.chat.service, bounds=bounds, hosts=server.hosts)
    http = server.http()
    http.send_raw(begun[:1], "POST")
    server.chat.advance(4)
    http.wire.send(begun[1:])
    server.chat.advance(15)
    assert not http.closed
    server.chat.advance(1)
    assert http.response().refusal == (408, "too-slow")
    http = server.http()
    http.send_raw(b"GET /healthz HTTP/1.1\r\n")
    server.chat.advance(4)
    http.wire.send(b"Host: chat.example\r\n\r\n")
    assert http.response().status == 200
    server.chat.advance(3 + LATE_SECONDS + LINGER_SECONDS)
    assert http.closed


def test_input_after_a_refusal_is_discarded_for_linger_seconds(
    server: MemoryServer, http: HttpClient
) -> None:
    """So the response reaches the client instead of a TCP reset; then the connection is closed."""
    http.send_raw(head("POST", MESSAGES, f"Content-Length: {MAX_BODY * 2}"), "POST")
    assert http.response().status == 413
    for _ in range(3):
        http.wire.send(b'{"text":"hello"}'.ljust(MAX_BODY))
    http.wire.send(head("POST", f"{MESSAGES}&text=x"))
    server.chat.settle()
    assert not http.closed
    server.chat.advance(LINGER_SECONDS)
    assert http.closed
    assert http.wire.received() == b""
    assert server.chat.texts("lobby") == []


@pytest.mark.parametrize(
    "data",
    [
        head("GET", "/healthz")[:-2] + b"A: b\r\n" * 30,
        head("POST", MESSAGES, "Content-Length: 60000") + b"x" * 60,
        head("POST", MESSAGES, "Transfer-Encoding: chunked") + b"1\r\nx\r\n" * 30,
    ],
    ids=["headers", "body", "chunks"],
)
def test_a_trickling_request_is_refused_at_its_deadline(
    server: MemoryServer, http: HttpClient, data: bytes
) -> None:
    """The deadline counts from the request's first byte, however steadily it arrives."""
    http.send_raw(b"", "POST")
    passed = 0
    for byte in data:
        http.wire.send(bytes([byte]))
        if responses := http.responses():
            break
        server.chat.advance(0.5)
        passed += 1
    (response,) = responses
    assert response.refusal == (408, "too-slow")
    assert REQUEST_SECONDS - 1 <= passed / 2 <= REQUEST_SECONDS + 1
    server.chat.advance(LINGER_SECONDS)
    assert http.closed


def test_each_request_on_a_connection_has_its_own_deadline(
    server: MemoryServer, http: HttpClient
) -> None:
    """A slow request is refused even after many quick ones."""
    for _ in range(3):
        assert http.get("/healthz").status == 200
        server.chat.advance(15)
    http.send_raw(b"GET ")
    server.chat.advance(REQUEST_SECONDS)
    assert http.response().refusal == (408, "too-slow")


@pytest.mark.parametrize("target", ["/healthz", f"{EVENTS}?since=0", "/rooms"])
def test_a_keep_alive_connection_may_idle_longer_than_a_request_timeout(
    server: MemoryServer, http: HttpClient, target: str
) -> None:
    """An idle client is not a slow one."""
    server.say("hello")
    for _ in range(4):
        assert http.get(target).status == 200
        server.chat.advance(REQUEST_SECONDS * 2)
        assert http.responses() == []
        assert not http.closed


@pytest.mark.parametrize("part", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_end_of_input_within_a_request_closes_the_connection(
    server: MemoryServer, http: HttpClient, part: bytes
) -> None:
    """No timer waits for the rest."""
    http.wire.send(part)
    http.wire.end_input()
    assert http.closed
    server.chat.advance(REQUEST_SECONDS + 1)
    assert timers(server.chat.clock) == []


@pytest.mark.parametrize("target", [None, "/healthz", f"{EVENTS}?since=0"])
def test_an_idle_connection_is_closed_at_the_idle_timeout(
    server: MemoryServer, http: HttpClient, target: str | None
) -> None:
    """Without a response, because there was no request. After learned polls, whose timers are
    coarse, it may take twice as long.
    """
    server.say("hello")
    for _ in range(3 if target else 0):
        assert target
        assert http.get(target).status == 200
    server.chat.advance(IDLE_SECONDS + LATE_SECONDS - 1)
    assert not http.closed
    server.chat.advance(2 + LINGER_SECONDS)
    if target and "since" in target:
        server.chat.advance(IDLE_SECONDS + LATE_SECONDS)
    assert http.closed
    assert http.wire.received() == b""


def test_the_idle_timeout_is_longer_than_that_of_proxies() -> None:
    """nginx and many others use 60 or 65 seconds. Then the proxy closes, and no request of the
    proxy crosses the server's close.
    """
    assert IDLE_SECONDS > 65


@pytest.mark.parametrize("seconds", [-0.1, 0, 0.1, LATE_SECONDS - 0.1])
@pytest.mark.parametrize("before", ["/healthz", f"{EVENTS}?since=%30"])
def test_a_request_that_crosses_the_idle_timeout_is_answered(
    server: MemoryServer, http: HttpClient, before: str, seconds: float
) -> None:
    """The client may have sent it before it saw the close; its response says `Connection:
    close`.
    """
    server.say("hello")
    assert http.get(before).status == 200
    server.chat.advance(IDLE_SECONDS + seconds)
    response = http.request("POST", MESSAGES, "late", {"Content-Type": "text/plain"})
    assert response.status == 201
    assert server.chat.texts("lobby") == ["hello", "late"]
    closes = response.headers.get("connection") == "close"
    assert closes == http.closed == (seconds >= 0)


def test_a_request_that_crosses_the_close_is_not_carried_out(
    server: MemoryServer, http: HttpClient
) -> None:
    """It is discarded instead of reset, so the client sees the end of the stream and may retry."""
    closes: list[bool] = []
    http.wire.loseWriteConnection = lambda: closes.append(http.closed)  # type: ignore[method-assign]
    assert http.get("/healthz").status == 200
    server.chat.advance(IDLE_SECONDS + LATE_SECONDS)
    assert closes == [False]
    http.wire.send(head("POST", f"{MESSAGES}&x=y", "Content-Length: 2") + b"hi")
    server.chat.advance(LINGER_SECONDS)
    assert http.closed
    assert http.wire.received() == b""
    assert server.chat.texts("lobby") == []


def test_pipelined_requests_are_answered_in_order(server: MemoryServer, http: HttpClient) -> None:
    """All of them arrive in one packet."""
    http.send_raw(b"", "GET")
    http.send_raw(b"", "POST")
    http.send_raw(
        head("GET", "/healthz")
        + head("POST", MESSAGES, "Content-Type: text/plain", "Content-Length: 5")
        + b"hello"
        + head("GET", "/rooms/lobby")
    )
    server.chat.settle()
    health, said, room = http.responses()
    assert health.json == {"status": "ok"}
    assert said.status == 201
    assert room.json["last"] == said.json["id"]


def test_a_pipelining_client_does_not_delay_others(server: MemoryServer, http: HttpClient) -> None:
    """One request is answered at once; the next ones wait for later turns."""
    server.http().get("/healthz")  # then the store is not asked for a moment
    http.wire.send(head("GET", "/healthz") * 5)
    assert http.wire.received().count(b"HTTP/1.1 200 OK") == 1
    server.chat.settle()
    assert http.wire.received().count(b"HTTP/1.1 200 OK") == 4


@pytest.mark.parametrize("reads", [True, False], ids=["reading", "full"])
@pytest.mark.parametrize(
    "request_",
    [head("GET", "/healthz"), head("POST", "/healthz", "Content-Length: 5") + b"hello"],
    ids=["no-body", "body"],
)
def test_pipelined_requests_are_buffered_up_to_a_bound(
    server: MemoryServer, http: HttpClient, request_: bytes, reads: bool
) -> None:
    """Reading pauses beyond `MAX_EARLY` bytes, so TCP holds the rest; every request is answered in
    the end.
    """
    taken = answered = 0
    for turn in range(100):
        if http.wire.producerState == "producing":
            http.wire.send(request_ * 50)
            taken += 50
        if turn == 0 and not reads:
            http.wire.fill()
        one_turn(server.chat.clock)
        answered += http.wire.received().count(b"HTTP/1.1 ")
        assert (taken - answered) * len(request_) <= MAX_EARLY + 50 * len(request_)
    assert answered >= 100 * reads
    http.wire.drain()
    server.chat.settle()
    assert answered + http.wire.received().count(b"HTTP/1.1 ") == taken


def one_turn(clock: StrictClock) -> None:
    """Run the first due call only, and no call that it schedules."""
    if clock.calls and clock.calls[0].getTime() <= clock.seconds():
        call = clock.calls.pop(0)
        call.called = 1
        call.func(*call.args, **call.kw)


def test_responses_to_a_client_that_does_not_read_are_bounded(
    server: MemoryServer, http: HttpClient
) -> None:
    """When it reads again, it gets all of them."""
    server.http().get("/healthz")  # then the store is not asked for a moment
    http.wire.send(head("GET", "/healthz") * 3)
    http.wire.fill()
    assert http.wire.received().count(b"HTTP/1.1 200 OK") == 1
    server.chat.settle()
    assert http.wire.received().count(b"HTTP/1.1 200 OK") <= 1
    server.chat.settle()
    assert http.wire.received() == b""
    http.wire.drain()
    server.chat.settle()
    assert b"HTTP/1.1 200 OK" in http.wire.received()
    assert not http.closed


def test_a_client_that_never_reads_is_disconnected(server: MemoryServer, http: HttpClient) -> None:
    """Even if it has sent more requests."""
    http.get("/healthz")
    http.wire.fill()
    http.wire.send(head("GET", "/healthz") * 3)
    server.chat.advance(IDLE_SECONDS + 1)
    assert http.closed
    server.chat.settle()


def test_pending_requests_of_a_lost_connection_are_dropped(
    server: MemoryServer, http: HttpClient
) -> None:
    """They are not answered."""
    server.http().get("/healthz")  # then the store is not asked for a moment
    http.wire.send(head("GET", "/healthz") * 3)
    http.wire.hang_up()
    assert http.wire.received().count(b"HTTP/1.1 200 OK") == 1
    server.chat.settle()
    assert http.wire.received() == b""
