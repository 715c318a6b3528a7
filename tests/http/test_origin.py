"""Origins: which web pages may use a chat (its own, and those that the operator allows)."""

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
    """A server that one other web site may use."""
    return MemoryServer(origins=[ALLOWED])


def request_from(http: HttpClient, method: str, target: str, origin: str | None) -> Response:
    """Send a request as a page of that origin would."""
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
    """Whatever it requests: no message is said, no poll held, and no CORS permission given."""
    response = request_from(http, method, target, origin)
    assert response.refusal == (403, "foreign-origin")
    assert not any(name.startswith("access-control") for name in response.headers)
    assert server.chat.texts("lobby") == []


@pytest.mark.parametrize("origin", [None, *OWN])
def test_the_server_s_own_page_and_programs_are_accepted(
    server: MemoryServer, http: HttpClient, origin: str | None
) -> None:
    """Only pages send an Origin; a proxy may add TLS, so `https` counts as own too."""
    assert request_from(http, "POST", MESSAGES, origin).status == 201
    assert request_from(http, "GET", "/rooms/lobby/events?wait=0", origin).texts == ["hello"]


@pytest.mark.parametrize("target", ["/", "/page.js", "/chat.js", "/chat.css"])
def test_the_page_s_files_are_served_to_any_origin(http: HttpClient, target: str) -> None:
    """Behind a proxy that changes Host the page itself looks foreign, and must load to report it.
    Without CORS headers other pages cannot read the files.
    """
    for method in ("GET", "HEAD"):
        response = request_from(http, method, target, FOREIGN[0])
        assert response.status == 200
        assert not any(name.startswith("access-control") for name in response.headers)


def test_sec_fetch_site_same_origin_is_trusted(server: MemoryServer, http: HttpClient) -> None:
    """No page can set that header, and a proxy may have changed Host."""
    page = {"Origin": "https://talk.example", "Content-Type": "text/plain"}
    for site, status in (("same-origin", 201), ("same-site", 403), ("cross-site", 403)):
        headers = {**page, "Sec-Fetch-Site": site}
        assert http.request("POST", MESSAGES, "hello", headers).status == status
    assert server.chat.texts("lobby") == ["hello"]


def test_a_foreign_page_cannot_use_the_fast_path(server: MemoryServer, http: HttpClient) -> None:
    """It can neither learn a poll nor use one that the connection has learned."""
    server.say("hello")
    for origin, status in (("http://chat.example", 200), (FOREIGN[0], 403)) * 3:
        assert request_from(http, "GET", "/rooms/lobby/events?since=0", origin).status == status


def test_an_allowed_page_may_read_all_responses(server: MemoryServer, http: HttpClient) -> None:
    """Errors too, by CORS headers."""
    for method, target, status in (
        ("POST", MESSAGES, 201),
        ("GET", "/rooms/lobby/events?since=0", 200),
        ("GET", "/rooms/lobby/events?since=0", 200),
        ("GET", "/rooms/lobby/events?since=0&wait=0", 200),
        ("GET", "/nowhere", 404),
        ("PATCH", "/session", 401),
    ):
        response = request_from(http, method, target, ALLOWED)
        assert response.status == status
        assert response.headers["access-control-allow-origin"] == ALLOWED
        assert response.headers["vary"] == "Origin"


def test_caches_keep_files_of_the_page_apart_by_origin(http: HttpClient) -> None:
    """Only the answer to an allowed page of another site lets that page read it."""
    for origin in ("", ALLOWED):
        headers = {"Origin": origin} if origin else {}
        response = http.get("/chat.js", **headers)
        assert response.headers["vary"] == "Origin, Accept-Encoding"
        assert response.headers.get("access-control-allow-origin", "") == origin


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_a_preflight_of_an_allowed_page_is_permitted(http: HttpClient, method: str) -> None:
    """For every method and header that the API uses."""
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


def test_a_preflight_of_a_foreign_page_is_refused(http: HttpClient) -> None:
    """So its browser does not send the request itself."""
    headers = {"Origin": FOREIGN[0], "Access-Control-Request-Method": "POST"}
    response = http.request("OPTIONS", "/rooms/lobby/messages", headers=headers)
    assert response.refusal == (403, "foreign-origin")
    assert not any(name.startswith("access-control") for name in response.headers)


def test_a_foreign_page_gets_no_websocket(http: HttpClient) -> None:
    """Browsers send no preflight for a WebSocket."""
    headers = {
        "Origin": FOREIGN[0],
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    response = http.request("GET", "/rooms/lobby/events", headers=headers)
    assert response.refusal == (403, "foreign-origin")
