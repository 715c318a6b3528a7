"""One cap in bytes for every answer, however it is asked for, and no queue of answers for a client
that does not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from unittest.mock import patch

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory

from chatd.chat.past import PAGES_AT_ONCE
from chatd.doors.line.factory import LineFactory
from chatd.model.errors import Unavailable
from chatd.stream.eventlog import Page
from chatd.testing import FakeConnection

from ..kit.http import HttpClient, written
from ..kit.narrow import NarrowConnection
from ..kit.server import MemoryServer, peer

KIB = 1024
MOST = 256 * KIB
"""The most bytes in one answer."""
FULL = 64 * KIB
"""Bytes in Twisted's buffer above which a producer is paused."""
LONG = "x" * 4000
EVENTS = "/rooms/lobby/events"


@pytest.fixture
def server() -> MemoryServer:
    """A server with 300 long messages in its lobby: more than a megabyte."""
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
def test_answer_holds_at_most_256_kib(
    server: MemoryServer, http: HttpClient, query: str, accept: str
) -> None:
    """A page as well as a poll, in JSON and in text; and not much less."""
    answer = http.get(f"{EVENTS}?{query}", Accept=accept)
    assert answer.status == 200
    assert MOST - 32 * KIB < len(answer.body) <= MOST


def test_answer_of_several_rooms_holds_at_most_256_kib(
    server: MemoryServer, http: HttpClient
) -> None:
    """The cap is for the answer, not for each room in it."""
    server.say(*[LONG] * 100, room="dev")
    assert len(http.get("/events?rooms=lobby,dev&since=1&limit=500").body) <= MOST


@pytest.mark.parametrize("accept", ["text/event-stream", "application/x-ndjson"])
def test_stream_is_sent_at_most_its_buffer_and_256_kib(server: MemoryServer, accept: str) -> None:
    """Then it is paused until its client has read."""
    wire = narrow(server.http_door)
    wire.send(written("GET", f"{EVENTS}?since=1", b"", {"Accept": accept}))
    server.chat.settle()
    assert FULL < len(wire.value()) <= FULL + MOST


def test_websocket_is_sent_at_most_its_buffer_and_256_kib(server: MemoryServer) -> None:
    """Then it is paused until its client has read, like a stream."""
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


# -- paging --------------------------------------------------------------------------------------


def numbers(texts: list[str]) -> list[int]:
    return [int(text.split()[0]) for text in texts]


def test_page_cut_by_the_cap_links_to_the_next_page(server: MemoryServer, http: HttpClient) -> None:
    """Its `next` is the next `before`, and paging with it reads every event once."""
    before, read = 900_000_000_000_000_000, list[int]()
    while len(read) < 300:
        answer = http.get(f"{EVENTS}?before={before}&limit=200")
        read[:0] = numbers(answer.texts)
        ids = [event["id"] for event in answer.json["events"]]
        before = answer.json["next"]
        assert before == (ids[0] if len(read) < 300 else ids[-1])
    assert read == [*range(300)]


def test_page_that_reaches_the_first_event_has_the_usual_next(
    http: HttpClient, server: MemoryServer
) -> None:
    """The cursor after its last event, as on every page that is as long as was asked."""
    first = http.get(f"{EVENTS}?since=0&limit=20").json["events"]
    answer = http.get(f"{EVENTS}?before={first[10]['id']}&limit=500").json
    assert [event["id"] for event in answer["events"]] == [event["id"] for event in first[:10]]
    assert answer["next"] == first[9]["id"]
    answer = http.get(f"{EVENTS}?before={first[10]['id']}&limit=3").json
    assert answer["next"] == first[9]["id"]


def test_text_page_cut_by_the_cap_links_to_the_next_page(
    server: MemoryServer, http: HttpClient
) -> None:
    """In the `Link` header, because text has no field for an id."""
    target, read = f"{EVENTS}?before=900000000000000000&limit=200", list[int]()
    while target:
        answer = http.get(target, Accept="text/plain")
        lines = answer.body.decode().splitlines()
        read[:0] = numbers([line.removeprefix("<bob> ") for line in lines])
        link = re.fullmatch(r'<(.*)>; rel="next"', answer.headers.get("link", ""))
        target = link[1] if link else ""
    assert read == [*range(300)]


def test_polls_cut_by_the_cap_continue_at_next(server: MemoryServer, http: HttpClient) -> None:
    """No event is left out between two answers."""
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


def test_since_shows_what_fits_and_the_id_to_continue_at(server: MemoryServer) -> None:
    """Until it says that this is all; each event comes once."""
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
    """This limit holds even if they are short."""
    server = MemoryServer()
    server.say(*map(str, range(501)))
    wire = server.line()
    begin, *_, end = typed(server, wire, "/since 1").splitlines()
    assert begin == "== the first 500 events in #lobby since then:"
    (place,) = re.findall(r"^== there is more; /since (\d+) ", end)
    assert "<bob> 500\r\n" in typed(server, wire, f"/since {place}")


def test_history_shows_the_last_events_that_fit_and_says_so(server: MemoryServer) -> None:
    """Its first line has their number, which is less than the 300 that were asked for."""
    answer = typed(server, server.line(), "/history 300")
    assert MOST - 32 * KIB < len(answer.encode()) <= MOST
    begin, *_ = answer.splitlines()
    assert re.fullmatch(r"== the last \d+ events in #lobby \(no more fit into one answer\):", begin)
    assert f"<bob> 299 {LONG}\r\n== end of the history; " in answer


def test_replay_on_joining_is_capped() -> None:
    """Ten messages of 100 kB are more than the cap."""
    server = MemoryServer(max_text=100_000)
    server.say(*["y" * 100_000] * 10)
    wire = server.line()
    assert len(wire.value()) <= MOST
    assert b"== the last 2 messages in #lobby:\r\n" in wire.value()


# -- a client that does not read -----------------------------------------------------------------


@pytest.mark.parametrize("command", ["/since 1", "/history 300", "/history 300\r\n/since 1"])
def test_line_client_that_does_not_read_gets_one_answer(server: MemoryServer, command: str) -> None:
    """The next answer is made only when the client has read the one before."""
    wire = narrow(server.line_door)
    wire.read()
    wire.send(f"{command}\r\n".encode() * 20)
    server.chat.settle()
    server.chat.advance(5)
    assert FULL < len(wire.value()) <= FULL + MOST
    for _ in range(4):
        assert FULL < len(wire.read()) <= FULL + MOST
        server.chat.advance(5)


def test_line_command_waits_while_room_events_fill_the_buffer(server: MemoryServer) -> None:
    """Events of others come before the answer, and may fill the buffer by themselves."""
    wire = narrow(server.line_door)
    wire.read()
    wire.fill()
    server.say(*[LONG] * 60)
    wire.room = None  # no limit for the moment
    wire.drain()
    wire.room = FULL
    said = len(wire.value())
    assert said > 200 * KIB
    wire.fill()
    wire.send(b"/since 1\r\n")
    assert len(wire.value()) == said


def test_history_page_is_not_added_to_a_buffer_that_filled_meanwhile(
    server: MemoryServer,
) -> None:
    """The page is read again, and sent, when the client has read."""
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
def test_http_client_that_pipelines_and_does_not_read_gets_one_answer(
    server: MemoryServer, query: str, apart: bool
) -> None:
    """The next answer is made when the client has read. Over TLS, packets may arrive although
    reading is paused.
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


def counted_calls(server: MemoryServer, what: str) -> Callable[[], int]:
    """Counts the calls of a service method from now on."""
    calls: list[None] = []
    method = getattr(server.chat.service, what)

    def called(*args: object) -> object:
        calls.append(None)
        return method(*args)

    setattr(server.chat.service, what, called)
    return lambda: len(calls)


def test_store_is_not_asked_for_pages_that_no_client_reads(server: MemoryServer) -> None:
    """Requests that wait for their client to read cost no read of the store, on HTTP and on the
    line door.
    """
    pages = counted_calls(server, "page")
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


def test_concurrent_page_reads_are_bounded(server: MemoryServer) -> None:
    """However many clients ask: pages must not pile up in memory before they are sent."""
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
