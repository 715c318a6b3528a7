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


def kinds(server: MemoryServer, room: str = "lobby") -> list[str]:
    """What happened in a room."""
    return [type(entry.event).__name__ for entry in server.chat.entries(room)]


# -- saying something ------------------------------------------------------------------------------


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
def test_a_message_comes_in_three_kinds_of_body(
    server: MemoryServer, ada: HttpClient, kind: str, body: str
) -> None:
    """Each means the same, and is answered with the id of what was stored."""
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
def test_a_body_that_is_no_message_is_refused(
    server: MemoryServer,
    ada: HttpClient,
    body: str | bytes,
    headers: dict[str, str],
    status: int,
    code: str | None,
) -> None:
    """With a clear answer; nothing of it is said, and the connection goes on."""
    response = ada.request("POST", MESSAGES, body, headers)
    assert response.status == status
    assert response.error == (code or response.error)
    assert ada.post(MESSAGES, {"text": "next"}).status == 201
    assert server.chat.texts("lobby") == ["next"]


LOOKS = [
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
"""Bodies that curl calls forms, and the texts that they are."""


@pytest.mark.parametrize(("body", "text"), [*LOOKS, ("text=hi&type=message", "hi")])
def test_a_form_is_one_only_if_it_looks_like_one(
    server: MemoryServer, ada: HttpClient, body: str, text: str
) -> None:
    """What has other fields than the known ones, or no text, is the text itself, to the byte."""
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
@pytest.mark.parametrize(("body", "text"), [*LOOKS, ("text=hi&type=message",) * 2])
def test_whatever_takes_a_text_takes_it_raw(
    server: MemoryServer, ada: HttpClient, method: str, target: str, body: str, text: str
) -> None:
    """A topic, a private message, a parting word: only a message has a type."""
    bob = server.line()
    bob.send(b"/nick bob\r\n")
    server.chat.settle()
    assert ada.request(method, target, body, FORM).status in (200, 201, 204)
    assert text in bob.received().decode()


def test_a_body_of_no_type_is_the_text(server: MemoryServer, ada: HttpClient) -> None:
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
def test_a_field_that_is_wrong_is_named(
    ada: HttpClient, method: str, target: str, body: str, message: str
) -> None:
    """With what would be right."""
    response = ada.request(method, target, body, JSON)
    assert response.refusal == (400, "malformed")
    assert response.json["error"]["message"] == message


def test_what_was_understood_of_a_bad_body_is_told(ada: HttpClient) -> None:
    """The message says which field, or where."""
    for body, word in (('{"txet":"hi"}', "txet"), ('{"text":5}', "text"), ("{,", "JSON")):
        response = ada.request("POST", MESSAGES, body, JSON)
        assert word in response.json["error"]["message"]


@pytest.mark.parametrize(("kind", "body"), [(JSON, '{"type":"action","text":"waves"}'),
                                            (FORM, "type=action&text=waves")],
                         ids=["json", "form"])  # fmt: skip
def test_an_action_is_a_message_of_another_type(
    server: MemoryServer, ada: HttpClient, kind: dict[str, str], body: str
) -> None:
    """What `/me` is on the line door."""
    line = server.line()
    line.received()
    assert ada.request("POST", MESSAGES, body, kind).status == 201
    assert line.received() == b"* ada waves\r\n"


def test_whoever_speaks_in_a_room_is_in_it(server: MemoryServer, ada: HttpClient) -> None:
    """And everyone there is told of the coming, before what is said."""
    assert ada.post("/rooms/dev/messages", {"text": "hi"}).status == 201
    assert kinds(server, "dev") == ["Joined", "Said"]
    assert ada.get("/session").json["rooms"] == ["lobby", "dev"]


# -- visitors --------------------------------------------------------------------------------------


def test_a_visitor_says_one_thing_under_a_name(server: MemoryServer, http: HttpClient) -> None:
    """`curl -d text=hello '…?name=ada'`: no session before, none afterwards, nobody announced."""
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
def test_a_visitor_needs_a_name_that_nobody_holds(
    server: MemoryServer, http: HttpClient, query: str, status: int, code: str
) -> None:
    """Of the form that names have; whatever holds it, a telnet user as well."""
    line = server.line()
    line.send(b"/nick bob\r\n")
    server.chat.settle()
    assert http.post(f"{MESSAGES}{query}", {"text": "hi"}).refusal == (status, code)
    assert server.chat.texts("lobby") == []


def test_a_session_needs_no_name_and_may_not_give_another(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Its own does no harm."""
    assert ada.post(f"{MESSAGES}?name=ada", {"text": "one"}).status == 201
    assert ada.post(f"{MESSAGES}?name=eve", {"text": "two"}).refusal == (400, "malformed")
    assert server.chat.texts("lobby") == ["one"]


# -- once only -------------------------------------------------------------------------------------


def test_a_repeat_with_its_key_is_answered_and_not_said_again(
    server: MemoryServer, ada: HttpClient
) -> None:
    """With the first id, whatever it says and wherever it is sent, for five minutes."""
    first = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    server.chat.advance(50)
    again = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    assert again.status == first.status == 201
    assert again.json == first.json
    assert server.chat.texts("lobby") == ["hello"]


def test_a_key_is_good_for_five_minutes(server: MemoryServer, http: HttpClient) -> None:
    """Then it is a key like any other."""
    target = f"{MESSAGES}?name=ada"
    first = http.post(target, {"text": "hello"}, Idempotency_Key="k").json
    server.chat.advance(REMEMBERED_SECONDS - 1)
    http = server.http()
    assert http.post(target, {"text": "hello"}, Idempotency_Key="k").json == first
    server.chat.advance(2)
    http = server.http()
    assert http.post(target, {"text": "hello"}, Idempotency_Key="k").json != first
    assert server.chat.texts("lobby") == ["hello"] * 2


def test_keys_of_different_people_have_nothing_to_do_with_each_other(
    server: MemoryServer, ada: HttpClient, http: HttpClient
) -> None:
    """Sessions and visitors alike."""
    bob = server.http()
    bob.enter("bob")
    for connection, query in ((ada, ""), (bob, ""), (http, "?name=cy"), (http, "?name=di")):
        assert connection.post(MESSAGES + query, {"text": "hi"}, Idempotency_Key="k").status == 201
    assert server.chat.texts("lobby") == ["hi"] * 4


def test_a_key_is_its_session_s_under_another_name_too(
    server: MemoryServer, ada: HttpClient
) -> None:
    """A change of name is no new person."""
    first = ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1")
    assert ada.send_json("PATCH", "/session", {"name": "eve"}).status == 200
    assert ada.post(MESSAGES, {"text": "hello"}, Idempotency_Key="k-1").json == first.json
    assert server.chat.texts("lobby") == ["hello"]


def test_a_repeat_that_comes_before_the_answer_waits_for_it(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Both are answered with the one id."""
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


def test_what_failed_may_be_tried_again_with_its_key(server: MemoryServer, ada: HttpClient) -> None:
    """Whether the store refused it or the text was bad."""
    server.chat.store.refusing = True
    assert ada.post(MESSAGES, {"text": "hi"}, Idempotency_Key="k").refusal == (503, "unavailable")
    server.chat.store.refusing = False
    assert ada.post(MESSAGES, {"text": " "}, Idempotency_Key="k").refusal == (400, "bad-text")
    assert ada.post(MESSAGES, {"text": "hi"}, Idempotency_Key="k").status == 201
    assert server.chat.texts("lobby") == ["hi"]


@pytest.mark.parametrize("key", ["", "two words", "é", "x" * 201])
def test_a_key_that_is_none_is_refused(server: MemoryServer, ada: HttpClient, key: str) -> None:
    """It could not do what it is for."""
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


def test_a_session_has_a_name_a_token_and_a_cookie(server: MemoryServer, http: HttpClient) -> None:
    """The cookie is for browsers, and not for their scripts."""
    response = http.post("/session", {"name": "Ada"})
    assert response.status == 201
    body = response.json
    assert body == {"name": "Ada", "token": body["token"]}
    cookie, *flags = response.headers["set-cookie"].lower().split("; ")
    assert cookie == f"chatd-{server.chat.store.id}={body['token']}".lower()
    assert {"httponly", "samesite=strict", "path=/"} <= set(flags)
    assert server.here == ["Ada"]


@pytest.mark.parametrize("name", ["ada", ""])
def test_a_key_opens_nobody_s_session(server: MemoryServer, name: str) -> None:
    """A guessed Idempotency-Key proves nothing: the second client of an address never gets the
    first one's token, nor does anybody who sends the request again.
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


def test_a_session_without_a_name_is_a_guest(server: MemoryServer, http: HttpClient) -> None:
    """Unannounced, and it may take a name later: then it joins."""
    body = http.request("POST", "/session").json
    assert re.fullmatch(r"guest-\d{4}", body["name"])
    assert server.chat.entries("lobby") == []
    http.headers["Authorization"] = f"Bearer {body['token']}"
    assert http.send_json("PATCH", "/session", {"name": "ada"}).json == {"name": "ada"}
    assert kinds(server) == ["Joined"]


@pytest.mark.parametrize("kind", [JSON, FORM], ids=["json", "form"])
def test_a_session_may_be_asked_for_in_a_form(http: HttpClient, kind: dict[str, str]) -> None:
    """As by curl -d name=ada."""
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
def test_a_name_that_cannot_be_is_refused(
    server: MemoryServer, ada: HttpClient, body: Any, status: int, code: str, method: str
) -> None:
    """On coming in and on changing; then one keeps the name that one has."""
    server.http().enter("bob")
    response = ada.send_json(method, "/session", body)
    assert response.refusal == (status, code)
    assert "set-cookie" not in response.headers
    assert server.here == ["ada", "bob"]


def test_two_servers_of_one_host_have_cookies_of_their_own(http: HttpClient) -> None:
    """A browser sends both to both, and neither overwrites the other's."""
    other = MemoryServer().http()
    cookies = []
    for client in (http, other):
        response = client.post("/session", {"name": "ada"})
        cookies.append(response.headers["set-cookie"].partition(";")[0])
    names = {cookie.partition("=")[0] for cookie in cookies}
    assert len(names) == 2
    for client in (http, other):
        assert client.get("/session", Cookie="; ".join(cookies)).json["name"] == "ada"


def test_a_proxy_s_credentials_do_not_collide_with_ours(
    server: MemoryServer, http: HttpClient
) -> None:
    """A browser sends Authorization: Basic to a site behind auth_basic, on each of its requests."""
    token = server.http().enter("ada")
    basic = {"Authorization": "Basic YTpi"}
    assert http.get("/rooms/lobby/events?wait=0", **basic).status == 200
    assert http.get("/session", **basic).refusal == (401, "no-session")
    for ours in ({"Chatd-Session": token}, {"Cookie": f"chatd-{server.chat.store.id}={token}"}):
        assert http.get("/session", **basic, **ours).json["name"] == "ada"
    bearer = {"Authorization": "Bearer that-of-a-proxy"}
    assert http.get("/session", Chatd_Session=token, **bearer).json["name"] == "ada"


@pytest.mark.parametrize("how", ["bearer", "lower-case", "header", "cookie"])
def test_a_session_is_known_by_its_token(server: MemoryServer, http: HttpClient, how: str) -> None:
    """As a bearer token or as a cookie, on any connection."""
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
def test_a_bad_token_is_refused(http: HttpClient, header: dict[str, str], method: str) -> None:
    """Wherever it is sent, also where none would do."""
    targets = {"POST": MESSAGES, "GET": "/rooms/lobby/events?wait=0"}
    body = {"POST": '{"text":"hi"}', "PATCH": '{"name":"ada"}'}.get(method, "")
    headers = {**header, **JSON}
    response = http.request(method, targets.get(method, "/session"), body, headers)
    assert response.refusal == (401, "bad-token")
    assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("name", ["chatd-{}", "chatd", "chatd-other"])
def test_a_stale_cookie_is_no_session(server: MemoryServer, http: HttpClient, name: str) -> None:
    """Browsers send it on and on; reading needs none, and what needs one says so."""
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
def test_who_has_no_session_is_told_how_to_get_one(
    http: HttpClient, method: str, target: str
) -> None:
    """Where one is needed."""
    response = http.request(method, target, "{}" if method != "GET" else "", JSON)
    if response.error == "malformed":
        response = http.request(method, target, '{"text":"hi"}', JSON)
    assert response.refusal == (401, "no-session")
    assert "/session" in response.json["error"]["message"]


def test_leaving_acts_at_once(server: MemoryServer, ada: HttpClient) -> None:
    """The name is free, the token good for nothing, and the room is told."""
    response = ada.request("DELETE", "/session")
    assert (response.status, response.body) == (204, b"")
    assert server.here == []
    assert kinds(server) == ["Joined", "Left"]
    assert ada.request("DELETE", "/session").refusal == (401, "bad-token")
    server.http().enter("ADA")


def test_a_session_in_several_rooms_comes_and_goes(server: MemoryServer, ada: HttpClient) -> None:
    """Membership is put and deleted; twice is as good as once."""
    for _ in range(2):
        assert ada.request("PUT", "/rooms/DEV/membership").json == {"room": "dev"}
    assert ada.get("/session").json["rooms"] == ["lobby", "dev"]
    gone = ada.send_json("DELETE", "/rooms/lobby/membership", {"text": "bye"})
    assert (gone.status, gone.body) == (204, b"")
    assert ada.get("/session").json["rooms"] == ["dev"]
    assert ada.request("DELETE", "/rooms/lobby/membership").refusal == (409, "not-in-room")
    assert kinds(server, "dev") == ["Joined"]


# -- grace -----------------------------------------------------------------------------------------


def test_a_session_outlives_its_last_request_by_its_grace(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Then it has left, and its name is free."""
    server.chat.advance(GRACE_SECONDS - 1)
    assert kinds(server) == ["Joined"]
    server.chat.advance(2)
    assert kinds(server) == ["Joined", "Left"]
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
def test_every_request_begins_the_grace_anew(
    server: MemoryServer, ada: HttpClient, method: str, target: str
) -> None:
    """And each is over: it does not hold the session for ever."""
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
def test_a_held_poll_keeps_its_session(server: MemoryServer, ada: HttpClient, before: int) -> None:
    """The grace begins when it ends, whether it is answered or its client leaves."""
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
    assert kinds(server) == ["Joined"]
    server.chat.advance(2)
    assert kinds(server) == ["Joined", "Left"]


def test_an_open_stream_keeps_its_session(server: MemoryServer, ada: HttpClient) -> None:
    """However long it lasts; the grace begins when it breaks."""
    stream = server.http()
    headers = {**ada.headers, "Accept": "text/event-stream"}
    stream.send("GET", "/rooms/lobby/events", headers=headers)
    server.chat.advance(GRACE_SECONDS * 4)
    assert server.here == ["ada"]
    stream.wire.hang_up()
    server.chat.advance(GRACE_SECONDS - 1)
    assert kinds(server) == ["Joined"]
    server.chat.advance(2)
    assert kinds(server) == ["Joined", "Left"]


def test_nobody_flickers_between_polls(server: MemoryServer, ada: HttpClient) -> None:
    """A hidden tab may be woken once a minute only."""
    http = server.http()
    http.headers = ada.headers
    for _ in range(10):
        place = server.chat.room("lobby").log.last
        http.send("GET", f"/rooms/lobby/events?since={place}&wait=1")
        server.chat.advance(2)
        assert http.response().status == 200
        server.chat.advance(58)
    assert kinds(server) == ["Joined"]


# -- rooms and people ------------------------------------------------------------------------------


def test_rooms_lists_where_somebody_is_or_something_was_said(
    server: MemoryServer, ada: HttpClient
) -> None:
    """With the topic, how many, and the ends of what is kept."""
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


def test_a_room_tells_who_is_here_and_the_topic(server: MemoryServer, ada: HttpClient) -> None:
    """And the ends of what is kept; an empty one has none."""
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


def test_a_topic_is_set_and_cleared(server: MemoryServer, ada: HttpClient) -> None:
    """And told; it has to fit a heading."""
    for text in ("tea", ""):
        assert ada.send_json("PUT", "/rooms/lobby/topic", {"text": text}).status == 200
        assert ada.get("/rooms/lobby").json["topic"] == text
    too_long = ada.send_json("PUT", "/rooms/lobby/topic", {"text": "x" * 401})
    assert too_long.refusal == (413, "text-too-long")
    assert kinds(server) == ["Joined", "TopicSet", "TopicSet"]


@pytest.mark.parametrize("name", ["nobody", "%FF", "a%20b", "%ED%A0%80", "x" * 100])
def test_a_private_message_needs_somebody_to_hear_it(ada: HttpClient, name: str) -> None:
    """Whatever is not a name is nobody's."""
    response = ada.post(f"/people/{name}/messages", {"text": "psst"})
    assert response.refusal == (404, "no-such-person")
    message = response.json["error"]["message"]
    assert "/who" not in message
    assert "GET /rooms/" in message


def test_the_server_is_well(http: HttpClient) -> None:
    """As load balancers ask."""
    assert http.get("/healthz").json == {"status": "ok"}


def test_a_server_whose_store_refuses_is_not_healthy(
    server: MemoryServer, http: HttpClient
) -> None:
    """503 with the reason, for as long as that is so."""
    server.chat.store.refusing = True
    response = http.get("/healthz")
    assert response.refusal == (503, "unavailable")
    assert response.json["error"]["message"] == "the disk is full"
    assert int(response.headers["retry-after"]) >= 1
    assert http.request("HEAD", "/healthz").status == 503
    server.chat.store.refusing = False
    server.chat.advance(FRESH_SECONDS)
    assert http.get("/healthz").json == {"status": "ok"}


# -- what is not there -----------------------------------------------------------------------------


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
def test_what_is_not_there_is_not_found(
    server: MemoryServer, ada: HttpClient, method: str, target: str
) -> None:
    """In JSON, whatever the method; and nothing happens."""
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
def test_a_method_that_does_not_work_is_told_which_do(
    ada: HttpClient, method: str, target: str, allowed: str
) -> None:
    """In `Allow`, and in words; OPTIONS says the same."""
    response = ada.request(method, target)
    assert response.status == 405
    assert _set(response) == set(allowed.split(", "))
    if method != "HEAD":
        assert response.error == "method-not-allowed"
    options = ada.request("OPTIONS", target)
    assert (options.status, options.body) == (204, b"")
    assert _set(options) == set(allowed.split(", "))


@pytest.mark.parametrize("target", ["/session", MESSAGES, "/rooms/dev/membership"])
def test_nothing_changes_on_get(server: MemoryServer, ada: HttpClient, target: str) -> None:
    """Whatever its query says: a link cannot speak."""
    before = server.chat.entries("lobby")
    ada.get(f"{target}?text=hello&name=eve&_method=POST")
    assert server.chat.entries("lobby") == before
    assert server.here == ["ada"]


@pytest.mark.parametrize("target", ["/rooms", "/rooms/lobby", "/session", "/healthz", "/nowhere"])
def test_head_is_get_without_a_body(ada: HttpClient, target: str) -> None:
    """The same status and type."""
    get, head = ada.get(target), ada.request("HEAD", target)
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


# -- too much, and not now -------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["session", "visitor"])
def test_who_says_too_much_is_told_when_to_come_again(how: str) -> None:
    """429, and after the time that `Retry-After` gives it is taken."""
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


def test_visitors_cannot_say_more_by_changing_their_names() -> None:
    """They are measured by their address."""
    server = MemoryServer(message_rate=0.5)
    statuses = [
        server.http().post(f"{MESSAGES}?name=n{number}", {"text": "hi"}).status
        for number in range(3)
    ]
    assert statuses == [201, 201, 429]


def test_what_the_store_refuses_is_told_with_when_to_try_again(
    server: MemoryServer, ada: HttpClient
) -> None:
    """503, and nobody saw it."""
    server.chat.store.refusing = True
    for method, target in (("POST", MESSAGES), ("PUT", "/rooms/lobby/topic")):
        response = ada.send_json(method, target, {"text": "hi"})
        assert response.refusal == (503, "unavailable")
        assert int(response.headers["retry-after"]) >= 1
    assert kinds(server) == ["Joined"]


def test_a_server_that_is_going_down_says_so(server: MemoryServer, ada: HttpClient) -> None:
    """Nothing is taken that would not be kept."""
    server.chat.service.stopService()
    response = ada.post(MESSAGES, {"text": "hi"})
    assert response.refusal == (503, "unavailable")
    assert int(response.headers["retry-after"]) >= 1


# -- the page --------------------------------------------------------------------------------------


FILES = sorted(file.name for file in WEB.iterdir() if file.is_file())
TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


@pytest.mark.parametrize("name", ["", *FILES])
def test_the_page_is_served_and_loads_nothing_from_elsewhere(http: HttpClient, name: str) -> None:
    """Each file as what it is, with a policy that trusts this server only."""
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
def test_the_page_is_the_same_whatever_its_query(http: HttpClient, query: str) -> None:
    """The query is for the page itself."""
    assert http.get(f"/{query}").body == http.get("/").body


def test_head_of_the_page_has_no_body(http: HttpClient) -> None:
    """But its length."""
    response = http.request("HEAD", "/chat.js")
    assert (response.status, response.body) == (200, b"")
    assert response.headers["content-length"] == str((WEB / "chat.js").stat().st_size)


@pytest.mark.parametrize("path", ["/nowhere", "/rooms/lobby/nowhere"])
def test_head_of_what_is_not_there_leaves_nothing_in_the_log(http: HttpClient, path: str) -> None:
    """Twisted would complain of each that it has no body."""
    with capturedLogs() as logged:
        response = http.request("HEAD", path)
    assert (response.status, response.body) == (404, b"")
    assert response.headers["content-length"] == str(len(http.get(path).body))
    assert logged == []


def _set(response: Response) -> set[str]:
    return set(response.headers["allow"].split(", "))


def test_readers_of_rooms_that_nobody_has_begun_take_none_of_the_limit() -> None:
    """Streams and polls that name more rooms than there may be: the next message begins a room."""
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
