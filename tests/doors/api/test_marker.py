"""Read markers, unread counts and ignore lists of accounts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from chatd.model.errors import Unavailable
from chatd.store import Opened, RoomSummary

from ...kit.chat import PASSWORD, settled
from ...kit.http import HttpClient
from ...kit.server import MemoryServer

NEAR = "127.0.0.1"


def register(server: MemoryServer, name: str) -> HttpClient:
    http = server.http(NEAR)
    token = http.post("/accounts", {"name": name, "password": PASSWORD}).json["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    return http


def same_session(server: MemoryServer, http: HttpClient) -> HttpClient:
    """Another connection in the same session."""
    other = server.http(NEAR)
    other.headers.update(http.headers)
    return other


def state(http: HttpClient) -> Any:
    """The answer of `GET /session`."""
    return http.get("/session").json


def test_room_that_does_not_exist_gets_no_marker(server: MemoryServer) -> None:
    """So a client cannot fill the store with markers of rooms that it makes up."""
    ada = register(server, "ada")
    assert ada.send_json("PUT", "/rooms/nowhere/marker", {"id": server.say("one")}).status == 204
    assert settled(server.chat, server.chat.service._store.table("markers:ada")) == {}


def test_unread_messages_are_counted_after_the_marker(server: MemoryServer) -> None:
    """In each joined room; without a marker, since the join."""
    server.say("before")
    ada = register(server, "ada")
    assert state(ada)["unread"] == {"lobby": 0}
    first, *_ = [server.say(text) for text in ("one", "two", "three")]
    assert (state(ada)["unread"], state(ada)["markers"]) == ({"lobby": 3}, {})
    assert ada.send_json("PUT", "/rooms/lobby/marker", {"id": first}).status == 204
    assert (state(ada)["unread"], state(ada)["markers"]) == ({"lobby": 2}, {"lobby": first})


def test_marker_never_goes_back(server: MemoryServer) -> None:
    """Nor beyond the newest event; nor if two requests come together."""
    ada = register(server, "ada")
    first, second = server.say("one"), server.say("two")
    ada.send("PUT", "/rooms/lobby/marker", json.dumps({"id": second}), JSON)
    other = same_session(server, ada)
    other.send("PUT", "/rooms/lobby/marker", json.dumps({"id": first}), JSON)
    server.chat.settle()
    assert [ada.response().status, other.response().status] == [204, 204]
    assert state(ada)["markers"] == {"lobby": second}
    ada.send_json("PUT", "/rooms/lobby/marker", {"id": 10**18})
    third = server.say("three")
    assert state(ada)["unread"] == {"lobby": 1}
    assert state(ada)["markers"]["lobby"] < third


JSON = {"Content-Type": "application/json"}


def test_marker_that_the_store_refused_may_be_set_again(server: MemoryServer) -> None:
    """It is not taken for one that is stored."""
    ada = register(server, "ada")
    id_ = server.say("one")
    server.chat.store.refusing = True
    assert ada.send_json("PUT", "/rooms/lobby/marker", {"id": id_}).status == 503
    server.chat.store.refusing = False
    assert ada.send_json("PUT", "/rooms/lobby/marker", {"id": id_}).status == 204
    assert settled(server.chat, server.chat.service._store.table("markers:ada")).keys() == {"lobby"}


def test_marker_that_is_under_way_is_not_answered_before_it_is_stored(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store may refuse it; then each who has asked for it hears that, or it is stored."""
    ada = register(server, "ada")
    other = same_session(server, ada)
    id_ = server.say("one")
    store = server.chat.store
    note = store.note
    refused: Deferred[None] = Deferred()
    notes = [refused]
    monkeypatch.setattr(store, "note", lambda *words: notes.pop() if notes else note(*words))
    ada.send("PUT", "/rooms/lobby/marker", json.dumps({"id": id_}), JSON)
    server.chat.settle()
    assert notes == []
    other.send("PUT", "/rooms/lobby/marker", json.dumps({"id": id_}), JSON)
    server.chat.settle()
    refused.errback(Unavailable("it is full"))
    server.chat.settle()
    assert [ada.response().status, other.response().status] == [503, 204]
    assert settled(server.chat, store.table("markers:ada")).keys() == {"lobby"}


def test_marker_that_the_store_has_lost_may_be_set_again(server: MemoryServer) -> None:
    """After a failover."""
    ada = register(server, "ada")
    id_ = server.say("one")
    ada.send_json("PUT", "/rooms/lobby/marker", {"id": id_})
    store = server.chat.store
    settled(server.chat, store.note("markers:ada", "lobby", None))
    assert store._follower is not None
    left = Opened(server.chat.service.horizon, {"lobby": RoomSummary(id_, id_)}, {})
    store._follower.missed(id_, lambda: succeed(left))
    server.chat.settle()
    assert ada.send_json("PUT", "/rooms/lobby/marker", {"id": id_}).status == 204
    assert state(ada)["markers"] == {"lobby": id_}


def test_markers_and_ignores_survive_a_restart(server: MemoryServer) -> None:
    """They belong to the account, not to a session."""
    ada = register(server, "ada")
    id_ = server.say("one")
    ada.send_json("PUT", "/rooms/lobby/marker", {"id": id_})
    ada.request("PUT", "/account/ignores/Bob")
    server = server.restarted()
    told = state(same_session(server, ada))
    assert (told["markers"], told["ignores"]) == ({"lobby": id_}, ["Bob"])


@pytest.mark.parametrize(
    ("accept", "shown"),
    [
        ("text/event-stream", b'event: marker\ndata: {"type":"marker","room":"lobby","marker":%d}'),
        ("application/x-ndjson", b'{"type":"marker","room":"lobby","marker":%d}\n'),
    ],
)
def test_streams_of_the_account_get_its_markers(
    server: MemoryServer, accept: str, shown: bytes
) -> None:
    """Those of `/events`, in all its sessions, and no other account's."""
    ada, bob = register(server, "ada"), register(server, "bob")
    streams = [same_session(server, ada), same_session(server, bob)]
    for stream in streams:
        stream.send("GET", "/events?rooms=lobby&since=now", headers={"Accept": accept})
    server.chat.settle()
    id_ = server.say("one", name="cy")
    for stream in streams:
        stream.streamed()
    ada.send_json("PUT", "/rooms/lobby/marker", {"id": id_})
    assert [shown % id_ in stream.streamed() for stream in streams] == [True, False]


def test_streams_of_the_account_on_other_nodes_get_its_markers(server: MemoryServer) -> None:
    """At once, too: of rooms and of private conversations, each once and none that goes back."""
    ada = register(server, "ada")
    register(server, "Zoe")
    other = MemoryServer(node=server.chat)
    streams = [server.http(NEAR), other.http(NEAR)]
    for stream in streams:
        stream.headers.update(ada.headers)
        headers = {"Accept": "application/x-ndjson"}
        stream.send("GET", "/events?rooms=lobby&since=now", headers=headers)
    server.chat.settle()
    first, last = server.say("one", name="cy"), server.say("two", name="cy")
    for stream in streams:
        stream.streamed()
    private = ada.post("/people/zoe/messages", {"text": "hi"}).json["id"]
    ada.send_json("PUT", "/people/zoe/marker", {"id": private})
    for id_ in (last, first, last):
        ada.send_json("PUT", "/rooms/lobby/marker", {"id": id_})
    lines = [stream.streamed().splitlines() for stream in streams]
    told = [[line for line in some if b'"marker"' in line] for some in lines]
    assert told[1][1:] == [b'{"type":"marker","room":"lobby","marker":%d}' % last]
    assert json.loads(told[1][0])["marker"] == private
    assert [len(one) for one in told] == [2, 2]


def test_a_node_that_was_cut_off_tells_the_markers_of_that_time(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is back; if it cannot read them then, the next time; and no marker of before."""
    ada = register(server, "ada")
    ada.request("PUT", "/rooms/dev/membership")
    other = MemoryServer(node=server.chat)
    stream = same_session(other, ada)
    headers = {"Accept": "application/x-ndjson"}
    stream.send("GET", "/events?rooms=lobby,dev&since=now", headers=headers)
    server.chat.settle()
    before = server.say("one", room="dev", name="cy")
    ada.send_json("PUT", "/rooms/dev/marker", {"id": before})
    since = server.say("two", name="cy")
    other.chat.settle()
    node = other.chat.store._follower
    assert node is not None
    with monkeypatch.context() as cut:
        cut.setattr(node, "noted", lambda *_: None)
        ada.send_json("PUT", "/rooms/lobby/marker", {"id": since})
    assert b"%d}" % since not in stream.streamed().partition(b'"marker","room":"lobby"')[2]
    other.chat.service.markers._known.clear()
    other.chat.store.unreadable = True
    node.unheard(since)
    other.chat.settle()
    other.chat.store.unreadable = False
    assert stream.streamed() == b""
    node.unheard(server.say("three", room="elsewhere", name="cy"))
    other.chat.settle()
    assert stream.streamed() == b'{"type":"marker","room":"lobby","marker":%d}\n' % since
    node.unheard(since)
    other.chat.settle()
    assert stream.streamed() == b""


def poll(server: MemoryServer, http: HttpClient, cursor: int, reader: str = "a") -> HttpClient:
    """A connection with a held poll of an account."""
    held = same_session(server, http)
    held.send("GET", f"/events?rooms=lobby&since={cursor}&reader={reader}&wait=30")
    server.chat.settle()
    return held


def test_polls_of_the_account_are_told_of_a_marker(server: MemoryServer) -> None:
    """Those that are held, of each reader; nobody else's."""
    ada, bob = register(server, "ada"), register(server, "bob")
    id_ = server.say("one", name="cy")
    held = [poll(server, ada, id_, "a"), poll(server, ada, id_, "b"), poll(server, bob, id_)]
    ada.send_json("PUT", "/rooms/lobby/marker", {"id": id_})
    answers = [connection.responses() for connection in held]
    assert answers[2] == []
    for (answer,) in answers[:2]:
        told = answer.json
        assert told["markers"] == [{"type": "marker", "room": "lobby", "marker": id_}]
        assert (told["events"], told["next"], told["gap"]) == ([], id_, False)


def test_a_marker_that_is_set_between_two_polls_is_told_by_the_next(server: MemoryServer) -> None:
    """Once, together with what was said meanwhile."""
    ada = register(server, "ada")
    first = server.say("one", name="cy")
    assert "markers" not in ada.get(f"/events?rooms=lobby&since={first}&wait=0").json
    ada.send_json("PUT", "/rooms/lobby/marker", {"id": first})
    second = server.say("two", name="cy")
    told = ada.get(f"/events?rooms=lobby&since={first}&wait=30").json
    assert [event["id"] for event in told["events"]] == [second]
    assert [one["marker"] for one in told["markers"]] == [first]
    ada.send_json("PUT", "/rooms/lobby/marker", {"id": second})
    told = ada.get(f"/events?rooms=lobby&since={second}&wait=30").json
    assert (told["events"], [one["marker"] for one in told["markers"]]) == ([], [second])
    ada.send("GET", f"/events?rooms=lobby&since={second}&wait=30")
    server.chat.settle()
    assert ada.responses() == []


def test_a_poll_that_was_learned_is_told_of_a_marker(server: MemoryServer) -> None:
    """It is answered, and the next one has it."""
    ada = register(server, "ada")
    id_ = server.say("one", name="cy")
    client = same_session(server, ada)
    for _ in range(3):
        client.send("GET", f"/events?rooms=lobby&since={id_}&wait=30")
        server.chat.settle()
        assert client.responses() == []
        id_ = server.say("more", name="cy")
        assert client.response().json["next"] == id_
    client.send("GET", f"/events?rooms=lobby&since={id_}&wait=30")
    server.chat.settle()
    ada.send_json("PUT", "/rooms/lobby/marker", {"id": id_})
    server.chat.settle()
    told = client.response().json
    if "markers" not in told:
        assert told["events"] == []
        told = client.get(f"/events?rooms=lobby&since={id_}&wait=30").json
    assert [one["marker"] for one in told["markers"]] == [id_]


@pytest.mark.parametrize("body", [{}, {"id": -1}, {"id": "1"}, {"id": 1.5}, {"id": 10**19}])
def test_invalid_marker_is_refused(server: MemoryServer, body: Any) -> None:
    """A marker is the id of an event."""
    ada = register(server, "ada")
    assert ada.send_json("PUT", "/rooms/lobby/marker", body).refusal == (400, "malformed")


def test_markers_and_ignores_are_refused_to_guests(server: MemoryServer, ada: HttpClient) -> None:
    """`GET /session` of a guest has no unread counts."""
    assert "unread" not in state(ada)
    assert ada.send_json("PUT", "/rooms/lobby/marker", {"id": 1}).refusal == (401, "no-session")
    assert ada.request("PUT", "/account/ignores/bob").refusal == (401, "no-session")


def test_read_token_cannot_set_markers_or_ignores(server: MemoryServer) -> None:
    """One with the scope `write` can."""
    ada = register(server, "ada")
    for scope, status in (("read", 403), ("write", 204)):
        token = ada.post("/account/tokens", {"label": "x", "scope": scope}).json["token"]
        program = server.http(NEAR)
        program.headers["Authorization"] = f"Bearer {token}"
        assert program.send_json("PUT", "/rooms/lobby/marker", {"id": 1}).status == status
        assert program.request("PUT", "/account/ignores/bob").status == status


def test_private_messages_of_ignored_people_are_not_delivered(server: MemoryServer) -> None:
    """They are acknowledged all the same; after the ignore is deleted, new ones are delivered."""
    ada, bob = register(server, "ada"), register(server, "bob")
    person = next(iter(server.chat.service.sessions.of("ada"))).person
    assert ada.request("PUT", "/account/ignores/BOB").status == 204
    assert bob.post("/people/ada/messages", {"text": "psst"}).status == 201
    assert person.inbox.log.count == 0
    assert ada.request("DELETE", "/account/ignores/bob").status == 204
    assert bob.post("/people/ada/messages", {"text": "hello"}).status == 201
    assert person.inbox.log.count == 1
    assert state(ada)["ignores"] == []


def test_ignoring_oneself_is_refused(server: MemoryServer) -> None:
    """An invalid name is refused too."""
    ada = register(server, "ada")
    for name in ("ada", "ADA", "a%20b"):
        assert ada.request("PUT", f"/account/ignores/{name}").refusal == (400, "bad-name")
