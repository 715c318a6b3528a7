"""The policy check for reading: an event that the policy forbids is read at no door."""

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
from .test_doors import doors, named, reader_at_each_door, said

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
"""A policy that allows speaking and forbids reading."""


def forbid_reading(server: MemoryServer) -> None:
    """From now on the policy forbids reading."""
    server.chat.service.readers.policy = UNREADABLE


def allow_everything(server: MemoryServer) -> None:
    """From now on the policy allows everything."""
    server.chat.service.readers.policy = OpenPolicy()


def was_refused(reader: Client) -> bool:
    """Whether the client got the error, and gets nothing more even if it reconnects."""
    return reader.end_reason == ("not-allowed" if reader.codes else "you may not read here")


# -- ending readers ------------------------------------------------------------------------------


@doors
def test_idle_reader_is_ended_with_the_reason(server: MemoryServer, door: str) -> None:
    """At once; messages that are sent afterwards do not reach it."""
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    bob.say("before")
    assert reader.read()[-1:] == said("bob", "before")
    forbid_reading(server)
    server.chat.settle()
    server.say("behind", name="eve")
    assert reader.read() == []
    assert was_refused(reader)


@doors
def test_stalled_reader_that_is_ended_gets_nothing_more_of_the_room(
    server: MemoryServer, door: str
) -> None:
    """When its client reads again, it finds what was sent before, and the reason."""
    reader, bob = DOORS[door](server), named(server, "line", "bob")
    reader.read()
    reader.stall()
    for number in range(30):
        bob.say(f"{number}")
    forbid_reading(server)
    server.chat.settle()
    server.say("behind", name="eve")
    reader.resume()
    told = reader.read()
    assert told == said("bob", *map(str, range(len(told))))
    assert len(told) < 30
    assert was_refused(reader)


def test_readers_are_ended_in_the_middle_of_a_fan_out(server: MemoryServer) -> None:
    """Each reader got the message of that turn or did not, and nothing after it."""
    readers = [client(server) for client in DOORS.values() for _ in range(20)]
    for reader in readers:
        reader.read()

    for _ in range(5):
        outlet = ActingOutlet(partial(forbid_reading, server))
        server.chat.service.readers.open(
            Stranger(), [(server.lobby, JSON)], outlet, server.lobby.log.last
        ).start()
    server.say("one")
    server.say("two")
    for reader in readers:
        assert reader.read() in ([], said("bob", "one"))
        assert was_refused(reader)


@pytest.mark.parametrize("late", [False, True], ids=["held", "in the turn of asking"])
def test_thousands_of_polls_in_groups_are_answered_with_the_refusal(
    server: MemoryServer, late: bool
) -> None:
    """The bytes equal those of the slow path, except for the order of headers, and the group table
    is empty at once.
    """
    place = server.say("first")
    clients = [server.http() for _ in range(50 * GROUP_SIZE)]
    for http in clients:
        http.send("GET", f"{EVENTS}?since={place}&wait=0")
    server.chat.settle()
    for http in clients:
        http.response()
        http.send("GET", f"{EVENTS}?since={place}")
    templates = server.http_door.fast_path.polls.polls.common.values()  # type: ignore[union-attr]
    (template,) = [one for one in templates if b"wait=0" not in one.after]
    if not late:
        server.chat.settle()
    forbid_reading(server)
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
    allow_everything(server)
    for http in clients[: 2 * GROUP_SIZE]:
        assert http.get(f"{EVENTS}?since={place}").texts == ["behind"]


@pytest.mark.parametrize("session", [False, True], ids=["stranger", "session"])
def test_requests_of_an_invalid_template_are_judged_again(
    server: MemoryServer, session: bool
) -> None:
    """A held poll is answered without events; the next one makes a new template."""
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


def test_policy_by_address_holds_for_shared_templates(server: MemoryServer) -> None:
    """For a new connection from that address, and for one whose poll is held in a group."""
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
def test_stream_of_several_rooms_continues_without_a_revoked_room(
    server: MemoryServer, style: str
) -> None:
    """The client is told which room was removed, and keeps receiving the others."""
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


def test_poll_of_several_rooms_is_refused_as_a_whole(server: MemoryServer) -> None:
    """As is a new request that names a forbidden room."""
    http = server.http()
    http.send("GET", "/events?rooms=lobby,dev&since=now")
    server.chat.settle()
    forbid_reading(server)
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


def assert_silent(server: MemoryServer, token: str = "") -> None:
    """Check that no door sends a byte of a room."""
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


def server_with_secrets() -> MemoryServer:
    """A server with secret messages in its rooms, said by a person with a secret name."""
    server = MemoryServer()
    person = server.chat.enter(f"{SECRET}-name")
    for room in ("lobby", "dev", f"{SECRET}-room"):
        server.chat.perform(person, Say(room, f"{SECRET} in {room}"))
    return server


def test_policy_that_denies_everything_from_the_start_silences_every_door() -> None:
    """Events that another node has stored are not shown either."""
    server = server_with_secrets()
    assert_silent(MemoryServer(node=server.chat, policy=DenyAll()))


def test_policy_that_denies_everything_later_silences_every_door() -> None:
    """Open readers, learned polls, templates that other connections made, and sessions."""
    server = server_with_secrets()
    ada = server.http()
    token = ada.enter("ada")
    readers = reader_at_each_door(server)
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
        assert reader.end_reason
    for http in (ada, learned, server.http()):
        assert http.get(f"{EVENTS}?since=1&wait=0").refusal == (403, "not-allowed")
    assert_silent(server)
    assert_silent(server, token)


# -- behind the memory window --------------------------------------------------------------------


# On the line door, `/since` shows only as much as fits into one answer.
LENGTHS = [
    (door, size)
    for door in DOORS
    for size in (1, 3000)
    if DOORS[door].resumes and (door, size) != ("line", 3000)
]


@pytest.mark.parametrize(("door", "size"), LENGTHS)
def test_reader_behind_the_memory_window_reads_from_the_store(door: str, size: int) -> None:
    """All events, once, in order, followed by live ones, and without a gap."""
    first = MemoryServer()
    server = MemoryServer(history=10, node=first.chat)
    reader = DOORS[door](server)
    first.say("zero")
    assert reader.read()[-1:] == said("bob", "zero")
    reader.disconnect()
    texts = [f"{number} {'x' * size}" for number in range(200)]
    first.say(*texts)
    reader.reconnect()
    told = read_all(reader, len(texts))
    assert told == said("bob", *texts)
    first.say("live")
    assert read_all(reader, 1) == said("bob", "live")


def read_all(reader: Client, count: int) -> list[Any]:
    """Read until so many events have come, or for a while."""
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


def test_only_the_gate_makes_readers_and_feeds() -> None:
    """Doors that made their own would skip the policy check."""
    maker = re.compile(r"\bSubscriber\(|\b(?:source|room|inbox|presence|lobby)\.feed\(")
    assert [path.name for path in sources() if maker.search(path.read_text())] == ["readers.py"]
