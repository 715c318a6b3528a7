"""What clients without an account may do over HTTP with `--guests read` and `--guests none`: every
request that the door takes is tried, and any other than those listed here is refused.
"""

from __future__ import annotations

import pytest
from twisted.web.server import Request

from chatd.chat.rules import Guests, Rules
from chatd.http.resource import ApiResource
from chatd.testing import InMemoryChat

from ..kit.chat import PASSWORD, registered
from ..kit.http import HttpClient
from ..kit.server import MemoryServer

NEAR = "127.0.0.1"
JSON_BODY = {"Content-Type": "application/json"}
PATHS = {
    "chat": [
        "/accounts",
        "/account",
        "/account/sessions",
        "/account/sessions/abc",
        "/account/tokens",
        "/account/tokens/abc",
        "/account/ignores/ada",
        "/session",
        "/session/ticket",
        "/rooms",
        "/rooms/lobby",
        "/rooms/lobby/events?wait=0",
        "/rooms/lobby/messages",
        "/rooms/lobby/messages/1",
        "/rooms/lobby/search?q=hello",
        "/rooms/lobby/topic",
        "/rooms/lobby/marker",
        "/rooms/lobby/roles/ada",
        "/rooms/lobby/people/ada",
        "/rooms/lobby/bans",
        "/rooms/lobby/bans/ada",
        "/rooms/lobby/mutes",
        "/rooms/lobby/mutes/ada",
        "/rooms/lobby/members",
        "/rooms/lobby/members/ada",
        "/rooms/lobby/invites",
        "/rooms/lobby/invites/abc",
        "/rooms/lobby/membership",
        "/people",
        "/people/ada/events?wait=0",
        "/people/ada/messages",
        "/people/ada/messages/1",
        "/people/ada/marker",
        "/events?rooms=lobby&wait=0",
        "/invites/abc",
        "/push",
        "/push/view",
        "/healthz",
        "/about",
        "/chat.js",
    ],
    "admin": [
        "/admin/accounts",
        "/admin/accounts/ada",
        "/admin/accounts/ada/sessions",
        "/admin/accounts/ada/sessions/abc",
        "/admin/audit",
        "/admin/bans",
        "/admin/bans/ada",
        "/admin/invites",
        "/healthz",
        "/metrics",
    ],
}
"""A path of every resource of the two HTTP doors."""
FOR_ALL = {"GET /healthz", "GET /about", "GET /chat.js", "GET /metrics"}
"""Requests that anybody may send to the door."""
COMING_IN = FOR_ALL | {"POST /accounts", "POST /session", "POST /invites/abc"}
"""Requests that are passed on, whoever sends them."""
READING = {
    "GET /rooms",
    "GET /rooms/lobby",
    "GET /rooms/lobby/events?wait=0",
    "GET /rooms/lobby/search?q=hello",
    "GET /events?rooms=lobby&wait=0",
}
"""Requests that `--guests read` answers."""
NO_SUCH = {"GET /rooms/lobby/messages/1"}
"""Requests that are answered 404, because there is no such message."""
REFUSALS: dict[Guests, tuple[int, str]] = {
    "read": (403, "not-allowed"),
    "none": (401, "no-session"),
}


def connection(door: str, guests: Guests) -> HttpClient:
    """A connection to a door of a server where guests may that, and where ada has an account."""
    chat = InMemoryChat(rules=Rules(guests=guests))
    registered(chat, "ada")
    server = MemoryServer(chat=chat)
    return server.admin() if door == "admin" else server.http(NEAR)


def methods(http: HttpClient, path: str) -> list[str]:
    """The methods that are taken there, as the server itself says."""
    allowed = http.request("OPTIONS", path).headers["allow"].split(", ")
    return [method for method in allowed if method not in ("HEAD", "OPTIONS")]


@pytest.mark.parametrize("door", PATHS)
@pytest.mark.parametrize("guests", REFUSALS)
def test_every_request_that_a_guest_may_not_send_is_refused_alike(
    guests: Guests, door: str
) -> None:
    """Before the server looks at the body: 403 where guests read, 401 where they may do nothing."""
    http = connection(door, guests)
    allowed = COMING_IN | (READING | NO_SUCH if guests == "read" else set())
    for path in PATHS[door]:
        for method in methods(http, path):
            for target in (path, f"{path}{'&' if '?' in path else '?'}name=eve"):
                for body in ("", "{}") if method != "GET" else ("",):
                    response = http.request(method, target, body, JSON_BODY if body else {})
                    if f"{method} {path}" not in allowed:
                        assert response.refusal == REFUSALS[guests], (method, target, body)
                    elif f"{method} {path}" in READING:
                        assert response.status == 200, (method, target)


@pytest.mark.parametrize("door", PATHS)
def test_the_paths_tried_are_of_every_resource(door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new resource has to be added to them."""
    tried: set[type] = set()
    render = ApiResource.render

    def noted(self: ApiResource, request: Request) -> bytes | int:
        tried.add(type(self))
        return render(self, request)

    monkeypatch.setattr(ApiResource, "render", noted)
    http = connection(door, "full")
    for path in PATHS[door]:
        methods(http, path)
    module = "chatd.doors.api"
    admin = (f"{module}.admin", f"{module}.metrics")
    known = [
        kind
        for kind in subclasses(ApiResource)
        if kind.__module__.startswith(module)
        and (kind.__module__ in admin) == (door == "admin")
        and any(name.startswith("render_") for name in vars(kind))
    ]
    assert {kind for kind in known if kind.__name__ != "CommandResource"} <= tried


def subclasses(kind: type[ApiResource]) -> list[type[ApiResource]]:
    """All classes below a class."""
    return [it for sub in kind.__subclasses__() for it in (sub, *subclasses(sub))]


@pytest.mark.parametrize("guests", REFUSALS)
def test_guest_comes_in_by_no_request(guests: Guests) -> None:
    """A session without a password is refused; with one it begins, and may do everything."""
    http = connection("chat", guests)
    assert http.post("/session", {"name": "eve"}).refusal == REFUSALS[guests]
    token = http.post("/session", {"name": "ada", "password": PASSWORD}).json["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    assert http.post("/rooms/lobby/messages", {"text": "hi"}).status == 201
    http.headers["Authorization"] = "Bearer " + "x" * 32
    assert http.post("/rooms/lobby/messages", {"text": "hi"}).refusal == (401, "bad-token")


@pytest.mark.parametrize("guests", REFUSALS)
def test_reading_at_every_style_obeys_the_setting(guests: Guests) -> None:
    """Streams are opened only where guests read."""
    for accept in ("text/event-stream", "application/x-ndjson", "text/plain"):
        http = connection("chat", guests)
        http.send("GET", "/rooms/lobby/events", headers={"Accept": accept})
        refused = [response.refusal for response in http.responses()]
        assert refused == ([REFUSALS["none"]] if guests == "none" else [])
