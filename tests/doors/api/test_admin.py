"""What administrators do over HTTP, on their own door."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.administration import console
from chatd.chat.rules import Rules
from chatd.testing import InMemoryChat

from ...kit.chat import PASSWORD, settled
from ...kit.http import HttpClient
from ...kit.server import MemoryServer
from .test_marker import NEAR, register, same_session

OTHER = "another horse battery"
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/admin/accounts", None),
    ("POST", "/admin/accounts", {"name": "cy", "password": PASSWORD}),
    ("PATCH", "/admin/accounts/bob", {"password": OTHER}),
    ("PATCH", "/admin/accounts/bob", {"admin": True}),
    ("DELETE", "/admin/accounts/bob", None),
    ("GET", "/admin/accounts/bob/sessions", None),
    ("DELETE", "/admin/accounts/bob/sessions", None),
    ("DELETE", "/admin/accounts/bob/sessions/1", None),
    ("GET", "/admin/bans", None),
    ("PUT", "/admin/bans/eve", {}),
    ("DELETE", "/admin/bans/eve", None),
    ("POST", "/admin/invites", {}),
    ("GET", "/admin/audit", None),
]


def ask(http: HttpClient, method: str, target: str, body: Any) -> Any:
    if body is None:
        return http.request(method, target)
    return http.send_json(method, target, body)


def admin(server: MemoryServer, name: str = "ada", scope: str = "") -> HttpClient:
    """A client of the administrators' door: in an administrator's session, or with a token."""
    own = register(server, name)
    person = next(iter(server.chat.service.sessions.of(name))).person
    by = server.chat.service.administration
    person.admin = True
    by.set_admin(person, name, admin=True)
    server.chat.settle()
    client = server.admin()
    client.headers.update(own.headers)
    if scope:
        token = own.post("/account/tokens", {"label": "x", "scope": scope}).json["token"]
        client.headers["Authorization"] = f"Bearer {token}"
    return client


@pytest.mark.parametrize(("method", "target", "body"), REQUESTS)
def test_only_administrators_may(server: MemoryServer, method: str, target: str, body: Any) -> None:
    """Not strangers, guests, other accounts, nor tokens of a lesser scope; and nothing is told."""
    bob, guest = register(server, "bob"), server.http()
    guest.enter("guy")
    lesser = admin(server, scope="write")
    client = server.admin()
    assert ask(client, method, target, body).refusal == (401, "no-session")
    client.headers.update(guest.headers)
    assert ask(client, method, target, body).refusal == (401, "no-session")
    client.headers.update(bob.headers)
    assert ask(client, method, target, body).refusal == (403, "not-allowed")
    assert ask(lesser, method, target, body).refusal == (403, "not-allowed")
    trail = admin(server, "root-of-all").get("/admin/audit").json["records"]
    assert {record["action"] for record in trail} == {"account-admin"}


@pytest.mark.parametrize(("method", "target", "body"), REQUESTS)
def test_an_administrators_token_may_do_all(
    server: MemoryServer, method: str, target: str, body: Any
) -> None:
    """What is not there is told as that."""
    register(server, "bob")
    answer = ask(admin(server, scope="all"), method, target, body)
    there = not target.endswith(("/sessions/1",)) and (method, target) != (
        "DELETE",
        "/admin/bans/eve",
    )
    assert (answer.status < 300) == there, answer
    if not there:
        assert answer.refusal == (404, "not-found")


def test_the_other_doors_have_no_administration(server: MemoryServer) -> None:
    """Nor has this one what they have."""
    ada = admin(server)
    web = server.http(NEAR)
    web.headers.update(ada.headers)
    assert web.get("/admin/accounts").refusal == (404, "not-found")
    assert ada.get("/rooms").refusal == (404, "not-found")
    assert ada.get("/").status == 404
    assert server.admin().get("/healthz").status == 200


def test_accounts_are_listed_in_pages(server: MemoryServer) -> None:
    """By their names; deleted ones are not there."""
    ada = admin(server)
    for name in ("Bob", "cy", "Dan"):
        register(server, name)
    assert ada.request("DELETE", "/admin/accounts/cy").status == 204
    page = ada.get("/admin/accounts?limit=2").json
    assert [(one["name"], one["admin"], one["present"]) for one in page["accounts"]] == [
        ("ada", True, True),
        ("Bob", False, True),
    ]
    rest = ada.get(f"/admin/accounts/?limit=2&after={page['next']}").json
    assert ([one["name"] for one in rest["accounts"]], rest["next"]) == (["Dan"], None)
    assert ada.get("/admin/accounts?limit=0").refusal == (400, "malformed")


def test_an_account_is_made_changed_and_removed() -> None:
    """Where nobody may register."""
    chat = InMemoryChat(rules=Rules(register="closed"))
    server = MemoryServer(chat=chat)
    by = console(chat.service.admission.bucket())
    settled(chat, chat.service.administration.add(by, "ada", PASSWORD, admin=True))
    web = server.http(NEAR)
    token = web.post("/session", {"name": "ada", "password": PASSWORD}).json["token"]
    ada = server.admin()
    ada.headers["Authorization"] = f"Bearer {token}"
    made = ada.post("/admin/accounts", {"name": "Bob", "password": PASSWORD, "admin": True})
    assert (made.status, made.json) == (201, {"name": "Bob", "admin": True})
    again_made = ada.post("/admin/accounts", {"name": "bob", "password": PASSWORD})
    assert again_made.refusal == (409, "name-registered")
    web = server.http(NEAR)
    login = {"name": "bob", "password": PASSWORD}
    token = web.post("/session", login).json["token"]
    web.headers["Authorization"] = f"Bearer {token}"
    assert ada.send_json("PATCH", "/admin/accounts/bob", {"admin": False}).status == 204
    assert web.get("/session").json["admin"] is False
    assert ada.send_json("PATCH", "/admin/accounts/bob", {"password": OTHER}).status == 204
    assert web.get("/session").refusal == (401, "bad-token")
    assert server.http(NEAR).post("/session", login).refusal == (401, "bad-credentials")
    assert ada.request("DELETE", "/admin/accounts/bob").status == 204
    assert ada.request("DELETE", "/admin/accounts/bob").refusal == (404, "not-found")


@pytest.mark.parametrize("body", [{}, {"password": OTHER, "admin": True}, {"name": "x"}])
def test_one_thing_is_changed_at_a_time(server: MemoryServer, body: Any) -> None:
    """Or what was done of it would be unknown if it failed."""
    register(server, "bob")
    changed = admin(server).send_json("PATCH", "/admin/accounts/bob", body)
    assert changed.refusal == (400, "malformed")


def test_a_password_is_taken_over_a_safe_connection_only(server: MemoryServer) -> None:
    """As everywhere."""
    register(server, "bob")
    ada = admin(server)
    far = server.admin("192.0.2.1")
    far.headers.update(ada.headers)
    made = far.post("/admin/accounts", {"name": "cy", "password": PASSWORD})
    assert made.refusal == (403, "insecure")
    changed = far.send_json("PATCH", "/admin/accounts/bob", {"password": OTHER})
    assert changed.refusal == (403, "insecure")
    assert far.send_json("PATCH", "/admin/accounts/bob", {"admin": True}).status == 204


def test_a_session_is_ended_in_the_middle_of_its_stream(server: MemoryServer) -> None:
    """Its readers are told why."""
    ada, bob = admin(server), register(server, "bob")
    stream = same_session(server, bob)
    stream.send("GET", "/events?rooms=lobby", headers={"Accept": "text/event-stream"})
    server.chat.settle()
    listed = ada.get("/admin/accounts/bob/sessions").json["sessions"]
    assert [set(one) for one in listed] == [{"id", "label", "address", "created", "used"}]
    ended = ada.request("DELETE", f"/admin/accounts/bob/sessions/{listed[0]['id']}")
    assert ended.status == 204
    assert b"event: end" in stream.streamed()
    assert stream.closed
    assert ada.get("/admin/accounts/bob/sessions").json == {"sessions": []}


def test_bans_are_placed_listed_and_lifted(server: MemoryServer) -> None:
    """Of names, and of networks with their slash."""
    ada = admin(server)
    eve = server.http()
    eve.enter("eve")
    body = {"seconds": 60, "text": "spam"}
    assert ada.send_json("PUT", "/admin/bans/eve", body).status == 204
    server.chat.clock.advance(1)  # the oldest is listed first
    assert ada.send_json("PUT", "/admin/bans/198.51.100.0/24", {}).status == 204
    assert eve.get("/rooms").refusal[0] in (401, 403)
    assert server.http("198.51.100.9").post("/session", {}).refusal == (403, "banned")
    bans = ada.get("/admin/bans").json["bans"]
    assert [(ban["who"], ban["by"], ban["text"]) for ban in bans] == [
        ("eve", "ada", "spam"),
        ("198.51.100.0/24", "ada", ""),
    ]
    assert ada.request("DELETE", "/admin/bans/198.51.100.0/24").status == 204
    assert ada.request("DELETE", f"/admin/bans/{bans[0]['id']}").status == 204
    assert ada.get("/admin/bans").json == {"bans": []}


def test_an_invite_is_made(server: MemoryServer) -> None:
    """Its code is told this once."""
    server.chat.service.page_url = "https://chat.example"
    ada = admin(server)
    made = ada.post("/admin/invites", {"uses": 2})
    assert made.status == 201
    assert made.json["url"] == f"https://chat.example/#invite={made.json['code']}"
    server.chat.service.page_url = ""
    made = ada.post("/admin/invites", {})
    assert made.json["url"] == f"/#invite={made.json['code']}", "the page's address is not known"


def test_the_audit_trail_is_paged(server: MemoryServer) -> None:
    """The newest first; each says when, by whom, and on whom."""
    ada = admin(server)
    for name in ("eve", "guy", "zoe"):
        ada.send_json("PUT", f"/admin/bans/{name}", {"text": "spam"})
    page = ada.get("/admin/audit?limit=2").json
    assert [record["target"] for record in page["records"]] == ["zoe", "guy"]
    first = page["records"][0]
    assert first.pop("time").startswith("2025-11-22T")
    assert first == {"action": "ban", "by": "ada", "account": True, "room": None} | {
        "target": "zoe",
        "text": "spam",
        "until": None,
    }
    rest = ada.get(f"/admin/audit?limit=2&before={page['next']}").json
    assert [record["target"] for record in rest["records"]] == ["eve", "ada"]
    assert rest["next"] is None


def test_a_page_of_another_site_reaches_nothing(server: MemoryServer) -> None:
    """Not even with the cookie of an administrator."""
    ada = admin(server)
    foreign = ada.send_json("PUT", "/admin/bans/eve", {}, Origin="https://evil.example")
    assert foreign.refusal == (403, "foreign-origin")
