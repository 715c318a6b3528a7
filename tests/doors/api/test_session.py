"""Sessions over HTTP: how they begin, who has which, and their grace."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chatd.chat.sessions import GRACE_SECONDS

from ...kit.http import HttpClient
from ...kit.server import MemoryServer

MESSAGES = "/rooms/lobby/messages"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TEXT = {"Content-Type": "text/plain"}


def test_new_session_has_a_name_a_token_and_a_cookie(
    server: MemoryServer, http: HttpClient
) -> None:
    """The cookie is for browsers, and hidden from scripts of pages."""
    response = http.post("/session", {"name": "Ada"})
    assert response.status == 201
    body = response.json
    assert body == {"name": "Ada", "token": body["token"]}
    cookie, *flags = response.headers["set-cookie"].split("; ")
    assert cookie == f"chatd-{server.chat.store.id}={body['token']}"
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(flags)
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
    assert server.kinds() == ["Joined"]


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
    assert server.kinds() == ["Joined", "Left"]
    assert ada.request("DELETE", "/session").refusal == (401, "bad-token")
    server.http().enter("ADA")


def test_session_ends_a_grace_period_after_its_last_request(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Then the person has left, and the name is free."""
    server.chat.advance(GRACE_SECONDS - 1)
    assert server.kinds() == ["Joined"]
    server.chat.advance(2)
    assert server.kinds() == ["Joined", "Left"]
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
    assert server.kinds() == ["Joined"]
    server.chat.advance(2)
    assert server.kinds() == ["Joined", "Left"]


def test_open_stream_keeps_its_session(server: MemoryServer, ada: HttpClient) -> None:
    """However long it lasts; the grace period begins when the connection breaks."""
    stream = server.http()
    headers = {**ada.headers, "Accept": "text/event-stream"}
    stream.send("GET", "/rooms/lobby/events", headers=headers)
    server.chat.advance(GRACE_SECONDS * 4)
    assert server.here == ["ada"]
    stream.wire.hang_up()
    server.chat.advance(GRACE_SECONDS - 1)
    assert server.kinds() == ["Joined"]
    server.chat.advance(2)
    assert server.kinds() == ["Joined", "Left"]


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
    assert server.kinds() == ["Joined"]
