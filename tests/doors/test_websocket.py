"""Commands and events over a WebSocket."""

from __future__ import annotations

import pytest
from twisted.internet.defer import fail
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Message, Request

from chatd.codecs.websocket import frame
from chatd.model.errors import NotAllowed
from chatd.model.policy import Action
from chatd.testing.policies import DenyIf

from ..kit.chat import evict_rooms
from ..kit.http import written
from ..kit.server import MemoryServer
from ..kit.websocket import WebSocket

EVENTS = "/rooms/lobby/events"
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
BANNED = NotAllowed("you are banned")


def test_websocket_gets_ready_after_the_stored_events(server: MemoryServer) -> None:
    """In a frame like any other."""
    (id_,) = server.stored("hello")
    wire = server.chat.connect(server.http_door)
    wire.send(written("GET", f"{EVENTS}?since=0", b"", UPGRADE))
    server.chat.settle()
    assert wire.received().endswith(frame(b'{"type":"ready","next":%d}' % id_))


def test_error_of_an_unknown_recipient_suits_a_program(
    server: MemoryServer,
) -> None:
    """It does not mention the command `/who`, which a WebSocket does not have."""
    error = WebSocket(server).answer(type="private", to="nobody", text="psst", ref="r")
    assert error["code"] == "no-such-person"
    assert "/who" not in error["message"]


def test_websocket_of_several_rooms_continues_without_a_revoked_room(server: MemoryServer) -> None:
    """It is closed with 1008 when the last room is revoked."""
    dev = server.chat.room("dev")
    socket = WebSocket(server, "/events?rooms=lobby,dev&since=now")
    server.chat.service.readers.revoke(BANNED, room=server.lobby)
    server.say("2", room="lobby")
    server.say("3", room="dev")
    removed, said = socket.received()
    assert removed == {"type": "removed", "room": "lobby", "code": "not-allowed"}
    assert said["text"] == "3"
    server.chat.service.readers.revoke(BANNED, room=dev)
    (error,) = socket.received()
    assert error["code"] == "not-allowed"
    assert socket.closed == (1008, "not-allowed")


def test_frames_sent_before_the_handshake_is_answered_are_carried_out(
    server: MemoryServer,
) -> None:
    """However packets cut them; the answer waits until the room is loaded."""
    server.say("before", room="dev")
    evict_rooms(server.chat)
    server.chat.store.hold("reads")
    wire = server.chat.connect(server.http_door)
    client = WSConnection(ConnectionType.CLIENT)
    wire.send(client.send(Request(host="chat.example", target="/rooms/dev/events")))
    ahead = WSConnection(ConnectionType.CLIENT)  # makes frames as if the handshake were done
    answering = WSConnection(ConnectionType.SERVER)
    answering.receive_data(ahead.send(Request(host="chat.example", target="/rooms/dev/events")))
    ahead.receive_data(answering.send(AcceptConnection()))
    assert [type(event) for event in ahead.events()] == [AcceptConnection]
    said = ahead.send(Message(data='{"type":"say","text":"early","ref":"r"}'))
    wire.send(said[:5], said[5:])
    server.chat.settle()
    assert wire.value() == b""
    server.chat.store.release()
    server.chat.settle()
    client.receive_data(wire.received())
    frames = [event.data for event in client.events() if hasattr(event, "data")]
    assert any('"ack"' in frame for frame in frames)
    assert server.chat.texts("dev") == ["before", "early"]
    wire.send(ahead.send(CloseConnection(1000)))
    server.chat.settle()
    assert wire.lost


# -- guests ----------------------------------------------------------------------------------------


def test_commands_wait_in_order_for_the_guest_to_enter(server: MemoryServer) -> None:
    """If the client disconnects meanwhile, they are carried out, and the guest leaves."""
    socket = WebSocket(server, f"{EVENTS}?since=now")
    server.hold_appends()
    for number in range(3):
        socket.send(type="say", text=f"{number}", ref=f"{number}")
    assert socket.received() == []
    socket.wire.hang_up()
    server.release_appends()
    assert server.chat.texts("lobby") == ["0", "1", "2"]
    assert server.here == []


def test_guest_that_may_not_enter_gets_an_error_for_each_command(server: MemoryServer) -> None:
    """It keeps reading."""
    server.chat.service.readers.policy = DenyIf(lambda who, what, room: what is Action.ENTER)
    socket = WebSocket(server, f"{EVENTS}?since=now")
    for _ in range(2):
        socket.send(type="say", text="hi", ref="r")
        (error,) = socket.received()
        assert (error["ref"], error["code"]) == ("r", "not-allowed")


def test_a_command_that_fails_by_a_bug_gets_an_error(
    server: MemoryServer, logged_errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bug is logged, and the client may go on."""
    socket = WebSocket(server, f"{EVENTS}?since=now")
    service = server.chat.service
    monkeypatch.setattr(service, "perform", lambda *_: fail(ZeroDivisionError()))
    assert socket.answer(type="say", text="hi", ref="1")["code"] == "unavailable"
    assert "ZeroDivisionError" in logged_errors.pop()
    monkeypatch.undo()
    assert socket.answer(type="say", text="hi", ref="2")["type"] == "ack"


def test_reader_of_a_guest_is_revoked_with_its_person(server: MemoryServer) -> None:
    """The stranger's reader becomes the guest's with its first command."""
    socket = WebSocket(server, f"{EVENTS}?since=now")
    socket.send(type="say", text="hi")
    socket.received()
    (person,) = server.chat.service.people.held.values()
    server.chat.service.readers.revoke(BANNED, person=person)  # type: ignore[arg-type]
    assert socket.received()[-1]["code"] == "not-allowed"
    assert socket.closed == (1008, "not-allowed")


def test_an_owner_moderates_over_a_websocket(server: MemoryServer) -> None:
    """Each command is acknowledged when it is stored; others are refused."""
    ada = WebSocket(server, "/rooms/dev/events?since=now")
    bob = WebSocket(server, "/rooms/dev/events?since=now")
    for socket, name in ((ada, "ada"), (bob, "bob")):
        socket.answer(type="nick", name=name, ref="n")
        socket.answer(type="say", text="hello", ref="s")
    refused = bob.answer(type="kick", target="ada", ref="k")
    assert refused["code"] == "not-allowed"
    assert ada.answer(type="settings", slow=5, ref="1")["type"] == "ack"
    assert ada.answer(type="mute", target="bob", seconds=60, ref="2")["type"] == "ack"
    assert bob.answer(type="say", text="but", ref="b")["code"] == "muted"
    assert ada.answer(type="ban", target="bob", text="spam", ref="3")["type"] == "ack"
    bob.received()
    assert bob.closed is not None
    assert ada.answer(type="unban", target="bob", ref="4")["type"] == "ack"
    assert ada.answer(type="redact", target=1, ref="5")["code"] == "not-found"
    unknown = ada.answer(type="kick", target="zoe", ref="6")
    assert unknown["code"] == "no-such-person"
    assert unknown["message"].endswith("or has an account; look at the spelling")  # as over HTTP
