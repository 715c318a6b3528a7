"""Rooms that are not in memory: requests wait until the store has loaded them."""

from __future__ import annotations

import gc

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Message, Request

from chatd.model.commands import Say

from ..doors.house import House, no_garbage

EVENTS = "/rooms/dev/events"
STYLES = ["application/json", "text/plain", "text/event-stream", "application/x-ndjson"]


@pytest.fixture
def house(house: House) -> House:
    """A house in whose room `dev` a message was said, which is not in memory any more."""
    house.say("before", room="dev")
    forget(house)
    house.chat.store.hold("reads")
    return house


def forget(house: House) -> None:
    house.chat.service.rooms._warm.clear()
    gc.collect()
    assert house.chat.service.rooms.live("dev") is None


@pytest.mark.parametrize("accept", STYLES)
def test_a_request_waits_for_its_room(house: House, accept: str) -> None:
    """And is answered when the store has answered."""
    http = house.http()
    http.send("GET", f"{EVENTS}?since=0", headers={"Accept": accept})
    house.chat.settle()
    assert http.wire.value() == b""
    house.chat.store.release()
    house.chat.settle()
    assert b"before" in http.wire.value()


@pytest.mark.parametrize("accept", STYLES)
def test_a_room_in_memory_costs_no_turn(house: House, accept: str) -> None:
    """The answer is there when the request was read."""
    http = house.http()
    place = house.lobby.log.last
    http.send("GET", f"/rooms/lobby/events?since={place}&wait=0", headers={"Accept": accept})
    assert b" 200 OK" in http.wire.value()


@pytest.mark.parametrize("accept", STYLES)
def test_a_client_that_goes_while_its_room_is_loaded_leaves_nothing(
    house: House, accept: str
) -> None:
    """No reader, and no room in memory."""
    with no_garbage():
        http = house.http()
        http.send("GET", f"{EVENTS}?since=0", headers={"Accept": accept})
        house.chat.settle()
        http.wire.hang_up()
        house.chat.store.release()
        house.chat.settle()
        del http
    forget(house)
    assert len(house.peers) == 0


def test_frames_that_a_client_sends_ahead_of_its_handshake_s_answer_are_read(house: House) -> None:
    """Whatever they are cut into."""
    wire = house.chat.connect(house.http_door)
    client = WSConnection(ConnectionType.CLIENT)
    wire.send(client.send(Request(host="chat.example", target=EVENTS)))
    ahead = WSConnection(ConnectionType.CLIENT)  # one that believes to be connected already
    server = WSConnection(ConnectionType.SERVER)
    server.receive_data(ahead.send(Request(host="chat.example", target=EVENTS)))
    ahead.receive_data(server.send(AcceptConnection()))
    assert [type(event) for event in ahead.events()] == [AcceptConnection]
    said = ahead.send(Message(data='{"type":"say","text":"early","ref":"r"}'))
    wire.send(said[:5], said[5:])
    house.chat.settle()
    assert wire.value() == b""
    house.chat.store.release()
    house.chat.settle()
    client.receive_data(wire.received())
    frames = [event.data for event in client.events() if hasattr(event, "data")]
    assert any('"ack"' in frame for frame in frames)
    assert house.chat.texts("dev") == ["before", "early"]
    wire.send(ahead.send(CloseConnection(1000)))
    house.chat.settle()
    assert wire.lost


def test_a_stream_whose_client_half_closes_while_its_room_is_loaded_ends(house: House) -> None:
    """As one that half-closes later."""
    http = house.http()
    http.send("GET", EVENTS, headers={"Accept": "text/event-stream"})
    http.wire.end_input()
    house.chat.store.release()
    house.chat.settle()
    assert http.closed
    assert len(house.peers) == 0


def test_what_is_said_while_a_room_is_loaded_comes_once(house: House) -> None:
    """Behind what was loaded."""
    http = house.http()
    http.send("GET", f"{EVENTS}?since=0", headers={"Accept": "application/x-ndjson"})
    house.chat.settle()
    visitor = house.chat.service.visitor("bob")
    house.chat.service.perform(visitor, Say("dev", "meanwhile"))
    house.chat.settle()
    house.chat.store.release()
    house.chat.settle()
    house.say("live", room="dev")
    data = http.streamed()
    texts = [word for word in (b"before", b"meanwhile", b"live") if data.count(word) == 1]
    assert texts == [b"before", b"meanwhile", b"live"]
