"""The bounds of HTTP: how much, how long, and in which order."""

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
    """The beginning of a request, up to its body."""
    lines = [f"{method} {target} HTTP/1.1", "Host: chat.example", *headers, "", ""]
    return "\r\n".join(lines).encode()


# -- how much --------------------------------------------------------------------------------------


def test_a_body_may_be_as_long_as_the_limit(server: MemoryServer, http: HttpClient) -> None:
    """Counted in bytes, whatever is in them."""
    body = '{"text":"hello"}'.ljust(MAX_BODY)
    assert http.request("POST", MESSAGES, body, JSON).status == 201
    assert server.chat.texts("lobby") == ["hello"]


def test_a_body_that_says_it_is_longer_is_refused_before_it_comes(http: HttpClient) -> None:
    """And the connection closes."""
    http.send_raw(head("POST", MESSAGES, f"Content-Length: {MAX_BODY + 1}"), "POST")
    response = http.response()
    assert response.refusal == (413, "too-large")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize("size", [0, 1000], ids=["at-once", "in-parts"])
def test_a_chunked_body_is_refused_when_it_has_become_too_long(
    server: MemoryServer, http: HttpClient, size: int
) -> None:
    """Nobody knew before; nothing of it is said."""
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
def test_a_chunk_that_says_it_is_too_long_is_refused_at_once(http: HttpClient, length: int) -> None:
    """Before its bytes have come."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: text/plain")
    http.send_raw(data + b"%x\r\nhello" % length, "POST")
    assert http.response().refusal == (413, "too-large")


def test_a_body_in_very_many_chunks_is_refused(http: HttpClient) -> None:
    """Each costs more than its byte."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: text/plain")
    http.send_raw(data + b"1\r\nx\r\n" * (MAX_CHUNKS + 1), "POST")
    assert http.response().refusal == (413, "too-large")


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


def test_a_chunked_body_within_the_limit_is_taken(server: MemoryServer, http: HttpClient) -> None:
    """Chunked is no reason to refuse."""
    data = head("POST", MESSAGES, "Transfer-Encoding: chunked", "Content-Type: application/json")
    http.send_raw(data + b'8\r\n{"text":\r\n8\r\n"hello"}\r\n0\r\n\r\n', "POST")
    server.chat.settle()
    assert http.response().status == 201
    assert server.chat.texts("lobby") == ["hello"]


def test_a_client_that_asks_first_is_told_to_go_on(server: MemoryServer, http: HttpClient) -> None:
    """`Expect: 100-continue`: curl does so before a long body."""
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
def test_a_client_that_asks_first_with_too_long_a_body_is_not(
    http: HttpClient, length: int
) -> None:
    """It is refused, and that is all it hears."""
    http.send_raw(
        head("POST", MESSAGES, "Expect: 100-continue", f"Content-Length: {length}"), "POST"
    )
    assert http.response().refusal == (413, "too-large")
    assert http.informed == []


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


def test_a_learned_poll_that_crosses_the_end_of_idling_is_answered(
    server: MemoryServer, http: HttpClient
) -> None:
    """It begins another time of idling."""
    before = server.say("hello") - 1
    for _ in range(4):
        assert http.get(f"{EVENTS}?since={before}").texts == ["hello"]
        server.chat.advance(IDLE_SECONDS + LATE_SECONDS - 0.1)
        assert not http.closed


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


def test_idle_connections_are_closed_without_a_line_in_the_log(server: MemoryServer) -> None:
    """A flood of them would fill it."""
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
