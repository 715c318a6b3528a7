"""The gate at the doors: what the policy forbids is read at none of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import chatd
from chatd.codecs.json import JSON
from chatd.doors.polls.groups import GROUP_SIZE
from chatd.model.addresses import address_of
from chatd.model.commands import Say
from chatd.model.errors import NotAllowed
from chatd.model.identity import Stranger
from chatd.model.policy import Action, OpenPolicy
from chatd.testing.policies import DenyAll, DenyIf

from ..kit.clients import DOORS, Client
from ..kit.server import MemoryServer
from ..kit.stream import ActingOutlet
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


def forbid(server: MemoryServer) -> None:
    """From now on nobody may read."""
    server.chat.service.readers.policy = UNREADABLE


def allow(server: MemoryServer) -> None:
    """From now on everybody may do everything."""
    server.chat.service.readers.policy = OpenPolicy()


def why(reader: Client) -> str | None:
    """What a client was told of the end of its reading: a code, or on the line door the message."""
    return reader.answer() if reader.door == "line" else reader.put_out


def put_out(reader: Client) -> bool:
    """Whether it was told, and is given nothing more, also where it goes on."""
    return why(reader) == ("you may not read here" if reader.door == "line" else "not-allowed")


# -- ending readers ------------------------------------------------------------------------------


@doors
def test_a_parked_reader_is_told_why_it_is_ended(server: MemoryServer, door: str) -> None:
    """At once, and it is given nothing of what is said then."""
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    bob.say("before")
    assert reader.read()[-1:] == said("bob", "before")
    forbid(server)
    server.chat.settle()
    server.say("behind", name="eve")
    assert reader.read() == []
    assert put_out(reader)


@doors
def test_a_full_reader_is_given_nothing_more_of_the_room(server: MemoryServer, door: str) -> None:
    """When it reads again, it finds what it was sent before, and the reason."""
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.stall()
    for number in range(30):
        bob.say(f"{number}")
    forbid(server)
    server.chat.settle()
    server.say("behind", name="eve")
    reader.unstall()
    told = reader.read()
    assert told == said("bob", *map(str, range(len(told))))
    assert len(told) < 30
    assert put_out(reader)


def test_readers_are_ended_in_the_middle_of_a_round(server: MemoryServer) -> None:
    """Each of them was given the message or not, and nothing behind it."""
    readers = [client(server) for client in DOORS.values() for _ in range(20)]
    for reader in readers:
        reader.read()

    for _ in range(5):
        outlet = ActingOutlet(partial(forbid, server))
        server.chat.service.readers.open(
            Stranger(), [(server.lobby, JSON)], outlet, server.lobby.log.last
        ).start()
    server.say("one")
    server.say("two")
    for reader in readers:
        assert reader.read() in ([], said("bob", "one"))
        assert put_out(reader)


@pytest.mark.parametrize("late", [False, True], ids=["held", "in the turn of asking"])
def test_thousands_in_poll_groups_are_answered_with_the_refusal(
    server: MemoryServer, late: bool
) -> None:
    """The bytes are those that the slow path sends, but for the order of headers; and the group
    table is empty at once.
    """
    place = server.say("first")
    clients = [server.http() for _ in range(50 * GROUP_SIZE)]
    for http in clients:
        http.send("GET", f"{EVENTS}?since={place}&wait=0")
    server.chat.settle()
    for http in clients:
        http.response()
        http.send("GET", f"{EVENTS}?since={place}")
    templates = server.http_door.fast_path.polls.common.values()  # type: ignore[union-attr]
    (template,) = [one for one in templates if b"wait=0" not in one.after]
    if not late:
        server.chat.settle()
    forbid(server)
    assert not template.groups
    assert not template.valid
    server.chat.settle()
    server.say("behind", name="eve")
    answers = [http.response() for http in clients]
    assert {answer.refusal for answer in answers} == {(403, "not-allowed")}
    fresh = server.http().get(f"{EVENTS}?since={place}")
    dates = [dict(answer.headers) | {"date": ""} for answer in (answers[0], fresh)]
    assert dates[0] == dates[1]
    assert answers[0].body == fresh.body
    assert server.lobby.readers == 0
    allow(server)
    for http in clients[: 2 * GROUP_SIZE]:
        assert http.get(f"{EVENTS}?since={place}").texts == ["behind"]


@pytest.mark.parametrize("session", [False, True], ids=["stranger", "session"])
def test_a_void_template_has_its_requests_judged_anew(server: MemoryServer, session: bool) -> None:
    """A held one is answered with no events; the next one is learned again."""
    http = server.http()
    if session:
        http.enter("ada")
    place = server.say("first")
    for _ in range(2):
        http.get(f"{EVENTS}?since={place}&wait=0")
    http.send("GET", f"{EVENTS}?since={place}&wait=0".replace("&wait=0", ""))
    server.chat.settle()
    readers = server.chat.service.readers
    for template in list(readers.templates):
        template.void(None)
    if http.responses():
        assert not list(readers.templates) or session
    else:
        server.say("second")
        assert http.response().texts == ["second"]
    assert http.get(f"{EVENTS}?since={place}&wait=0").status == 200


def test_a_policy_that_decides_by_address_holds_for_shared_templates(server: MemoryServer) -> None:
    """For a new connection from there, and for one that waits with others."""
    outside = address_of("192.0.2.66")
    place = server.say("first")
    inside, other = server.http(), server.http("192.0.2.66")
    for http in (inside, other):
        assert http.get(f"{EVENTS}?since={place - 1}").texts == ["first"]
        http.send("GET", f"{EVENTS}?since={place}")
    server.chat.settle()
    server.chat.service.readers.policy = DenyIf(
        lambda who, what, room: what is Action.READ and who.address == outside
    )
    server.chat.settle()
    assert inside.response().texts == []  # asked to poll again
    assert other.response().refusal == (403, "not-allowed")
    for http in (inside, other):
        status = 200 if http is inside else 403
        assert http.get(f"{EVENTS}?since={place}&wait=0").status == status
    assert server.http("192.0.2.66").get(f"{EVENTS}?since={place - 1}").refusal[0] == 403
    assert server.http().get(f"{EVENTS}?since={place - 1}").texts == ["first"]


# -- several rooms -------------------------------------------------------------------------------


@pytest.mark.parametrize("style", STYLES)
def test_a_stream_of_several_rooms_goes_on_without_one(server: MemoryServer, style: str) -> None:
    """It is told which, and is given all of the others and nothing more of that one."""
    http = server.http()
    dev = server.chat.room("dev")
    http.send("GET", "/events?rooms=lobby,dev&since=now", headers={"Accept": STYLES[style]})
    server.chat.settle()
    http.streamed()
    server.say("1", room="lobby")
    server.chat.service.readers.revoke(BANNED, room=server.lobby)
    server.say("2", room="lobby")
    server.say("3", room="dev")
    data = http.streamed().decode()
    removed = '{"type":"removed","room":"lobby","code":"not-allowed"}'
    assert ("event: removed\ndata: " * (style == "sse") + removed + "\n") in data
    assert re.findall(r'"text":"(\d)"', data) == ["1", "3"]
    server.chat.service.readers.revoke(BANNED, room=dev)
    end = http.streamed().decode()
    assert '"code":"not-allowed"' in end
    assert http.closed


def test_a_poll_of_several_rooms_is_refused_whole(server: MemoryServer) -> None:
    """As a new request is that names a forbidden room."""
    http = server.http()
    http.send("GET", "/events?rooms=lobby,dev&since=now")
    server.chat.settle()
    forbid(server)
    assert http.response().refusal == (403, "not-allowed")


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


def silent(server: MemoryServer, token: str = "") -> None:
    """No door lets a byte of a room through."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    for target in TARGETS:
        for method in ("GET", "HEAD"):
            for accept in ACCEPTS:
                http = server.http()
                http.send(method, target, headers={"Accept": accept, **headers})
                server.chat.settle()
                (response,) = http.responses()
                assert response.status == 403
                if method == "GET":
                    assert response.error == "not-allowed"
                    assert SECRET.encode() not in response.body
        http = server.http()
        http.send("GET", target, headers={**UPGRADE, **headers})
        server.chat.settle()
        assert b" 403 " in http.wire.received().split(b"\r\n")[0]
    wire = server.line()
    wire.send(b"/history\r\n/who\r\n/rooms\r\n/topic\r\n/since 0\r\nhello\r\n")
    server.chat.advance(1)
    assert SECRET.encode() not in wire.received()


def secretive() -> MemoryServer:
    """A server in whose rooms there are secrets, told by somebody with a secret name."""
    server = MemoryServer()
    person = server.chat.enter(f"{SECRET}-name")
    for room in ("lobby", "dev", f"{SECRET}-room"):
        server.chat.perform(person, Say(room, f"{SECRET} in {room}"))
    return server


def test_a_policy_that_denies_everything_from_the_start_silences_every_door() -> None:
    """What another node has stored is let through by none of this node's doors."""
    server = secretive()
    silent(MemoryServer(node=server.chat, policy=DenyAll()))


def test_a_policy_that_denies_everything_later_silences_every_door() -> None:
    """Readers that there are, learned polls, templates that others have learned, and sessions."""
    server = secretive()
    ada = server.http()
    token = ada.enter("ada")
    readers = one_at_each_door(server)
    learned = server.http()
    for http in (ada, learned):
        for _ in range(3):
            http.get(f"{EVENTS}?since=1&wait=0")
    for reader in readers:
        reader.read()
    server.hold_appends()
    server.have_accepted(f"{SECRET} under way")
    server.chat.settle()
    server.chat.service.readers.policy = DenyAll()
    server.release_appends()
    for reader in readers:
        assert reader.read() == []
        assert why(reader)
    for http in (ada, learned, server.http()):
        assert http.get(f"{EVENTS}?since=1&wait=0").refusal == (403, "not-allowed")
    silent(server)
    silent(server, token)


# -- behind the memory window --------------------------------------------------------------------


# `/since` shows as much as one answer holds, and says where to go on.
LENGTHS = [(door, size) for door in DOORS for size in (1, 3000) if (door, size) != ("line", 3000)]


@pytest.mark.parametrize(("door", "size"), LENGTHS)
def test_a_reader_behind_the_window_reads_on_from_the_store(door: str, size: int) -> None:
    """Everything, once, in order, and then what is said live; no gap is told."""
    first = MemoryServer()
    server = MemoryServer(history=10, node=first.chat)
    reader = DOORS[door](server)
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
