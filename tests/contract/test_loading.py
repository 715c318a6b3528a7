"""Rooms that are not in memory: requests wait until the store has loaded them."""

from __future__ import annotations

import pytest

from chatd.model.commands import Say

from ..kit.chat import forget_rooms
from ..kit.garbage import no_garbage
from ..kit.server import MemoryServer

EVENTS = "/rooms/dev/events"
STYLES = ["application/json", "text/plain", "text/event-stream", "application/x-ndjson"]


@pytest.fixture
def server(server: MemoryServer) -> MemoryServer:
    """A server in whose room `dev` a message was said, which is not in memory any more."""
    server.say("before", room="dev")
    forget(server)
    server.chat.store.hold("reads")
    return server


def forget(server: MemoryServer) -> None:
    forget_rooms(server.chat)
    assert server.chat.service.rooms.live("dev") is None


@pytest.mark.parametrize("accept", STYLES)
def test_a_request_waits_for_its_room(server: MemoryServer, accept: str) -> None:
    """And is answered when the store has answered."""
    http = server.http()
    http.send("GET", f"{EVENTS}?since=0", headers={"Accept": accept})
    server.chat.settle()
    assert http.wire.value() == b""
    server.chat.store.release()
    server.chat.settle()
    assert b"before" in http.wire.value()


@pytest.mark.parametrize("accept", STYLES)
def test_a_room_in_memory_costs_no_turn(server: MemoryServer, accept: str) -> None:
    """The answer is there when the request was read."""
    http = server.http()
    place = server.lobby.log.last
    http.send("GET", f"/rooms/lobby/events?since={place}&wait=0", headers={"Accept": accept})
    assert b" 200 OK" in http.wire.value()


@pytest.mark.parametrize("accept", STYLES)
def test_a_client_that_goes_while_its_room_is_loaded_leaves_nothing(
    server: MemoryServer, accept: str
) -> None:
    """No reader, and no room in memory."""
    with no_garbage():
        http = server.http()
        http.send("GET", f"{EVENTS}?since=0", headers={"Accept": accept})
        server.chat.settle()
        http.wire.hang_up()
        server.chat.store.release()
        server.chat.settle()
        del http
    forget(server)
    assert len(server.peers) == 0


def test_a_stream_whose_client_half_closes_while_its_room_is_loaded_ends(
    server: MemoryServer,
) -> None:
    """As one that half-closes later."""
    http = server.http()
    http.send("GET", EVENTS, headers={"Accept": "text/event-stream"})
    http.wire.end_input()
    server.chat.store.release()
    server.chat.settle()
    assert http.closed
    assert len(server.peers) == 0


def test_what_is_said_while_a_room_is_loaded_comes_once(server: MemoryServer) -> None:
    """Behind what was loaded."""
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
