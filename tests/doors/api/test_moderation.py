"""What owners and ops ask over HTTP (`chatd.doors.api.moderation`, `chatd.doors.api.invites`)."""

from __future__ import annotations

from typing import Any

import pytest

from ...kit.http import HttpClient
from ...kit.moderators import signed_in
from ...kit.server import MemoryServer


@pytest.fixture
def ada(server: MemoryServer) -> HttpClient:
    """The owner of #dev."""
    return signed_in(server, "ada", "dev")


@pytest.fixture
def bob(server: MemoryServer, ada: HttpClient) -> HttpClient:
    """An account in #dev."""
    return signed_in(server, "bob", "dev")


def told(server: MemoryServer, kind: str, room: str = "dev") -> dict[str, Any]:
    """The last event of that type in a room, without its id and time."""
    page = server.http().get(f"/rooms/{room}/events?wait=0&limit=100")
    event: dict[str, Any] = [e for e in page.json["events"] if e["type"] == kind][-1]
    return {key: value for key, value in event.items() if key not in ("id", "time")}


def test_settings_are_changed_with_an_event(server: MemoryServer, ada: HttpClient) -> None:
    """Each field may be left out."""
    changed = ada.send_json("PATCH", "/rooms/dev", {"posting": "accounts", "slow": 3})
    assert changed.status == 200
    room = ada.get("/rooms/dev").json
    assert (room["settings"]["posting"], room["settings"]["slow"]) == ("accounts", 3)
    assert (room["roles"], room["role"]) == ({"ada": "owner"}, "owner")
    assert told(server, "settings") == {
        "type": "settings",
        "room": "dev",
        "from": "ada",
        "account": True,
        "posting": "accounts",
        "slow": 3,
    }


@pytest.mark.parametrize(
    "body", [{"access": "shut"}, {"slow": "3"}, {"slow": -1}, {"colour": "red"}, {"listed": 1}, []]
)
def test_invalid_setting_is_malformed(ada: HttpClient, body: Any) -> None:
    """The room keeps its settings."""
    assert ada.send_json("PATCH", "/rooms/dev", body).refusal == (400, "malformed")


def test_settings_endpoint_takes_json_only(ada: HttpClient) -> None:
    """Any page could send a form."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert ada.request("PATCH", "/rooms/dev", "slow=3", form).refusal == (
        415,
        "unsupported-media-type",
    )


def test_roles_are_given_and_taken(server: MemoryServer, ada: HttpClient, bob: HttpClient) -> None:
    """The person's name is in the path."""
    assert ada.send_json("PUT", "/rooms/dev/roles/bob", {"role": "op"}).status == 200
    assert bob.get("/rooms/dev").json["role"] == "op"
    assert told(server, "role")["target"] == "bob"
    refused = bob.send_json("PUT", "/rooms/dev/roles/ada", {"role": None})
    assert refused.refusal == (403, "not-allowed")
    assert ada.send_json("PUT", "/rooms/dev/roles/ada", {"role": None}).refusal == (
        409,
        "last-owner",
    )
    assert ada.send_json("PUT", "/rooms/dev/roles/zoe", {"role": "op"}).refusal == (
        404,
        "no-such-person",
    )
    assert ada.send_json("PUT", "/rooms/dev/roles/bob", {}).refusal == (400, "malformed")


def test_person_is_kicked(server: MemoryServer, ada: HttpClient, bob: HttpClient) -> None:
    """The person may join again."""
    assert ada.send_json("DELETE", "/rooms/dev/people/bob", {"text": "spam"}).status == 204
    assert "dev" not in bob.get("/session").json["rooms"]
    assert told(server, "kick")["text"] == "spam"
    assert bob.request("PUT", "/rooms/dev/membership").status == 200
    assert bob.request("DELETE", "/rooms/dev/people/ada").refusal == (403, "not-allowed")


def test_bans_are_placed_listed_and_lifted(
    server: MemoryServer, ada: HttpClient, bob: HttpClient
) -> None:
    """A ban is lifted by the name or by its id."""
    placed = ada.send_json("PUT", "/rooms/dev/bans/bob", {"seconds": 60, "text": "spam"})
    assert placed.status == 200
    assert bob.get("/rooms/dev/events?wait=0").refusal == (403, "banned")
    assert bob.post("/rooms/dev/messages", {"text": "x"}).refusal == (403, "banned")
    assert bob.request("PUT", "/rooms/dev/membership").refusal == (403, "banned")
    [ban] = ada.get("/rooms/dev/bans").json["bans"]
    assert (ban["who"], ban["by"], ban["text"]) == ("bob", "ada", "spam")
    assert ban["until"].endswith("Z")
    assert bob.get("/rooms/dev/bans").refusal == (403, "banned")
    assert ada.request("DELETE", f"/rooms/dev/bans/{ban['id']}").status == 204
    assert ada.get("/rooms/dev/bans").json == {"bans": []}
    assert ada.request("DELETE", "/rooms/dev/bans/bob").refusal == (404, "not-found")
    assert ada.send_json("PUT", "/rooms/dev/bans/ada", {}).refusal == (403, "not-allowed")
    assert ada.send_json("PUT", "/rooms/dev/bans/bob", {"seconds": 0}).refusal == (400, "malformed")


@pytest.mark.parametrize("path", ["8.8.0.0/16", "8.8.0.0%2F16"])
def test_administrator_bans_a_network(server: MemoryServer, ada: HttpClient, path: str) -> None:
    """The slash may be escaped or not; other people see only that an address is banned."""
    root = signed_in(server, "ruth", admin=True)
    assert ada.send_json("PUT", f"/rooms/dev/bans/{path}", {}).refusal == (403, "not-allowed")
    assert root.send_json("PUT", f"/rooms/dev/bans/{path}", {}).status == 200
    assert server.http("8.8.4.4").get("/rooms/dev/events?wait=0").refusal == (403, "banned")
    assert server.http("9.9.9.9").get("/rooms/dev/events?wait=0").status == 200
    [ban] = ada.get("/rooms/dev/bans").json["bans"]
    assert ban["who"] == "an address"
    assert root.get("/rooms/dev/bans").json["bans"][0]["who"] == "8.8.0.0/16"
    assert told(server, "ban")["target"] == "an address"
    assert root.request("DELETE", f"/rooms/dev/bans/{path}").status == 204


def test_mutes_are_placed_listed_and_lifted(
    server: MemoryServer, ada: HttpClient, bob: HttpClient
) -> None:
    """A muted person can still read."""
    assert ada.send_json("PUT", "/rooms/dev/mutes/bob", {"seconds": 60}).status == 200
    assert bob.post("/rooms/dev/messages", {"text": "x"}).refusal == (403, "muted")
    assert bob.get("/rooms/dev/events?wait=0").status == 200
    assert [mute["who"] for mute in ada.get("/rooms/dev/mutes").json["mutes"]] == ["bob"]
    assert ada.request("DELETE", "/rooms/dev/mutes/bob").status == 204
    assert bob.post("/rooms/dev/messages", {"text": "x"}).status == 201


def test_slow_mode_refuses_with_retry_after(
    server: MemoryServer, ada: HttpClient, bob: HttpClient
) -> None:
    """The next message is refused with 429."""
    ada.send_json("PATCH", "/rooms/dev", {"slow": 30})
    assert bob.post("/rooms/dev/messages", {"text": "1"}).status == 201
    refused = bob.post("/rooms/dev/messages", {"text": "2"})
    assert refused.refusal == (429, "slow-mode")
    assert 29 <= int(refused.headers["retry-after"]) <= 31


def test_deleted_message_has_no_text_in_any_answer(
    server: MemoryServer, ada: HttpClient, bob: HttpClient
) -> None:
    """Neither in learned polls nor in pages."""
    id_ = bob.post("/rooms/dev/messages", {"text": "xyzzy"}).json["id"]
    eve = server.http()
    target = f"/rooms/dev/events?since={id_ - 1}&wait=0"
    for _ in range(3):
        assert b"xyzzy" in eve.get(target).body
    assert eve.request("DELETE", f"/rooms/dev/messages/{id_}").refusal == (401, "no-session")
    assert ada.request("DELETE", f"/rooms/dev/messages/{id_}").status == 204
    event = eve.get(target).json["events"][0]
    assert (event["id"], event["text"], event["redacted"]) == (id_, "", True)
    for get in (target, f"/rooms/dev/events?before={id_ + 1}", "/rooms/dev/events?since=0&wait=0"):
        assert b"xyzzy" not in server.http().get(get).body
    assert ada.request("DELETE", f"/rooms/dev/messages/{id_}").status == 204
    assert ada.request("DELETE", "/rooms/dev/messages/12").refusal == (404, "not-found")
    assert ada.request("DELETE", "/rooms/dev/messages/x").refusal == (404, "not-found")


# -- rooms of members ----------------------------------------------------------------------------


@pytest.fixture
def closed(ada: HttpClient) -> None:
    """#dev is open to its members only."""
    ada.post("/rooms/dev/messages", {"text": "xyzzy"})
    ada.send_json("PUT", "/rooms/dev/topic", {"text": "xyzzy"})
    assert ada.send_json("PATCH", "/rooms/dev", {"access": "members"}).status == 200


REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", "/rooms/dev", None),
    ("GET", "/rooms/dev/events?wait=0", None),
    ("GET", "/rooms/dev/events?since=1&wait=0", None),
    ("GET", "/rooms/dev/events?before=9000000000000000", None),
    ("GET", "/events?rooms=lobby,dev&since=0&wait=0", None),
    ("PATCH", "/rooms/dev", {"slow": 1}),
    ("POST", "/rooms/dev/messages", {"text": "x"}),
    ("PUT", "/rooms/dev/topic", {"text": "x"}),
    ("PUT", "/rooms/dev/membership", None),
    ("DELETE", "/rooms/dev/membership", None),
    ("PUT", "/rooms/dev/roles/ada", {"role": None}),
    ("PUT", "/rooms/dev/roles/nobody", {"role": None}),
    ("DELETE", "/rooms/dev/people/ada", {}),
    ("GET", "/rooms/dev/bans", None),
    ("PUT", "/rooms/dev/bans/ada", {}),
    ("PUT", "/rooms/dev/bans/10.0.0.0%2F8", {}),
    ("DELETE", "/rooms/dev/bans/ada", None),
    ("GET", "/rooms/dev/mutes", None),
    ("PUT", "/rooms/dev/mutes/ada", {}),
    ("DELETE", "/rooms/dev/mutes/ada", None),
    ("GET", "/rooms/dev/members", None),
    ("PUT", "/rooms/dev/members/ada", None),
    ("DELETE", "/rooms/dev/members/ada", None),
    ("GET", "/rooms/dev/invites", None),
    ("POST", "/rooms/dev/invites", {}),
    ("DELETE", "/rooms/dev/invites/x", None),
    ("DELETE", "/rooms/dev/messages/1", None),
]


@pytest.mark.parametrize("who", ["stranger", "visitor", "guest", "account"])
@pytest.mark.parametrize(("method", "target", "body"), REQUESTS)
def test_closed_room_is_not_found_by_others(
    server: MemoryServer, closed: None, who: str, method: str, target: str, body: Any
) -> None:
    """Every request gets the same answer as for a room that does not exist."""
    http = server.http()
    if who == "visitor":
        target += ("&" if "?" in target else "?") + "name=eve"
    elif who == "guest":
        http.enter("eve")
    elif who == "account":
        http = signed_in(server, "eve")
    answer = http.request(method, target) if body is None else http.send_json(method, target, body)
    assert answer.refusal == (404, "not-found")
    assert b"xyzzy" not in answer.body


def test_closed_room_is_listed_for_its_members_only(
    server: MemoryServer, ada: HttpClient, closed: None
) -> None:
    """A room whose setting `listed` is false is hidden as well."""
    signed_in(server, "cy", "ops").send_json("PATCH", "/rooms/ops", {"listed": False})

    def listed(http: HttpClient) -> list[str]:
        return [room["room"] for room in http.get("/rooms").json["rooms"]]

    assert listed(ada) == ["dev", "lobby"]
    assert listed(server.http()) == ["lobby"]
    assert listed(signed_in(server, "ruth", admin=True)) == ["lobby"]
    assert server.http().get("/rooms/ops").status == 200


def test_members_are_listed_added_and_removed(
    server: MemoryServer, ada: HttpClient, closed: None
) -> None:
    """A removed member gets 404 from then on."""
    bob = signed_in(server, "bob")
    assert ada.request("PUT", "/rooms/dev/members/bob").status == 200
    assert ada.get("/rooms/dev/members").json == {"members": ["ada", "bob"]}
    assert bob.request("PUT", "/rooms/dev/membership").status == 200
    assert ada.request("DELETE", "/rooms/dev/members/bob").status == 204
    assert bob.get("/rooms/dev").refusal == (404, "not-found")
    assert "dev" not in bob.get("/session").json["rooms"]
