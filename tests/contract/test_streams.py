"""Reading over HTTP in every format: where it begins, how gaps are told, how it ends."""

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
def test_stream_ends_with_a_reason_and_a_reconnect_delay(
    server: MemoryServer, http: HttpClient, headers: dict[str, str]
) -> None:
    """When the server shuts down; the response is complete."""
    http.send("GET", EVENTS, headers=headers)
    http.streamed()
    server.going_down().stopService()
    server.chat.advance(1)
    body = http.response().body.decode()
    if headers is SSE:
        assert re.fullmatch(r": the server is going down; .*\nretry: \d{4}\n", body)
    else:
        first_response = json.loads(body)
        assert (first_response["type"], first_response["code"]) == ("error", "unavailable")
        assert 2000 <= first_response["retry"] <= 6000


# -- every format --------------------------------------------------------------------------------

STYLES = {
    "poll": {},
    "text": {"Accept": "text/plain"},
    "sse": SSE,
    "ndjson": NDJSON,
    "websocket": UPGRADE,
}
styles = pytest.mark.parametrize("style", STYLES)


def first_response(server: MemoryServer, style: str, target: str) -> str:
    """What a reader in that format receives at once, headers included."""
    wire = server.chat.connect(server.http_door)
    wire.send(written("GET", target, b"", STYLES[style]))
    server.chat.settle()
    return wire.received().decode(errors="replace")


def has_gap(received: str) -> bool:
    """Whether a gap is told, in any format."""
    return any(mark in received for mark in ('"gap":true', "event: gap", '{"type":"gap"}', ">> "))


@styles
@pytest.mark.parametrize("rooms", ["lobby", "lobby,dev"])
def test_since_now_begins_after_the_newest_event(
    server: MemoryServer, style: str, rooms: str
) -> None:
    """Earlier messages are not sent, later ones are."""
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
def test_since_0_begins_with_the_oldest_kept_event(style: str) -> None:
    """Events that were evicted before it are no gap."""
    server = MemoryServer(history=10)
    server.stored(*(f"say-{number:02}" for number in range(25)))
    received = first_response(server, style, f"{EVENTS}?since=0")
    assert re.findall(r"say-\d\d", received) == [f"say-{number}" for number in range(15, 25)]
    assert not has_gap(received)


@styles
@pytest.mark.parametrize("target", ["/rooms/never-used/events?", "/events?rooms=lobby,never-used&"])
def test_room_without_events_has_no_gap(server: MemoryServer, style: str, target: str) -> None:
    """Whether a client reads from 0, from now, or without a cursor."""
    for since in ("since=0&", "since=now&", ""):
        assert not has_gap(first_response(server, style, f"{target}{since}wait=0"))


@styles
def test_unknown_cursor_gives_a_gap_and_the_newest_fifty_events(
    server: MemoryServer, style: str
) -> None:
    """A cursor from the future, for example, which another server gave."""
    server.stored(*(f"say-{number:02}" for number in range(60)))
    received = first_response(server, style, f"{EVENTS}?since=900000000000000000")
    assert has_gap(received)
    assert re.findall(r"say-\d\d", received) == [f"say-{number}" for number in range(10, 60)]
    mark = received.find("say-10")
    before = received[:mark] if style != "poll" else received
    assert has_gap(before)


@styles
def test_live_responses_ask_proxies_not_to_buffer(server: MemoryServer, style: str) -> None:
    """With `Incremental` (RFC 10036), and with the header of nginx; so does a page of history."""
    if style == "websocket":
        return  # after its handshake it is not HTTP
    server.say("hello")
    for query in ("since=1", "since=now&wait=0", "before=900000000000000000"):
        head = first_response(server, style, f"{EVENTS}?{query}").partition("\r\n\r\n")[0].lower()
        assert "\r\nincremental: ?1" in head
        assert "\r\nx-accel-buffering: no" in head


def test_learned_polls_ask_proxies_not_to_buffer(server: MemoryServer, http: HttpClient) -> None:
    """Their headers are those of the first response."""
    place = server.say("hello")
    for number in range(3):
        http.send("GET", f"{EVENTS}?since={place}")
        place = server.say(f"{number}")
        assert http.response().headers["incremental"] == "?1"


def test_learned_poll_with_a_special_cursor_is_answered_like_the_first() -> None:
    """For `since=0`, and for a cursor from the future."""
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
