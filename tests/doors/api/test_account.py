"""Accounts over HTTP: registering, signing in, sessions, tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, TextMessage
from wsproto.events import Request as Upgrade

from chatd.chat.rules import Rules
from chatd.chat.sessions import GRACE_SECONDS
from chatd.http.proxies import Proxies
from chatd.model.addresses import parse_network

from ...kit.chat import PASSWORD
from ...kit.http import HttpClient, Response
from ...kit.server import MemoryServer

NEAR = "127.0.0.1"
NEW = "another horse battery"


def near(server: MemoryServer, token: str = "") -> HttpClient:
    """A connection from this machine, in the session of that token."""
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


def test_registering_signs_in(server: MemoryServer) -> None:
    """The answer has the token, and for browsers the cookie, which lasts thirty days."""
    response = near(server).post("/accounts", {"name": "Ada", "password": PASSWORD})
    assert (response.status, response.json["name"], response.json["account"]) == (201, "Ada", True)
    cookie, *flags = response.headers["set-cookie"].lower().split("; ")
    assert cookie.startswith("chatd-")
    assert {"httponly", "samesite=strict", "path=/", f"max-age={30 * 86400}"} <= set(flags)
    told = near(server, response.json["token"]).get("/session").json
    assert (told["name"], told["account"], told["admin"]) == ("Ada", True, False)
    assert told["rooms"] == ["lobby"]


def test_signing_in_begins_a_session_beside_the_others(server: MemoryServer) -> None:
    """One person, who has come in once."""
    first = register(server, "ada")
    second = sign_in(server, "ADA")
    assert second.json == {"name": "ada", "token": second.json["token"], "account": True}
    assert second.json["token"] != token_of(first)
    assert server.here == ["ada"]
    events = first.get("/rooms/lobby/events?since=0").json["events"]
    assert [(event["type"], event.get("account")) for event in events] == [("join", True)]


@pytest.mark.parametrize("how", ["header", "session header", "cookie", "query"])
def test_a_session_goes_on_after_a_restart(server: MemoryServer, how: str) -> None:
    """However its token is shown: the same person, signed in, in the same rooms."""
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


def test_a_guest_goes_on_after_a_restart(server: MemoryServer, ada: HttpClient) -> None:
    """Within the grace, with name and rooms."""
    ada.request("PUT", "/rooms/dev/membership")
    again = server.restarted()
    told = near(again, token_of(ada)).get("/session").json
    assert (told["name"], told["account"]) == ("ada", False)
    assert sorted(told["rooms"]) == ["dev", "lobby"]


def test_a_session_that_was_away_comes_back_with_its_next_request(server: MemoryServer) -> None:
    """A poll, a message, a stream: whatever it is."""
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


def test_a_guest_who_registers_goes_on_reading(server: MemoryServer) -> None:
    """Another token, the same person; the poll that is held is answered with what is said."""
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
def test_what_no_account_can_be_made_of(
    server: MemoryServer, body: dict[str, Any], refusal: tuple[int, str]
) -> None:
    """It says why."""
    register(server, "ada")
    server.http().enter("bob")
    assert near(server).post("/accounts", body).refusal == refusal


def test_a_password_of_a_megabyte_is_refused_unread(server: MemoryServer) -> None:
    """Like any body of that size."""
    body = {"name": "eve", "password": "x" * 1_000_000}
    assert near(server).post("/accounts", body).refusal == (413, "too-large")


def test_a_registered_name_is_not_for_guests_and_visitors(server: MemoryServer) -> None:
    """Whether its owner is here or not."""
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


def test_an_accounts_name_never_changes(server: MemoryServer) -> None:
    """It is the same on all its sessions."""
    ada = register(server, "ada")
    assert ada.send_json("PATCH", "/session", {"name": "eve"}).refusal == (403, "not-allowed")


@pytest.mark.parametrize("name", ["ada", "nobody", "a b", ""])
def test_wrong_credentials_have_one_answer(server: MemoryServer, name: str) -> None:
    """Whatever is wrong with them."""
    register(server, "ada")
    assert sign_in(server, name, "wrong horse battery").refusal == (401, "bad-credentials")


def test_guessing_ends_with_a_time_to_wait(server: MemoryServer) -> None:
    """It says for how long."""
    register(server, "ada")
    answers = [sign_in(server, "ada", "wrong horse battery") for _ in range(40)]
    assert {answer.refusal for answer in answers} == {
        (401, "bad-credentials"),
        (429, "rate-limited"),
    }
    assert int(answers[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize("register", ["invite", "closed"])
def test_where_registering_is_not_open_it_is_refused(register: Any) -> None:
    """Before anything else is looked at."""
    server = MemoryServer(rules=Rules(register=register))
    response = near(server).post("/accounts", {"name": "server", "password": "x"})
    assert response.refusal == (403, "not-allowed")


# -- how a password may come -----------------------------------------------------------------------


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
def test_a_password_comes_over_connections_that_nobody_reads(
    proxy: str | None, headers: dict[str, str], status: int
) -> None:
    """TLS, this machine, or a trusted proxy's https."""
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


def test_plain_passwords_are_taken_where_the_operator_says_so() -> None:
    """From anywhere."""
    server = MemoryServer(rules=Rules(plain_passwords=True))
    response = server.http().post("/accounts", {"name": "ada", "password": PASSWORD})
    assert response.status == 201


@pytest.mark.parametrize("path", ["/accounts", "/account/tokens"])
def test_a_form_of_another_page_makes_nothing(server: MemoryServer, path: str) -> None:
    """JSON only: a page of another origin cannot send that without being asked first."""
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
def test_pages_of_other_origins_reach_no_account(
    server: MemoryServer, method: str, path: str
) -> None:
    """Whatever cookie the browser adds."""
    ada = register(server, "ada")
    ada.headers["Origin"] = "https://evil.example"
    body = json.dumps({"current": PASSWORD, "password": NEW, "name": "x", "label": "x"})
    response = ada.request(method, path, body, {"Content-Type": "application/json"})
    assert response.refusal == (403, "foreign-origin")


def test_a_session_that_was_there_before_is_not_the_one_that_signs_in(server: MemoryServer) -> None:
    """Nobody can have another sign in to a session that they know the token of."""
    register(server, "ada")
    http = near(server)
    known = http.enter("eve")
    response = http.post("/session", {"name": "ada", "password": PASSWORD})
    assert response.json["token"] != known
    assert near(server, known).get("/session").json["name"] == "eve"


def test_a_stale_cookie_beside_a_good_token_does_no_harm(server: MemoryServer) -> None:
    """What stands in a header counts."""
    response = near(server).post("/accounts", {"name": "ada", "password": PASSWORD})
    name = response.headers["set-cookie"].partition("=")[0]
    ada = near(server, response.json["token"])
    for stale in ("x" * 32, "", "a"):
        assert ada.get("/session", Cookie=f"{name}={stale}").json["name"] == "ada"
    alone = near(server)
    assert alone.get("/session", Cookie=f"{name}={'x' * 32}").refusal == (401, "no-session")
    assert alone.get("/rooms/lobby/events?since=0", Cookie=f"{name}={'x' * 32}").status == 200


def test_a_repeated_request_is_not_answered_with_anothers_secret(server: MemoryServer) -> None:
    """An Idempotency-Key proves nothing about who asks."""
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


def test_a_new_password_signs_all_others_out(server: MemoryServer) -> None:
    """The session that asked goes on."""
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


def test_a_deleted_account_leaves_its_name_reserved(server: MemoryServer) -> None:
    """And its messages where they are."""
    ada = register(server, "ada")
    ada.post("/rooms/lobby/messages", {"text": "hi"})
    assert ada.send_json("DELETE", "/account", {"password": "wrong horse"}).status == 401
    assert ada.send_json("DELETE", "/account", {"password": PASSWORD}).status == 204
    assert ada.get("/session").refusal == (401, "bad-token")
    assert sign_in(server, "ada").refusal == (401, "bad-credentials")
    assert server.http().post("/session", {"name": "ada"}).refusal == (409, "name-registered")
    assert server.chat.texts("lobby") == ["hi"]
    assert server.here == []


def test_sessions_are_listed_and_signed_out(server: MemoryServer) -> None:
    """The readers of one that is signed out end at once."""
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


def test_signing_out_ends_the_session(server: MemoryServer) -> None:
    """After a restart too."""
    ada = register(server, "ada")
    assert ada.request("DELETE", "/session").status == 204
    assert server.here == []
    assert near(server, token_of(ada)).get("/session").refusal == (401, "bad-token")
    assert near(server.restarted(), token_of(ada)).get("/session").refusal == (401, "bad-token")


def test_what_is_an_accounts_is_not_for_guests(server: MemoryServer, ada: HttpClient) -> None:
    """Nor for strangers."""
    for http in (ada, server.http()):
        for path in ("/account/sessions", "/account/tokens"):
            assert http.get(path).refusal == (401, "no-session")


# -- personal tokens -------------------------------------------------------------------------------


def personal(ada: HttpClient, server: MemoryServer, **options: Any) -> HttpClient:
    made = ada.post("/account/tokens", {"label": "ci", **options})
    assert made.status == 201
    return near(server, made.json["token"])


def test_a_token_acts_as_the_account_without_being_present(server: MemoryServer) -> None:
    """Speaking joins nothing, and nobody comes."""
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


def test_a_token_is_told_once_and_kept_as_a_hash(server: MemoryServer) -> None:
    """The list has everything else."""
    ada = register(server, "ada")
    made = ada.post("/account/tokens", {"label": "ci", "scope": "read", "expires": 60}).json
    (listed,) = ada.get("/account/tokens").json["tokens"]
    assert (listed["id"], listed["label"], listed["scope"]) == (made["id"], "ci", "read")
    assert "token" not in listed
    cells = repr(server.chat.store.engine.cells._tables)
    assert made["token"] not in cells


def test_a_token_joins_rooms_for_its_account(server: MemoryServer) -> None:
    """Whether the account is present or not."""
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
def test_a_token_that_ends_ends_its_readers(server: MemoryServer, how: str) -> None:
    """In the middle of a held poll."""
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


def test_a_token_goes_on_after_a_restart(server: MemoryServer) -> None:
    """And after a new password."""
    ada = register(server, "ada")
    program = personal(ada, server)
    ada.send_json("PATCH", "/account", {"current": PASSWORD, "password": NEW})
    assert program.get("/session").json["name"] == "ada"
    assert near(server.restarted(), token_of(program)).get("/session").json["name"] == "ada"


def test_a_token_is_not_for_what_needs_the_password(server: MemoryServer) -> None:
    """Whatever its scope."""
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


def test_a_token_never_stands_in_a_url(server: MemoryServer) -> None:
    """It would stand in logs for ever."""
    program = personal(register(server, "ada"), server)
    path = f"/rooms/lobby/events?since=0&access_token={token_of(program)}"
    assert near(server).get(path).refusal == (400, "malformed")


@pytest.mark.parametrize("expires", [0, -1, 10**12])
def test_a_token_has_a_sensible_time(server: MemoryServer, expires: int) -> None:
    """In seconds."""
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


def test_a_websocket_comes_back_to_its_session_after_a_restart(server: MemoryServer) -> None:
    """It speaks as the account; what comes in while the session is looked up is not lost."""
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


def test_a_websocket_is_closed_when_its_session_is_signed_out(server: MemoryServer) -> None:
    """With an error that says so, and the code 1008."""
    ada = register(server, "ada")
    other = sign_in(server, "ada").json["token"]
    socket = Socket(server, other)
    socket.received()
    (id_,) = [s["id"] for s in ada.get("/account/sessions").json["sessions"] if not s["current"]]
    ada.request("DELETE", f"/account/sessions/{id_}")
    error, close = socket.received()
    assert (error["type"], error["code"], close) == ("error", "bad-token", 1008)


def test_an_event_stream_ends_when_its_session_is_signed_out(server: MemoryServer) -> None:
    """With an event that says why."""
    ada = register(server, "ada")
    stream = near(server, sign_in(server, "ada").json["token"])
    stream.send("GET", "/rooms/lobby/events?since=now", headers={"Accept": "text/event-stream"})
    server.chat.settle()
    stream.streamed()
    (id_,) = [s["id"] for s in ada.get("/account/sessions").json["sessions"] if not s["current"]]
    ada.request("DELETE", f"/account/sessions/{id_}")
    assert b'event: end\ndata: {"code":"bad-token"' in stream.streamed()


def test_a_client_that_goes_while_its_session_is_looked_up_does_no_harm(
    server: MemoryServer,
) -> None:
    """Whenever that is."""
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


def test_requests_in_one_packet_are_answered_in_their_order(server: MemoryServer) -> None:
    """Though the session of the first is looked up, and the others wait for it."""
    token = token_of(register(server, "ada"))
    server.chat.advance(2 * GRACE_SECONDS)
    http = near(server, token)
    for text in ("one", "two", "three"):
        body = json.dumps({"text": text})
        http.send("POST", "/rooms/lobby/messages", body, {"Content-Type": "application/json"})
    server.chat.settle()
    assert [response.status for response in http.responses()] == [201] * 3
    assert server.chat.texts("lobby") == ["one", "two", "three"]


def test_two_registrations_over_two_doors_make_one_account(server: MemoryServer) -> None:
    """Whichever is first."""
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
