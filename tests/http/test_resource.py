"""JSON resources: their methods, responses, refusals and failures."""

from __future__ import annotations

import re
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.web.server import Request

from chatd.http.resource import (
    STATUS,
    ApiResource,
    Refusal,
    answer,
    no_content,
    retry_after,
    whole_refusal,
)
from chatd.http.site import ChatSite
from chatd.model.errors import (
    ChatError,
    NoSession,
    NotAllowed,
    RateLimited,
    Unavailable,
    UnknownCommand,
)
from chatd.testing import InMemoryChat

from ..kit.http import HttpClient
from ..kit.server import HOST, peer


class ToyResource(ApiResource):
    """A resource that answers when the test says so, or at once."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.waiting: Deferred[Any] | None = None
        self.error: ChatError | None = None

    def render_GET(self, request: Request) -> Any:
        """Answer, wait, or refuse."""
        if self.error:
            raise self.error
        if self.waiting:
            return self.waiting.addCallback(lambda value: answer(request, value))
        return answer(request, {"toy": 1})

    def render_DELETE(self, request: Request) -> bytes:
        """Answer without a body."""
        return no_content(request)


@pytest.fixture
def toy() -> ToyResource:
    return ToyResource()


@pytest.fixture
def http(chat: InMemoryChat, toy: ToyResource) -> HttpClient:
    """A connection to a site with a toy resource and a closed one."""
    root = ApiResource()
    root.putChild(b"toy", toy)
    root.putChild(b"closed", Refusal(NotAllowed("closed today")))
    return HttpClient(chat, ChatSite(root, chat.clock), peer(HOST))


def test_a_response_is_json_that_is_not_cached(http: HttpClient) -> None:
    """Nor sniffed for another type."""
    response = http.get("/toy")
    assert (response.status, response.json) == (200, {"toy": 1})
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_head_is_get_without_the_body(http: HttpClient) -> None:
    """Its Content-Length is that of the body, for refusals too."""
    length = http.get("/toy").headers["content-length"]
    head = http.request("HEAD", "/toy")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", length)
    refused = http.request("HEAD", "/closed")
    assert (refused.status, refused.body) == (403, b"")
    assert refused.headers["content-length"] == http.get("/closed").headers["content-length"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "TRACE", "get", "getChild"])
def test_an_unsupported_method_is_refused_with_the_allowed_ones(
    http: HttpClient, method: str
) -> None:
    """RFC 9110, section 15.5.6."""
    response = http.request(method, "/toy")
    assert response.refusal == (405, "method-not-allowed")
    assert response.headers["allow"] == "GET, DELETE, HEAD, OPTIONS"
    assert response.headers["allow"] in response.json["error"]["message"]


def test_options_lists_the_allowed_methods(http: HttpClient) -> None:
    """Without a body."""
    response = http.request("OPTIONS", "/toy")
    assert (response.status, response.body) == (204, b"")
    assert response.headers["allow"] == "GET, DELETE, HEAD, OPTIONS"


@pytest.mark.parametrize("target", ["/", "/nothing", "/toy/below", "/toy/"])
def test_a_missing_resource_is_404_for_every_method(http: HttpClient, target: str) -> None:
    """Below a leaf, and at a path segment without methods."""
    for method in ("GET", "OPTIONS", "DELETE"):
        assert http.request(method, target).refusal == (404, "not-found")


@pytest.mark.parametrize(("coding", "status"), [("gzip", 415), ("identity", 204), ("", 204)])
def test_a_body_with_a_content_coding_is_refused(
    http: HttpClient, coding: str, status: int
) -> None:
    """The response says that only plain bodies are accepted."""
    response = http.request("DELETE", "/toy", headers={"Content-Encoding": coding})
    assert response.status == status
    assert response.headers.get("accept-encoding") == ("identity" if status == 415 else None)


def test_a_deferred_response_is_sent_when_it_fires(http: HttpClient, toy: ToyResource) -> None:
    """With its Content-Length."""
    toy.waiting = Deferred()
    http.send("GET", "/toy")
    assert http.responses() == []
    toy.waiting.callback({"late": 1})
    response = http.response()
    assert response.json == {"late": 1}
    assert response.headers["content-length"] == str(len(response.body))


def test_a_deferred_refusal_equals_an_immediate_one(http: HttpClient, toy: ToyResource) -> None:
    """With the same status and body."""
    toy.error = NotAllowed("not here")
    at_once = http.get("/toy")
    toy.error, toy.waiting = None, Deferred()
    http.send("GET", "/toy")
    toy.waiting.errback(NotAllowed("not here"))
    late = http.response()
    assert late.refusal == at_once.refusal == (403, "not-allowed")
    assert late.body == at_once.body


def test_a_deferred_response_to_a_lost_connection_is_dropped(
    http: HttpClient, toy: ToyResource
) -> None:
    """Without an error."""
    toy.waiting = Deferred()
    http.send("GET", "/toy")
    http.wire.hang_up()
    toy.waiting.callback({"late": 1})
    assert http.wire.value() == b""


def test_an_internal_error_is_logged_and_answered_with_503(
    http: HttpClient, toy: ToyResource, logged_errors: list[str]
) -> None:
    """So the client may try again; the log has the traceback, and the answer an id."""
    toy.waiting = Deferred()
    http.send("GET", "/toy")
    toy.waiting.errback(ZeroDivisionError("oops"))
    response = http.response()
    assert response.refusal == (503, "unavailable")
    assert re.match("internal error [0-9a-f]{8};", response.json["error"]["message"])
    assert "ZeroDivisionError" in logged_errors.pop()


@pytest.mark.parametrize("error", [RateLimited("slower", 2.2), Unavailable("down"), NoSession("x")])
def test_a_refusal_without_a_request_object_is_the_same(
    http: HttpClient, toy: ToyResource, error: ChatError
) -> None:
    """Same status, code and headers; headers of the planned response are left out."""
    toy.error = error
    parsed = http.get("/toy")
    head = b"HTTP/1.1 200 OK\r\nServer: x\r\nLink: <y>\r\nContent-Type: text/plain\r\n\r\n"
    lines = whole_refusal(error, head).decode().partition("\r\n\r\n")
    first, *fields = lines[0].split("\r\n")
    found = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
    assert first.startswith(f"HTTP/1.1 {parsed.status} ")
    assert lines[2].encode() == parsed.body
    assert (found["server"], "link" in found) == ("x", False)
    for name in ("content-type", "cache-control", "retry-after", "www-authenticate"):
        assert found.get(name) == parsed.headers.get(name)


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, b"1"), (0.4, b"1"), (0.6, b"1"), (2.2, b"3"), (59.9, b"60")]
)
def test_retry_after_is_rounded_up_to_whole_seconds(seconds: float, told: bytes) -> None:
    """RFC 9110, section 10.2.3."""
    assert [*retry_after(RateLimited("slower", seconds))] == [(b"Retry-After", told)]


def test_every_error_has_an_http_status() -> None:
    """Except `UnknownCommand`, which only the line door raises."""

    def leaves(error: type[ChatError]) -> set[type[ChatError]]:
        below = error.__subclasses__()
        return set().union(*map(leaves, below)) if below else {error}

    ours = {kind for kind in leaves(ChatError) if kind.__module__ == ChatError.__module__}
    assert ours - STATUS.keys() == {UnknownCommand}
