"""How far an account has read, what is unread, and whom it ignores."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ...kit.chat import PASSWORD
from ...kit.http import HttpClient
from ...kit.server import MemoryServer

NEAR = "127.0.0.1"


def register(server: MemoryServer, name: str) -> HttpClient:
    http = server.http(NEAR)
    token = http.post("/accounts", {"name": name, "password": PASSWORD}).json["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    return http


def again(server: MemoryServer, http: HttpClient) -> HttpClient:
    other = server.http(NEAR)
    other.headers.update(http.headers)
    return other


def state(http: HttpClient) -> Any:
    return http.get("/session").json


def test_unread_messages_are_counted_behind_the_marker(server: MemoryServer) -> None:
    """In each joined room; without a marker, since it was joined."""
    server.say("before")
    ada = register(server, "ada")
    assert state(ada)["unread"] == {"lobby": 0}
    first, *_ = [server.say(text) for text in ("one", "two", "three")]
    assert (state(ada)["unread"], state(ada)["markers"]) == ({"lobby": 3}, {})
    assert ada.send_json("PUT", "/rooms/lobby/marker", {"id": first}).status == 204
    assert (state(ada)["unread"], state(ada)["markers"]) == ({"lobby": 2}, {"lobby": first})


def test_a_marker_never_goes_back(server: MemoryServer) -> None:
    """Nor beyond what there is; also if two come together."""
    ada = register(server, "ada")
    first, second = server.say("one"), server.say("two")
    ada.send("PUT", "/rooms/lobby/marker", json.dumps({"id": second}), JSON)
    other = again(server, ada)
    other.send("PUT", "/rooms/lobby/marker", json.dumps({"id": first}), JSON)
    server.chat.settle()
    assert [ada.response().status, other.response().status] == [204, 204]
    assert state(ada)["markers"] == {"lobby": second}
    ada.send_json("PUT", "/rooms/lobby/marker", {"id": 10**18})
    third = server.say("three")
    assert state(ada)["unread"] == {"lobby": 1}
    assert state(ada)["markers"]["lobby"] < third


JSON = {"Content-Type": "application/json"}


def test_markers_and_ignores_are_there_after_a_restart(server: MemoryServer) -> None:
    """On all sessions."""
    ada = register(server, "ada")
    id_ = server.say("one")
    ada.send_json("PUT", "/rooms/lobby/marker", {"id": id_})
    ada.request("PUT", "/account/ignores/Bob")
    server = server.restarted()
    told = state(again(server, ada))
    assert (told["markers"], told["ignores"]) == ({"lobby": id_}, ["Bob"])


@pytest.mark.parametrize(
    ("accept", "shown"),
    [
        ("text/event-stream", b'event: marker\ndata: {"type":"marker","room":"lobby","marker":%d}'),
        ("application/x-ndjson", b'{"type":"marker","room":"lobby","marker":%d}\n'),
    ],
)
def test_streams_of_the_account_are_told_of_a_marker(
    server: MemoryServer, accept: str, shown: bytes
) -> None:
    """Those of /events, on all of its sessions; nobody else's."""
    ada, bob = register(server, "ada"), register(server, "bob")
    streams = [again(server, ada), again(server, bob)]
    for stream in streams:
        stream.send("GET", "/events?rooms=lobby&since=now", headers={"Accept": accept})
    server.chat.settle()
    id_ = server.say("one", name="cy")
    for stream in streams:
        stream.streamed()
    ada.send_json("PUT", "/rooms/lobby/marker", {"id": id_})
    assert [shown % id_ in stream.streamed() for stream in streams] == [True, False]


@pytest.mark.parametrize("body", [{}, {"id": -1}, {"id": "1"}, {"id": 1.5}, {"id": 10**19}])
def test_a_marker_is_the_id_of_an_event(server: MemoryServer, body: Any) -> None:
    """Anything else is refused."""
    ada = register(server, "ada")
    assert ada.send_json("PUT", "/rooms/lobby/marker", body).refusal == (400, "malformed")


def test_markers_and_ignores_are_for_accounts(server: MemoryServer, ada: HttpClient) -> None:
    """A guest has none."""
    assert "unread" not in state(ada)
    assert ada.send_json("PUT", "/rooms/lobby/marker", {"id": 1}).refusal == (401, "no-session")
    assert ada.request("PUT", "/account/ignores/bob").refusal == (401, "no-session")


def test_a_token_for_reading_marks_and_ignores_nothing(server: MemoryServer) -> None:
    """One for writing does."""
    ada = register(server, "ada")
    for scope, status in (("read", 403), ("write", 204)):
        token = ada.post("/account/tokens", {"label": "x", "scope": scope}).json["token"]
        program = server.http(NEAR)
        program.headers["Authorization"] = f"Bearer {token}"
        assert program.send_json("PUT", "/rooms/lobby/marker", {"id": 1}).status == status
        assert program.request("PUT", "/account/ignores/bob").status == status


def test_an_ignored_ones_private_messages_are_not_delivered(server: MemoryServer) -> None:
    """They are acknowledged all the same; heard again, they come."""
    ada, bob = register(server, "ada"), register(server, "bob")
    person = next(iter(server.chat.service.sessions.of("ada"))).person
    assert ada.request("PUT", "/account/ignores/BOB").status == 204
    assert bob.post("/people/ada/messages", {"text": "psst"}).status == 201
    assert person.inbox.log.count == 0
    assert ada.request("DELETE", "/account/ignores/bob").status == 204
    assert bob.post("/people/ada/messages", {"text": "hello"}).status == 201
    assert person.inbox.log.count == 1
    assert state(ada)["ignores"] == []


def test_nobody_ignores_themselves(server: MemoryServer) -> None:
    """Nor what is no name."""
    ada = register(server, "ada")
    for name in ("ada", "ADA", "a%20b"):
        assert ada.request("PUT", f"/account/ignores/{name}").refusal == (400, "bad-name")
