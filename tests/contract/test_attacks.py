"""Attacks over all doors at once: what a hostile client, or a hostile page, tries."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unicodedata import normalize

import pytest
from twisted.internet.defer import Deferred

from chatd.chat.rules import Rules
from chatd.model.bounds import MAX_PASSWORD
from chatd.model.commands import Join, Say, SetTopic
from chatd.model.moderation import Admit, Ban, Configure, Dismiss, GiveRole
from chatd.model.rights import Role
from chatd.testing import InMemoryChat

from ..kit.chat import PASSWORD, administrator, registered, settled, signed_in
from ..kit.http import HttpClient
from ..kit.irc import NEAR, IrcWire, of_account
from ..kit.irc import register as irc
from ..kit.server import MemoryServer
from ..kit.terminal import Terminal
from ..kit.websocket import WebSocket
from .test_guests import FOR_ALL, PATHS, methods

JSON = {"Content-Type": "application/json"}
SECRET = "xyzzy"


def http_of(server: MemoryServer, name: str) -> HttpClient:
    """A connection in a new session of an account."""
    http = server.http(NEAR)
    token = http.post("/session", {"name": name, "password": PASSWORD}).json["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    return http


def token_of(http: HttpClient) -> str:
    return http.headers["Authorization"].removeprefix("Bearer ")


# -- a page of another site ----------------------------------------------------------------------


@pytest.mark.parametrize("door", PATHS)
def test_a_page_of_another_site_changes_nothing_with_any_request(
    server: MemoryServer, door: str
) -> None:
    """Although the browser adds the cookie of an administrator to it."""
    administrator(server.chat, "ada")
    cookie = f"chatd-{server.chat.service.id}={token_of(http_of(server, 'ada'))}"
    server.chat.settle()
    before = server.chat.service.horizon
    http = server.admin() if door == "admin" else server.http(NEAR)
    assert http.get("/healthz", Cookie=cookie).status == 200
    for path in PATHS[door]:
        for method in methods(http, path):
            if f"{method} {path}" in FOR_ALL:
                continue
            for origin in ("https://evil.example", "null"):
                headers = {"Cookie": cookie, "Origin": origin, **JSON}
                response = http.request(method, path, "{}" if method != "GET" else "", headers)
                assert response.refusal == (403, "foreign-origin"), (method, path)
    assert server.chat.service.horizon == before


JSON_ONLY = [
    ("POST", "/accounts", {"name": "eve", "password": PASSWORD}),
    ("PATCH", "/account", {"current": PASSWORD, "password": "another horse battery"}),
    ("DELETE", "/account", {"password": PASSWORD}),
    ("POST", "/account/tokens", {"label": "x"}),
    ("PATCH", "/rooms/dev", {"access": "members"}),
    ("PUT", "/rooms/dev/roles/eve", {"role": "owner"}),
    ("PUT", "/rooms/dev/bans/bob", {"text": "x"}),
    ("PUT", "/rooms/dev/mutes/bob", {"text": "x"}),
    ("DELETE", "/rooms/dev/people/bob", {"text": "x"}),
    ("POST", "/rooms/dev/invites", {"uses": 9}),
    ("PUT", "/rooms/dev/marker", {"id": 1}),
    ("PUT", "/people/bob/marker", {"id": 1}),
]


@pytest.mark.parametrize(("method", "path", "body"), JSON_ONLY)
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_requests_of_accounts_take_json_only(
    server: MemoryServer, method: str, path: str, body: Any, kind: str
) -> None:
    """A form cannot send JSON with its media type, so no page can have a user send one."""
    for name in ("ada", "bob"):
        registered(server.chat, name)
    ada = http_of(server, "ada")
    ada.post("/rooms/dev/messages", {"text": "hi"})
    before = server.chat.service.horizon
    response = ada.request(method, path, json.dumps(body), {"Content-Type": kind} if kind else {})
    assert response.refusal == (415, "unsupported-media-type")
    assert server.chat.service.horizon == before


# -- sessions ------------------------------------------------------------------------------------


def test_no_client_chooses_the_token_of_a_session(server: MemoryServer) -> None:
    """Not by a cookie, a header or the query: who planted one does not get into the session that
    begins with it (session fixation).
    """
    registered(server.chat, "ada")
    planted = server.http(NEAR)
    known = planted.enter("eve")
    name = f"chatd-{server.chat.service.id}"
    for headers in (
        {"Cookie": f"{name}={known}"},
        {"Cookie": f"{name}={'x' * 32}"},
        {"Authorization": f"Bearer {known}"},
        {"Chatd-Session": known},
    ):
        for target in ("/session", f"/session?access_token={known}"):
            victim = server.http(NEAR)
            body = json.dumps({"name": "ada", "password": PASSWORD})
            response = victim.request("POST", target, body, {**JSON, **headers})
            assert response.status == 201
            assert response.json["token"] not in (known, "x" * 32)
            assert f"{name}={response.json['token']};" in response.headers["set-cookie"]
    assert planted.get("/session").json["name"] == "eve"
    assert server.http(NEAR).get("/session", Cookie=f"{name}={'x' * 32}").status == 401


def test_a_guest_s_token_ends_when_the_guest_registers(server: MemoryServer) -> None:
    """Who knew it does not become the account."""
    http = server.http(NEAR)
    known = http.enter("ada")
    made = http.post("/accounts", {"name": "ada", "password": PASSWORD})
    assert made.json["token"] != known
    for header in ("Authorization", "Chatd-Session"):
        thief = server.http(NEAR)
        thief.headers[header] = f"Bearer {known}" if header == "Authorization" else known
        assert thief.get("/session").refusal == (401, "bad-token")


# -- names ---------------------------------------------------------------------------------------

Registering = Callable[[MemoryServer, str], Callable[[], bool]]
"""Begins to register a name; the function that it returns tells whether that has succeeded."""


def over_http(server: MemoryServer, name: str) -> Callable[[], bool]:
    http = server.http(NEAR)
    http.send("POST", "/accounts", json.dumps({"name": name, "password": PASSWORD}), JSON)

    def done() -> bool:
        response = http.response()
        assert response.status == 201 or response.refusal in (
            (409, "name-registered"),
            (409, "name-in-use"),
        )
        return response.status == 201

    return done


def over_line(server: MemoryServer, name: str) -> Callable[[], bool]:
    terminal = Terminal(server, host=NEAR)
    terminal.wire.send(f"/nick {name}\r\n/register {PASSWORD}\r\n".encode())
    return lambda: f"== {name} is registered, and you are signed in" in terminal.heard()


def over_irc(server: MemoryServer, name: str) -> Callable[[], bool]:
    client = irc(server, name, "draft/account-registration", host=NEAR)
    client.send(f"REGISTER * * :{PASSWORD}")
    return lambda: any("REGISTER SUCCESS" in line for line in client.read())


DOORS: dict[str, Registering] = {"http": over_http, "line": over_line, "irc": over_irc}


@pytest.mark.parametrize("second", DOORS)
@pytest.mark.parametrize("first", DOORS)
@pytest.mark.parametrize("other", ["ada", "ADA"])
def test_of_two_who_register_a_name_at_once_one_gets_it(
    server: MemoryServer, first: str, second: str, other: str
) -> None:
    """Over any two doors, in any spelling; there is one account, with the winner's password."""
    asked = [DOORS[first](server, "ada"), DOORS[second](server, other)]
    server.chat.settle()
    assert [done() for done in asked].count(True) == 1
    record = settled(server.chat, server.chat.service.accounts.find("ada"))
    assert record.value is not None
    assert signed_in(server.chat, "ada").person.account == "ada"


@pytest.mark.parametrize("door", ["line", "irc", "http", "websocket"])
def test_a_guest_does_not_take_a_name_that_is_being_registered(
    server: MemoryServer, door: str
) -> None:
    """Whoever is first: there is one holder, and the name is the account's if there is one."""
    server.chat.passwords.hold()
    registering = over_http(server, "ada")
    server.chat.settle()
    if door == "line":
        terminal = Terminal(server, host=NEAR)
        terminal.type("/nick ada")
    elif door == "irc":
        client = IrcWire(server, NEAR)
        client.ask("NICK ada", "USER x 0 * :x")
    elif door == "http":
        http = server.http(NEAR)
        http.post("/session", {"name": "ada"})
    else:
        socket = WebSocket(server)
        socket.send(type="nick", name="ada", ref="1")
        socket.received()
    server.chat.passwords.release()
    server.chat.settle()
    made = registering()
    holder = server.chat.service.people.find("ada")
    if made:
        assert holder is None or holder.account == "ada"
    else:
        assert holder is not None
        assert holder.account is None
        assert settled(server.chat, server.chat.service.accounts.find("ada")).value is None


# -- passwords -----------------------------------------------------------------------------------


@pytest.mark.parametrize("password", ["x" * (1 << 20), "é" * MAX_PASSWORD * 2, "correct\0horse"])
def test_a_password_that_cannot_be_one_costs_no_hash(
    server: MemoryServer, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP, on the line door and over IRC: no account is made, and the connection, or the next
    one, goes on.
    """

    def hashed(job: Callable[[], Any]) -> Deferred[Any]:
        raise AssertionError("a hash was made")

    monkeypatch.setattr(server.chat.passwords, "do", hashed)
    body = json.dumps({"name": "ada", "password": password})
    response = server.http(NEAR).request("POST", "/accounts", body, JSON)
    assert response.status in (400, 413)
    for line, make in (
        (f"/register {password}\r\n", Terminal(server, "/nick ada", host=NEAR).wire),
        (f"REGISTER * * :{password}\r\n", irc(server, "bob", host=NEAR).wire),
    ):
        make.send(line.encode())
        server.chat.settle()
        make.received()
    for name in ("ada", "bob"):
        assert settled(server.chat, server.chat.service.accounts.find(name)).value is None


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_password_is_the_same_in_every_normalisation_form(
    server: MemoryServer, form: Any
) -> None:
    """Of keyboards and systems that send another one (RFC 8265, OpaqueString)."""
    password = "Größe über alles\u00a0hinaus"
    body = {"name": "ada", "password": normalize(form, password)}
    assert server.http(NEAR).post("/accounts", body).status == 201
    for other in ("NFC", "NFD"):
        sent = {"name": "ada", "password": normalize(other, password).replace("\u00a0", " ")}
        assert server.http(NEAR).post("/session", sent).status == 201
    wrong = {"name": "ada", "password": password.casefold()}
    assert server.http(NEAR).post("/session", wrong).refusal == (401, "bad-credentials")


# -- roles, bans, invites ------------------------------------------------------------------------


@pytest.fixture
def room(server: MemoryServer) -> MemoryServer:
    """ada owns #dev, bob is its op; both have accounts."""
    chat = server.chat
    for name in ("ada", "bob"):
        registered(chat, name)
    ada, bob = signed_in(chat, "ada"), signed_in(chat, "bob")
    chat.perform(ada.person, Say("dev", "hello"))
    chat.perform(bob.person, Join("dev"))
    chat.perform(ada.person, GiveRole("dev", "bob", "op"))
    return server


def test_an_op_does_not_act_on_the_owner(room: MemoryServer) -> None:
    """On no door: neither the role, nor a kick, a ban, a mute, or the membership."""
    http = http_of(room, "bob")
    requests: list[tuple[str, str, Any]] = [
        ("PUT", "/rooms/dev/roles/ada", {"role": None}),
        ("PUT", "/rooms/dev/roles/ada", {"role": "voice"}),
        ("DELETE", "/rooms/dev/people/ada", {}),
        ("PUT", "/rooms/dev/bans/ada", {}),
        ("PUT", "/rooms/dev/mutes/ada", {}),
        ("DELETE", "/rooms/dev/members/ada", None),
        ("PUT", "/rooms/dev/roles/bob", {"role": "owner"}),
    ]
    for method, path, body in requests:
        assert http.send_json(method, path, body).refusal == (403, "not-allowed"), (method, path)
    socket = WebSocket(room, "/rooms/dev/events", token=token_of(http))
    for frame in (
        {"type": "role", "target": "ada", "role": None},
        {"type": "kick", "target": "ada"},
        {"type": "ban", "target": "ada"},
        {"type": "mute", "target": "ada"},
        {"type": "dismiss", "target": "ada"},
    ):
        assert socket.answer(**frame, ref=frame["type"])["code"] == "not-allowed"
    line = Terminal(room, f"/login bob {PASSWORD}", "/room dev", host=NEAR)
    for typed in ("/deop ada", "/kick ada", "/ban ada", "/mute ada", "/owner bob"):
        assert [it[:2] for it in line.type(typed)] == ["!!"], typed
    client = of_account(room, "bob")
    for command in (
        "MODE #dev -q ada",
        "MODE #dev +b ada!*@*",
        "KICK #dev ada",
        "MODE #dev +q bob",
    ):
        told = client.ask(command)
        assert told, command
        assert not any(" MODE " in it or " KICK " in it for it in told), told
    rights = room.chat.room("dev").rights
    assert (rights.role("ada"), rights.role("bob")) == (Role.OWNER, Role.OP)
    assert not rights.bans
    assert not rights.mutes
    assert "ada" in room.chat.room("dev").members


def test_nobody_bans_or_mutes_themselves(room: MemoryServer) -> None:
    """By name, nor by a network that covers their own address."""
    http = http_of(room, "ada")
    for path in ("bans/ada", "bans/ADA", "mutes/ada"):
        assert http.send_json("PUT", f"/rooms/dev/{path}", {}).refusal == (403, "not-allowed")
    next(iter(room.chat.service.sessions.of("ada"))).person.admin = True
    for network in ("127.0.0.0%2F8", "0.0.0.0%2F0", "127.0.0.1%2F32"):
        refused = http.send_json("PUT", f"/rooms/dev/bans/{network}", {})
        assert refused.refusal == (403, "not-allowed"), network
    line = Terminal(room, f"/login bob {PASSWORD}", "/room dev", host=NEAR)
    for typed in ("/ban bob", "/mute bob"):
        assert [it[:2] for it in line.type(typed)] == ["!!"]
    assert not room.chat.room("dev").rights.bans


def test_an_invite_for_one_is_used_once_by_two_at_once(room: MemoryServer) -> None:
    """In the same turn, over two connections; the other is told what any bad code is told."""
    registered(room.chat, "cy")
    registered(room.chat, "dan")
    owner = http_of(room, "ada")
    owner.send_json("PATCH", "/rooms/dev", {"access": "members"})
    code = owner.post("/rooms/dev/invites", {"uses": 1}).json["code"]
    clients = [http_of(room, name) for name in ("cy", "dan")]
    for client in clients:
        client.send("POST", f"/invites/{code}")
    room.chat.settle()
    answers = [client.response() for client in clients]
    assert sorted(answer.status for answer in answers) == [200, 404]
    assert len({"cy", "dan"} & set(room.chat.room("dev").rights.admitted)) == 1
    assert clients[0].request("POST", f"/invites/{'x' * 22}").refusal[0] == 404


@pytest.mark.parametrize("second", ["http", "line"])
def test_an_invite_for_one_registers_one(second: str) -> None:
    """Of two who register with it at once, over two doors."""
    chat = InMemoryChat(rules=Rules(register="invite"))
    server = MemoryServer(chat=chat)
    root = administrator(chat, "ada")
    assert root.record.value
    owner = http_of(server, "ada")
    owner.post("/rooms/dev/messages", {"text": "hi"})
    code = owner.post("/rooms/dev/invites", {"uses": 1}).json["code"]
    first = server.http(NEAR)
    body = {"name": "cy", "password": PASSWORD, "invite": code}
    if second == "http":
        other = server.http(NEAR)
        other.send("POST", "/accounts", json.dumps({**body, "name": "dan"}), JSON)
    else:
        terminal = Terminal(server, "/nick dan", host=NEAR)
        terminal.wire.send(f"/register {PASSWORD} #invite={code}\r\n".encode())
    first.send("POST", "/accounts", json.dumps(body), JSON)
    chat.settle()
    accounts = [settled(chat, chat.service.accounts.find(name)).value for name in ("cy", "dan")]
    assert [account is not None for account in accounts].count(True) == 1
    again = server.http(NEAR).post("/accounts", {**body, "name": "eve"})
    assert again.refusal == (403, "not-allowed")


# -- reading after being put out -----------------------------------------------------------------


@pytest.mark.parametrize("how", ["banned", "dismissed"])
def test_who_was_put_out_reads_nothing_by_any_way(room: MemoryServer, how: str) -> None:
    """Of what was said before or after, the topic, or the people: not with sessions, cursors,
    streams, tickets, tokens or connections that were there before, and not with new ones.
    """
    chat = room.chat
    ada = next(iter(chat.service.sessions.of("ada"))).person
    chat.perform(ada, Say("dev", f"{SECRET} before"))
    chat.perform(ada, SetTopic("dev", f"{SECRET} topic"))
    registered(chat, "cy")
    bob, cy = http_of(room, "bob"), http_of(room, "cy")
    bob.request("PUT", "/rooms/dev/membership")
    cursor = bob.get("/rooms/dev/events?wait=0").json["next"]
    bob.send_json("PUT", "/rooms/dev/marker", {"id": 1})
    personal = room.http(NEAR)
    token = bob.post("/account/tokens", {"label": "x", "scope": "all"}).json["token"]
    personal.headers["Authorization"] = f"Bearer {token}"
    assert personal.get("/rooms/dev/events?wait=0").status == 200
    tickets = [bob.request("POST", "/session/ticket").json["ticket"] for _ in range(2)]
    wide = WebSocket(room, "/events?rooms=lobby&since=now", token=token_of(bob))
    line = Terminal(room, f"/login bob {PASSWORD}", "/room dev", host=NEAR)
    client = of_account(room, "bob", "batch", "draft/chathistory", "server-time", "message-tags")
    client.ask("JOIN #dev")
    for http in (bob, personal):
        for _ in range(3):  # polls of that form are learned
            assert http.get(f"/rooms/dev/events?since={cursor}&wait=0").status == 200
    if how == "banned":
        chat.perform(ada, GiveRole("dev", "bob", None))
        chat.perform(ada, Ban("dev", "bob"))
    else:
        chat.perform(ada, Configure("dev", access="members"))
        chat.perform(ada, Admit("dev", "cy"))
        chat.perform(ada, Dismiss("dev", "bob"))
    for read in (line.heard, client.read, wide.received):
        read()
    chat.perform(ada, Say("dev", f"{SECRET} after"))

    told = [*line.heard(), *client.read(), *map(str, wide.received())]
    told += line.type("/join dev", "/room dev", "/history 50", "/since 1", "/who dev", "/topic")
    told += line.type(f"/since {cursor}", "/names dev")
    told += client.ask(
        "JOIN #dev",
        "CHATHISTORY LATEST #dev * 100",
        f"CHATHISTORY AFTER #dev msgid={cursor} 100",
        "CHATHISTORY BEFORE #dev timestamp=2099-01-01T00:00:00.000Z 100",
        "NAMES #dev",
        "WHO #dev",
        "TOPIC #dev",
    )
    for frame in ({"type": "join", "room": "dev"}, {"type": "say", "room": "dev", "text": "hi"}):
        told.append(str(wide.answer(**frame, ref=frame["type"])))
    told += map(str, WebSocket(room, "/rooms/dev/events?since=0", token=token_of(bob)).opening)
    told += map(str, WebSocket(room, f"/rooms/dev/events?since=0&ticket={tickets[0]}").opening)
    targets = [
        f"/rooms/dev/events?since={cursor}&wait=0",
        "/rooms/dev/events?since=0&wait=0",
        "/rooms/dev/events?before=900000000000000000",
        f"/events?rooms=lobby,dev&since={cursor}&wait=0",
        "/rooms/dev",
        "/rooms/dev/bans",
        "/rooms/dev/members",
    ]
    code = (403, "banned") if how == "banned" else (404, "not-found")
    for http in (bob, personal, http_of(room, "bob")):
        for target in targets:
            for accept in ("application/json", "text/event-stream", "application/x-ndjson"):
                headers = {"Accept": accept, "Last-Event-ID": f"{cursor}"}
                for _ in range(2):
                    http.send("GET", target, headers=headers)  # one behind the other
                chat.settle()
                for response in http.responses():
                    assert response.refusal == code, (target, accept)
                    told.append(response.body.decode())
    for accept in ("text/event-stream", "application/x-ndjson"):
        stream = room.http(NEAR)
        stream.send("GET", f"/rooms/dev/events?ticket={tickets[1]}", headers={"Accept": accept})
        chat.settle()
        told += [response.body.decode() for response in stream.responses()]
    session = bob.get("/session")
    told += [session.body.decode(), bob.get("/events?rooms=lobby&since=0&wait=0").body.decode()]
    assert "dev" not in session.json["unread"]
    if how == "dismissed":
        lists = [bob.get("/rooms").body.decode(), *line.type("/rooms"), *client.ask("LIST")]
        assert not any("dev" in one for one in lists)
    assert not any(SECRET in one for one in told), [one for one in told if SECRET in one]
    assert f"{SECRET} after" in cy.get("/rooms/dev/events?since=0&wait=0").body.decode()
