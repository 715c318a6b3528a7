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

EVENTS = "/rooms/lobby/events"
MESSAGES = "/rooms/lobby/messages?name=ada"


def test_the_bounds_can_be_set(server: MemoryServer) -> None:
    """Each by itself: how much, and how long."""
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
def test_a_request_that_has_begun_is_answered_however_short_idling_may_be(
    server: MemoryServer, begun: bytes
) -> None:
    """It has its own time, in its head and in its body; idling begins when it is over."""
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


def test_what_a_refused_client_still_sends_is_swallowed(
    server: MemoryServer, http: HttpClient
) -> None:
    """For a moment, so that the answer reaches it; then the connection is closed."""
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
def test_a_request_that_trickles_is_refused_in_time(
    server: MemoryServer, http: HttpClient, data: bytes
) -> None:
    """However steadily it comes: the deadline counts from its first byte."""
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
    """A slow one is refused though many before it were quick."""
    for _ in range(3):
        assert http.get("/healthz").status == 200
        server.chat.advance(15)
    http.send_raw(b"GET ")
    server.chat.advance(REQUEST_SECONDS)
    assert http.response().refusal == (408, "too-slow")


@pytest.mark.parametrize("target", ["/healthz", f"{EVENTS}?since=0", "/rooms"])
def test_a_connection_that_is_kept_may_be_quiet_for_a_while(
    server: MemoryServer, http: HttpClient, target: str
) -> None:
    """Longer than a request may take: quiet is not slow."""
    server.say("hello")
    for _ in range(4):
        assert http.get(target).status == 200
        server.chat.advance(REQUEST_SECONDS * 2)
        assert http.responses() == []
        assert not http.closed


@pytest.mark.parametrize("part", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_client_that_ends_in_the_middle_of_a_request_is_forgotten(
    server: MemoryServer, http: HttpClient, part: bytes
) -> None:
    """Nothing waits for the rest of it."""
    http.wire.send(part)
    http.wire.end_input()
    assert http.closed
    server.chat.advance(REQUEST_SECONDS + 1)
    assert server.chat.clock.getDelayedCalls() == []


@pytest.mark.parametrize("target", [None, "/healthz", f"{EVENTS}?since=0"])
def test_a_connection_without_a_request_is_closed_in_the_end(
    server: MemoryServer, http: HttpClient, target: str | None
) -> None:
    """Without a word: there was no request to answer.  After learned polls, whose time is looked at
    now and then, it may take twice as long.
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


def test_a_connection_is_kept_for_longer_than_proxies_keep_theirs() -> None:
    """nginx and many others take 60 or 65 seconds: then it is they who close, and who know what
    they have sent.
    """
    assert IDLE_SECONDS > 65


@pytest.mark.parametrize("seconds", [-0.1, 0, 0.1, LATE_SECONDS - 0.1])
@pytest.mark.parametrize("before", ["/healthz", f"{EVENTS}?since=0"])
def test_a_request_that_crosses_the_end_of_idling_is_answered(
    server: MemoryServer, http: HttpClient, before: str, seconds: float
) -> None:
    """The client may have sent it before it could know; the answer says that it was the last."""
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
    """It is swallowed instead of reset, so the client sees the end, and may send it again."""
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
    """All that came in one packet."""
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


def test_one_who_pipelines_does_not_keep_the_others_waiting(
    server: MemoryServer, http: HttpClient
) -> None:
    """One request is answered at once; the others have to wait for their turn."""
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
def test_what_is_sent_ahead_is_left_to_tcp(
    server: MemoryServer, http: HttpClient, request_: bytes, reads: bool
) -> None:
    """However fast it comes, and whether the answers are read or not; all of it is answered."""
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
    """Let happen the first thing that is due, and nothing that comes of it."""
    if clock.calls and clock.calls[0].getTime() <= clock.seconds():
        call = clock.calls.pop(0)
        call.called = 1
        call.func(*call.args, **call.kw)


def test_a_client_that_does_not_read_is_not_answered_on_and_on(
    server: MemoryServer, http: HttpClient
) -> None:
    """What it is to be told would pile up; when it reads again, it gets all of it."""
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


def test_a_client_that_never_reads_is_let_go(server: MemoryServer, http: HttpClient) -> None:
    """Even if it has asked for more."""
    http.wire.fill()
    http.wire.send(head("GET", "/healthz") * 3)
    server.chat.advance(IDLE_SECONDS + 1)
    assert http.closed
    server.chat.settle()


def test_a_client_that_goes_between_two_turns_leaves_nothing_behind(
    server: MemoryServer, http: HttpClient
) -> None:
    """What it had asked for is not answered."""
    server.http().get("/healthz")  # then the store is not asked for a moment
    http.wire.send(head("GET", "/healthz") * 3)
    http.wire.hang_up()
    assert http.wire.received().count(b"HTTP/1.1 200 OK") == 1
    server.chat.settle()
    assert http.wire.received() == b""
