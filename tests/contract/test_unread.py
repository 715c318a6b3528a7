"""History that cannot be read: what those who come see of it, on every door."""

from __future__ import annotations

import gc
import re

import pytest

from chatd.chat.room_loading import RELOAD_SECONDS
from chatd.codecs.websocket import GAP

from ..kit.http import HttpClient
from ..kit.server import MemoryServer

EVENTS = "/rooms/dev/events"


@pytest.fixture
def server(server: MemoryServer) -> MemoryServer:
    """One whose store cannot read what was said in a room, which nobody has asked for since."""
    server.say("before", room="dev")
    server.chat.service.rooms._loader._warm.clear()
    gc.collect()
    server.chat.store.unreadable = True
    return server


@pytest.mark.parametrize("target", [f"{EVENTS}?", "/events?rooms=dev&", f"{EVENTS}?since=1&"])
def test_a_poll_is_told_of_the_gap_once(
    server: MemoryServer, http: HttpClient, target: str
) -> None:
    """With or without a cursor, and what was said since comes behind it."""
    answer = http.get(f"{target}wait=0").json
    assert (answer["events"], answer["gap"]) == ([], True)
    server.say("after", room="dev")
    again = http.get(f"{EVENTS}?since={answer['next']}")
    assert (again.texts, again.json["gap"]) == (["after"], False)
    answer = http.get(f"{target}wait=0")
    assert (answer.texts, answer.json["gap"]) == (["after"], True)


def test_a_text_poll_is_told_in_words(server: MemoryServer, http: HttpClient) -> None:
    """The line of a gap."""
    body = http.get(f"{EVENTS}?wait=0", Accept="text/plain").body
    assert body == b">> events were missed here; /history shows what is left\n"


def test_a_stream_and_a_websocket_begin_with_the_gap(
    server: MemoryServer, http: HttpClient
) -> None:
    """As they tell of any."""
    http.send("GET", EVENTS, headers={"Accept": "text/event-stream"})
    assert http.streamed().startswith(b"retry: 2000\nevent: gap\ndata: {}\n\nid: ")
    wire = server.chat.connect(server.http_door)
    wire.send(
        f"GET {EVENTS} HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert wire.received().partition(b"\r\n\r\n")[2].startswith(GAP)


def test_whoever_comes_into_the_room_is_told_on_the_line_door(server: MemoryServer) -> None:
    """And so is whoever asks for the history."""
    wire = server.line()
    wire.received()
    wire.send(b"/join dev\r\n/history\r\n")
    server.chat.settle()
    told, *_, answer = wire.received().decode().splitlines()
    assert told == "!! what was said in #dev cannot be read now; /history tries again"
    assert answer.startswith("!! ")


def test_who_reads_what_is_there_is_told_of_nothing(server: MemoryServer, http: HttpClient) -> None:
    """As many as were asked for: what lies before those, nobody asked for."""
    http.get(f"{EVENTS}?wait=0")
    server.say(*map(str, range(10)), room="dev")
    answer = http.get(f"{EVENTS}?limit=10")
    assert (answer.texts, answer.json["gap"]) == ([*map(str, range(10))], False)
    wire = server.line()
    wire.send(b"/join dev\r\n")
    server.chat.settle()
    assert b"!!" not in wire.received()


def test_where_nothing_was_said_nothing_is_missing(server: MemoryServer, http: HttpClient) -> None:
    """In a new room, and in the lobby."""
    assert http.get("/rooms/new/events?wait=0").json["gap"] is False
    assert b"!!" not in server.line().received()


def test_when_it_can_be_read_again_it_is_there(server: MemoryServer, http: HttpClient) -> None:
    """For everybody who comes, whatever was said meanwhile."""
    assert http.get(f"{EVENTS}?wait=0").texts == []
    server.say("after", room="dev")
    server.chat.store.unreadable = False
    server.chat.advance(RELOAD_SECONDS)
    answer = http.get(EVENTS)
    assert (answer.texts, answer.json["gap"]) == (["before", "after"], False)
    wire = server.line()
    wire.send(b"/join dev\r\n")
    server.chat.settle()
    assert re.search(rb"\d <bob> before\r\n\d\d:\d\d <bob> after\r\n", wire.received())
