"""Invites over HTTP (`chatd.doors.api.invites`)."""

from __future__ import annotations

import pytest

from ...kit.http import HttpClient
from ...kit.moderators import person_of, signed_in
from ...kit.server import MemoryServer


@pytest.fixture
def ada(server: MemoryServer) -> HttpClient:
    """The owner of #dev."""
    return signed_in(server, "ada", "dev")


@pytest.fixture
def bob(server: MemoryServer, ada: HttpClient) -> HttpClient:
    """An account in #dev."""
    return signed_in(server, "bob", "dev")


@pytest.fixture
def closed(ada: HttpClient) -> None:
    """#dev is open to its members only."""
    ada.post("/rooms/dev/messages", {"text": "xyzzy"})
    ada.send_json("PUT", "/rooms/dev/topic", {"text": "xyzzy"})
    assert ada.send_json("PATCH", "/rooms/dev", {"access": "members"}).status == 200


def test_invite_makes_one_account_a_member(
    server: MemoryServer, ada: HttpClient, closed: None
) -> None:
    """The second account gets 404; a member that uses the invite again does not use it up."""
    made = ada.post("/rooms/dev/invites", {})
    assert made.status == 201
    code = made.json["code"]
    assert made.json["url"].endswith(f"/#invite={code}")
    assert ada.post(f"/invites/{code}", {}).json == {"room": "dev"}
    bob, eve = signed_in(server, "bob"), signed_in(server, "eve")
    assert bob.post(f"/invites/{code}", {}).json == {"room": "dev"}
    assert "dev" in bob.get("/session").json["rooms"]
    assert eve.post(f"/invites/{code}", {}).refusal == (404, "not-found")


def test_invite_expires_and_can_be_revoked(server: MemoryServer, ada: HttpClient) -> None:
    """Every code that cannot be used is refused with the same answer."""
    short = ada.post("/rooms/dev/invites", {"seconds": 60, "uses": 5}).json
    taken = ada.post("/rooms/dev/invites", {}).json
    listed = ada.get("/rooms/dev/invites").json["invites"]
    assert [(one["id"], one["uses"], one["by"]) for one in listed] == [
        (short["id"], 5, "ada"),
        (taken["id"], 1, "ada"),
    ]
    assert ada.request("DELETE", f"/rooms/dev/invites/{taken['id']}").status == 204
    bob = signed_in(server, "bob")
    person_of(server, "ada")
    server.chat.advance(61)
    bodies = {
        bob.post(f"/invites/{code}", {}).body
        for code in (short["code"], taken["code"], "nonsense", "x" * 65, "x" * 300)
    }
    assert len(bodies) == 1
    assert b"not-found" in bodies.pop()


def test_guest_cannot_use_an_invite(server: MemoryServer, ada: HttpClient) -> None:
    """The answer is 401, and the invite is not used up."""
    code = ada.post("/rooms/dev/invites", {}).json["code"]
    guest = server.http()
    guest.enter("guido")
    assert guest.post(f"/invites/{code}", {}).refusal == (401, "no-session")
    assert server.http().post(f"/invites/{code}", {}).refusal == (401, "no-session")
    assert signed_in(server, "bob").post(f"/invites/{code}", {}).status == 200


def test_last_use_of_an_invite_makes_one_of_two_clients_a_member(
    server: MemoryServer, ada: HttpClient, closed: None
) -> None:
    """The other client is refused."""
    code = ada.post("/rooms/dev/invites", {}).json["code"]
    clients = [signed_in(server, name) for name in ("bob", "eve")]
    server.hold_appends()
    for http in clients:
        http.send("POST", f"/invites/{code}")
    server.release_appends()
    assert sorted(http.response().status for http in clients) == [200, 404]
