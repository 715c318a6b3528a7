"""Which web pages may use a chat: its own, and those that the operator names."""

from __future__ import annotations

import pytest

from ..kit.http import HttpClient, Response
from ..kit.server import MemoryServer

MESSAGES = "/rooms/lobby/messages?name=ada"
ALLOWED = "https://friend.example"
FOREIGN = [
    "https://evil.example",
    "http://chat.example.evil.example",
    "http://chat.example:8080",
    "http://evil.example:80",
    "https://friend.example:8443",
    "http://friend.example",
    "https://friend.example.evil.example",
    "null",
    "",
    "chat.example",
    "file://",
    "moz-extension://chat.example",
    "http://chat.example/",
    "http://user@chat.example",
]
OWN = [
    "http://chat.example",
    "https://chat.example",
    "http://chat.example:80",
    "HTTP://Chat.Example",
]


@pytest.fixture
def server() -> MemoryServer:
    """A chat that one other web site may use."""
    return MemoryServer(origins=[ALLOWED])


def asked(http: HttpClient, method: str, target: str, origin: str | None) -> Response:
    """Ask as a page would."""
    headers = {} if origin is None else {"Origin": origin}
    body = '{"text":"hello"}' if method == "POST" else ""
    return http.request(method, target, body, {**headers, "Content-Type": "application/json"})


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/page.js/x"),
        ("GET", "/rooms/lobby/events"),
        ("GET", "/nowhere"),
        ("POST", MESSAGES),
        ("DELETE", "/session"),
        ("OPTIONS", MESSAGES),
    ],
)
def test_a_foreign_page_is_refused(
    server: MemoryServer, http: HttpClient, origin: str, method: str, target: str
) -> None:
    """Whatever it asks; nothing is said, nothing held, and no permission given."""
    response = asked(http, method, target, origin)
    assert response.refusal == (403, "foreign-origin")
    assert not any(name.startswith("access-control") for name in response.headers)
    assert server.chat.texts("lobby") == []


@pytest.mark.parametrize("origin", [None, *OWN])
def test_the_servers_own_page_and_programs_are_welcome(
    server: MemoryServer, http: HttpClient, origin: str | None
) -> None:
    """A request without an Origin is no page's; a proxy may speak TLS for us."""
    assert asked(http, "POST", MESSAGES, origin).status == 201
    assert asked(http, "GET", "/rooms/lobby/events?wait=0", origin).texts == ["hello"]


@pytest.mark.parametrize("target", ["/", "/page.js", "/chat.js", "/chat.css"])
def test_the_page_s_files_are_nobody_s_secret(http: HttpClient, target: str) -> None:
    """Behind a proxy that does not pass on Host, the page itself looks foreign: it has to come up
    to say so.  No page is permitted to read them.
    """
    for method in ("GET", "HEAD"):
        response = asked(http, method, target, FOREIGN[0])
        assert response.status == 200
        assert not any(name.startswith("access-control") for name in response.headers)


def test_a_browser_is_believed_that_says_same_origin(
    server: MemoryServer, http: HttpClient
) -> None:
    """No page can set that header; a proxy may have changed Host, and only the browser knows."""
    page = {"Origin": "https://talk.example", "Content-Type": "text/plain"}
    for site, status in (("same-origin", 201), ("same-site", 403), ("cross-site", 403)):
        headers = {**page, "Sec-Fetch-Site": site}
        assert http.request("POST", MESSAGES, "hello", headers).status == status
    assert server.chat.texts("lobby") == ["hello"]


def test_a_foreign_page_cannot_learn_a_poll(server: MemoryServer, http: HttpClient) -> None:
    """Nor use what this connection has learned."""
    server.say("hello")
    for origin, status in (("http://chat.example", 200), (FOREIGN[0], 403)) * 3:
        assert asked(http, "GET", "/rooms/lobby/events?since=0", origin).status == status


def test_an_allowed_page_may_use_it(server: MemoryServer, http: HttpClient) -> None:
    """And read the answers, errors too."""
    for method, target, status in (
        ("POST", MESSAGES, 201),
        ("GET", "/rooms/lobby/events?since=0", 200),
        ("GET", "/rooms/lobby/events?since=0", 200),
        ("GET", "/rooms/lobby/events?since=0&wait=0", 200),
        ("GET", "/nowhere", 404),
        ("PATCH", "/session", 401),
    ):
        response = asked(http, method, target, ALLOWED)
        assert response.status == status
        assert response.headers["access-control-allow-origin"] == ALLOWED
        assert response.headers["vary"] == "Origin"


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_an_allowed_page_may_ask_before_it_asks(http: HttpClient, method: str) -> None:
    """A preflight is answered with all that this server takes."""
    headers = {
        "Origin": ALLOWED,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,chatd-session,content-type",
    }
    response = http.request("OPTIONS", "/rooms/lobby/messages", headers=headers)
    assert (response.status, response.body) == (204, b"")
    assert response.headers["access-control-allow-origin"] == ALLOWED
    assert method in response.headers["access-control-allow-methods"]
    permitted = response.headers["access-control-allow-headers"].lower()
    assert all(
        name in permitted
        for name in ("authorization", "chatd-session", "content-type", "idempotency-key")
    )
    assert "access-control-allow-credentials" not in response.headers


def test_a_foreign_page_that_asks_before_is_refused(http: HttpClient) -> None:
    """So that its browser does not even send what it wanted to."""
    headers = {"Origin": FOREIGN[0], "Access-Control-Request-Method": "POST"}
    response = http.request("OPTIONS", "/rooms/lobby/messages", headers=headers)
    assert response.refusal == (403, "foreign-origin")
    assert not any(name.startswith("access-control") for name in response.headers)


def test_a_foreign_page_gets_no_websocket(http: HttpClient) -> None:
    """Browsers send no preflight for one."""
    headers = {
        "Origin": FOREIGN[0],
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    response = http.request("GET", "/rooms/lobby/events", headers=headers)
    assert response.refusal == (403, "foreign-origin")
