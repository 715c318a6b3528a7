"""Streams over HTTP as clients read them: server-sent events, JSON lines, WebSockets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from chatd.codecs.websocket import frame
from chatd.net.heartbeat import HEARTBEAT_SECONDS

from ..kit.http import HttpClient, written
from ..kit.server import MemoryServer
from ..kit.websocket import WebSocket

EVENTS = "/rooms/lobby/events"
SSE = {"Accept": "text/event-stream"}
NDJSON = {"Accept": "application/x-ndjson"}
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


class Message(NamedTuple):
    """What a client's code is given for one block."""

    id: str
    event: str
    data: str


class Hasty:
    """A client of server-sent events as most libraries write it: every block, be it without data,
    is handed on, and what ends without a blank line is not.
    """

    def __init__(self, http: HttpClient, target: str = EVENTS, **headers: str) -> None:
        self.http = http
        self.retry: int | None = None
        self.last_id = ""
        self._rest = ""
        http.send("GET", target, headers={**SSE, **headers})

    def messages(self) -> Iterator[Message]:
        """What came since, each message with JSON in it."""
        *blocks, self._rest = (self._rest + self.http.streamed().decode()).split("\n\n")
        for block in blocks:
            fields = {"id": "", "event": "", "data": ""}
            for line in block.split("\n"):
                if not line.startswith(":"):
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
            self.retry = int(fields.pop("retry", self.retry or 0))
            message = Message(**fields)
            json.loads(message.data)
            assert message.event, "a block without a type"
            self.last_id = message.id or self.last_id
            yield message


def stored(server: MemoryServer, *texts: str) -> list[int]:
    return [server.say(text) for text in texts]


# -- server-sent events --------------------------------------------------------------------------


def test_the_first_block_is_ready_where_there_is_nothing(
    server: MemoryServer, http: HttpClient
) -> None:
    """With the id to resume from, and with `retry:`; no block comes before it."""
    client = Hasty(http)
    place = server.chat.service.horizon
    assert [*client.messages()] == [Message(f"{place}", "ready", f'{{"next":{place}}}')]
    assert client.retry == 2000


def test_the_first_block_is_the_first_event_and_ready_comes_behind_the_last(
    server: MemoryServer, http: HttpClient
) -> None:
    """Then what happens."""
    ids = stored(server, "one", "two")
    client = Hasty(http)
    first, second, ready = client.messages()
    assert client.retry == 2000
    assert [first.id, second.id, ready.id] == [f"{ids[0]}", f"{ids[1]}", f"{ids[1]}"]
    assert (first.event, ready.event) == ("message", "ready")
    stored(server, "three")
    assert [message.event for message in client.messages()] == ["message"]


def test_no_heartbeat_is_a_block(server: MemoryServer, http: HttpClient) -> None:
    """It is a comment line alone, in a chunk of its own, at least every 15 seconds."""
    client = Hasty(http)
    assert len([*client.messages()]) == 1
    for _ in range(5):
        server.chat.advance(15)
        assert [*client.messages()] == []
    assert re.fullmatch(r"(:\n){5,7}", client._rest)
    assert HEARTBEAT_SECONDS < 15
    stored(server, "hello")
    assert [message.event for message in client.messages()] == ["message"]


def test_an_event_source_that_was_ready_resumes_from_there(
    server: MemoryServer, http: HttpClient
) -> None:
    """Even if nothing was ever sent to it but that."""
    client = Hasty(http)
    assert [message.event for message in client.messages()] == ["ready"]
    http.wire.hang_up()
    ids = stored(server, "meanwhile")
    again = Hasty(server.http(), Last_Event_ID="", **{"Last-Event-ID": client.last_id})
    assert [message.id for message in again.messages()] == [f"{ids[0]}", f"{ids[0]}"]


def test_a_stream_of_several_rooms_is_ready_when_it_has_been_sent_all_of_them(
    server: MemoryServer, http: HttpClient
) -> None:
    """In one order, and once."""
    server.say("1", room="dev")
    server.say("2", room="lobby")
    server.say("3", room="dev")
    client = Hasty(http, "/events?rooms=lobby,dev,empty&since=0")
    assert [message.event for message in client.messages()] == [*["message"] * 3, "ready"]


def test_what_is_said_while_a_stream_opens_comes_once(
    server: MemoryServer, http: HttpClient
) -> None:
    """Also when others are about to be woken for it in the same turn."""
    Hasty(server.http())
    service = server.chat.service
    server.have_accepted("under way")
    server.chat.clock.advance(0)
    server.chat.clock.advance(0)
    client = Hasty(http, f"{EVENTS}?since={service.horizon - 1}")
    server.chat.settle()
    assert [message.event for message in client.messages()] == ["message", "ready"]
    stored(server, "live")
    assert [message.event for message in client.messages()] == ["message"]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_stream_says_that_it_is_utf_8(server: MemoryServer, version: str) -> None:
    """Else some libraries take it for Latin-1."""
    wire = server.chat.connect(server.http_door)
    wire.send(
        f"GET {EVENTS} HTTP/{version}\r\nHost: chat\r\nAccept: text/event-stream\r\n\r\n".encode()
    )
    server.chat.settle()
    head = wire.received().lower()
    assert b"\r\ncontent-type: text/event-stream; charset=utf-8\r\n" in head


# -- a stream that is refused --------------------------------------------------------------------


@pytest.fixture
def refusing() -> MemoryServer:
    """A server whose sessions may have one reader."""
    return MemoryServer(readers_per_session=1)


@pytest.mark.parametrize("how", ["too-many", "unavailable"])
def test_a_stream_that_is_refused_for_load_is_a_stream_that_ends(
    refusing: MemoryServer, how: str
) -> None:
    """With `retry:`, because an `EventSource` gives up for good on any status but 200."""
    http = refusing.http()
    http.enter("ada")
    open_ = refusing.http()
    open_.headers = http.headers
    open_.send("GET", EVENTS, headers=SSE)
    if how == "unavailable":
        refusing.peers.draining = True
    answer = http.request("GET", EVENTS, headers=SSE)
    assert (answer.status, answer.headers["content-type"]) == (
        200,
        "text/event-stream; charset=utf-8",
    )
    found = re.fullmatch(r": .*\nretry: (\d+)\n", answer.body.decode())
    assert found
    assert 1000 <= int(found[1]) < 20_000


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/rooms/a%20b/events", 400),
        ("/events", 400),
        (f"{EVENTS}?access_token=x", 401),
        ("/x", 404),
    ],
)
def test_a_stream_that_is_refused_for_itself_has_its_status(
    http: HttpClient, target: str, status: int
) -> None:
    """Coming back would not help."""
    assert http.request("GET", target, headers=SSE).status == status


@pytest.mark.parametrize("headers", [NDJSON, {}, {"Accept": "*/*"}], ids=str)
def test_others_are_refused_as_ever(
    server: MemoryServer, http: HttpClient, headers: dict[str, str]
) -> None:
    """Only an `EventSource` cannot be told otherwise."""
    server.peers.draining = True
    assert http.request("GET", EVENTS, headers=headers).refusal == (503, "unavailable")
    again = server.http().request("POST", "/session", headers=SSE)
    assert again.refusal == (503, "unavailable")


# -- JSON lines ----------------------------------------------------------------------------------


def lines(http: HttpClient) -> list[Any]:
    """What came since, line by line; None for a sign of life."""
    *found, rest = http.streamed().decode().split("\n")
    assert rest == ""
    return [json.loads(line or "null") for line in found]


def test_json_lines_are_events_and_ready(server: MemoryServer, http: HttpClient) -> None:
    """Each with its time, in one line, whatever is in it."""
    ids = stored(server, "one\ntwo", "é☕")
    http.send("GET", f"{EVENTS}?since=0", headers=NDJSON)
    first, second, ready = lines(http)
    assert (first["id"], first["text"], first["room"]) == (ids[0], "one\ntwo", "lobby")
    assert (second["id"], second["text"]) == (ids[1], "é☕")
    assert ready == {"type": "ready", "next": ids[1]}
    stored(server, "live")
    assert [told["text"] for told in lines(http)] == ["live"]


def test_json_lines_have_a_media_type_and_signs_of_life(server: MemoryServer) -> None:
    """A blank line, at least every 15 seconds."""
    wire = server.chat.connect(server.http_door)
    wire.send(written("GET", EVENTS, b"", NDJSON))
    server.chat.settle()
    head, _, body = wire.received().partition(b"\r\n\r\n")
    assert b"\r\ncontent-type: application/x-ndjson\r\n" in head.lower()
    assert re.fullmatch(rb'[0-9a-f]+\r\n{"type":"ready","next":\d+}\n\r\n', body)
    server.chat.advance(15)
    assert wire.received() == b"1\r\n\n\r\n"


def test_json_lines_to_http_1_0_are_not_chunked(server: MemoryServer) -> None:
    """It knows no chunks; the end of the connection is that of the answer."""
    wire = server.chat.connect(server.http_door)
    wire.send(f"GET {EVENTS} HTTP/1.0\r\nAccept: application/x-ndjson\r\n\r\n".encode())
    server.chat.settle()
    body = wire.received().partition(b"\r\n\r\n")[2]
    assert json.loads(body)["type"] == "ready"


def test_json_lines_tell_of_a_gap() -> None:
    """As a WebSocket does."""
    server = MemoryServer(history=10)
    http = server.http()
    place = server.say("forgotten")
    stored(server, *map(str, range(12)))
    http.send("GET", f"{EVENTS}?since={place}", headers=NDJSON)
    gap, *events, ready = lines(http)
    assert gap == {"type": "gap"}
    assert [event["text"] for event in events] == [*map(str, range(2, 12))]
    assert ready["type"] == "ready"


@pytest.mark.parametrize("headers", [SSE, NDJSON], ids=["sse", "ndjson"])
def test_a_stream_ends_with_why_and_when_to_come_back(
    server: MemoryServer, http: HttpClient, headers: dict[str, str]
) -> None:
    """When the server goes down; the answer is complete."""
    http.send("GET", EVENTS, headers=headers)
    http.streamed()
    server.going_down().stopService()
    server.chat.advance(1)
    body = http.response().body.decode()
    if headers is SSE:
        assert re.fullmatch(r": the server is going down; .*\nretry: \d{4}\n", body)
    else:
        told = json.loads(body)
        assert (told["type"], told["code"]) == ("error", "unavailable")
        assert 2000 <= told["retry"] <= 6000


# -- every style ---------------------------------------------------------------------------------

STYLES = {
    "poll": {},
    "text": {"Accept": "text/plain"},
    "sse": SSE,
    "ndjson": NDJSON,
    "websocket": UPGRADE,
}
styles = pytest.mark.parametrize("style", STYLES)


def told(server: MemoryServer, style: str, target: str) -> str:
    """What a reader in that style is told at once, headers included."""
    wire = server.chat.connect(server.http_door)
    wire.send(written("GET", target, b"", STYLES[style]))
    server.chat.settle()
    return wire.received().decode(errors="replace")


def has_gap(told: str) -> bool:
    """Whether a gap is told, in whatever style."""
    return any(mark in told for mark in ('"gap":true', "event: gap", '{"type":"gap"}', ">> "))


@styles
@pytest.mark.parametrize("rooms", ["lobby", "lobby,dev"])
def test_since_now_begins_behind_the_newest_event(
    server: MemoryServer, style: str, rooms: str
) -> None:
    """What was said before is not shown, what is said next is."""
    stored(server, "before")
    wire = server.chat.connect(server.http_door)
    wire.send(written("GET", f"/events?rooms={rooms}&since=now", b"", STYLES[style]))
    server.say("after", room="dev")
    server.say("after", room="lobby")
    received = wire.received().decode(errors="replace")
    assert "before" not in received
    assert "after" in received
    assert not has_gap(received)


@styles
def test_since_0_begins_with_the_oldest_that_is_kept(style: str) -> None:
    """What was forgotten before it is no gap."""
    server = MemoryServer(history=10)
    stored(server, *(f"say-{number:02}" for number in range(25)))
    received = told(server, style, f"{EVENTS}?since=0")
    assert re.findall(r"say-\d\d", received) == [f"say-{number}" for number in range(15, 25)]
    assert not has_gap(received)


@styles
@pytest.mark.parametrize("target", ["/rooms/never-used/events?", "/events?rooms=lobby,never-used&"])
def test_where_nothing_was_ever_said_there_is_no_gap(
    server: MemoryServer, style: str, target: str
) -> None:
    """From the beginning, from now, and without a cursor."""
    for since in ("since=0&", "since=now&", ""):
        assert not has_gap(told(server, style, f"{target}{since}wait=0"))


@styles
def test_a_cursor_that_was_never_given_is_a_gap_and_then_the_newest_fifty(
    server: MemoryServer, style: str
) -> None:
    """From the future, say: another server gave it."""
    stored(server, *(f"say-{number:02}" for number in range(60)))
    received = told(server, style, f"{EVENTS}?since=900000000000000000")
    assert has_gap(received)
    assert re.findall(r"say-\d\d", received) == [f"say-{number}" for number in range(10, 60)]
    mark = received.find("say-10")
    before = received[:mark] if style != "poll" else received
    assert has_gap(before)


@styles
def test_live_answers_ask_not_to_be_held_back(server: MemoryServer, style: str) -> None:
    """Of proxies that know `Incremental` (RFC 10036), and of nginx; a page of history as well."""
    if style == "websocket":
        return  # from its handshake on it is no HTTP
    server.say("hello")
    for query in ("since=1", "since=now&wait=0", "before=900000000000000000"):
        head = told(server, style, f"{EVENTS}?{query}").partition("\r\n\r\n")[0].lower()
        assert "\r\nincremental: ?1" in head
        assert "\r\nx-accel-buffering: no" in head


def test_polls_that_were_learned_ask_so_too(server: MemoryServer, http: HttpClient) -> None:
    """Their head is that of the first."""
    place = server.say("hello")
    for number in range(3):
        http.send("GET", f"{EVENTS}?since={place}")
        place = server.say(f"{number}")
        assert http.response().headers["incremental"] == "?1"


def test_a_learned_poll_that_asks_for_a_place_is_answered_like_the_first() -> None:
    """For the oldest, and from the future."""
    server = MemoryServer(history=10)
    http = server.http()
    stored(server, *map(str, range(25)))
    place = server.chat.service.horizon - 1
    for _ in range(3):
        assert http.get(f"{EVENTS}?since={place}").texts == ["24"]
        answer = http.get(f"{EVENTS}?since=0")
        assert (answer.texts, answer.json["gap"]) == ([*map(str, range(15, 25))], False)
        answer = http.get(f"{EVENTS}?since=900000000000000000")
        assert (answer.texts, answer.json["gap"]) == ([*map(str, range(15, 25))], True)


def test_a_websocket_is_told_that_it_is_ready(server: MemoryServer) -> None:
    """In a frame like any other, behind what was stored."""
    (id_,) = stored(server, "hello")
    wire = server.chat.connect(server.http_door)
    wire.send(written("GET", f"{EVENTS}?since=0", b"", UPGRADE))
    server.chat.settle()
    assert wire.received().endswith(frame(b'{"type":"ready","next":%d}' % id_))


def test_a_private_message_to_nobody_is_refused_with_what_a_program_can_do(
    server: MemoryServer,
) -> None:
    """It has no `/who`."""
    error = WebSocket(server).answer(type="private", to="nobody", text="psst", ref="r")
    assert error["code"] == "no-such-person"
    assert "/who" not in error["message"]
