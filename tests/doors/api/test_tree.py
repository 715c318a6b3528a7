"""The HTTP API: sessions, rooms, people, messages, and the page."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from twisted.logger import capturedLogs

from chatd.chat.health import FRESH_SECONDS
from chatd.chat.limits import REMEMBERED_SECONDS
from chatd.chat.sessions import GRACE_SECONDS
from chatd.doors.api.page import WEB

from ...kit.http import HttpClient, Response
from ...kit.server import MemoryServer

MESSAGES = "/rooms/lobby/messages"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TEXT = {"Content-Type": "text/plain"}


def event_types(server: MemoryServer, room: str = "lobby") -> list[str]:
    """The types of the events of a room, in order."""
    return [type(entry.event).__name__ for entry in server.chat.entries(room)]


# -- messages --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", '{"text": "fish & chips ☕"}'),
        ("application/json; charset=utf-8", '{"text":"fish \\u0026 chips \\u2615"}'),
        ("Application/JSON", ' {"type":"message","text":"fish & chips ☕"}\n'),
        ("application/x-www-form-urlencoded", "text=fish+%26+chips+%E2%98%95"),
        ("application/x-www-form-urlencoded;charset=UTF-8", "text=fish%20%26%20chips%20☕"),
        ("text/plain", "fish & chips ☕"),
        ("text/plain", "\ufefffish & chips ☕"),
        ("application/json", '\ufeff{"text": "fish & chips ☕"}'),
        ('text/plain;charset="utf-8"', "fish & chips ☕\r\n"),
    ],
    ids=[
        "json",
        "json-charset",
        "json-type",
        "form",
        "form-charset",
        "text",
        "text-bom",
        "json-bom",
        "text-charset",
    ],
)
def test_message_body_may_be_json_a_form_or_text(
    server: MemoryServer, ada: HttpClient, kind: str, body: str
) -> None:
    """Each is answered with the id of the stored message."""
    response = ada.request("POST", MESSAGES, body, {"Content-Type": kind})
    assert response.status == 201
    assert server.chat.texts("lobby") == ["fish & chips ☕"]
    assert response.json == {"id": server.chat.entries("lobby")[-1].id}


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ("", JSON, 400, "malformed"),
        ("", {}, 400, "malformed"),
        ("{", JSON, 400, "malformed"),
        ("[]", JSON, 400, "malformed"),
        ('"text"', JSON, 400, "malformed"),
        ("null", JSON, 400, "malformed"),
        ("{}", JSON, 400, "malformed"),
        ('{"text":5}', JSON, 400, "malformed"),
        ('{"text":null}', JSON, 400, "malformed"),
        ('{"text":["hi"]}', JSON, 400, "malformed"),
        ('{"text":NaN}', JSON, 400, "malformed"),
        ('{"text":"hi","txet":"hi"}', JSON, 400, "malformed"),
        ('{"text":"hi","type":"join"}', JSON, 400, "malformed"),
        ('{"text":"hi","id":1}', JSON, 400, "malformed"),
        ('{"text":"hi"} trailing', JSON, 400, "malformed"),
        ("{'text':'hi'}", JSON, 400, "malformed"),
        ('{"text":' + "[" * 30_000, JSON, 400, "malformed"),
        ('{"x":' * 10_000, JSON, 400, "malformed"),
        (b'{"text":"\xff"}', JSON, 400, "malformed"),
        (b"\xff\xfe", JSON, 400, "malformed"),
        ('{"text":"\\ud800"}', JSON, 400, None),
        ('{"text":"\\udc00\\ud800"}', JSON, 400, None),
        ('{"text":""}', JSON, 400, "bad-text"),
        ('{"text":" \\n\\t "}', JSON, 400, "bad-text"),
        ('{"text":"\\u0000\\u001b"}', JSON, 400, "bad-text"),
        ('{"text":"\\u200b"}', JSON, 400, "bad-text"),
        (json.dumps({"text": "é" * 2049}), JSON, 413, "text-too-long"),
        (json.dumps({"text": "x\n" * 51 + "x"}), JSON, 413, "text-too-long"),
        ("text=one&text=two", FORM, 400, "malformed"),
        ("text=hi&type=join", FORM, 400, "malformed"),
        ("&".join(f"a{n}=1" for n in range(1000)), FORM, 413, "text-too-long"),
        ("text=", FORM, 400, "bad-text"),
        ("", FORM, 400, "bad-text"),
        ("", TEXT, 400, "bad-text"),
        ("<text>hi</text>", {"Content-Type": "application/xml"}, 415, "unsupported-media-type"),
        ("hi", {"Content-Type": "text/html"}, 415, "unsupported-media-type"),
        ("hi", {"Content-Type": "application/octet-stream"}, 415, "unsupported-media-type"),
        ("hi", {"Content-Type": "text/plain; charset=latin-1"}, 415, "unsupported-media-type"),
        ("hi", {"Content-Type": "multipart/form-data; boundary=x"}, 415, "unsupported-media-type"),
    ],
)  # fmt: skip
def test_invalid_message_body_is_refused(
    server: MemoryServer,
    ada: HttpClient,
    body: str | bytes,
    headers: dict[str, str],
    status: int,
    code: str | None,
) -> None:
    """The error says why; no message is stored, and the connection stays open."""
    response = ada.request("POST", MESSAGES, body, headers)
    assert response.status == status
    assert response.error == (code or response.error)
    assert ada.post(MESSAGES, {"text": "next"}).status == 201
    assert server.chat.texts("lobby") == ["next"]


FORM_BODIES = [
    ("any text at all", "any text at all"),
    ("1+1=2", "1+1=2"),
    ("txet=hi", "txet=hi"),
    ("text", "text"),
    ("text=fish & chips", "text=fish & chips"),
    ("a=1&b=2", "a=1&b=2"),
    ("type=action", "type=action"),
    ("name=ada&text=hi", "name=ada&text=hi"),
    ("100% true", "100% true"),
    ("%41 &amp; +", "%41 &amp; +"),
    ('{"text":"hi"}', '{"text":"hi"}'),
    ("grüß dich", "grüß dich"),
    ("&".join(["text=x"] * 30), "&".join(["text=x"] * 30)),
    ("text=hi", "hi"),
    ("text=1%2B1=2", "1+1=2"),
    ("text=a+b", "a b"),
]
"""Bodies that curl sends with the type of a form, and the texts that they mean."""


@pytest.mark.parametrize(("body", "text"), [*FORM_BODIES, ("text=hi&type=message", "hi")])
def test_form_body_without_form_fields_is_the_text(
    server: MemoryServer, ada: HttpClient, body: str, text: str
) -> None:
    """A body that has unknown fields, or no `text`, is the text itself, to the byte."""
    assert ada.request("POST", MESSAGES, body, FORM).status == 201
    assert server.chat.texts("lobby") == [text]


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", "/rooms/lobby/topic"),
        ("POST", "/people/bob/messages"),
        ("DELETE", "/rooms/lobby/membership"),
    ],
)
@pytest.mark.parametrize(("body", "text"), [*FORM_BODIES, ("text=hi&type=message",) * 2])
def test_every_endpoint_with_a_text_takes_it_raw(
    server: MemoryServer, ada: HttpClient, method: str, target: str, body: str, text: str
) -> None:
    """A topic, a private message, a parting text; only a message has the field `type`."""
    bob = server.line()
    bob.send(b"/nick bob\r\n")
    server.chat.settle()
    assert ada.request(method, target, body, FORM).status in (200, 201, 204)
    assert text in bob.received().decode()


def test_body_without_a_content_type_is_the_text(server: MemoryServer, ada: HttpClient) -> None:
    """As `curl -H 'Content-Type:' --data-binary @file` sends it."""
    for headers in ({}, {"Content-Type": ""}):
        assert ada.request("POST", MESSAGES, "1+1=2", headers).status == 201
    assert server.chat.texts("lobby") == ["1+1=2"] * 2


HOW = "send text=…, JSON, or the text itself"


@pytest.mark.parametrize(
    ("method", "target", "body", "message"),
    [
        ("POST", MESSAGES, '{"hello":1}', f'unknown field "hello": {HOW}'),
        ("POST", MESSAGES, "{}", f'the field "text" is missing: {HOW}'),
        ("POST", "/session", '{"user":"ada"}', 'unknown field "user": send name=…, or JSON'),
        ("PATCH", "/session", "{}", 'the field "name" is missing: send name=…, or JSON'),
    ],
)
def test_error_of_an_invalid_body_says_what_to_send(
    ada: HttpClient, method: str, target: str, body: str, message: str
) -> None:
    """It names the field that is wrong or missing."""
    response = ada.request(method, target, body, JSON)
    assert response.refusal == (400, "malformed")
    assert response.json["error"]["message"] == message


def test_error_of_an_invalid_body_names_the_field_or_the_syntax(ada: HttpClient) -> None:
    """An unknown field, a field of a wrong type, or JSON itself."""
    for body, word in (('{"txet":"hi"}', "txet"), ('{"text":5}', "text"), ("{,", "JSON")):
        response = ada.request("POST", MESSAGES, body, JSON)
        assert word in response.json["error"]["message"]


@pytest.mark.parametrize(("kind", "body"), [(JSON, '{"type":"action","text":"waves"}'),
                                            (FORM, "type=action&text=waves")],
                         ids=["json", "form"])  # fmt: skip
def test_action_is_a_message_with_the_type_action(
    server: MemoryServer, ada: HttpClient, kind: dict[str, str], body: str
) -> None:
    """It does what `/me` does on the line door."""
    line = server.line()
    line.received()
    assert ada.request("POST", MESSAGES, body, kind).status == 201
    assert line.received() == b"* ada waves\r\n"


def test_speaking_in_a_room_joins_it(server: MemoryServer, ada: HttpClient) -> None:
    """The event of the join precedes the message."""
    assert ada.post("/rooms/dev/messages", {"text": "hi"}).status == 201
    assert event_types(server, "dev") == ["Joined", "Said"]
    assert ada.get("/session").json["rooms"] == ["lobby", "dev"]


# -- visitors --------------------------------------------------------------------------------------


def test_visitor_sends_a_message_under_a_name(server: MemoryServer, http: HttpClient) -> None:
    """`curl -d text=hello '…?name=ada'`: no session before or afterwards, and no join is
    announced.
    """
    response = http.request("POST", f"{MESSAGES}?name=ada", "text=hello", FORM)
    assert response.status == 201
    (entry,) = server.chat.entries("lobby")
    assert entry.id == response.json["id"]
    assert server.here == []
    assert "set-cookie" not in response.headers
    http.enter("ada")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 401, "no-session"),
        ("?name=", 400, "bad-name"),
        ("?name=a%20b", 400, "bad-name"),
        ("?name=%23dev", 400, "bad-name"),
        ("?name=guest-0001", 400, "bad-name"),
        ("?name=" + "x" * 33, 400, "bad-name"),
        ("?name=%FF", 400, "malformed"),
        ("?name=%E2%80%8Bada", 400, "bad-name"),
        ("?name=%ED%A0%80", 400, "malformed"),
        ("?name=cy&name=di", 400, "malformed"),
        ("?name=bob", 409, "name-in-use"),
        ("?name=BOB", 409, "name-in-use"),
    ],
)
def test_visitor_needs_a_valid_name_that_is_free(
    server: MemoryServer, http: HttpClient, query: str, status: int, code: str
) -> None:
    """A name that a client of the line door has is not free."""
    line = server.line()
    line.send(b"/nick bob\r\n")
    server.chat.settle()
    assert http.post(f"{MESSAGES}{query}", {"text": "hi"}).refusal == (status, code)
    assert server.chat.texts("lobby") == []


def test_session_may_not_give_another_name_in_the_query(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Its own name is accepted."""
    assert ada.post(f"{MESSAGES}?name=ada", {"text": "one"}).status == 201
    assert ada.post(f"{MESSAGES}?name=eve", {"text": "two"}).refusal == (400, "malformed")
    assert server.chat.texts("lobby") == ["one"]


# -- idempotency keys ------------------------------------------------------------------------------


def test_repeat_with_an_idempotency_key_gets_the_first_id(
    server: MemoryServer, ada: HttpClient
) -> None:
    """The message is stored once."""
    first = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    server.chat.advance(50)
    again = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    assert again.status == first.status == 201
    assert again.json == first.json
    assert server.chat.texts("lobby") == ["hello"]


def test_idempotency_key_expires_after_five_minutes(server: MemoryServer, http: HttpClient) -> None:
    """Then a request with it is a new one."""
    target = f"{MESSAGES}?name=ada"
    first = http.post(target, {"text": "hello"}, Idempotency_Key="k").json
    server.chat.advance(REMEMBERED_SECONDS - 1)
    http = server.http()
    assert http.post(target, {"text": "hello"}, Idempotency_Key="k").json == first
    server.chat.advance(2)
    http = server.http()
    assert http.post(target, {"text": "hello"}, Idempotency_Key="k").json != first
    assert server.chat.texts("lobby") == ["hello"] * 2


def test_idempotency_keys_belong_to_one_person(
    server: MemoryServer, ada: HttpClient, http: HttpClient
) -> None:
    """Sessions and visitors may all use the same key."""
    bob = server.http()
    bob.enter("bob")
    for connection, query in ((ada, ""), (bob, ""), (http, "?name=cy"), (http, "?name=di")):
        assert connection.post(MESSAGES + query, {"text": "hi"}, Idempotency_Key="k").status == 201
    assert server.chat.texts("lobby") == ["hi"] * 4


def test_idempotency_key_survives_a_name_change(server: MemoryServer, ada: HttpClient) -> None:
    """It belongs to the session, not to the name."""
    first = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    assert ada.send_json("PATCH", "/session", {"name": "eve"}).status == 200
    assert ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1").json == first.json
    assert server.chat.texts("lobby") == ["hello"]


def test_repeat_that_comes_before_the_first_answer_waits_for_it(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Both requests are answered with one id."""
    server.hold_appends()
    other = server.http()
    other.headers = ada.headers
    for connection in (ada, other):
        connection.send("POST", MESSAGES, "hello", {**TEXT, "Idempotency-Key": "k"})
    server.chat.settle()
    assert (ada.responses(), other.responses()) == ([], [])
    server.release_appends()
    assert ada.response().json == other.response().json
    assert server.chat.texts("lobby") == ["hello"]


def test_refused_request_can_be_retried_with_its_key(server: MemoryServer, ada: HttpClient) -> None:
    """Whether the store refused it or the text was invalid."""
    server.chat.store.refusing = True
    assert ada.post(MESSAGES, {"text": "hi"}, Idempotency_Key="k").refusal == (503, "unavailable")
    server.chat.store.refusing = False
    assert ada.post(MESSAGES, {"text": " "}, Idempotency_Key="k").refusal == (400, "bad-text")
    assert ada.post(MESSAGES, {"text": "hi"}, Idempotency_Key="k").status == 201
    assert server.chat.texts("lobby") == ["hi"]


@pytest.mark.parametrize("key", ["", "two words", "é", "x" * 201])
def test_invalid_idempotency_key_is_refused(
    server: MemoryServer, ada: HttpClient, key: str
) -> None:
    """Ignoring it would make a repeat a second message."""
    ada.send_raw(
        b"POST %b HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\nContent-Type: text/plain\r\n"
        b"Idempotency-Key: %b\r\nContent-Length: 2\r\n\r\nhi"
        % (MESSAGES.encode(), ada.headers["Authorization"].encode(), key.encode()),
        "POST",
    )
    server.chat.settle()
    assert ada.response().refusal == (400, "malformed")
    assert server.chat.texts("lobby") == []


# -- sessions --------------------------------------------------------------------------------------


def test_new_session_has_a_name_a_token_and_a_cookie(
    server: MemoryServer, http: HttpClient
) -> None:
    """The cookie is for browsers, and hidden from scripts of pages."""
    response = http.post("/session", {"name": "Ada"})
    assert response.status == 201
    body = response.json
    assert body == {"name": "Ada", "token": body["token"]}
    cookie, *flags = response.headers["set-cookie"].lower().split("; ")
    assert cookie == f"chatd-{server.chat.store.id}={body['token']}".lower()
    assert {"httponly", "samesite=strict", "path=/"} <= set(flags)
    assert server.here == ["Ada"]


@pytest.mark.parametrize("name", ["ada", ""])
def test_idempotency_key_never_returns_the_token_of_another_session(
    server: MemoryServer, name: str
) -> None:
    """A key can be guessed, so a repeated `POST /session` is a new request, for the same client
    too.
    """
    body = {"name": name} if name else {}
    first = server.http().post("/session", body, Idempotency_Key="1")
    again = server.http().post("/session", body, Idempotency_Key="1")
    assert first.status == 201
    if name:
        assert again.refusal == (409, "name-in-use")
        assert "set-cookie" not in again.headers
    else:
        assert again.json["token"] != first.json["token"]
        assert again.json["name"] != first.json["name"]


def test_session_without_a_name_is_a_guest(server: MemoryServer, http: HttpClient) -> None:
    """Its join is not announced; when it takes a name, that is announced as a join."""
    body = http.request("POST", "/session").json
    assert re.fullmatch(r"guest-\d{4}", body["name"])
    assert server.chat.entries("lobby") == []
    http.headers["Authorization"] = f"Bearer {body['token']}"
    assert http.send_json("PATCH", "/session", {"name": "ada"}).json == {"name": "ada"}
    assert event_types(server) == ["Joined"]


@pytest.mark.parametrize("kind", [JSON, FORM], ids=["json", "form"])
def test_session_request_may_be_a_form(http: HttpClient, kind: dict[str, str]) -> None:
    """As `curl -d name=ada` sends it."""
    body = '{"name":"ada"}' if kind is JSON else "name=ada"
    assert http.request("POST", "/session", body, kind).json["name"] == "ada"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "bob"}, 409, "name-in-use"),
        ({"name": "BOB"}, 409, "name-in-use"),
        ({"name": "a b"}, 400, "bad-name"),
        ({"name": "x" * 33}, 400, "bad-name"),
        ({"name": "guest-7"}, 400, "bad-name"),
        ({"name": "\u202eada"}, 400, "bad-name"),
        ({"name": "ａda\u200d"}, 400, "bad-name"),
        ({"name": 5}, 400, "malformed"),
        ({"name": "cy", "admin": True}, 400, "malformed"),
        (["cy"], 400, "malformed"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_invalid_or_taken_name_is_refused(
    server: MemoryServer, ada: HttpClient, body: Any, status: int, code: str, method: str
) -> None:
    """On entering and on renaming, after which the person keeps the present name."""
    server.http().enter("bob")
    response = ada.send_json(method, "/session", body)
    assert response.refusal == (status, code)
    assert "set-cookie" not in response.headers
    assert server.here == ["ada", "bob"]


def test_servers_on_one_host_have_different_cookies(http: HttpClient) -> None:
    """A browser sends both cookies to both servers, and neither overwrites the other's."""
    other = MemoryServer().http()
    cookies = []
    for client in (http, other):
        response = client.post("/session", {"name": "ada"})
        cookies.append(response.headers["set-cookie"].partition(";")[0])
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert len(names) == 2
    for client in (http, other):
        assert client.get("/session", Cookie="; ".join(cookies)).json["name"] == "ada"


def test_credentials_for_a_proxy_do_not_collide_with_the_token(
    server: MemoryServer, http: HttpClient
) -> None:
    """A browser sends `Authorization: Basic` on each request to a site behind auth_basic."""
    token = server.http().enter("ada")
    basic = {"Authorization": "Basic YTpi"}
    assert http.get("/rooms/lobby/events?wait=0", **basic).status == 200
    assert http.get("/session", **basic).refusal == (401, "no-session")
    for ours in ({"Chatd-Session": token}, {"Cookie": f"chatd-{server.chat.store.id}={token}"}):
        assert http.get("/session", **basic, **ours).json["name"] == "ada"
    bearer = {"Authorization": "Bearer that-of-a-proxy"}
    assert http.get("/session", Chatd_Session=token, **bearer).json["name"] == "ada"


@pytest.mark.parametrize("how", ["bearer", "lower-case", "header", "cookie"])
def test_token_is_accepted_in_every_header(
    server: MemoryServer, http: HttpClient, how: str
) -> None:
    """As a bearer token, in `Chatd-Session` or as a cookie, on any connection."""
    token = server.http().enter("ada")
    headers = {
        "bearer": {"Authorization": f"Bearer {token}"},
        "lower-case": {"Authorization": f"bearer  {token}"},
        "header": {"Chatd-Session": token},
        "cookie": {"Cookie": f"a=b; chatd-{server.chat.store.id}={token}; c=d"},
    }[how]
    told = http.get("/session", **headers).json
    assert (told["name"], told["account"], told["rooms"]) == ("ada", False, ["lobby"])
    assert http.post(MESSAGES, {"text": "hi"}, **headers).status == 201
    assert server.chat.texts("lobby") == ["hi"]


@pytest.mark.parametrize(
    "header",
    [
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer a b"},
        {"Chatd-Session": "nonsense"},
        {"Chatd-Session": ""},
    ],
    ids=repr,
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_invalid_token_is_refused(http: HttpClient, header: dict[str, str], method: str) -> None:
    """On every request, even one that needs no session."""
    targets = {"POST": MESSAGES, "GET": "/rooms/lobby/events?wait=0"}
    body = {"POST": '{"text":"hi"}', "PATCH": '{"name":"ada"}'}.get(method, "")
    headers = {**header, **JSON}
    response = http.request(method, targets.get(method, "/session"), body, headers)
    assert response.refusal == (401, "bad-token")
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", ["chatd-{}", "chatd", "chatd-other"])
def test_stale_cookie_counts_as_no_session(
    server: MemoryServer, http: HttpClient, name: str
) -> None:
    """Browsers keep sending it, so reading works, and a request that needs a session says so."""
    stale = {"Cookie": f"{name.format(server.chat.store.id)}=long-gone"}
    assert http.get("/rooms/lobby/events?wait=0", **stale).status == 200
    assert http.get("/session", **stale).refusal == (401, "no-session")
    assert http.post(f"{MESSAGES}?name=ada", {"text": "hi"}, **stale).status == 201
    assert http.post("/session", {"name": "ada"}, **stale).status == 201


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/session"),
        ("PATCH", "/session"),
        ("DELETE", "/session"),
        ("PUT", "/rooms/dev/membership"),
        ("DELETE", "/rooms/lobby/membership"),
        ("POST", MESSAGES),
        ("PUT", "/rooms/lobby/topic"),
        ("POST", "/people/bob/messages"),
    ],
)
def test_request_that_needs_a_session_says_how_to_get_one(
    http: HttpClient, method: str, target: str
) -> None:
    """401, and the message names `/session`."""
    response = http.request(method, target, "{}" if method != "GET" else "", JSON)
    if response.error == "malformed":
        response = http.request(method, target, '{"text":"hi"}', JSON)
    assert response.refusal == (401, "no-session")
    assert "/session" in response.json["error"]["message"]


def test_deleting_the_session_takes_effect_at_once(server: MemoryServer, ada: HttpClient) -> None:
    """The name is free, the token invalid, and the room has the event."""
    response = ada.request("DELETE", "/session")
    assert (response.status, response.body) == (204, b"")
    assert server.here == []
    assert event_types(server) == ["Joined", "Left"]
    assert ada.request("DELETE", "/session").refusal == (401, "bad-token")
    server.http().enter("ADA")


def test_session_joins_and_leaves_rooms(server: MemoryServer, ada: HttpClient) -> None:
    """Joining twice has the effect of joining once."""
    for _ in range(2):
        assert ada.request("PUT", "/rooms/DEV/membership").json == {"room": "dev"}
    assert ada.get("/session").json["rooms"] == ["lobby", "dev"]
    gone = ada.send_json("DELETE", "/rooms/lobby/membership", {"text": "bye"})
    assert (gone.status, gone.body) == (204, b"")
    assert ada.get("/session").json["rooms"] == ["dev"]
    assert ada.request("DELETE", "/rooms/lobby/membership").refusal == (409, "not-in-room")
    assert event_types(server, "dev") == ["Joined"]


# -- grace -----------------------------------------------------------------------------------------


def test_session_ends_a_grace_period_after_its_last_request(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Then the person has left, and the name is free."""
    server.chat.advance(GRACE_SECONDS - 1)
    assert event_types(server) == ["Joined"]
    server.chat.advance(2)
    assert event_types(server) == ["Joined", "Left"]
    assert server.here == []
    http = server.http()
    assert http.get("/session", **ada.headers).refusal == (401, "bad-token")


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/session"),
        ("POST", MESSAGES),
        ("GET", "/rooms/lobby/events?since=0"),
        ("GET", "/rooms/lobby/events?wait=0"),
        ("GET", "/rooms/lobby/events?before=5"),
    ],
    ids=["session", "message", "answered-poll", "short-poll", "page"],
)
def test_every_request_restarts_the_grace_period(
    server: MemoryServer, ada: HttpClient, method: str, target: str
) -> None:
    """A request that was answered does not keep the session longer than that."""
    for _ in range(5):
        http = server.http()
        http.headers = ada.headers
        for _ in range(3):
            body = "hi" if method == "POST" else ""
            assert http.request(method, target, body, TEXT).status in (200, 201)
        server.chat.advance(GRACE_SECONDS - 5)
    assert server.here == ["ada"]
    server.chat.advance(6)
    assert server.here == []


@pytest.mark.parametrize("before", [0, 3], ids=["new", "learned"])
def test_held_poll_keeps_its_session(server: MemoryServer, ada: HttpClient, before: int) -> None:
    """The grace period begins when the poll is answered, or its client disconnects."""
    http = server.http()
    http.headers = ada.headers
    for _ in range(before):
        http.get("/rooms/lobby/events?since=0")
    place = server.chat.room("lobby").log.last
    for _ in range(3):
        http.send("GET", f"/rooms/lobby/events?since={place}&wait=60")
        server.chat.advance(60.5)
        assert http.response().texts == []
    http.send("GET", f"/rooms/lobby/events?since={place}&wait=60")
    server.chat.advance(59)
    http.wire.hang_up()
    server.chat.advance(GRACE_SECONDS - 1)
    assert event_types(server) == ["Joined"]
    server.chat.advance(2)
    assert event_types(server) == ["Joined", "Left"]


def test_open_stream_keeps_its_session(server: MemoryServer, ada: HttpClient) -> None:
    """However long it lasts; the grace period begins when the connection breaks."""
    stream = server.http()
    headers = {**ada.headers, "Accept": "text/event-stream"}
    stream.send("GET", "/rooms/lobby/events", headers=headers)
    server.chat.advance(GRACE_SECONDS * 4)
    assert server.here == ["ada"]
    stream.wire.hang_up()
    server.chat.advance(GRACE_SECONDS - 1)
    assert event_types(server) == ["Joined"]
    server.chat.advance(2)
    assert event_types(server) == ["Joined", "Left"]


def test_session_is_present_between_polls_a_minute_apart(
    server: MemoryServer, ada: HttpClient
) -> None:
    """A browser may wake a hidden tab only once a minute."""
    http = server.http()
    http.headers = ada.headers
    for _ in range(10):
        place = server.chat.room("lobby").log.last
        http.send("GET", f"/rooms/lobby/events?since={place}&wait=1")
        server.chat.advance(2)
        assert http.response().status == 200
        server.chat.advance(58)
    assert event_types(server) == ["Joined"]


# -- rooms and people ------------------------------------------------------------------------------


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


def test_topic_is_set_and_cleared(server: MemoryServer, ada: HttpClient) -> None:
    """Each change is an event; the topic has at most 400 characters."""
    for text in ("tea", ""):
        assert ada.send_json("PUT", "/rooms/lobby/topic", {"text": text}).status == 200
        assert ada.get("/rooms/lobby").json["topic"] == text
    too_long = ada.send_json("PUT", "/rooms/lobby/topic", {"text": "x" * 401})
    assert too_long.refusal == (413, "text-too-long")
    assert event_types(server) == ["Joined", "TopicSet", "TopicSet"]


@pytest.mark.parametrize("name", ["nobody", "%FF", "a%20b", "%ED%A0%80", "x" * 100])
def test_private_message_needs_a_recipient(ada: HttpClient, name: str) -> None:
    """An invalid name is answered like an unknown one."""
    response = ada.post(f"/people/{name}/messages", {"text": "psst"})
    assert response.refusal == (404, "no-such-person")
    message = response.json["error"]["message"]
    assert "/who" not in message
    assert "GET /rooms/" in message


def test_healthz_is_ok(http: HttpClient) -> None:
    """Load balancers ask for it."""
    assert http.get("/healthz").json == {"status": "ok"}


def test_healthz_fails_while_the_store_refuses(server: MemoryServer, http: HttpClient) -> None:
    """503 with the reason."""
    server.chat.store.refusing = True
    response = http.get("/healthz")
    assert response.refusal == (503, "unavailable")
    assert response.json["error"]["message"] == "the disk is full"
    assert int(response.headers["retry-after"]) >= 1
    assert http.request("HEAD", "/healthz").status == 503
    server.chat.store.refusing = False
    server.chat.advance(FRESH_SECONDS)
    assert http.get("/healthz").json == {"status": "ok"}


# -- unknown targets and methods -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/nowhere"),
        ("POST", "/nowhere"),
        ("GET", "/rooms/lobby/nowhere"),
        ("GET", "/rooms/lobby/"),
        ("GET", "/rooms/lobby/events/more"),
        ("POST", "/rooms/lobby/messages/1/more"),
        ("GET", "/session/more"),
        ("DELETE", "/session/more"),
        ("GET", "/events/more"),
        ("GET", "/healthz/more"),
        ("POST", "/people/ada/messages/1"),
        ("GET", "/index.html/more"),
        ("GET", "/rooms//events"),
        ("GET", "/%2e%2e/chatd/tap.py"),
        ("GET", "/..%2f..%2fpyproject.toml"),
        ("GET", "/web/"),
        ("GET", "/%FF"),
        ("BREW", "/nowhere"),
    ],
)
def test_unknown_target_is_not_found(
    server: MemoryServer, ada: HttpClient, method: str, target: str
) -> None:
    """In JSON, whatever the method, and without an effect."""
    response = ada.request(method, target, '{"text":"hi"}' if method == "POST" else "", JSON)
    assert response.refusal == (404, "not-found")
    assert server.here == ["ada"]
    assert server.chat.texts("lobby") == []


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("POST", "/", "GET, HEAD, OPTIONS"),
        ("DELETE", "/chat.js", "GET, HEAD, OPTIONS"),
        ("POST", "/healthz", "GET, HEAD, OPTIONS"),
        ("PUT", "/session", "GET, POST, PATCH, DELETE, HEAD, OPTIONS"),
        ("POST", "/rooms", "GET, HEAD, OPTIONS"),
        ("POST", "/rooms/lobby", "GET, PATCH, HEAD, OPTIONS"),
        ("POST", "/rooms/lobby/events", "GET, HEAD, OPTIONS"),
        ("DELETE", "/events", "GET, HEAD, OPTIONS"),
        ("GET", MESSAGES, "POST, OPTIONS"),
        ("HEAD", MESSAGES, "POST, OPTIONS"),
        ("GET", "/rooms/lobby/topic", "PUT, OPTIONS"),
        ("GET", "/rooms/lobby/membership", "PUT, DELETE, OPTIONS"),
        ("GET", "/people/ada/messages", "POST, OPTIONS"),
        ("TRACE", "/session", "GET, POST, PATCH, DELETE, HEAD, OPTIONS"),
        ("BREW", "/rooms", "GET, HEAD, OPTIONS"),
        ("RENDER_GET", "/rooms", "GET, HEAD, OPTIONS"),
    ],
)
def test_wrong_method_is_answered_with_the_allowed_ones(
    ada: HttpClient, method: str, target: str, allowed: str
) -> None:
    """In `Allow`, and in words; OPTIONS says the same."""
    response = ada.request(method, target)
    assert response.status == 405
    assert _allowed(response) == set(allowed.split(", "))
    if method != "HEAD":
        assert response.error == "method-not-allowed"
    options = ada.request("OPTIONS", target)
    assert (options.status, options.body) == (204, b"")
    assert _allowed(options) == set(allowed.split(", "))


@pytest.mark.parametrize("target", ["/session", MESSAGES, "/rooms/dev/membership"])
def test_get_changes_nothing(server: MemoryServer, ada: HttpClient, target: str) -> None:
    """Whatever its query says, so a link cannot send a message."""
    before = server.chat.entries("lobby")
    ada.get(f"{target}?text=hello&name=eve&_method=POST")
    assert server.chat.entries("lobby") == before
    assert server.here == ["ada"]


@pytest.mark.parametrize("target", ["/rooms", "/rooms/lobby", "/session", "/healthz", "/nowhere"])
def test_head_is_get_without_a_body(ada: HttpClient, target: str) -> None:
    """The status and the type are those of GET."""
    get, head = ada.get(target), ada.request("HEAD", target)
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


# -- rate limits, and refusals of the store --------------------------------------------------------


@pytest.mark.parametrize("how", ["session", "visitor"])
def test_message_over_the_rate_is_refused_with_retry_after(how: str) -> None:
    """429; after the time in `Retry-After` it is accepted."""
    server = MemoryServer(message_rate=0.5)
    http = server.http()
    target = MESSAGES if how == "session" else f"{MESSAGES}?name=ada"
    if how == "session":
        http.enter("ada")
    for _ in range(2):
        assert http.post(target, {"text": "hi"}).status == 201
    response = http.post(target, {"text": "hi"})
    assert response.refusal == (429, "rate-limited")
    wait = int(response.headers["retry-after"])
    assert 1 <= wait <= 3
    server.chat.advance(wait)
    assert http.post(target, {"text": "hi"}).status == 201
    assert server.chat.texts("lobby") == ["hi"] * 3


def test_visitors_share_the_rate_of_their_address() -> None:
    """Another name does not raise the limit."""
    server = MemoryServer(message_rate=0.5)
    statuses = [
        server.http().post(f"{MESSAGES}?name=n{number}", {"text": "hi"}).status
        for number in range(3)
    ]
    assert statuses == [201, 201, 429]


def test_refusal_of_the_store_is_503_with_retry_after(
    server: MemoryServer, ada: HttpClient
) -> None:
    """No reader gets the event."""
    server.chat.store.refusing = True
    for method, target in (("POST", MESSAGES), ("PUT", "/rooms/lobby/topic")):
        response = ada.send_json(method, target, {"text": "hi"})
        assert response.refusal == (503, "unavailable")
        assert int(response.headers["retry-after"]) >= 1
    assert event_types(server) == ["Joined"]


def test_message_during_a_shutdown_is_refused(server: MemoryServer, ada: HttpClient) -> None:
    """No message is accepted that would not be stored."""
    server.chat.service.stopService()
    response = ada.post(MESSAGES, {"text": "hi"})
    assert response.refusal == (503, "unavailable")
    assert int(response.headers["retry-after"]) >= 1


# -- the page --------------------------------------------------------------------------------------


FILES = sorted(file.name for file in WEB.iterdir() if file.is_file())
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


@pytest.mark.parametrize("name", ["", *FILES])
def test_page_files_are_served_with_a_strict_policy(http: HttpClient, name: str) -> None:
    """Each with its type, and a content security policy that trusts this server only."""
    response = http.get(f"/{name}")
    file = WEB / (name or "index.html")
    assert response.status == 200
    assert response.body == file.read_bytes()
    assert response.headers["content-type"].split(";")[0] == TYPES[file.suffix[1:]]
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("query", ["?transport=websocket", "?transport=sse", "?transport=poll"])
def test_query_does_not_change_the_page(http: HttpClient, query: str) -> None:
    """The page itself reads the query."""
    assert http.get(f"/{query}").body == http.get("/").body


def test_head_of_a_page_file_has_its_length(http: HttpClient) -> None:
    """The body is left out."""
    response = http.request("HEAD", "/chat.js")
    assert (response.status, response.body) == (200, b"")
    assert response.headers["content-length"] == str((WEB / "chat.js").stat().st_size)


@pytest.mark.parametrize("path", ["/nowhere", "/rooms/lobby/nowhere"])
def test_head_of_an_unknown_target_logs_nothing(http: HttpClient, path: str) -> None:
    """Twisted would log for each that it has no body."""
    with capturedLogs() as logged:
        response = http.request("HEAD", path)
    assert (response.status, response.body) == (404, b"")
    assert response.headers["content-length"] == str(len(http.get(path).body))
    assert logged == []


def _allowed(response: Response) -> set[str]:
    return set(response.headers["allow"].split(", "))


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
