"""Rooms that are not in memory: requests wait until the store has loaded them."""

from __future__ import annotations

import pytest

from chatd.model.commands import Say

from ..kit.chat import evict_rooms
from ..kit.garbage import no_garbage
from ..kit.server import MemoryServer

EVENTS = "/rooms/dev/events"
STYLES = ["application/json", "text/plain", "text/event-stream", "application/x-ndjson"]


@pytest.fixture
def server(server: MemoryServer) -> MemoryServer:
    """A server whose room `dev` has a message in the store, and must be loaded; reads are held."""
    server.say("before", room="dev")
    evict_room(server)
    server.chat.store.hold("reads")
    return server


def evict_room(server: MemoryServer) -> None:
    """Drop the room `dev` from memory."""
    evict_rooms(server.chat)
    assert server.chat.service.rooms.live("dev") is None


@pytest.mark.parametrize("accept", STYLES)
def test_request_waits_for_its_room(server: MemoryServer, accept: str) -> None:
    """It is answered when the store has answered."""
    http = server.http()
    http.send("GET", f"{EVENTS}?since=0", headers={"Accept": accept})
    server.chat.settle()
    assert http.wire.value() == b""
    server.chat.store.release()
    server.chat.settle()
    assert b"before" in http.wire.value()


@pytest.mark.parametrize("accept", STYLES)
def test_request_for_a_room_in_memory_is_answered_in_the_same_turn(
    server: MemoryServer, accept: str
) -> None:
    """The response is written as soon as the request has been read."""
    http = server.http()
    place = server.lobby.log.last
    http.send("GET", f"/rooms/lobby/events?since={place}&wait=0", headers={"Accept": accept})
    assert b" 200 OK" in http.wire.value()


@pytest.mark.parametrize("accept", STYLES)
def test_client_that_disconnects_while_its_room_is_loaded_leaves_nothing(
    server: MemoryServer, accept: str
) -> None:
    """Neither a reader nor the room stays in memory."""
    with no_garbage():
        http = server.http()
        http.send("GET", f"{EVENTS}?since=0", headers={"Accept": accept})
        server.chat.settle()
        http.wire.hang_up()
        server.chat.store.release()
        server.chat.settle()
        del http
    evict_room(server)
    assert len(server.peers) == 0


def test_stream_half_closed_while_its_room_is_loaded_ends(
    server: MemoryServer,
) -> None:
    """A half-close ends a stream at any time."""
    http = server.http()
    http.send("GET", EVENTS, headers={"Accept": "text/event-stream"})
    http.wire.end_input()
    server.chat.store.release()
    server.chat.settle()
    assert http.closed
    assert len(server.peers) == 0


def test_message_sent_while_a_room_is_loaded_comes_once(server: MemoryServer) -> None:
    """It follows the messages that were loaded."""
    http = server.http()
    http.send("GET", f"{EVENTS}?since=0", headers={"Accept": "application/x-ndjson"})
    server.chat.settle()
    visitor = server.chat.service.visitor("bob")
    server.chat.service.perform(visitor, Say("dev", "meanwhile"))
    server.chat.settle()
    server.chat.store.release()
    server.chat.settle()
    server.say("live", room="dev")
    data = http.streamed()
    texts = [word for word in (b"before", b"meanwhile", b"live") if data.count(word) == 1]
    assert texts == [b"before", b"meanwhile", b"live"]
