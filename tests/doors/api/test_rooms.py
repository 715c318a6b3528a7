"""The list of rooms, and one room, over HTTP."""

from __future__ import annotations

import pytest

from ...kit.chat import PASSWORD
from ...kit.http import HttpClient
from ...kit.server import MemoryServer


def test_rooms_lists_rooms_with_people_or_events(server: MemoryServer, ada: HttpClient) -> None:
    """With the topic, the number of people, and the oldest and newest kept id."""
    assert server.http().get("/rooms").json["rooms"][0]["room"] == "lobby"
    first = server.say("one", room="dev")
    last = server.say("two", room="dev")
    joined = server.chat.entries("lobby")[0].id
    assert ada.get("/rooms").json == {
        "rooms": [
            {"room": "dev", "topic": "", "people": 0, "first": first, "last": last},
            {"room": "lobby", "topic": "", "people": 1, "first": joined, "last": joined},
        ]
    }


def test_room_has_its_people_topic_settings_and_ids(server: MemoryServer, ada: HttpClient) -> None:
    """An empty room has no ids."""
    topic = ada.send_json("PUT", "/rooms/lobby/topic", {"text": "tea"})
    assert topic.status == 200
    server.line()
    joined = server.chat.entries("lobby")[0].id
    settings = {
        "access": "open",
        "posting": "everyone",
        "topic": "everyone",
        "listed": True,
        "outside": True,
        "slow": 0,
    }
    unowned = {"settings": settings, "roles": {}, "role": None}
    assert server.http().get("/rooms/%23Lobby").json == {
        "room": "lobby",
        "topic": "tea",
        "here": ["ada", "guest-0001"],
        "first": joined,
        "last": topic.json["id"],
        **unowned,
    }
    assert ada.get("/rooms/quiet").json == {
        "room": "quiet", "topic": "", "here": [], "first": None, "last": None, **unowned
    }  # fmt: skip


def test_readers_of_empty_rooms_do_not_count_for_the_limit_of_rooms() -> None:
    """Even if streams and polls name more rooms than there may be, the next message can create
    one.
    """
    server = MemoryServer(rooms=20)
    for number, accept in enumerate(["application/json", "text/event-stream"] * 2):
        rooms = ",".join(f"invented-{number}-{n}" for n in range(20))
        server.http().send("GET", f"/events?rooms={rooms}", headers={"Accept": accept})
    server.chat.settle()
    http = server.http()
    assert http.get("/rooms").json["rooms"] == []
    http.enter("ada")
    assert http.request("PUT", "/rooms/dev/membership").status == 200
    assert http.post("/rooms/ops/messages", {"text": "hi"}).status == 201
    assert http.get("/rooms/tea/events?wait=0").texts == []
    assert [room["room"] for room in http.get("/rooms").json["rooms"]] == ["dev", "lobby", "ops"]


@pytest.mark.parametrize("settings", [{"posting": "accounts"}, {"posting": "voices"}, None])
def test_speaking_that_is_refused_joins_no_room(
    server: MemoryServer, settings: dict[str, str] | None
) -> None:
    """Neither is a topic that is refused; `settings` None: the guest is muted."""
    owner, guest = server.http("127.0.0.1"), server.http("127.0.0.1")
    for http, way in ((owner, "/accounts"), (guest, "/session")):
        name = way.strip("/")
        token = http.post(way, {"name": name, **({"password": PASSWORD} if http is owner else {})})
        http.headers["Authorization"] = f"Bearer {token.json['token']}"
    assert owner.request("PUT", "/rooms/dev/membership").status == 200
    if settings is None:
        assert owner.send_json("PUT", "/rooms/dev/mutes/session", {}).status == 200
    else:
        assert owner.send_json("PATCH", "/rooms/dev", {**settings, "topic": "ops"}).status == 200
    assert guest.post("/rooms/dev/messages", {"text": "hi"}).status == 403
    assert guest.send_json("PUT", "/rooms/dev/topic", {"text": "hi"}).status == 403
    assert guest.get("/session").json["rooms"] == ["lobby"]
    assert owner.get("/rooms/dev").json["here"] == ["accounts"]
