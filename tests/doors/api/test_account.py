"""Accounts over HTTP: registration, sign-in, sessions, tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, TextMessage
from wsproto.events import Request as Upgrade

from chatd.chat.administration import console
from chatd.chat.rules import Rules
from chatd.chat.sessions import GRACE_SECONDS
from chatd.http.proxies import Proxies
from chatd.model.account import MOST_SESSIONS
from chatd.model.addresses import parse_network

from ...kit.chat import PASSWORD, settled
from ...kit.http import HttpClient, Response
from ...kit.server import MemoryServer

NEAR = "127.0.0.1"
NEW = "another horse battery"


def near(server: MemoryServer, token: str = "") -> HttpClient:
    """A connection from the server's own machine, in the session of that token."""
    http = server.http(NEAR)
    if token:
        http.headers["Authorization"] = f"Bearer {token}"
    return http


def register(server: MemoryServer, name: str, password: str = PASSWORD) -> HttpClient:
    """A connection in the first session of a new account."""
    response = near(server).post("/accounts", {"name": name, "password": password})
    assert response.status == 201, response.body
    return near(server, response.json["token"])


def sign_in(server: MemoryServer, name: str, password: str = PASSWORD) -> Response:
    return near(server).post("/session", {"name": name, "password": password})


def token_of(http: HttpClient) -> str:
    return http.headers["Authorization"].removeprefix("Bearer ")


# -- registering and signing in --------------------------------------------------------------------


def test_registration_signs_in(server: MemoryServer) -> None:
    """The answer has the token, and for browsers a cookie that lasts thirty days."""
    response = near(server).post("/accounts", {"name": "Ada", "password": PASSWORD})
    assert (response.status, response.json["name"], response.json["account"]) == (201, "Ada", True)
    cookie, *flags = response.headers["set-cookie"].lower().split("; ")
    assert cookie.startswith("chatd-")
    assert {"httponly", "samesite=strict", "path=/", f"max-age={30 * 86400}"} <= set(flags)
    told = near(server, response.json["token"]).get("/session").json
    assert (told["name"], told["account"], told["admin"]) == ("Ada", True, False)
    assert told["rooms"] == ["lobby"]


def test_sign_in_begins_another_session_of_the_same_person(server: MemoryServer) -> None:
    """The person has joined once."""
    first = register(server, "ada")
    second = sign_in(server, "ADA")
    assert second.json == {"name": "ada", "token": second.json["token"], "account": True}
    assert second.json["token"] != token_of(first)
    assert server.here == ["ada"]
    events = first.get("/rooms/lobby/events?since=0").json["events"]
    assert [(event["type"], event.get("account")) for event in events] == [("join", True)]


@pytest.mark.parametrize("how", ["header", "session header", "cookie", "query"])
def test_session_continues_after_a_restart(server: MemoryServer, how: str) -> None:
    """However its token is sent: the same account, in the same rooms."""
    response = near(server).post("/accounts", {"name": "ada", "password": PASSWORD})
    token = response.json["token"]
    near(server, token).request("PUT", "/rooms/dev/membership")
    http = near(server.restarted())
    shown: dict[str, dict[str, str]] = {
        "header": {"Authorization": f"Bearer {token}"},
        "session header": {"Chatd-Session": token},
        "cookie": {"Cookie": response.headers["set-cookie"].partition(";")[0]},
        "query": {},
    }
    if how == "query":
        assert http.get(f"/rooms/lobby/events?since=0&access_token={token}").status == 200
        return
    told = http.request("GET", "/session", headers=shown[how]).json
    assert (told["name"], told["rooms"]) == ("ada", ["lobby", "dev"])


def test_guest_continues_after_a_restart(server: MemoryServer, ada: HttpClient) -> None:
    """Within the grace period, with its name and rooms."""
    ada.request("PUT", "/rooms/dev/membership")
    again = server.restarted()
    told = near(again, token_of(ada)).get("/session").json
    assert (told["name"], told["account"]) == ("ada", False)
    assert sorted(told["rooms"]) == ["dev", "lobby"]


def test_session_is_present_again_with_its_next_request(server: MemoryServer) -> None:
    """Any request will do: a poll, a message, a join."""
    ada = register(server, "ada")
    for request in (
        lambda http: http.get("/rooms/lobby/events?since=0&wait=0"),
        lambda http: http.post("/rooms/lobby/messages", {"text": "hi"}),
        lambda http: http.request("PUT", "/rooms/lobby/membership"),
    ):
        server.chat.advance(2 * GRACE_SECONDS)
        assert server.here == []
        assert request(near(server, token_of(ada))).status in (200, 201)
        assert server.here == ["ada"]


def test_held_poll_of_a_guest_continues_after_registration(server: MemoryServer) -> None:
    """The token is a new one, the person the same."""
    http = near(server)
    old = http.enter("ada")
    poll = near(server, old)
    poll.send("GET", "/rooms/lobby/events?since=now&wait=30")
    server.chat.settle()
    response = http.post("/accounts", {"name": "ada", "password": PASSWORD})
    assert response.status == 201
    assert response.json["token"] != old
    assert server.here == ["ada"]
    assert near(server, old).get("/session").refusal == (401, "bad-token")
    server.say("hello")
    server.chat.settle()
    assert poll.response().texts == ["hello"]
    assert near(server, response.json["token"]).get("/session").json["account"] is True


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"name": "ada", "password": PASSWORD}, (409, "name-registered")),
        ({"name": "аda", "password": PASSWORD}, (409, "name-registered")),
        ({"name": "bob", "password": PASSWORD}, (409, "name-in-use")),
        ({"name": "server", "password": PASSWORD}, (400, "bad-name")),
        ({"name": "eve", "password": "password"}, (400, "bad-password")),
        ({"name": "eve", "password": "short"}, (400, "bad-password")),
        ({"name": "eve", "password": "x" * 50_000}, (400, "bad-password")),
        ({"name": "eve", "password": "nul\0nul\0nul"}, (400, "bad-password")),
        ({"name": "eve"}, (400, "malformed")),
        ({"name": "eve", "password": 12345678}, (400, "malformed")),
        ({"name": "eve", "password": PASSWORD, "more": 1}, (400, "malformed")),
    ],
)
def test_invalid_registration_is_refused(
    server: MemoryServer, body: dict[str, Any], refusal: tuple[int, str]
) -> None:
    """The error says why."""
    register(server, "ada")
    server.http().enter("bob")
    assert near(server).post("/accounts", body).refusal == refusal


def test_overlong_registration_body_is_refused(server: MemoryServer) -> None:
    """It is refused unread, as any body of that size."""
    body = {"name": "eve", "password": "x" * 1_000_000}
    assert near(server).post("/accounts", body).refusal == (413, "too-large")


def test_registered_name_is_refused_to_guests_and_visitors(server: MemoryServer) -> None:
    """Even while its account is absent."""
    register(server, "ada")
    for _ in range(2):
        guest = server.http()
        guest.enter()
        assert server.http().post("/session", {"name": "ada"}).refusal == (409, "name-registered")
        renamed = guest.send_json("PATCH", "/session", {"name": "Ada"})
        assert renamed.refusal == (409, "name-registered")
        said = server.http().post("/rooms/lobby/messages?name=ada", {"text": "hi"})
        assert said.refusal == (409, "name-registered")
        server.chat.advance(2 * GRACE_SECONDS)
    assert server.chat.texts("lobby") == []


def test_name_of_an_account_cannot_be_changed(server: MemoryServer) -> None:
    """All its sessions have the same name."""
    ada = register(server, "ada")
    assert ada.send_json("PATCH", "/session", {"name": "eve"}).refusal == (403, "not-allowed")


@pytest.mark.parametrize("name", ["ada", "nobody", "a b", ""])
def test_wrong_credentials_get_the_same_answer(server: MemoryServer, name: str) -> None:
    """Whether the account is unknown or the password wrong."""
    register(server, "ada")
    assert sign_in(server, name, "wrong horse battery").refusal == (401, "bad-credentials")


def test_password_guessing_is_rate_limited(server: MemoryServer) -> None:
    """After some attempts the answer is 429 with `Retry-After`."""
    register(server, "ada")
    answers = [sign_in(server, "ada", "wrong horse battery") for _ in range(40)]
    assert {answer.refusal for answer in answers} == {
        (401, "bad-credentials"),
        (429, "rate-limited"),
    }
    assert int(answers[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize("register", ["invite", "closed"])
def test_registration_is_refused_unless_it_is_open(register: Any) -> None:
    """The name and the password are not even checked."""
    server = MemoryServer(rules=Rules(register=register))
    response = near(server).post("/accounts", {"name": "server", "password": "x"})
    assert response.refusal == (403, "not-allowed")


# -- which connections may carry a password --------------------------------------------------------


@pytest.mark.parametrize(
    ("proxy", "headers", "status"),
    [
        (None, {}, 403),
        (None, {"X-Forwarded-Proto": "https"}, 403),
        ("192.0.2.1", {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.5"}, 201),
        ("192.0.2.1", {"X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.5"}, 403),
        ("192.0.2.1", {"X-Forwarded-For": "203.0.113.5"}, 403),
    ],
)
def test_password_is_accepted_only_over_secure_connections(
    proxy: str | None, headers: dict[str, str], status: int
) -> None:
    """TLS, the server's own machine, or https of a trusted proxy."""
    proxies = Proxies([parse_network(proxy)]) if proxy else Proxies([])
    server = MemoryServer(proxies=proxies)
    body = json.dumps({"name": "ada", "password": PASSWORD})
    kind = {"Content-Type": "application/json"}
    response = server.http().request("POST", "/accounts", body, {**kind, **headers})
    assert response.status == status
    if status == 403:
        assert response.error == "insecure"
        signing = server.http().post("/session", {"name": "ada", "password": PASSWORD})
        assert signing.refusal == (403, "insecure")


def test_plain_passwords_allows_passwords_on_any_connection() -> None:
    """This is what the option `--plain-passwords` is for."""
    server = MemoryServer(rules=Rules(plain_passwords=True))
    response = server.http().post("/accounts", {"name": "ada", "password": PASSWORD})
    assert response.status == 201


@pytest.mark.parametrize("path", ["/accounts", "/account/tokens"])
def test_account_endpoints_take_json_only(server: MemoryServer, path: str) -> None:
    """A page of another origin cannot send JSON without a preflight request."""
    ada = register(server, "ada")
    for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        response = ada.request("POST", path, "name=eve&label=x", {"Content-Type": kind})
        assert response.refusal == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/accounts"),
        ("POST", "/session"),
        ("PATCH", "/account"),
        ("DELETE", "/account"),
        ("POST", "/account/tokens"),
        ("GET", "/account/tokens"),
        ("GET", "/account/sessions"),
        ("DELETE", "/account/sessions/x"),
        ("DELETE", "/account/tokens/x"),
    ],
)
def test_account_requests_of_other_origins_are_refused(
    server: MemoryServer, method: str, path: str
) -> None:
    """The browser adds the cookie to them, so the server has to check the origin."""
    ada = register(server, "ada")
    ada.headers["Origin"] = "https://evil.example"
    body = json.dumps({"current": PASSWORD, "password": NEW, "name": "x", "label": "x"})
    response = ada.request(method, path, body, {"Content-Type": "application/json"})
    assert response.refusal == (403, "foreign-origin")


def test_sign_in_never_reuses_a_token(server: MemoryServer) -> None:
    """Otherwise a client could make another one sign in to a session whose token it knows (session
    fixation).
    """
    register(server, "ada")
    http = near(server)
    known = http.enter("eve")
    response = http.post("/session", {"name": "ada", "password": PASSWORD})
    assert response.json["token"] != known
    assert near(server, known).get("/session").json["name"] == "eve"


def test_stale_cookie_beside_a_valid_token_is_ignored(server: MemoryServer) -> None:
    """The token in the header counts."""
    response = near(server).post("/accounts", {"name": "ada", "password": PASSWORD})
    name = response.headers["set-cookie"].partition("=")[0]
    ada = near(server, response.json["token"])
    for stale in ("x" * 32, "", "a"):
        assert ada.get("/session", Cookie=f"{name}={stale}").json["name"] == "ada"
    alone = near(server)
    assert alone.get("/session", Cookie=f"{name}={'x' * 32}").refusal == (401, "no-session")
    assert alone.get("/rooms/lobby/events?since=0", Cookie=f"{name}={'x' * 32}").status == 200


def test_idempotency_key_never_returns_a_secret(server: MemoryServer) -> None:
    """A key does not prove who sends the request."""
    ada = register(server, "ada")
    key = {"Idempotency_Key": "same"}
    tokens = [ada.post("/account/tokens", {"label": "ci"}, **key).json["token"] for _ in range(2)]
    assert len(set(tokens)) == 2
    body = {"name": "ada", "password": PASSWORD}
    sessions = [near(server).post("/session", body, **key).json["token"] for _ in range(2)]
    assert len(set(sessions)) == 2
    again = near(server).post("/accounts", {"name": "ada", "password": NEW}, **key)
    assert again.refusal == (409, "name-registered")


# -- the account -----------------------------------------------------------------------------------


def test_new_password_ends_the_other_sessions(server: MemoryServer) -> None:
    """The session that changed it stays."""
    ada = register(server, "ada")
    other = near(server, sign_in(server, "ada").json["token"])
    wrong = ada.send_json("PATCH", "/account", {"current": "wrong horse", "password": NEW})
    assert wrong.refusal == (401, "bad-credentials")
    assert ada.send_json("PATCH", "/account", {"current": PASSWORD, "password": "x"}).refusal == (
        400,
        "bad-password",
    )
    assert ada.send_json("PATCH", "/account", {"current": PASSWORD, "password": NEW}).status == 204
    assert ada.get("/session").json["name"] == "ada"
    assert other.get("/session").refusal == (401, "bad-token")
    assert sign_in(server, "ada").refusal == (401, "bad-credentials")
    assert sign_in(server, "ada", NEW).status == 201


def test_deleted_account_keeps_its_name_reserved(server: MemoryServer) -> None:
    """Its messages stay too."""
    ada = register(server, "ada")
    ada.post("/rooms/lobby/messages", {"text": "hi"})
    assert ada.send_json("DELETE", "/account", {"password": "wrong horse"}).status == 401
    assert ada.send_json("DELETE", "/account", {"password": PASSWORD}).status == 204
    assert ada.get("/session").refusal == (401, "bad-token")
    assert sign_in(server, "ada").refusal == (401, "bad-credentials")
    assert server.http().post("/session", {"name": "ada"}).refusal == (409, "name-registered")
    assert server.chat.texts("lobby") == ["hi"]
    assert server.here == []


def test_sessions_are_listed_and_ended(server: MemoryServer) -> None:
    """The readers of a session that is ended end at once."""
    ada = register(server, "ada")
    other = near(server, sign_in(server, "ada").json["token"])
    other.send("GET", "/rooms/lobby/events?since=now&wait=30")
    server.chat.settle()
    sessions = ada.get("/account/sessions", User_Agent="curl").json["sessions"]
    assert [session["current"] for session in sessions].count(True) == 1
    (id_,) = [session["id"] for session in sessions if not session["current"]]
    assert ada.request("DELETE", f"/account/sessions/{id_}").status == 204
    server.chat.settle()
    assert other.response().refusal == (401, "bad-token")
    assert len(ada.get("/account/sessions").json["sessions"]) == 1
    assert ada.request("DELETE", f"/account/sessions/{id_}").refusal == (404, "not-found")


def times_of_use(server: MemoryServer) -> int:
    """How many sessions and tokens have a stored time of their last use."""
    return len(settled(server.chat, server.chat.service._store.table("used")))


def test_the_time_of_last_use_goes_with_the_session_or_token(server: MemoryServer) -> None:
    """Whether it is signed out, ended from elsewhere or by an administrator, or one too many."""
    ada = register(server, "ada")
    made = ada.post("/account/tokens", {"label": "ci"}).json
    near(server, made["token"]).get("/session")
    for _ in range(MOST_SESSIONS + 1):
        last = near(server, sign_in(server, "ada").json["token"])
    assert times_of_use(server) == MOST_SESSIONS + 1
    last.request("DELETE", f"/account/tokens/{made['id']}")
    listed = last.get("/account/sessions").json["sessions"]
    other = next(one["id"] for one in listed if not one["current"])
    last.request("DELETE", f"/account/sessions/{other}")
    last.request("DELETE", "/session")
    server.chat.settle()
    assert times_of_use(server) == MOST_SESSIONS - 2
    person = console(server.chat.service.admission.bucket())
    settled(server.chat, server.chat.service.administration.end_sessions(person, "ada"))
    assert times_of_use(server) == 0


def test_sign_out_ends_the_session(server: MemoryServer) -> None:
    """Its token is invalid, after a restart too."""
    ada = register(server, "ada")
    assert ada.request("DELETE", "/session").status == 204
    assert server.here == []
    assert near(server, token_of(ada)).get("/session").refusal == (401, "bad-token")
    assert near(server.restarted(), token_of(ada)).get("/session").refusal == (401, "bad-token")


def test_account_endpoints_refuse_guests(server: MemoryServer, ada: HttpClient) -> None:
    """They refuse requests without a session as well."""
    for http in (ada, server.http()):
        for path in ("/account/sessions", "/account/tokens"):
            assert http.get(path).refusal == (401, "no-session")


# -- personal tokens -------------------------------------------------------------------------------


def personal(ada: HttpClient, server: MemoryServer, **options: Any) -> HttpClient:
    made = ada.post("/account/tokens", {"label": "ci", **options})
    assert made.status == 201
    return near(server, made.json["token"])


def test_token_acts_as_the_account_without_presence(server: MemoryServer) -> None:
    """Its messages make the account join no room."""
    ada = register(server, "ada")
    program = personal(ada, server)
    server.chat.advance(2 * GRACE_SECONDS)
    program = near(server, token_of(program))
    assert program.get("/session").json["name"] == "ada"
    assert program.post("/rooms/dev/messages", {"text": "built"}).status == 201
    assert server.here == []
    events = near(server).get("/rooms/dev/events?since=0").json["events"]
    assert [(event["from"], event["text"], event["account"]) for event in events] == [
        ("ada", "built", True)
    ]


def test_token_is_shown_once_and_stored_as_a_hash(server: MemoryServer) -> None:
    """The list shows the rest."""
    ada = register(server, "ada")
    made = ada.post("/account/tokens", {"label": "ci", "scope": "read", "expires": 60}).json
    (listed,) = ada.get("/account/tokens").json["tokens"]
    assert (listed["id"], listed["label"], listed["scope"]) == (made["id"], "ci", "read")
    assert "token" not in listed
    cells = repr(server.chat.store.engine.cells._tables)
    assert made["token"] not in cells


def test_token_joins_rooms_for_its_account(server: MemoryServer) -> None:
    """It can do so even while the account is absent."""
    ada = register(server, "ada")
    program = personal(ada, server)
    assert program.request("PUT", "/rooms/dev/membership").status == 200
    assert ada.get("/session").json["rooms"] == ["lobby", "dev"]
    server.chat.advance(2 * GRACE_SECONDS)
    program, ada = near(server, token_of(program)), near(server, token_of(ada))
    assert program.request("PUT", "/rooms/x/membership").status == 200
    assert program.request("DELETE", "/rooms/dev/membership").status == 204
    assert server.here == []
    assert ada.get("/session").json["rooms"] == ["lobby", "x"]


@pytest.mark.parametrize("how", ["removed", "in time", "deleted"])
def test_readers_of_a_token_end_with_it(server: MemoryServer, how: str) -> None:
    """A held poll is answered with the error at once."""
    ada = register(server, "ada")
    program = personal(ada, server, **({"expires": 20} if how == "in time" else {}))
    program.send("GET", "/rooms/lobby/events?since=now&wait=60")
    server.chat.settle()
    if how == "removed":
        (listed,) = ada.get("/account/tokens").json["tokens"]
        assert ada.request("DELETE", f"/account/tokens/{listed['id']}").status == 204
    elif how == "deleted":
        assert ada.send_json("DELETE", "/account", {"password": PASSWORD}).status == 204
    else:
        server.chat.advance(21)
    server.chat.settle()
    assert program.response().refusal == (401, "bad-token")
    assert program.get("/rooms").refusal == (401, "bad-token")


def test_token_survives_a_restart_and_a_new_password(server: MemoryServer) -> None:
    """A new password ends sessions, but no tokens."""
    ada = register(server, "ada")
    program = personal(ada, server)
    ada.send_json("PATCH", "/account", {"current": PASSWORD, "password": NEW})
    assert program.get("/session").json["name"] == "ada"
    assert near(server.restarted(), token_of(program)).get("/session").json["name"] == "ada"


def test_token_is_refused_where_a_password_session_is_needed(server: MemoryServer) -> None:
    """Even a token with every scope."""
    program = personal(register(server, "ada"), server, scope="all")
    for method, path, body in (
        ("PATCH", "/account", {"current": PASSWORD, "password": NEW}),
        ("DELETE", "/account", {"password": PASSWORD}),
        ("POST", "/account/tokens", {"label": "x"}),
        ("GET", "/account/tokens", None),
        ("GET", "/account/sessions", None),
        ("DELETE", "/session", None),
        ("POST", "/session/ticket", None),
    ):
        response = program.send_json(method, path, body) if body else program.request(method, path)
        assert response.refusal == (403, "not-allowed")


def test_token_in_a_url_is_refused(server: MemoryServer) -> None:
    """URLs are written to logs, and the token lasts."""
    program = personal(register(server, "ada"), server)
    path = f"/rooms/lobby/events?since=0&access_token={token_of(program)}"
    assert near(server).get(path).refusal == (400, "malformed")


@pytest.mark.parametrize("expires", [0, -1, 10**12])
def test_token_expiry_is_bounded(server: MemoryServer, expires: int) -> None:
    """`expires` is in seconds, at least one."""
    ada = register(server, "ada")
    made = ada.post("/account/tokens", {"label": "x", "expires": expires})
    assert made.refusal == (400, "malformed")


class Socket:
    """A WebSocket in the lobby, in the session of a token."""

    def __init__(self, server: MemoryServer, token: str) -> None:
        self._chat = server.chat
        self.wire = server.chat.connect(server.http_door)
        self._socket = WSConnection(ConnectionType.CLIENT)
        target = f"/rooms/lobby/events?since=now&access_token={token}"
        self.wire.send(self._socket.send(Upgrade(host="chat.example", target=target)))

    def say(self, text: str) -> None:
        told = json.dumps({"type": "say", "text": text, "ref": "1"})
        self.wire.send(self._socket.send(TextMessage(data=told)))

    def received(self) -> list[Any]:
        """The frames that have come, and the codes of closes."""
        self._chat.settle()
        self._socket.receive_data(self.wire.received())
        return [
            json.loads(event.data) if isinstance(event, TextMessage) else event.code
            for event in self._socket.events()
            if isinstance(event, TextMessage | CloseConnection)
        ]


def test_websocket_continues_its_session_after_a_restart(server: MemoryServer) -> None:
    """It speaks as the account; frames that come while the session is looked up are carried out."""
    token = token_of(register(server, "ada"))
    server = server.restarted()
    socket = Socket(server, token)
    ready, *_ = socket.received()
    assert ready["type"] == "ready"
    assert server.here == ["ada"]
    socket.say("hi")
    told = socket.received()
    assert {"message", "ack"} <= {frame["type"] for frame in told}
    assert server.chat.texts("lobby") == ["hi"]


def test_websocket_is_closed_when_its_session_is_ended(server: MemoryServer) -> None:
    """It gets an error that says so, and the close code 1008."""
    ada = register(server, "ada")
    other = sign_in(server, "ada").json["token"]
    socket = Socket(server, other)
    socket.received()
    (id_,) = [s["id"] for s in ada.get("/account/sessions").json["sessions"] if not s["current"]]
    ada.request("DELETE", f"/account/sessions/{id_}")
    error, close = socket.received()
    assert (error["type"], error["code"], close) == ("error", "bad-token", 1008)


def test_event_stream_ends_with_its_session(server: MemoryServer) -> None:
    """Its last event gives the reason."""
    ada = register(server, "ada")
    stream = near(server, sign_in(server, "ada").json["token"])
    stream.send("GET", "/rooms/lobby/events?since=now", headers={"Accept": "text/event-stream"})
    server.chat.settle()
    stream.streamed()
    (id_,) = [s["id"] for s in ada.get("/account/sessions").json["sessions"] if not s["current"]]
    ada.request("DELETE", f"/account/sessions/{id_}")
    assert b'event: end\ndata: {"code":"bad-token"' in stream.streamed()


def test_client_that_disconnects_while_its_session_is_looked_up_leaves_nothing(
    server: MemoryServer,
) -> None:
    """In whatever turn it disconnects."""
    token = token_of(register(server, "ada"))
    for turns in range(8):
        server.chat.advance(2 * GRACE_SECONDS)
        http = near(server, token)
        http.send("GET", "/rooms/lobby/events?since=now&wait=30")
        for _ in range(turns):
            server.chat.clock.advance(0)
        http.wire.hang_up()
        server.chat.settle()
    server.chat.advance(2 * GRACE_SECONDS)
    assert server.here == []


def test_pipelined_requests_wait_for_the_session_of_the_first(server: MemoryServer) -> None:
    """They are answered in their order."""
    token = token_of(register(server, "ada"))
    server.chat.advance(2 * GRACE_SECONDS)
    http = near(server, token)
    for text in ("one", "two", "three"):
        body = json.dumps({"text": text})
        http.send("POST", "/rooms/lobby/messages", body, {"Content-Type": "application/json"})
    server.chat.settle()
    assert [response.status for response in http.responses()] == [201] * 3
    assert server.chat.texts("lobby") == ["one", "two", "three"]


def test_simultaneous_registrations_at_two_doors_make_one_account(server: MemoryServer) -> None:
    """One of them is refused."""
    line = server.line(NEAR)
    line.send(b"/nick ada\r\n")
    server.chat.settle()
    line.received()
    http = near(server)
    body = json.dumps({"name": "ada", "password": NEW})
    line.send(f"/register {PASSWORD}\r\n".encode())
    http.send("POST", "/accounts", body, {"Content-Type": "application/json"})
    server.chat.settle()
    assert http.response().error in ("name-in-use", "name-registered")
    assert b"== ada is registered" in line.received()
    assert sign_in(server, "ada").status == 201


def test_a_token_for_reading_joins_and_leaves_no_room(server: MemoryServer) -> None:
    """Also while its account is present, and it uses no invite."""
    ada, bob = register(server, "ada"), register(server, "bob")
    assert bob.request("PUT", "/rooms/dev/membership").status == 200
    assert bob.send_json("PATCH", "/rooms/dev", {"access": "members"}).status == 200
    code = bob.post("/rooms/dev/invites", {}).json["code"]
    made = ada.post("/account/tokens", {"label": "x", "scope": "read"}).json
    program = near(server, made["token"])
    for room in ("lobby", "new"):
        assert program.request("PUT", f"/rooms/{room}/membership").refusal[1] == "not-allowed"
        assert program.request("DELETE", f"/rooms/{room}/membership").refusal[1] == "not-allowed"
    assert program.request("POST", f"/invites/{code}").refusal == (403, "not-allowed")
    assert ada.get("/session").json["rooms"] == ["lobby"]
    assert bob.get("/rooms/dev/members").json == {"members": ["bob"]}
