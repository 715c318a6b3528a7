"""The HTTP API: sessions, rooms, people, messages, and the page."""

from __future__ import annotations

import pytest
from twisted.logger import capturedLogs

from ...kit.http import HttpClient, Response
from ...kit.server import MemoryServer

MESSAGES = "/rooms/lobby/messages"
JSON = {"Content-Type": "application/json"}


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
        ("POST", "/people/ada/messages/1/more"),
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
        ("POST", "/people/ada/messages/1", "DELETE, OPTIONS"),
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
    assert _set(response) == set(allowed.split(", "))
    if method != "HEAD":
        assert response.error == "method-not-allowed"
    options = ada.request("OPTIONS", target)
    assert (options.status, options.body) == (204, b"")
    assert _set(options) == set(allowed.split(", "))


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


# -- too much, and not now -------------------------------------------------------------------------


def test_message_during_a_shutdown_is_refused(server: MemoryServer, ada: HttpClient) -> None:
    """No message is accepted that would not be stored."""
    server.chat.service.stopService()
    response = ada.post(MESSAGES, {"text": "hi"})
    assert response.refusal == (503, "unavailable")
    assert int(response.headers["retry-after"]) >= 1


# -- the page --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/nowhere", "/rooms/lobby/nowhere"])
def test_head_of_an_unknown_target_logs_nothing(http: HttpClient, path: str) -> None:
    """Twisted would log for each that it has no body."""
    with capturedLogs() as logged:
        response = http.request("HEAD", path)
    assert (response.status, response.body) == (404, b"")
    assert response.headers["content-length"] == str(len(http.get(path).body))
    assert logged == []


def _set(response: Response) -> set[str]:
    return set(response.headers["allow"].split(", "))
