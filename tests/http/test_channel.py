"""Limits of the HTTP channel: sizes, deadlines, and the order of responses."""

from __future__ import annotations

import re
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from chatd.doors.api.tree import web_site
from chatd.http.bounds import IDLE_SECONDS, LATE_SECONDS, MAX_BODY, REQUEST_SECONDS, Bounds
from chatd.http.channel import MAX_EARLY
from chatd.http.request import MAX_CHUNKS
from chatd.net.connections import LINGER_SECONDS
from chatd.testing.clock import StrictClock

from ..kit.http import HttpClient
from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"
MESSAGES = "/rooms/lobby/messages?name=ada"
JSON = {"Content-Type": "application/json"}


def head(method: str, target: str, *headers: str) -> bytes:
    """The head of a request: everything up to its body."""
    lines = [f"{method} {target} HTTP/1.1", "Host: chat.example", *headers, "", ""]
    return "\r\n".join(lines).encode()


# -- sizes -----------------------------------------------------------------------------------------


def test_a_body_may_be_as_long_as_the_limit(server: MemoryServer, http: HttpClient) -> None:
    """The limit counts bytes."""
    body = '{"text":"hello"}'.ljust(MAX_BODY)
    assert http.request("POST", MESSAGES, body, JSON).status == 201
    assert server.chat.texts("lobby") == ["hello"]


def test_an_overlong_content_length_is_refused_before_the_body_arrives(http: HttpClient) -> None:
    """With 413; then the connection is closed."""
    http.send_raw(head("POST", MESSAGES, f"Content-Length: {MAX_BODY + 1}"), "POST")
    response = http.response()
    assert response.refusal == (413, "too-large")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("size", [0, 1000], ids=["at-once", "in-parts"])
def test_a_chunked_body_is_refused_when_it_exceeds_the_limit(
    server: MemoryServer, http: HttpClient, size: int
) -> None:
    """Its length is not known before; no part of it is said."""
    chunks = b"%x\r\n%b\r\n" % (1000, b'{"text":"hello"}'.ljust(1000)) * (MAX_BODY // 1000 + 1)
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: application/json")
    http.send_raw(data, "POST")
    for start in range(0, len(chunks), size or len(chunks)):
        http.wire.send(chunks[start : start + (size or len(chunks))])
    http.wire.send(b"0\r\n\r\n")
    server.chat.advance(LINGER_SECONDS)
    assert http.response().refusal == (413, "too-large")
    assert server.chat.texts("lobby") == []
    assert http.closed


@pytest.mark.parametrize("length", [2 * MAX_BODY, 10**12, 2**64])
def test_an_overlong_chunk_size_is_refused_before_the_chunk_arrives(
    http: HttpClient, length: int
) -> None:
    """With 413."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: text/plain")
    http.send_raw(data + b"%x\r\nhello" % length, "POST")
    assert http.response().refusal == (413, "too-large")


def test_a_body_in_very_many_chunks_is_refused(http: HttpClient) -> None:
    """Each chunk costs more than its single byte."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: text/plain")
    http.send_raw(data + b"1\r\nx\r\n" * (MAX_CHUNKS + 1), "POST")
    assert http.response().refusal == (413, "too-large")


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


def test_a_chunked_body_within_the_limit_is_accepted(
    server: MemoryServer, http: HttpClient
) -> None:
    """Chunked encoding alone is no reason to refuse."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: application/json")
    http.send_raw(data + b'8\r\n{"text":\r\n8\r\n"hello"}\r\n0\r\n\r\n', "POST")
    server.chat.settle()
    assert http.response().status == 201
    assert server.chat.texts("lobby") == ["hello"]


def test_expect_100_continue_is_answered(server: MemoryServer, http: HttpClient) -> None:
    """As curl sends it before a long body."""
    body = b'{"text":"hello"}'
    asks = head(
        "POST",
        MESSAGES,
        "Expect: 100-continue",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    )
    http.send_raw(asks, "POST")
    assert http.responses() == []
    assert http.informed == [100]
    http.wire.send(body)
    server.chat.settle()
    assert http.response().status == 201


@pytest.mark.parametrize("length", [MAX_BODY + 1, 10**12, 10**17])
def test_expect_100_continue_with_an_overlong_body_is_refused(
    http: HttpClient, length: int
) -> None:
    """With 413, and without 100."""
    http.send_raw(
        head("POST", MESSAGES, "Expect: 100-continue", f"Content-Length: {length}"), "POST"
    )
    assert http.response().refusal == (413, "too-large")
    assert http.informed == []


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


# -- deadlines -------------------------------------------------------------------------------------


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
    assert server.chat.clock.getDelayedCalls() == []


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
@pytest.mark.parametrize("before", ["/healthz", f"{EVENTS}?since=0"])
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


def test_a_learned_poll_that_crosses_the_idle_timeout_is_answered(
    server: MemoryServer, http: HttpClient
) -> None:
    """The idle timeout then starts anew."""
    before = server.say("hello") - 1
    for _ in range(4):
        assert http.get(f"{EVENTS}?since={before}").texts == ["hello"]
        server.chat.advance(IDLE_SECONDS + LATE_SECONDS - 0.1)
        assert not http.closed


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


# -- order of responses ----------------------------------------------------------------------------


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
    server.http().get("/healthz")  # so the health check is cached for a moment
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
    server.http().get("/healthz")  # so the health check is cached for a moment
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
    http.wire.fill()
    http.wire.send(head("GET", "/healthz") * 3)
    server.chat.advance(IDLE_SECONDS + 1)
    assert http.closed
    server.chat.settle()


def test_closing_idle_connections_logs_nothing(server: MemoryServer) -> None:
    """A flood of them would fill the log."""
    told: list[Any] = []
    observe: Any = told.append
    globalLogPublisher.addObserver(observe)
    try:
        connections = [server.http() for _ in range(3)]
        connections[0].wire.fill()
        server.chat.advance(IDLE_SECONDS + LATE_SECONDS + LINGER_SECONDS + 1)
    finally:
        globalLogPublisher.removeObserver(observe)
    assert all(http.closed for http in connections)
    assert not told


def test_pending_requests_of_a_lost_connection_are_dropped(
    server: MemoryServer, http: HttpClient
) -> None:
    """They are not answered."""
    server.http().get("/healthz")  # so the health check is cached for a moment
    http.wire.send(head("GET", "/healthz") * 3)
    http.wire.hang_up()
    assert http.wire.received().count(b"HTTP/1.1 200 OK") == 1
    server.chat.settle()
    assert http.wire.received() == b""


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
