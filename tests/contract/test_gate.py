"""The gate at the doors: what the policy forbids is read at none of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Request, TextMessage

import chatd
from chatd.codecs.json import JSON
from chatd.doors.polls.groups import GROUP_SIZE
from chatd.model.addresses import address_of
from chatd.model.commands import Say
from chatd.model.errors import NotAllowed
from chatd.model.identity import Stranger
from chatd.model.policy import Action, OpenPolicy
from chatd.stream.batch import Batch
from chatd.testing import FakeOutlet
from chatd.testing.policies import DenyAll, DenyIf

from ..doors.doors import DOORS, Client
from ..doors.hold import Hold
from ..doors.house import House
from .test_doors import doors, named, one_at_each_door, said

BANNED = NotAllowed("you are banned")
EVENTS = "/rooms/lobby/events"
STYLES = {"sse": "text/event-stream", "ndjson": "application/x-ndjson"}
UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


UNREADABLE = DenyIf(lambda who, what, room: what is Action.READ)
"""A policy by which people may speak and not read."""


def forbid(house: House) -> None:
    """From now on nobody may read."""
    house.chat.service.readers.policy = UNREADABLE


def allow(house: House) -> None:
    """From now on everybody may do everything."""
    house.chat.service.readers.policy = OpenPolicy()


def why(reader: Client) -> str | None:
    """What a client was told of the end of its reading: a code, or on the line door the message."""
    return reader.answer() if reader.door == "line" else reader.put_out


def put_out(reader: Client) -> bool:
    """Whether it was told, and is given nothing more, also where it goes on."""
    return why(reader) == ("you may not read here" if reader.door == "line" else "not-allowed")


# -- ending readers ------------------------------------------------------------------------------


@doors
def test_a_parked_reader_is_told_why_it_is_ended(house: House, door: str) -> None:
    """At once, and it is given nothing of what is said then."""
    reader, bob = DOORS[door](house), named(house, "line", "bob")
    bob.say("before")
    assert reader.read()[-1:] == said("bob", "before")
    forbid(house)
    house.chat.settle()
    house.say("behind", name="eve")
    assert reader.read() == []
    assert put_out(reader)


@doors
def test_a_full_reader_is_given_nothing_more_of_the_room(house: House, door: str) -> None:
    """When it reads again, it finds what it was sent before, and the reason."""
    reader, bob = DOORS[door](house), named(house, "line", "bob")
    reader.read()
    reader.stall()
    for number in range(30):
        bob.say(f"{number}")
    forbid(house)
    house.chat.settle()
    house.say("behind", name="eve")
    reader.unstall()
    told = reader.read()
    assert told == said("bob", *map(str, range(len(told))))
    assert len(told) < 30
    assert put_out(reader)


def test_readers_are_ended_in_the_middle_of_a_round(house: House) -> None:
    """Each of them was given the message or not, and nothing behind it."""
    readers = [client(house) for client in DOORS.values() for _ in range(20)]
    for reader in readers:
        reader.read()

    class Revoking(FakeOutlet):
        def deliver(self, batch: Batch) -> bool:
            if not self.batches:
                forbid(house)
            return super().deliver(batch)

    for _ in range(5):
        outlet = Revoking()
        house.chat.service.readers.open(
            Stranger(), [(house.lobby, JSON)], outlet, house.lobby.log.last
        ).start()
    house.say("one")
    house.say("two")
    for reader in readers:
        assert reader.read() in ([], said("bob", "one"))
        assert put_out(reader)


@pytest.mark.parametrize("late", [False, True], ids=["held", "in the turn of asking"])
def test_thousands_in_poll_groups_are_answered_with_the_refusal(house: House, late: bool) -> None:
    """The bytes are those that the slow path sends, but for the order of headers; and the group
    table is empty at once.
    """
    place = house.say("first")
    clients = [house.http() for _ in range(50 * GROUP_SIZE)]
    for http in clients:
        http.send("GET", f"{EVENTS}?since={place}&wait=0")
    house.chat.settle()
    for http in clients:
        http.response()
        http.send("GET", f"{EVENTS}?since={place}")
    (template,) = house.http_door.fast_path.polls.common.values()  # type: ignore[union-attr]
    if not late:
        house.chat.settle()
    forbid(house)
    assert not template.groups
    assert not template.valid
    house.chat.settle()
    house.say("behind", name="eve")
    answers = [http.response() for http in clients]
    assert {answer.refusal for answer in answers} == {(403, "not-allowed")}
    fresh = house.http().get(f"{EVENTS}?since={place}")
    dates = [dict(answer.headers) | {"date": ""} for answer in (answers[0], fresh)]
    assert dates[0] == dates[1]
    assert answers[0].body == fresh.body
    assert house.lobby.readers == 0
    allow(house)
    for http in clients[: 2 * GROUP_SIZE]:
        assert http.get(f"{EVENTS}?since={place}").texts == ["behind"]


@pytest.mark.parametrize("session", [False, True], ids=["stranger", "session"])
def test_a_void_template_has_its_requests_judged_anew(house: House, session: bool) -> None:
    """A held one is answered with no events; the next one is learned again."""
    http = house.http()
    if session:
        http.enter("ada")
    place = house.say("first")
    for _ in range(2):
        http.get(f"{EVENTS}?since={place}&wait=0")
    http.send("GET", f"{EVENTS}?since={place}&wait=0".replace("&wait=0", ""))
    house.chat.settle()
    readers = house.chat.service.readers
    for template in list(readers.templates):
        template.void(None)
    if http.responses():
        assert not list(readers.templates) or session
    else:
        house.say("second")
        assert http.response().texts == ["second"]
    assert http.get(f"{EVENTS}?since={place}&wait=0").status == 200


def test_a_policy_that_decides_by_address_holds_for_shared_templates(house: House) -> None:
    """For a new connection from there, and for one that waits with others."""
    outside = address_of("192.0.2.66")
    place = house.say("first")
    inside, other = house.http(), house.http("192.0.2.66")
    for http in (inside, other):
        assert http.get(f"{EVENTS}?since={place - 1}").texts == ["first"]
        http.send("GET", f"{EVENTS}?since={place}")
    house.chat.settle()
    house.chat.service.readers.policy = DenyIf(
        lambda who, what, room: what is Action.READ and who.address == outside
    )
    house.chat.settle()
    for http in (inside, other):  # judged anew
        assert http.response().texts == []
        status = 200 if http is inside else 403
        assert http.get(f"{EVENTS}?since={place}&wait=0").status == status
    assert house.http("192.0.2.66").get(f"{EVENTS}?since={place - 1}").refusal[0] == 403
    assert house.http().get(f"{EVENTS}?since={place - 1}").texts == ["first"]


# -- several rooms -------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_a_stream_of_several_rooms_goes_on_without_one(house: House, style: str) -> None:
    """It is told which, and is given all of the others and nothing more of that one."""
    http = house.http()
    dev = house.chat.room("dev")
    http.send("GET", "/events?rooms=lobby,dev&since=now", headers={"Accept": STYLES[style]})
    house.chat.settle()
    http.streamed()
    house.say("1", room="lobby")
    house.chat.service.readers.revoke(BANNED, room=house.lobby)
    house.say("2", room="lobby")
    house.say("3", room="dev")
    data = http.streamed().decode()
    removed = '{"type":"removed","room":"lobby","code":"not-allowed"}'
    assert ("event: removed\ndata: " * (style == "sse") + removed + "\n") in data
    assert re.findall(r'"text":"(\d)"', data) == ["1", "3"]
    house.chat.service.readers.revoke(BANNED, room=dev)
    end = http.streamed().decode()
    assert '"code":"not-allowed"' in end
    assert http.closed


class Socket:
    """A WebSocket."""

    def __init__(self, house: House, target: str, host: str = "192.0.2.1") -> None:
        self.house = house
        self.http = house.http(host)
        self._socket = WSConnection(ConnectionType.CLIENT)
        self.closed: int | None = None
        self.http.wire.send(self._socket.send(Request(host="chat.example", target=target)))
        self.opening = self.told()

    def send(self, **command: Any) -> None:
        self.http.wire.send(self._socket.send(TextMessage(data=json.dumps(command))))

    def told(self) -> list[dict[str, Any]]:
        """The frames that have come since."""
        self.house.chat.settle()
        self._socket.receive_data(self.http.wire.received())
        frames = []
        for event in self._socket.events():
            if isinstance(event, TextMessage):
                frames.append(json.loads(event.data))
            elif isinstance(event, CloseConnection):
                self.closed = event.code
        return frames


def test_a_websocket_of_several_rooms_goes_on_without_one(house: House) -> None:
    """And is closed with 1008 when the last one is taken away."""
    dev = house.chat.room("dev")
    socket = Socket(house, "/events?rooms=lobby,dev&since=now")
    house.chat.service.readers.revoke(BANNED, room=house.lobby)
    house.say("2", room="lobby")
    house.say("3", room="dev")
    removed, said = socket.told()
    assert removed == {"type": "removed", "room": "lobby", "code": "not-allowed"}
    assert said["text"] == "3"
    house.chat.service.readers.revoke(BANNED, room=dev)
    (error,) = socket.told()
    assert error["code"] == "not-allowed"
    assert socket.closed == 1008


def test_a_poll_of_several_rooms_is_refused_whole(house: House) -> None:
    """As a new request is that names a forbidden room."""
    http = house.http()
    http.send("GET", "/events?rooms=lobby,dev&since=now")
    house.chat.settle()
    forbid(house)
    assert http.response().refusal == (403, "not-allowed")


# -- guests of WebSockets ------------------------------------------------------------------------


def test_commands_wait_for_the_guest_to_enter_in_their_order(house: House) -> None:
    """Also if the client is gone by then: what it said is said, and it has left."""
    socket = Socket(house, f"{EVENTS}?since=now")
    hold = Hold(house)
    for number in range(3):
        socket.send(type="say", text=f"{number}", ref=f"{number}")
    assert socket.told() == []
    socket.http.wire.hang_up()
    hold.release()
    assert house.chat.texts("lobby") == ["0", "1", "2"]
    assert house.here == []


def test_a_guest_that_may_not_enter_is_told_at_each_command(house: House) -> None:
    """And it goes on reading."""
    house.chat.service.readers.policy = DenyIf(lambda who, what, room: what is Action.ENTER)
    socket = Socket(house, f"{EVENTS}?since=now")
    for _ in range(2):
        socket.send(type="say", text="hi", ref="r")
        (error,) = socket.told()
        assert (error["ref"], error["code"]) == ("r", "not-allowed")


def test_a_guest_s_reader_ends_with_its_person(house: House) -> None:
    """The reader of a stranger is its guest's from the first command on."""
    socket = Socket(house, f"{EVENTS}?since=now")
    socket.send(type="say", text="hi")
    socket.told()
    (person,) = house.chat.service.people.held.values()
    house.chat.service.readers.revoke(BANNED, person=person)  # type: ignore[arg-type]
    assert socket.told()[-1]["code"] == "not-allowed"
    assert socket.closed == 1008


# -- a policy that denies everything -------------------------------------------------------------

SECRET = "xyzzy"
TARGETS = [
    f"{EVENTS}?since=0",
    f"{EVENTS}?since=now",
    f"{EVENTS}?wait=0",
    f"{EVENTS}?before=900000000000000000",
    "/events?rooms=lobby,dev&since=0",
    "/rooms/lobby",
    "/rooms",
]
ACCEPTS = ["application/json", "text/plain", *STYLES.values()]


def silent(house: House, token: str = "") -> None:
    """No door lets a byte of a room through."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for target in TARGETS:
        for method in ("GET", "HEAD"):
            for accept in ACCEPTS:
                http = house.http()
                http.send(method, target, headers={"Accept": accept, **headers})
                house.chat.settle()
                (response,) = http.responses()
                assert response.status == 403
                if method == "GET":
                    assert response.error == "not-allowed"
                    assert SECRET.encode() not in response.body
        http = house.http()
        http.send("GET", target, headers={**UPGRADE, **headers})
        house.chat.settle()
        assert b" 403 " in http.wire.received().split(b"\r\n")[0]
    wire = house.line()
    wire.send(b"/history\r\n/who\r\n/rooms\r\n/topic\r\n/since 0\r\nhello\r\n")
    house.chat.advance(1)
    assert SECRET.encode() not in wire.received()


def secretive() -> House:
    """A house in whose rooms there are secrets, told by somebody with a secret name."""
    house = House()
    person = house.chat.enter(f"{SECRET}-name")
    for room in ("lobby", "dev", f"{SECRET}-room"):
        house.chat.perform(person, Say(room, f"{SECRET} in {room}"))
    return house


def test_a_policy_that_denies_everything_from_the_start_silences_every_door() -> None:
    """What another node has stored is let through by none of this node's doors."""
    house = secretive()
    silent(House(node=house.chat, policy=DenyAll()))


def test_a_policy_that_denies_everything_later_silences_every_door() -> None:
    """Readers that there are, learned polls, templates that others have learned, and sessions."""
    house = secretive()
    ada = house.http()
    token = ada.enter("ada")
    readers = one_at_each_door(house)
    learned = house.http()
    for http in (ada, learned):
        for _ in range(3):
            http.get(f"{EVENTS}?since=1&wait=0")
    for reader in readers:
        reader.read()
    hold = Hold(house)
    house.have_accepted(f"{SECRET} under way")
    house.chat.settle()
    house.chat.service.readers.policy = DenyAll()
    hold.release()
    for reader in readers:
        assert reader.read() == []
        assert why(reader)
    for http in (ada, learned, house.http()):
        assert http.get(f"{EVENTS}?since=1&wait=0").refusal == (403, "not-allowed")
    silent(house)
    silent(house, token)


# -- behind the memory window --------------------------------------------------------------------


# `/since` shows as much as one answer holds, and says where to go on.
LENGTHS = [(door, size) for door in DOORS for size in (1, 3000) if (door, size) != ("line", 3000)]


@pytest.mark.parametrize(("door", "size"), LENGTHS)
def test_a_reader_behind_the_window_reads_on_from_the_store(door: str, size: int) -> None:
    """Everything, once, in order, and then what is said live; no gap is told."""
    first = House()
    house = House(history=10, node=first.chat)
    reader = DOORS[door](house)
    first.say("zero")
    assert reader.read()[-1:] == said("bob", "zero")
    reader.go_away()
    texts = [f"{number} {'x' * size}" for number in range(200)]
    first.say(*texts)
    reader.come_back()
    told = read_all(reader, len(texts))
    assert told == said("bob", *texts)
    first.say("live")
    assert read_all(reader, 1) == said("bob", "live")


def read_all(reader: Client, count: int) -> list[Any]:
    """Read until so many have come, or for a while."""
    told: list[Any] = []
    for _ in range(50):
        told += reader.read()
        reader.chat.settle()
        if len(told) >= count:
            break
    return told


# -- the sources ---------------------------------------------------------------------------------


def sources() -> Iterator[Path]:
    root = Path(chatd.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] not in ("stream", "testing"):
            yield path


def test_no_door_makes_readers_or_feeds_itself() -> None:
    """That is for the gate alone."""
    maker = re.compile(r"\bSubscriber\(|\b(?:source|room|inbox|presence|lobby)\.feed\(")
    assert [path.name for path in sources() if maker.search(path.read_text())] == ["readers.py"]
