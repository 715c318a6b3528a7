"""Commands and events over a WebSocket."""

from __future__ import annotations

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Message, Request

from chatd.codecs.websocket import frame
from chatd.model.errors import NotAllowed
from chatd.model.policy import Action
from chatd.testing.policies import DenyIf

from ..kit.chat import forget_rooms
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


def test_a_websocket_is_told_that_it_is_ready(server: MemoryServer) -> None:
    """In a frame like any other, behind what was stored."""
    (id_,) = server.stored("hello")
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


def test_a_websocket_of_several_rooms_goes_on_without_one(server: MemoryServer) -> None:
    """And is closed with 1008 when the last one is taken away."""
    dev = server.chat.room("dev")
    socket = WebSocket(server, "/events?rooms=lobby,dev&since=now")
    server.chat.service.readers.revoke(BANNED, room=server.lobby)
    server.say("2", room="lobby")
    server.say("3", room="dev")
    removed, said = socket.told()
    assert removed == {"type": "removed", "room": "lobby", "code": "not-allowed"}
    assert said["text"] == "3"
    server.chat.service.readers.revoke(BANNED, room=dev)
    (error,) = socket.told()
    assert error["code"] == "not-allowed"
    assert socket.closed == (1008, "not-allowed")


def test_frames_that_a_client_sends_ahead_of_its_handshake_s_answer_are_read(
    server: MemoryServer,
) -> None:
    """Whatever they are cut into; the answer waits for the room, which is not in memory."""
    server.say("before", room="dev")
    forget_rooms(server.chat)
    server.chat.store.hold("reads")
    wire = server.chat.connect(server.http_door)
    client = WSConnection(ConnectionType.CLIENT)
    wire.send(client.send(Request(host="chat.example", target="/rooms/dev/events")))
    ahead = WSConnection(ConnectionType.CLIENT)  # one that believes to be connected already
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


def test_commands_wait_for_the_guest_to_enter_in_their_order(server: MemoryServer) -> None:
    """Also if the client is gone by then: what it said is said, and it has left."""
    socket = WebSocket(server, f"{EVENTS}?since=now")
    server.hold_appends()
    for number in range(3):
        socket.send(type="say", text=f"{number}", ref=f"{number}")
    assert socket.told() == []
    socket.wire.hang_up()
    server.release_appends()
    assert server.chat.texts("lobby") == ["0", "1", "2"]
    assert server.here == []


def test_a_guest_that_may_not_enter_is_told_at_each_command(server: MemoryServer) -> None:
    """And it goes on reading."""
    server.chat.service.readers.policy = DenyIf(lambda who, what, room: what is Action.ENTER)
    socket = WebSocket(server, f"{EVENTS}?since=now")
    for _ in range(2):
        socket.send(type="say", text="hi", ref="r")
        (error,) = socket.told()
        assert (error["ref"], error["code"]) == ("r", "not-allowed")


def test_a_guest_s_reader_ends_with_its_person(server: MemoryServer) -> None:
    """The reader of a stranger is its guest's from the first command on."""
    socket = WebSocket(server, f"{EVENTS}?since=now")
    socket.send(type="say", text="hi")
    socket.told()
    (person,) = server.chat.service.people.held.values()
    server.chat.service.readers.revoke(BANNED, person=person)  # type: ignore[arg-type]
    assert socket.told()[-1]["code"] == "not-allowed"
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
    bob.told()
    assert bob.closed is not None
    assert ada.answer(type="unban", target="bob", ref="4")["type"] == "ack"
    assert ada.answer(type="redact", target=1, ref="5")["code"] == "not-found"
