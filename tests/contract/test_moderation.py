"""Moderation at every door: which role may do what, and what becomes of open readers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatd.chat.person import Person
from chatd.doors.polls.groups import GROUP_SIZE
from chatd.model.commands import Join
from chatd.model.moderation import (
    Admit,
    Ban,
    Configure,
    Dismiss,
    GiveRole,
    Kick,
    Mute,
    Redact,
    Unban,
)
from chatd.model.policy import Action

from ..kit.chat import PASSWORD
from ..kit.clients import DOORS, Client
from ..kit.clients.classic import ClassicClient
from ..kit.http import HttpClient
from ..kit.moderators import person_of, signed_in
from ..kit.permissions import COLUMNS, ROOMS, answer
from ..kit.server import MemoryServer
from ..kit.terminal import Terminal

doors = pytest.mark.parametrize("door", DOORS)
WORDS = ("line", "classic", "irc")
"""Doors that say in words why a reader has ended, and have no codes."""
POLLS = ("poll", "varying-poll", "returning-poll", "plain")


@pytest.fixture
def admin(server: MemoryServer) -> Person:
    """An administrator, who has the rights of an owner in every room."""
    person = server.chat.enter("ruth")
    person.account, person.admin = "ruth", True
    return person


def reader_at(server: MemoryServer, door: str) -> Client:
    """A client named bob who reads the lobby and has nothing unread."""
    reader = DOORS[door](server)
    assert reader.enter("bob") is None
    reader.say("here")
    reader.read()
    reader.read()
    return reader


def end_reason(reader: Client) -> str | None:
    """Why the server ended a client's reading: an error code, or where there are none the
    message.
    """
    if isinstance(reader, ClassicClient):
        return reader.reason
    return reader.answer() if reader.door == "line" else reader.end_code


# -- open readers --------------------------------------------------------------------------------


@doors
def test_kicked_reader_gets_the_kick_and_ends(
    server: MemoryServer, admin: Person, door: str
) -> None:
    """A held poll is answered with the kick, a stream ends after it; nothing more comes."""
    reader = reader_at(server, door)
    server.chat.perform(admin, Kick("lobby", "bob", "spam"))
    if door in POLLS:
        [event] = reader.read()
        assert event[0] in ("kick", "notice")
        assert reader.end_code is None
        return
    server.say("behind", name="eve")
    seen = reader.read()
    if door == "classic":  # its protocol has only messages
        assert seen == []
    else:
        [event] = seen
        assert event[0] in ("kick", "notice")
    told = end_reason(reader)
    sentence = "you were put out of #lobby by ruth: spam"
    words = {"line": sentence, "classic": sentence, "irc": "spam"}
    assert told == words.get(door, "kicked")


@doors
def test_banned_reader_ends_with_the_error(server: MemoryServer, admin: Person, door: str) -> None:
    """The same error as for a new request; nothing more comes, not even the ban."""
    reader = reader_at(server, door)
    server.chat.perform(admin, Ban("lobby", "bob", 60, "spam"))
    server.say("behind", name="eve")
    assert reader.read() == []
    told = end_reason(reader)
    assert told is not None
    assert told.startswith("you are banned from #lobby until " if door in WORDS else "banned")


@doors
def test_reader_without_membership_ends_when_the_room_is_closed(
    server: MemoryServer, admin: Person, door: str
) -> None:
    """For it the room does not exist any more."""
    reader = reader_at(server, door)
    server.chat.perform(admin, Configure("lobby", access="members"))
    assert reader.read() == []
    told = end_reason(reader)
    assert told is not None
    assert told.startswith("there is no such room" if door in WORDS else "not-found")


@doors
def test_stalled_reader_gets_nothing_after_its_ban(
    server: MemoryServer, admin: Person, door: str
) -> None:
    """Its client gets what was sent before the ban, and the reason."""
    reader = reader_at(server, door)
    reader.stall()
    for number in range(30):
        server.say(f"{number}", name="eve")
    server.chat.perform(admin, Ban("lobby", "bob"))
    server.say("behind", name="eve")
    reader.resume()
    texts = [seen[-1] for seen in reader.read()]
    assert texts == [f"{n}" for n in range(len(texts))]
    assert end_reason(reader)


@doors
def test_redacted_message_is_sent_to_no_reader(
    server: MemoryServer, admin: Person, door: str
) -> None:
    """Not to one that was stalled when the message was sent, and not to one that reconnects."""
    reader = reader_at(server, door)
    reader.stall()
    server.chat.settle()
    for number in range(30):
        server.say(f"xyzzy{number}", name="eve")
    ids = [e.id for e in server.chat.entries("lobby") if "xyzzy" in getattr(e.event, "text", "")]
    reader.resume()
    reader.read()
    reader.disconnect()
    for id_ in ids:
        server.chat.perform(admin, Redact("lobby", id_))
    reader.reconnect()
    assert not any("xyzzy" in word for seen in reader.read() for word in seen)


def test_thousands_of_polls_in_groups_are_refused_when_a_room_is_closed(
    server: MemoryServer, admin: Person
) -> None:
    """Clients without a session that share one template, in the turn of the change."""
    place = server.say("first")
    clients = [server.http() for _ in range(50 * GROUP_SIZE)]
    for http in clients:
        http.get(f"/rooms/lobby/events?since={place}&wait=0")
        http.send("GET", f"/rooms/lobby/events?since={place}")
    server.chat.settle()
    server.chat.perform(admin, Configure("lobby", access="members"))
    assert {http.response().refusal for http in clients} == {(404, "not-found")}
    fresh = server.http().get(f"/rooms/lobby/events?since={place}&wait=0")
    assert fresh.refusal == (404, "not-found")


@pytest.mark.parametrize("learned", [False, True])
def test_polls_of_a_banned_address_in_a_group_are_refused(
    server: MemoryServer, admin: Person, learned: bool
) -> None:
    """The others of the group are answered without events, and poll again."""
    place = server.say("first")
    inside = [server.http("9.9.9.9") for _ in range(3)]
    outside = [server.http("8.8.8.8") for _ in range(3)]
    target = f"/rooms/lobby/events?since={place}"
    for http in (*inside, *outside):
        for _ in range(2 * learned):
            http.get(f"{target}&wait=0")
        http.send("GET", target)
    server.chat.settle()
    server.chat.perform(admin, Ban("lobby", "8.8.0.0/16"))
    server.chat.settle()
    assert {http.response().refusal for http in outside} == {(403, "banned")}
    for http in inside:
        assert all(response.status == 200 for response in http.responses())
    for http in outside:
        assert http.get(f"{target}&wait=0").refusal == (403, "banned")
    server.chat.perform(admin, Unban("lobby", "8.8.0.0/16"))
    for http in outside:
        assert http.get(f"{target}&wait=0").status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/rooms/lobby/events?since={place}&wait=0",
        "/rooms/lobby/events?since=1&wait=0",
        "/rooms/lobby/events?before=9000000000000000",
        "/rooms/lobby/events?wait=0",
        "/events?rooms=lobby,dev&since={place}&wait=0",
        "/rooms/lobby",
    ],
)
def test_old_cursor_reads_nothing_after_a_ban(
    server: MemoryServer, admin: Person, target: str
) -> None:
    """Nor does a learned poll, a stream that reconnects, or a page, pipelined or not."""
    place = server.say("first")
    http = server.http()
    http.enter("bob")
    path = target.format(place=place)
    for _ in range(3):
        assert http.get(path).status == 200
    server.chat.perform(admin, Ban("lobby", "bob"))
    for _ in range(2):
        http.send("GET", path)
    server.chat.settle()
    assert [response.refusal for response in http.responses()] == [(403, "banned")] * 2
    for accept in ("text/event-stream", "application/x-ndjson", "text/plain"):
        again = http.request("GET", path, headers={"Accept": accept, "Last-Event-ID": f"{place}"})
        assert again.refusal == (403, "banned")


# -- the table of docs/permissions.md ------------------------------------------------------------

REQUESTS: dict[Action, tuple[str, str, Any]] = {
    Action.READ: ("GET", "/rooms/dev/events?wait=0", None),
    Action.JOIN: ("PUT", "/rooms/dev/membership", None),
    Action.SPEAK: ("POST", "/rooms/dev/messages", {"text": "hello"}),
    Action.SET_TOPIC: ("PUT", "/rooms/dev/topic", {"text": "tea"}),
    Action.DELETE: ("DELETE", "/rooms/dev/messages/{message}", None),
    Action.KICK: ("DELETE", "/rooms/dev/people/bystander", {}),
    Action.BAN: ("PUT", "/rooms/dev/bans/bystander", {}),
    Action.BAN_NETWORK: ("PUT", "/rooms/dev/bans/10.0.0.0%2F8", {}),
    Action.SEE_BANS: ("GET", "/rooms/dev/bans", None),
    Action.MUTE: ("PUT", "/rooms/dev/mutes/bystander", {}),
    Action.GIVE_VOICE: ("PUT", "/rooms/dev/roles/bystander", {"role": "voice"}),
    Action.GIVE_ROLE: ("PUT", "/rooms/dev/roles/bystander", {"role": "op"}),
    Action.SLOW_DOWN: ("PATCH", "/rooms/dev", {"slow": 1}),
    Action.CONFIGURE: ("PATCH", "/rooms/dev", {"listed": False}),
    Action.ADMIT: ("PUT", "/rooms/dev/members/bystander", None),
    Action.INVITE: ("POST", "/rooms/dev/invites", {}),
}
"""A request for each action in a room; actions on one's own messages are tested elsewhere."""
LINES: dict[Action, str] = {
    Action.JOIN: "/join dev",
    Action.READ: "/who dev",
    Action.SPEAK: "hello",
    Action.SET_TOPIC: "/topic tea",
    Action.KICK: "/kick bystander",
    Action.BAN: "/ban bystander",
    Action.SEE_BANS: "/bans",
    Action.MUTE: "/mute bystander",
    Action.GIVE_VOICE: "/voice bystander",
    Action.GIVE_ROLE: "/op bystander",
    Action.SLOW_DOWN: "/slow 1",
    Action.CONFIGURE: "/posting accounts",
    Action.ADMIT: "/invite bystander",
    Action.INVITE: "/invite",
}
"""A line for each action."""


class Room:
    """#dev with one setting, a bystander in it, and a client of one column of the table."""

    def __init__(self, setting: str, column: str) -> None:
        self.server = MemoryServer()
        self.chat = self.server.chat
        self.root = self.chat.enter("ruth")
        self.root.account, self.root.admin = "ruth", True
        self.chat.perform(self.root, Join("dev"))
        self.bystander = signed_in(self.server, "bystander", "dev")
        self.message = self.bystander.post("/rooms/dev/messages", {"text": "x"}).json["id"]
        self.column = column
        self.name = {"administrator": "boss", "guest": "guido"}.get(column, column)
        self.setting = setting

    def configure(self) -> None:
        """Give the column its role, and the room its setting."""
        name, rule = self.name, self.chat.perform
        state = ROOMS[self.setting]
        if self.column in ("owner", "op", "voice"):
            rule(self.root, GiveRole("dev", name, self.column))
        elif self.column == "muted":
            rule(self.root, Mute("dev", name))
        asked = Configure(
            "dev",
            access=state.access,
            posting=state.posting,
            topic=state.topic_by,
            outside=state.outside,
        )
        rule(self.root, asked)
        if state.closed and self.column in ("administrator", "account", "muted", "banned"):
            # People in the room became members; in these columns of the table they are none.
            rule(self.root, Dismiss("dev", name))
        if self.column == "banned":
            rule(self.root, Ban("dev", name))

    def expected(self, action: Action) -> str:
        """What the table says."""
        who = dict(COLUMNS)[self.column]
        return answer(action, who, ROOMS[self.setting])

    def http(self) -> HttpClient:
        """The column's client over HTTP, in its session."""
        if self.column == "no session":
            return self.server.http()
        if self.column == "guest":
            http = self.server.http()
            http.enter(self.name)
            return http
        return signed_in(self.server, self.name, admin=self.column == "administrator")


def with_name(column: str, target: str) -> str:
    """The target with a name, if a client without a session has to give one."""
    if column != "no session" or target.startswith("/rooms/dev/events"):
        return target
    return f"{target}?name=visitor"


@pytest.mark.parametrize("setting", ROOMS)
@pytest.mark.parametrize("column", [column for column, _ in COLUMNS])
def test_permissions_table_holds_over_http(setting: str, column: str) -> None:
    """Every request, for every role and setting, is answered as docs/permissions.md says."""
    for action, (method, target, body) in REQUESTS.items():
        room = Room(setting, column)
        http = room.http()
        room.configure()
        path = with_name(column, target.format(message=room.message))
        response = (
            http.request(method, path) if body is None else http.send_json(method, path, body)
        )
        answered = "yes" if response.status < 400 else response.error
        expected = room.expected(action)
        if action is Action.JOIN and column == "no session" and expected == "yes":
            expected = "no-session"
        assert answered == expected, (action, setting, column)


@pytest.mark.parametrize("setting", ROOMS)
@pytest.mark.parametrize("column", [c for c, _ in COLUMNS if c != "no session"])
def test_permissions_table_holds_on_the_line_door(setting: str, column: str) -> None:
    """The lines come from a client that was in the room before the setting changed."""
    for action, line in LINES.items():
        room = Room(setting, column)
        client = DOORS["line"](room.server)
        assert client.enter(room.name) is None
        person = person_of(room.server, room.name)
        if column != "guest":
            person.account, person.admin = person.key, column == "administrator"
        typed(client, "/join dev")
        room.configure()
        if action in (Action.JOIN, Action.READ):
            typed(client, "/leave dev")
        told = typed(client, line)
        expected = room.expected(action)
        admitted = column == "administrator" and setting == "access: members"
        refused = any(one.startswith("!! ") for one in told)
        if admitted and action not in (Action.JOIN, Action.READ):
            continue  # an ended reader has no current room for the command
        assert refused is (expected != "yes"), (action, setting, column, told)


def http_again(room: Room, http: HttpClient) -> HttpClient:
    """Another connection in the same session."""
    again = room.server.http()
    again.headers = http.headers
    return again


def typed(client: Any, line: str) -> list[str]:
    """The lines that a line is answered with, and events that come meanwhile."""
    client.chat.settle()
    client._wire.received()
    client._wire.send(f"{line}\r\n".encode())
    client.chat.settle()
    return str(client._wire.received().decode()).split("\r\n")


@pytest.mark.parametrize("setting", ROOMS)
@pytest.mark.parametrize("column", [column for column, _ in COLUMNS])
@pytest.mark.parametrize("style", ["application/json", "application/x-ndjson", "text/event-stream"])
def test_permissions_table_holds_for_open_readers(setting: str, column: str, style: str) -> None:
    """They end if the table says that they may not read; else they continue."""
    room = Room(setting, column)
    http = room.http()
    http.send("GET", "/rooms/dev/events?since=now", headers={"Accept": style})
    room.chat.settle()
    if style != "application/json":
        http.streamed()
    room.configure()
    room.chat.settle()
    expected = room.expected(Action.READ)
    if style == "application/json":
        answered = [response.error for response in http.responses() if response.status >= 400]
        assert answered in ([], [expected])  # it may have been answered by what came before
        if expected == "yes":
            http = room.server.http() if column == "no session" else http_again(room, http)
        again = http.get("/rooms/dev/events?since=now&wait=0")
        assert (again.error if again.status >= 400 else "yes") == expected
    else:
        data = http.streamed().decode()
        assert http.closed is (expected != "yes")
        assert (f'"code":"{expected}"' in data) is (expected != "yes")


def test_websocket_commands_obey_moderation(server: MemoryServer, admin: Person) -> None:
    """The same rules hold as for requests."""
    client = DOORS["websocket"](server)
    client.enter("bob")
    server.chat.perform(admin, Mute("lobby", "bob"))
    client.read()
    assert client.say("hello") == "you are muted here"
    assert client.set_topic("tea") == "you are muted here"
    server.chat.perform(admin, Ban("lobby", "bob"))
    assert client.read() == []
    assert client.end_code == "banned"


def test_member_enters_a_closed_room_that_others_cannot_see(
    server: MemoryServer, admin: Person
) -> None:
    """Its name, people and events are hidden from everybody else."""
    person = signed_in(server, "bob")
    server.chat.perform(admin, Join("dev"))
    server.chat.perform(admin, Configure("dev", access="members"))
    server.chat.perform(admin, Admit("dev", "bob"))
    assert person.request("PUT", "/rooms/dev/membership").status == 200
    for target in ("/rooms/dev", "/rooms/dev/events?wait=0"):
        assert person.get(target).status == 200
        assert server.http().get(target).refusal == (404, "not-found")
    assert json.loads(server.http().get("/rooms").body)["rooms"][0]["room"] == "lobby"


# -- registered accounts -------------------------------------------------------------------------

NEAR = "127.0.0.1"


def registered(server: MemoryServer, name: str) -> HttpClient:
    """A client in the first session of an account that was registered over HTTP."""
    http = server.http(NEAR)
    made = http.post("/accounts", {"name": name, "password": PASSWORD})
    assert made.status == 201, made.body
    client = server.http(NEAR)
    client.headers["Authorization"] = f"Bearer {made.json['token']}"
    return client


def test_accounts_moderate_over_http_from_registering_to_an_invite(server: MemoryServer) -> None:
    """The founder owns the room; roles, bans and memberships hold in later sessions."""
    ada, bob = registered(server, "ada"), registered(server, "bob")
    for client in (ada, bob):
        assert client.request("PUT", "/rooms/dev/membership").status == 200
    assert bob.send_json("PATCH", "/rooms/dev", {"slow": 5}).refusal == (403, "not-allowed")
    assert ada.send_json("PUT", "/rooms/dev/roles/bob", {"role": "op"}).status == 200
    assert bob.send_json("PATCH", "/rooms/dev", {"slow": 5}).status == 200
    cy = registered(server, "cy")
    assert bob.send_json("PUT", "/rooms/dev/bans/cy", {"text": "spam"}).status == 200
    again = server.http(NEAR).post("/session", {"name": "cy", "password": PASSWORD}).json["token"]
    cy.headers["Authorization"] = f"Bearer {again}"
    assert cy.request("PUT", "/rooms/dev/membership").refusal == (403, "banned")
    assert ada.send_json("PATCH", "/rooms/dev", {"access": "members"}).status == 200
    made = bob.post("/rooms/dev/invites", {}).json
    dan = registered(server, "dan")
    assert dan.get("/rooms/dev").refusal == (404, "not-found")
    assert dan.post(f"/invites/{made['code']}", {}).status == 200
    assert dan.get("/rooms/dev").status == 200
    assert cy.post(f"/invites/{made['code']}", {}).refusal == (404, "not-found")


def test_accounts_moderate_on_the_line_door_from_registering_to_an_invite(
    server: MemoryServer,
) -> None:
    """With the same accounts and rooms as over HTTP."""
    ada = Terminal(server, "/nick ada", f"/register {PASSWORD}", "/join dev", host=NEAR)
    bob = Terminal(server, "/nick bob", f"/register {PASSWORD}", "/join dev", host=NEAR)
    ada.heard()
    assert ada.type("/op bob") == ["-- ada made bob an op of #dev"]
    bob.heard()
    guest = Terminal(server, "/nick guido", "/join dev", host=NEAR)
    for client in (ada, bob):
        client.heard()
    assert bob.type("/kick guido hush") == ["-- bob kicked guido from #dev: hush"]
    assert any("you were put out of #dev by bob: hush" in line for line in guest.heard())
    ada.heard()
    (told,) = ada.type("/access members")
    assert told.startswith("-- ada")
    server.chat.service.page_url = "https://chat.example"
    (told,) = ada.type("/invite")
    assert told.startswith("== who opens https://chat.example/#invite=")
    code = told.partition("#invite=")[2].split()[0]
    cy = registered(server, "cy")
    assert cy.get("/rooms/dev").refusal == (404, "not-found")
    assert cy.post(f"/invites/{code}", {}).status == 200
    assert cy.get("/rooms/dev").status == 200
