"""One cap in bytes for all that is read, however it is asked for, and no answers in stock for a
client that does not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from unittest.mock import patch

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory

from chatd.chat.past import PAGES_AT_ONCE
from chatd.doors.line.lines import LineFactory
from chatd.model.errors import Unavailable
from chatd.stream.eventlog import Page
from chatd.testing import FakeConnection

from ..kit.http import HttpClient, written
from ..kit.narrow import NarrowConnection
from ..kit.server import MemoryServer, peer

KIB = 1024
MOST = 256 * KIB
"""Bytes in one answer."""
FULL = 64 * KIB
"""Bytes in Twisted's buffer above which a producer is paused."""
LONG = "x" * 4000
EVENTS = "/rooms/lobby/events"


@pytest.fixture
def server() -> MemoryServer:
    """A server where 300 long messages were said: a megabyte and more."""
    server = MemoryServer()
    server.say(*(f"{number} {LONG}" for number in range(300)))
    return server


def narrow(door: IProtocolFactory) -> NarrowConnection:
    """A connection from an address of its own, which is full above `FULL` bytes."""
    wire = NarrowConnection(door, peer("192.0.2.9"))
    wire.room = FULL
    return wire


# -- one cap -------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["application/json", "text/plain"])
@pytest.mark.parametrize(
    "query", ["before=900000000000000000&limit=500", "since=1&limit=500", "limit=500&wait=0"]
)
def test_an_answer_holds_at_most_256_kib(
    server: MemoryServer, http: HttpClient, query: str, accept: str
) -> None:
    """A page as well as a poll, in JSON and in text; and not much less."""
    answer = http.get(f"{EVENTS}?{query}", Accept=accept)
    assert answer.status == 200
    assert MOST - 32 * KIB < len(answer.body) <= MOST


def test_several_rooms_together_are_an_answer_of_at_most_256_kib(
    server: MemoryServer, http: HttpClient
) -> None:
    """The cap is for the answer, not for each room of it."""
    server.say(*[LONG] * 100, room="dev")
    assert len(http.get("/events?rooms=lobby,dev&since=1&limit=500").body) <= MOST


@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
def test_a_stream_is_not_given_more_than_its_buffer_and_256_kib(
    server: MemoryServer, accept: str
) -> None:
    """Then it is paused, until its client has read."""
    wire = narrow(server.http_door)
    wire.send(written("GET", f"{EVENTS}?since=1", b"", {"Accept": accept}))
    server.chat.settle()
    assert FULL < len(wire.value()) <= FULL + MOST


def test_a_websocket_is_not_given_more_than_its_buffer_and_256_kib(server: MemoryServer) -> None:
    """As a stream."""
    wire = narrow(server.http_door)
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    wire.send(written("GET", f"{EVENTS}?since=1", b"", headers))
    server.chat.settle()
    assert FULL < len(wire.value()) <= FULL + MOST


# -- where to go on ------------------------------------------------------------------------------


def numbers(texts: list[str]) -> list[int]:
    return [int(text.split()[0]) for text in texts]


def test_a_page_that_was_cut_short_says_where_to_go_on(
    server: MemoryServer, http: HttpClient
) -> None:
    """`next` is the next `before`, and paging on with it reads everything once."""
    before, read = 900_000_000_000_000_000, list[int]()
    while len(read) < 300:
        answer = http.get(f"{EVENTS}?before={before}&limit=200")
        read[:0] = numbers(answer.texts)
        ids = [event["id"] for event in answer.json["events"]]
        before = answer.json["next"]
        assert before == (ids[0] if len(read) < 300 else ids[-1])
    assert read == [*range(300)]


def test_a_page_that_reaches_the_first_event_is_not_cut_short(
    http: HttpClient, server: MemoryServer
) -> None:
    """Its `next` is the cursor behind it, as on every page that is as long as was asked."""
    first = http.get(f"{EVENTS}?since=0&limit=20").json["events"]
    answer = http.get(f"{EVENTS}?before={first[10]['id']}&limit=500").json
    assert [event["id"] for event in answer["events"]] == [event["id"] for event in first[:10]]
    assert answer["next"] == first[9]["id"]
    answer = http.get(f"{EVENTS}?before={first[10]['id']}&limit=3").json
    assert answer["next"] == first[9]["id"]


def test_a_page_of_text_that_was_cut_short_links_to_the_next(
    server: MemoryServer, http: HttpClient
) -> None:
    """Text has no place for an id; `Link` has."""
    target, read = f"{EVENTS}?before=900000000000000000&limit=200", list[int]()
    while target:
        answer = http.get(target, Accept="text/plain")
        lines = answer.body.decode().splitlines()
        read[:0] = numbers([line.removeprefix("<bob> ") for line in lines])
        link = re.fullmatch(r'<(.*)>; rel="next"', answer.headers.get("link", ""))
        target = link[1] if link else ""
    assert read == [*range(300)]


def test_polls_go_on_from_next(server: MemoryServer, http: HttpClient) -> None:
    """Nothing is left out between two answers that were cut short."""
    cursor, read = 1, list[int]()
    while len(read) < 300:
        answer = http.get(f"{EVENTS}?since={cursor}&limit=500")
        cursor = answer.json["next"]
        read += numbers(answer.texts)
    assert read == [*range(300)]


# -- the line door -------------------------------------------------------------------------------


def typed(server: MemoryServer, wire: FakeConnection, line: str) -> str:
    wire.received()
    wire.send(f"{line}\r\n".encode())
    server.chat.settle()
    return wire.received().decode()


def test_since_shows_what_fits_and_says_where_to_go_on(server: MemoryServer) -> None:
    """Until that is all, each event once."""
    wire, place, read = server.line(), "1", list[int]()
    for _ in range(20):
        answer = typed(server, wire, f"/since {place}")
        assert len(answer.encode()) <= MOST
        begin, *_, end = answer.splitlines()
        read += [int(number) for number in re.findall(r"^<bob> (\d+) x", answer, re.M)]
        (place,) = re.findall(r"^== .*/since (\d+) ", end)
        if end.startswith("== that is all; "):
            break
        assert re.match(r"== the first \d+ events in #lobby since then:", begin)
        assert end == f"== there is more; /since {place} goes on from here"
    assert read == [*range(300)]


def test_since_shows_at_most_500_events() -> None:
    """However short they are."""
    server = MemoryServer()
    server.say(*map(str, range(501)))
    wire = server.line()
    begin, *_, end = typed(server, wire, "/since 1").splitlines()
    assert begin == "== the first 500 events in #lobby since then:"
    (place,) = re.findall(r"^== there is more; /since (\d+) ", end)
    assert "<bob> 500\r\n" in typed(server, wire, f"/since {place}")


def test_history_shows_the_last_events_that_fit_and_says_so(server: MemoryServer) -> None:
    """In place of 300."""
    answer = typed(server, server.line(), "/history 300")
    assert MOST - 32 * KIB < len(answer.encode()) <= MOST
    begin, *_ = answer.splitlines()
    assert re.fullmatch(r"== the last \d+ events in #lobby \(no more fit into one answer\):", begin)
    assert f"<bob> 299 {LONG}\r\n== end of the history; " in answer


def test_the_replay_on_joining_holds_no_more_than_fits() -> None:
    """Also where ten messages may be megabytes."""
    server = MemoryServer(max_text=100_000)
    server.say(*["y" * 100_000] * 10)
    wire = server.line()
    assert len(wire.value()) <= MOST
    assert b"== the last 2 messages in #lobby:\r\n" in wire.value()


# -- a client that does not read -----------------------------------------------------------------


@pytest.mark.parametrize("command", ["/since 1", "/history 300", "/history 300\r\n/since 1"])
def test_a_line_client_that_does_not_read_is_not_answered_on_and_on(
    server: MemoryServer, command: str
) -> None:
    """One answer, and no more of it is made before the client has read that; then the next one."""
    wire = narrow(server.line_door)
    wire.read()
    wire.send(f"{command}\r\n".encode() * 20)
    server.chat.settle()
    server.chat.advance(5)
    assert FULL < len(wire.value()) <= FULL + MOST
    for _ in range(4):
        assert FULL < len(wire.read()) <= FULL + MOST
        server.chat.advance(5)


def test_a_command_waits_while_the_room_has_filled_the_buffer(server: MemoryServer) -> None:
    """What others said comes before the answer, and may be all that the buffer holds."""
    wire = narrow(server.line_door)
    wire.read()
    wire.fill()
    server.say(*[LONG] * 60)
    wire.room = None  # nothing is too much for the moment
    wire.drain()
    wire.room = FULL
    said = len(wire.value())
    assert said > 200 * KIB
    wire.fill()
    wire.send(b"/since 1\r\n")
    assert len(wire.value()) == said


def test_a_page_of_history_is_not_added_to_a_buffer_that_filled_meanwhile(
    server: MemoryServer,
) -> None:
    """It is asked for again when the client has read, and comes then."""
    wire = narrow(server.line_door)
    wire.read()
    page = server.chat.service.page

    def later(*args: object) -> object:
        found = page(*args)  # type: ignore[arg-type]
        wire.fill()
        return found

    with patch.object(server.chat.service, "page", later):
        wire.send(b"/history 300\r\n")
    assert wire.value() == b""
    wire.read()
    server.chat.advance(1)
    assert b"== end of the history" in wire.value()


@pytest.mark.parametrize(
    "query",
    ["before=900000000000000000&limit=500", "since=1&limit=500", "since=2&limit=500&wait=0"],
)
@pytest.mark.parametrize("apart", [False, True], ids=["in one packet", "in packets"])
def test_an_http_client_that_pipelines_and_does_not_read_is_not_answered_on_and_on(
    server: MemoryServer, query: str, apart: bool
) -> None:
    """One answer at a time: the next one is made when the client has read.  Over TLS some packets
    come in although nothing is to be read.
    """
    wire = narrow(server.http_door)
    asked = [written("GET", f"{EVENTS}?{query}", b"", {})] * 10
    wire.send(*(asked if apart else [b"".join(asked)]))
    server.chat.advance(1)
    assert FULL < len(wire.value()) <= FULL + MOST
    answers = 1
    while answers < 10:
        wire.read()
        server.chat.advance(1)
        assert FULL < len(wire.value()) <= FULL + MOST
        answers += 1


def counted(server: MemoryServer, what: str) -> Callable[[], int]:
    """How often a method of the service was called since."""
    calls: list[None] = []
    method = getattr(server.chat.service, what)

    def called(*args: object) -> object:
        calls.append(None)
        return method(*args)

    setattr(server.chat.service, what, called)
    return lambda: len(calls)


def test_the_store_is_not_asked_for_pages_that_nobody_reads(server: MemoryServer) -> None:
    """Neither by HTTP nor on the line door."""
    pages = counted(server, "page")
    wire = narrow(server.http_door)
    page = written("GET", f"{EVENTS}?before=900000000000000000&limit=500", b"", {})
    wire.send(*[page] * 10)
    server.chat.advance(1)
    line = narrow(LineFactory(server.chat.service, server.peers))
    server.chat.settle()
    line.read()
    line.send(b"/history 500\r\n" * 10)
    server.chat.advance(5)
    assert pages() == 1  # what the line door shows is in memory


def test_pages_are_read_a_few_at_a_time(server: MemoryServer) -> None:
    """However many ask: what is read for them must not pile up before it is sent."""
    asked: list[Deferred[Page]] = []

    def read(*_: object, **__: object) -> Deferred[Page]:
        asked.append(Deferred())
        return asked[-1]

    with patch.object(server.chat.store, "read", read):
        clients = [server.http() for _ in range(10)]
        for http in clients:
            http.send("GET", f"{EVENTS}?before=5")
        assert len(asked) == PAGES_AT_ONCE
        asked[0].callback(Page((), 0, more=False))
        asked[1].errback(Unavailable("the disk is broken"))
        assert len(asked) == PAGES_AT_ONCE + 2
        assert [http.response().status for http in clients[:2]] == [200, 503]
