"""`/people`: private conversations over HTTP, in every style."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from chatd.http.wsprotocol import POLICY_VIOLATION
from chatd.testing.policies import DenyAll

from ...kit.chat import settled
from ...kit.http import HttpClient
from ...kit.server import MemoryServer
from ...kit.websocket import WebSocket
from .test_marker import NEAR, register, same_session, state


def token_of(http: HttpClient) -> str:
    return http.headers["Authorization"].removeprefix("Bearer ")


def tell(http: HttpClient, to: str, *texts: str) -> list[int]:
    return [http.post(f"/people/{to}/messages", {"text": text}).json["id"] for text in texts]


def program(server: MemoryServer, http: HttpClient, scope: str) -> HttpClient:
    """A client with a personal token of an account."""
    token = http.post("/account/tokens", {"label": "x", "scope": scope}).json["token"]
    other = server.http(NEAR)
    other.headers["Authorization"] = f"Bearer {token}"
    return other


def talk(http: HttpClient, name: str, query: str = "since=0&wait=0") -> Any:
    return http.get(f"/people/{name}/events?{query}").json


def texts(answer: Any) -> list[str]:
    return [event["text"] for event in answer["events"]]


def test_a_conversation_is_polled_like_a_room(server: MemoryServer) -> None:
    """From any cursor; each event says from whom to whom it is, and names no room."""
    ada, bob = register(server, "ada"), register(server, "Bob")
    first, second = tell(ada, "bob", "psst")[0], tell(bob, "ada", "yes?")[0]
    answer = talk(ada, "BOB")
    assert (answer["person"], answer["next"], answer["gap"]) == ("Bob", second, False)
    one, other = answer["events"]
    assert other.pop("time")
    assert other == {"id": second, "type": "private", "from": "Bob", "to": "ada"} | {
        "text": "yes?",
        "account": True,
    }
    assert one["from"] == "ada"
    assert texts(talk(bob, "ada", f"since={first}&wait=0")) == ["yes?"]
    assert texts(talk(bob, "ada", "wait=0")) == ["psst", "yes?"]
    assert texts(talk(bob, "ada", "since=now&wait=0")) == []


def test_a_held_poll_of_a_conversation_is_answered_by_the_next_message(
    server: MemoryServer,
) -> None:
    """Again and again on one connection, which skips the parsing."""
    ada, bob = register(server, "ada"), register(server, "bob")
    cursor = talk(ada, "bob", "since=now&wait=0")["next"]
    for text in ("one", "two", "three"):
        ada.send("GET", f"/people/bob/events?since={cursor}&wait=30")
        server.chat.settle()
        assert not ada.responses()
        tell(bob, "ada", text)
        answer = ada.response().json
        assert texts(answer) == [text]
        cursor = answer["next"]


def test_a_held_poll_is_not_answered_by_what_others_say(server: MemoryServer) -> None:
    """Neither in rooms nor in other conversations."""
    ada, bob, cy = (register(server, name) for name in ("ada", "bob", "cy"))
    ada.send("GET", "/people/bob/events?since=now&wait=30")
    server.chat.settle()
    server.say("hello", name="cron")
    tell(cy, "ada", "psst")
    tell(cy, "bob", "psst")
    assert not ada.responses()
    tell(bob, "ada", "hi")
    assert texts(ada.response().json) == ["hi"]


def test_a_conversation_is_paged_back(server: MemoryServer) -> None:
    """As the history of a room is."""
    ada, bob = register(server, "ada"), register(server, "bob")
    ids = tell(bob, "ada", *"abcde")
    answer = talk(ada, "bob", f"before={ids[4]}&limit=2")
    assert texts(answer) == ["c", "d"]
    assert texts(talk(ada, "bob", f"before={answer['events'][0]['id']}&limit=2")) == [
        "a",
        "b",
    ]


def test_a_conversation_is_streamed(server: MemoryServer) -> None:
    """As server-sent events, as lines of JSON, and as text."""
    ada, bob = register(server, "ada"), register(server, "bob")
    tell(bob, "ada", "before")
    streams = {}
    for accept in ("text/event-stream", "application/x-ndjson"):
        streams[accept] = same_session(server, ada)
        streams[accept].send("GET", "/people/bob/events?since=0", headers={"Accept": accept})
    server.chat.settle()
    tell(bob, "ada", "after")
    for accept, stream in streams.items():
        told = stream.streamed().decode()
        assert told.index("before") < told.index("ready") < told.index("after"), accept
    text = ada.get("/people/bob/events?since=0&wait=0", Accept="text/plain")
    assert text.body == b"[bob] before\n[bob] after\n"
    assert tell(ada, "bob", "I")
    text = ada.get("/people/bob/events?since=0&wait=0", Accept="text/plain")
    assert text.body.endswith(b"[to bob] I\n")


def test_a_websocket_of_a_conversation_speaks_in_it(server: MemoryServer) -> None:
    """What is said without a room is said to the other account."""
    ada, bob = register(server, "ada"), register(server, "bob")
    socket = WebSocket(server, "/people/bob/events?since=0", token=token_of(ada))
    assert [told["type"] for told in [*socket.opening, *socket.received()]] == ["ready"]
    socket.send(type="say", text="hello", ref="1")
    told = {one["type"]: one for one in socket.received()}
    assert (told["private"]["to"], told["private"]["text"]) == ("bob", "hello")
    assert told["private"]["id"] == told["ack"]["id"]
    assert socket.answer(type="say", text="hello", ref="1")["id"] == told["ack"]["id"]
    assert socket.answer(type="topic", text="x", ref="2")["code"] == "malformed"
    assert texts(talk(bob, "ada")) == ["hello"]


def test_a_poll_of_a_conversation_without_messages_is_held(server: MemoryServer) -> None:
    """Whatever its cursor: an answer without events would be asked for again at once."""
    ada, bob = register(server, "ada"), register(server, "bob")
    for since in ("0", "now", str(server.chat.service.horizon)):
        held = same_session(server, ada)
        held.send("GET", f"/people/bob/events?since={since}&wait=30&reader={since}")
        server.chat.settle()
        assert not held.responses()
    assert talk(bob, "ada", "wait=0")["events"] == []


def test_people_are_listed_by_the_last_message(server: MemoryServer) -> None:
    """The newest first, in pages."""
    ada = register(server, "ada")
    others = [register(server, name) for name in ("bob", "cy", "Dan")]
    last = [tell(other, "ada", "psst")[0] for other in others]
    assert ada.get("/people").json == {
        "people": [
            {"name": "Dan", "last": last[2]},
            {"name": "cy", "last": last[1]},
            {"name": "bob", "last": last[0]},
        ],
        "next": None,
    }
    newest = tell(ada, "bob", "hello")[0]
    page = ada.get("/people/?limit=2").json
    assert [one["name"] for one in page["people"]] == ["bob", "Dan"]
    assert page["people"][0]["last"] == newest
    rest = ada.get(f"/people?limit=2&before={page['next']}").json
    assert ([one["name"] for one in rest["people"]], rest["next"]) == (["cy"], None)
    assert ada.get("/people?limit=0").refusal == (400, "malformed")


def test_an_account_that_was_away_resumes_its_private_messages(server: MemoryServer) -> None:
    """On /events, from the cursor that it had, over a restart."""
    ada, bob = register(server, "ada"), register(server, "bob")
    cursor = ada.get("/events?rooms=lobby&since=now&wait=0").json["next"]
    ada.wire.hang_up()
    server.chat.advance(100)
    assert server.here == []
    tell(same_session(server, bob), "ada", "while you were away")
    for _ in range(2):
        client = same_session(server, ada)
        answer = client.get(f"/events?rooms=lobby&since={cursor}&wait=0").json
        told = [event["text"] for event in answer["events"] if event["type"] == "private"]
        assert (told, answer["gap"]) == (["while you were away"], False)
        server = server.restarted()


def test_a_guest_is_told_of_private_messages_that_a_restart_lost(server: MemoryServer) -> None:
    """Those of guests are kept nowhere, but that there was one is; who has seen the last one, or
    had none, is told of no gap.
    """
    guests = {name: server.http() for name in ("ada", "bob", "eve")}
    for name, guest in guests.items():
        guest.enter(name)
    cursor = guests["ada"].get("/events?rooms=lobby&since=now&wait=0").json["next"]
    (last,) = tell(guests["ada"], "bob", "psst")
    server.say("to all", name="carl")
    server = server.restarted()
    for name, since, gap in (
        ("ada", cursor, True),
        ("bob", cursor, True),
        ("bob", last, False),
        ("eve", cursor, False),
    ):
        client = same_session(server, guests[name])
        answer = client.get(f"/events?rooms=lobby&since={since}&wait=0").json
        assert (name, since, answer["gap"]) == (name, since, gap)
        assert texts(answer) == ["to all"]


def test_all_sessions_of_an_account_see_one_conversation(server: MemoryServer) -> None:
    """Its own messages too."""
    ada, bob = register(server, "ada"), register(server, "bob")
    login = {"name": "ada", "password": "correct horse battery"}
    phone = server.http(NEAR)
    phone.headers["Authorization"] = f"Bearer {phone.post('/session', login).json['token']}"
    phone.send("GET", "/events?rooms=lobby&since=now", headers={"Accept": "application/x-ndjson"})
    server.chat.settle()
    phone.streamed()
    tell(ada, "bob", "hello")
    tell(bob, "ada", "hi")
    lines = [json.loads(line) for line in phone.streamed().splitlines() if line]
    assert [line["text"] for line in lines if line.get("type") == "private"] == ["hello", "hi"]


@pytest.mark.parametrize("style", ["application/x-ndjson", "text/event-stream"])
def test_a_personal_token_reads_private_messages_if_its_scope_allows_it(
    server: MemoryServer, style: str
) -> None:
    """On the stream of its rooms, while they come; without them if it does not."""
    ada, bob = register(server, "ada"), register(server, "bob")
    streams = {scope: program(server, ada, scope) for scope in ("read", "write", "all")}
    for stream in streams.values():
        stream.send("GET", "/events?rooms=lobby&since=now", headers={"Accept": style})
    server.chat.settle()
    tell(bob, "ada", "psst")
    server.say("hello", name="cron")
    told = {scope: stream.streamed() for scope, stream in streams.items()}
    assert {scope: b"psst" in data for scope, data in told.items()} == {
        "read": False,
        "write": True,
        "all": True,
    }
    assert all(b"hello" in data for data in told.values())
    reading = program(server, ada, "read")
    assert reading.get("/people").refusal == (403, "not-allowed")
    assert reading.get("/people/bob/events?wait=0").refusal == (403, "not-allowed")
    assert reading.post("/people/bob/messages", {"text": "x"}).refusal == (403, "not-allowed")
    writing = program(server, ada, "write")
    assert texts(talk(writing, "bob")) == ["psst"]
    assert writing.post("/people/bob/messages", {"text": "x"}).status == 201


def test_conversations_are_for_accounts(server: MemoryServer, ada: HttpClient) -> None:
    """Not for guests, not for strangers, and not with names that nobody registered."""
    register(server, "bob")
    for client in (ada, server.http()):
        assert client.get("/people").refusal == (401, "no-session")
        assert client.get("/people/bob/events?wait=0").refusal == (401, "no-session")
    cy = register(server, "cy")
    for name in ("nobody", "ada", quote("a b")):
        assert cy.get(f"/people/{name}/events?wait=0").refusal == (404, "no-such-person")
    assert talk(cy, "bob")["events"] == []


def test_nobody_else_reads_a_conversation(server: MemoryServer) -> None:
    """An administrator neither; and it is no room by any spelling."""
    ada, bob, eve = (register(server, name) for name in ("ada", "bob", "eve"))
    tell(ada, "bob", "secret")
    next(iter(server.chat.service.sessions.of("eve"))).person.admin = True
    for name in ("ada", "bob"):
        assert talk(eve, name)["events"] == []
    for room in ("@ada:bob", "%40ada%3Abob", "%23@ada:bob"):
        assert eve.get(f"/rooms/{room}/events?since=0&wait=0").status in (400, 404)
        assert eve.get(f"/events?rooms={room}&since=0&wait=0").status in (400, 404)
    assert "@" not in eve.get("/rooms").body.decode()
    assert texts(talk(bob, "ada")) == ["secret"]


def test_the_policy_is_asked(server: MemoryServer) -> None:
    """For each way to read; what is open ends when it forbids."""
    ada, _ = register(server, "ada"), register(server, "bob")
    held = same_session(server, ada)
    held.send("GET", "/people/bob/events?since=now&wait=30")
    socket = WebSocket(server, "/people/bob/events", token=token_of(ada))
    server.chat.settle()
    server.chat.service.readers.policy = DenyAll()
    assert held.response().refusal == (403, "not-allowed")
    assert socket.received()[-1]["code"] == "not-allowed"
    assert socket.closed == (POLICY_VIOLATION, "not-allowed")
    assert ada.get("/people").refusal == (403, "not-allowed")
    for query in ("wait=0", "before=1"):
        assert ada.get(f"/people/bob/events?{query}").refusal == (403, "not-allowed")


def test_signing_out_ends_a_held_poll_of_a_conversation(server: MemoryServer) -> None:
    """As it ends every reader of the session."""
    ada, _ = register(server, "ada"), register(server, "bob")
    held = same_session(server, ada)
    held.send("GET", "/people/bob/events?since=now&wait=30")
    server.chat.settle()
    assert ada.request("DELETE", "/session").status == 204
    server.chat.settle()
    assert held.response().status in (200, 401)


def test_a_cursor_that_was_never_given_is_a_gap(server: MemoryServer) -> None:
    """And then come the newest messages."""
    ada, bob = register(server, "ada"), register(server, "bob")
    tell(bob, "ada", "psst")
    answer = talk(ada, "bob", f"since={10**17}&wait=0")
    assert (texts(answer), answer["gap"]) == (["psst"], True)


def test_unread_numbers_know_nothing_of_conversations(server: MemoryServer) -> None:
    """They are of rooms."""
    ada, bob = register(server, "ada"), register(server, "bob")
    tell(bob, "ada", "psst")
    assert state(ada)["unread"] == {"lobby": 0}


@pytest.mark.parametrize("name", ["nobody", "%FF", "a%20b", "%ED%A0%80", "x" * 100])
def test_private_message_needs_a_recipient(ada: HttpClient, name: str) -> None:
    """An invalid name is answered like an unknown one."""
    response = ada.post(f"/people/{name}/messages", {"text": "psst"})
    assert response.refusal == (404, "no-such-person")
    message = response.json["error"]["message"]
    assert "/who" not in message
    assert "GET /rooms/" in message


# -- deleting ------------------------------------------------------------------------------------


def test_author_deletes_a_private_message(server: MemoryServer) -> None:
    """Pages, polls and streams have it without its text then, and tell of the deletion."""
    ada, bob = register(server, "ada"), register(server, "bob")
    streams = []
    for path in ("/people/ada/events?since=now", "/events?rooms=lobby&since=now"):
        for accept in ("text/event-stream", "application/x-ndjson"):
            stream = same_session(server, bob)
            stream.send("GET", path, headers={"Accept": accept})
            streams.append(stream)
    server.chat.settle()
    (id_,) = tell(ada, "bob", "xyzzy")
    for stream in streams:
        assert b"xyzzy" in stream.streamed()
    held = same_session(server, bob)
    held.send("GET", f"/people/ada/events?since={id_}&wait=30")
    server.chat.settle()
    assert bob.request("DELETE", f"/people/ada/messages/{id_}").refusal == (403, "not-allowed")
    assert ada.request("DELETE", f"/people/bob/messages/{id_}").status == 204
    (event,) = held.response().json["events"]
    deletion = event.pop("id")
    assert event.pop("time")
    assert event == {"type": "redact", "from": "ada", "to": "bob", "account": True, "target": id_}
    for stream in streams:
        assert b'"type":"redact"' in stream.streamed()
    for query in ("since=0&wait=0", "wait=0", f"before={10**17}"):
        message, redaction = talk(bob, "ada", query)["events"]
        assert (message["id"], message["text"], message["redacted"]) == (id_, "", True)
        assert redaction["id"] == deletion
    plain = bob.get("/people/ada/events?since=0&wait=0", Accept="text/plain").body
    assert plain == (
        b"-- a private message of ada was deleted\n-- ada deleted a private message to bob\n"
    )
    assert bob.get("/people").json["people"] == [{"name": "ada", "last": id_}]
    assert ada.request("DELETE", f"/people/bob/messages/{id_}").status == 204
    assert len(talk(bob, "ada")["events"]) == 2


def test_polls_that_share_an_answer_do_not_get_a_deleted_text(server: MemoryServer) -> None:
    """Nor does one that repeats an old request on a connection that skips the parsing."""
    ada, bob = register(server, "ada"), register(server, "bob")
    cursor = talk(bob, "ada", "since=now&wait=0")["next"]
    (id_,) = tell(ada, "bob", "xyzzy")
    for _ in range(3):
        bob.send("GET", f"/people/ada/events?since={cursor}&wait=30")
        server.chat.settle()
        assert texts(bob.response().json) == ["xyzzy"]
    ada.request("DELETE", f"/people/bob/messages/{id_}")
    for http in (bob, same_session(server, bob)):
        http.send("GET", f"/people/ada/events?since={cursor}&wait=30")
        server.chat.settle()
        assert b"xyzzy" not in http.response().body


def test_what_cannot_be_deleted_is_refused(server: MemoryServer) -> None:
    """Ids that are none, messages of rooms, other people's conversations, without an account."""
    ada, bob, cy = (register(server, name) for name in ("ada", "bob", "cy"))
    (id_,) = tell(ada, "bob", "xyzzy")
    said = server.say("in the room", name="eve")
    for path in ("bob/messages/x", f"bob/messages/{said}", f"cy/messages/{id_}", "bob/messages/0"):
        assert ada.request("DELETE", f"/people/{path}").refusal == (404, "not-found"), path
    assert ada.request("DELETE", f"/people/zoe/messages/{id_}").refusal == (404, "no-such-person")
    for name in ("ada", "bob"):
        path = f"/people/{name}/messages/{id_}"
        assert cy.request("DELETE", path).refusal == (404, "not-found")
        assert server.http().request("DELETE", path).refusal == (401, "no-session")
        assert server.http().request("DELETE", f"{path}?name=ada").refusal == (401, "no-session")
    path = f"/people/bob/messages/{id_}"
    assert program(server, ada, "read").request("DELETE", path).refusal == (403, "not-allowed")
    assert texts(talk(bob, "ada")) == ["xyzzy"]
    assert program(server, ada, "write").request("DELETE", path).status == 204


def test_a_websocket_deletes_private_messages(server: MemoryServer) -> None:
    """Of anybody it writes to; in a conversation, of that one."""
    ada, bob = register(server, "ada"), register(server, "bob")
    first, second = tell(ada, "bob", "one", "two")
    wide = WebSocket(server, "/events?rooms=lobby&since=now", token=token_of(ada))
    answer = wide.answer(type="redact", to="bob", target=first, text="oops", ref="1")
    assert (answer["type"], answer["id"] > second) == ("ack", True)
    narrow = WebSocket(server, "/people/bob/events?since=now", token=token_of(ada))
    assert narrow.answer(type="redact", target=second, ref="2")["type"] == "ack"
    assert narrow.answer(type="redact", target=7, ref="3")["code"] == "not-found"
    events = talk(bob, "ada")["events"]
    assert [event.get("text", "") for event in events] == ["", "", "oops", ""]


# -- markers -------------------------------------------------------------------------------------


def test_the_marker_of_a_conversation_is_kept_and_told(server: MemoryServer) -> None:
    """To all sessions of the account, on every style; it never goes back; rooms' stay apart."""
    ada, bob = register(server, "ada"), register(server, "Bob")
    first, second = tell(bob, "ada", "one", "two")
    streams = []
    for accept in ("text/event-stream", "application/x-ndjson"):
        stream = same_session(server, ada)
        stream.send("GET", "/events?rooms=lobby&since=now", headers={"Accept": accept})
        streams.append(stream)
    poll = same_session(server, ada)
    poll.send("GET", "/events?rooms=lobby&since=now&wait=30&reader=x")
    server.chat.settle()
    assert ada.send_json("PUT", "/people/bob/marker", {"id": second}).status == 204
    for stream in streams:
        assert b'{"type":"marker","person":"Bob","marker":%d}' % second in stream.streamed()
    assert poll.response().json["markers"] == [
        {"type": "marker", "person": "Bob", "marker": second}
    ]
    assert ada.send_json("PUT", "/people/BOB/marker", {"id": first}).status == 204
    assert ada.get("/people").json["people"] == [{"name": "Bob", "last": second, "marker": second}]
    assert ada.get("/session").json["markers"] == {}
    assert settled(server.chat, server.chat.service.markers.of("ada")) == {}
    server = server.restarted()
    told = same_session(server, ada).get("/people").json["people"]
    assert told == [{"name": "Bob", "last": second, "marker": second}]


def test_markers_of_conversations_are_for_accounts(server: MemoryServer) -> None:
    """That may read them, and with accounts that exist."""
    ada, _ = register(server, "ada"), register(server, "bob")
    mark = ("PUT", "/people/bob/marker", {"id": 1})
    assert server.http().send_json(*mark).refusal == (401, "no-session")
    assert program(server, ada, "read").send_json(*mark).refusal == (403, "not-allowed")
    assert program(server, ada, "write").send_json(*mark).status == 204
    for name in ("zoe", quote("a b")):
        refusal = ada.send_json("PUT", f"/people/{name}/marker", {"id": 1}).refusal
        assert refusal == (404, "no-such-person")
    assert ada.send_json("PUT", "/people/bob/marker", {"id": "1"}).refusal == (400, "malformed")
