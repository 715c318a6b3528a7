"""Searching over HTTP, and single messages."""

from __future__ import annotations

import pytest

from ...kit.http import HttpClient
from ...kit.server import MemoryServer
from .test_marker import register

SEARCH = "/rooms/lobby/search"


def test_messages_are_found_newest_first(server: MemoryServer, http: HttpClient) -> None:
    """As JSON events; `next` pages on."""
    ids = [server.say(f"hit {number}") for number in range(3)]
    answer = http.get(f"{SEARCH}?q=HIT&limit=2")
    assert answer.status == 200
    assert [event["id"] for event in answer.json["events"]] == ids[:0:-1]
    assert answer.json["events"][0]["text"] == "hit 2"
    rest = http.get(f"{SEARCH}?q=hit&before={answer.json['next']}").json
    assert ([event["id"] for event in rest["events"]], rest["next"]) == ([ids[0]], None)


@pytest.mark.parametrize("query", ["", "?q=", "?q=%21", "?q=a&limit=0", "?q=a&before=x"])
def test_bad_search_is_refused(http: HttpClient, query: str) -> None:
    """The error says what is wrong."""
    assert http.get(SEARCH + query).status == 400


def test_search_of_a_room_that_never_existed_finds_nothing(http: HttpClient) -> None:
    """Reading creates no room."""
    assert http.get("/rooms/nowhere/search?q=a").json == {"events": [], "next": None}


def test_hidden_room_is_not_searched_and_its_messages_are_not_shown(server: MemoryServer) -> None:
    """To strangers, the server answers as for a room that does not exist."""
    ada = register(server, "ada")
    said = ada.post("/rooms/cellar/messages", {"text": "hit"}).json["id"]
    assert ada.send_json("PATCH", "/rooms/cellar", {"access": "members"}).status == 200
    stranger = server.http()
    for path in ("search?q=hit", f"messages/{said}"):
        assert ada.get(f"/rooms/cellar/{path}").status == 200
        assert stranger.get(f"/rooms/cellar/{path}").status == 404


def test_message_is_one_event(server: MemoryServer, http: HttpClient) -> None:
    """The ids of other events, and of messages in other rooms, are answered 404."""
    id_ = server.say("hello")
    answer = http.get(f"/rooms/lobby/messages/{id_}")
    assert (answer.status, answer.json["text"], answer.json["id"]) == (200, "hello", id_)
    for path in (f"lobby/messages/{id_ + 1}", f"dev/messages/{id_}", "lobby/messages/x"):
        assert http.get(f"/rooms/{path}").status == 404


def test_browser_is_sent_to_the_page_at_the_message(server: MemoryServer) -> None:
    """The redirect is relative, so it works behind a proxy's path."""
    id_ = server.say("hello")
    browser = server.http()
    browser.headers["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"
    answer = browser.get(f"/rooms/%23Lobby/messages/{id_}")
    assert (answer.status, answer.headers["location"]) == (302, f"../../../#lobby/{id_}")
