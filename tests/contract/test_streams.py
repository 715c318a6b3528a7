"""Reading over HTTP, in every style: where it begins, what it says of gaps, how it ends."""

from __future__ import annotations

import json
import re

import pytest

from ..kit.http import HttpClient, written
from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"
SSE = {"Accept": "text/event-stream"}
NDJSON = {"Accept": "application/x-ndjson"}
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


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
    server.stored("before")
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
    server.stored(*(f"say-{number:02}" for number in range(25)))
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
    server.stored(*(f"say-{number:02}" for number in range(60)))
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
    server.stored(*map(str, range(25)))
    place = server.chat.service.horizon - 1
    for _ in range(3):
        assert http.get(f"{EVENTS}?since={place}").texts == ["24"]
        answer = http.get(f"{EVENTS}?since=0")
        assert (answer.texts, answer.json["gap"]) == ([*map(str, range(15, 25))], False)
        answer = http.get(f"{EVENTS}?since=900000000000000000")
        assert (answer.texts, answer.json["gap"]) == ([*map(str, range(15, 25))], True)
