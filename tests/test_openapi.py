"""`docs/openapi.yaml` describes the real API: no path or method is missing or invented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from twisted.web.resource import IResource
from twisted.web.test.requesthelper import DummyRequest

from chatd.doors.api import forms
from chatd.doors.api.admin import BELOW as IN_ADMIN
from chatd.doors.api.page import page_files
from chatd.doors.api.people import OF_PERSON
from chatd.doors.api.rooms import IN_ROOM
from chatd.doors.api.tree import TREE
from chatd.http.resource import STATUS, ApiResource, Refusal

from .kit.chat import PASSWORD, administrator
from .kit.http import HttpClient
from .kit.push import Browser, pushing
from .kit.server import MemoryServer

FILE = Path(__file__).parents[1] / "docs" / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete")
ANY = b"anything"
DEEPEST = 6


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document."""
    read: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return read


def routes(
    resource: IResource, path: tuple[bytes, ...] = ()
) -> Iterator[tuple[tuple[bytes, ...], str]]:
    """The paths below a resource, with `ANY` for names that clients choose, and their methods."""
    if isinstance(resource, ApiResource):
        for method in resource.allowed:
            if method.lower() in METHODS:
                yield path, method.lower()
    if getattr(resource, "isLeaf", False) or len(path) == DEEPEST:
        return
    children: Any = getattr(resource, "children", {})
    names = {
        *children,
        *TREE,
        *IN_ROOM,
        *OF_PERSON,
        *IN_ADMIN,
        b"ticket",
        b"sessions",
        b"view",
        ANY,
    }
    if not path:
        names -= {*page_files(), b"irc"}
        names |= {b"metrics", b"admin"}
    found = {name: child_of(resource, name) for name in sorted(names)}
    dynamic = found[ANY]
    for name, child in found.items():
        if isinstance(child, Refusal):
            continue
        # If the resource treats a name like any other, the name is no path of its own.
        if name == ANY or name in children or type(child) is not type(dynamic):
            yield from routes(child, (*path, name))


def child_of(resource: IResource, name: bytes) -> IResource:
    """The child of that name below a resource, found without the checks of the root."""
    request: Any = DummyRequest([b""])
    own: Any = resource
    child: IResource = own.children.get(name) or own.getChild(name, request)
    return child


def written(path: tuple[bytes, ...]) -> str:
    return "/" + "/".join("{}" if part == ANY else part.decode() for part in path)


def served() -> set[tuple[str, str]]:
    """All paths and methods of the HTTP door and the administrators' door."""
    server = MemoryServer()
    found = set()
    for door in (server.http_door, server.admin_door):
        root: Any = door.resource
        found |= {(written(path), method) for path, method in routes(root._tree)}
    return found


def documented(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {
        (re.sub(r"\{\w+\}", "{}", path), method)
        for path, item in document["paths"].items()
        for method in item
        if method in METHODS
    }


def test_every_path_and_method_is_documented_and_none_else(document: dict[str, Any]) -> None:
    """No path or method is missing, and none is invented."""
    assert documented(document) == served()


def test_every_request_body_is_that_of_the_code(document: dict[str, Any]) -> None:
    """The schema of each form in `chatd.doors.api.forms`, with its bounds."""
    made = [
        form
        for form in vars(forms).values()
        if isinstance(form, type) and issubclass(form, forms.Form) and form is not forms.Form
    ]
    place = "#/components/schemas/{name}"
    _, schemas = msgspec.json.schema_components(made, ref_template=place)
    documented = document["components"]["schemas"]
    assert {name: documented.get(name) for name in schemas} == schemas
    named = set(re.findall(r"#/components/schemas/(\w+Form)", FILE.read_text()))
    assert named == schemas.keys()


def test_every_error_code_is_documented(document: dict[str, Any]) -> None:
    """All codes with which a request can be refused."""
    error = document["components"]["schemas"]["Error"]["properties"]["error"]
    assert set(error["properties"]["code"]["enum"]) == {refusal.code for refusal in STATUS}


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    """And each parameter of a path is declared."""
    for reference in re.findall(r"\$ref: ['\"]?(#/[\w/-]+)", FILE.read_text()):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
    parameters = document["components"]["parameters"]
    for path, item in document["paths"].items():
        for operation in item.values():
            given = [
                parameters[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
                for one in operation.get("parameters", [])
            ]
            in_path = {one["name"] for one in given if one["in"] == "path"}
            assert in_path == set(re.findall(r"\{(\w+)\}", path))
            assert operation["summary"]


class Caller:
    """Accounts that do every request once, with success, and note the statuses of the answers."""

    def __init__(self, server: MemoryServer) -> None:
        self._server = server
        self.statuses: dict[tuple[str, str], int] = {}

    def client(self, name: str) -> HttpClient:
        """A client in a new session of a new account."""
        http = self._server.http("127.0.0.1")
        self.ask(http, "POST", "/accounts", {"name": name, "password": PASSWORD})
        return self.signed_in(name)

    def signed_in(self, name: str) -> HttpClient:
        """A client in a new session of an account."""
        http = self._server.http("127.0.0.1")
        made = self.ask(http, "POST", "/session", {"name": name, "password": PASSWORD})
        http.headers["Authorization"] = f"Bearer {made['token']}"
        return http

    def ask(
        self, http: HttpClient, method: str, path: str, form: Any = None, *names: object
    ) -> Any:
        """Do a request, with these names in the path's `{}`; returns the JSON of the answer."""
        self._server.chat.advance(1)  # so that no rate limit is reached
        target = path.format(*names)
        if form is None:
            response = http.request(method, target)
        else:
            response = http.send_json(method, target, form)
        assert response.status < 300, (method, target, response.body)
        self.statuses[re.sub(r"\?.*", "", path), method.lower()] = response.status
        return response.json if response.body.startswith(b"{") else None


def statuses_of_success(server: MemoryServer) -> dict[tuple[str, str], int]:
    """The status of each request that is carried out."""
    caller = Caller(server)
    ask, ada, bob = caller.ask, caller.client("ada"), caller.client("bob")
    pushing(server.chat)
    for path in ("/about", "/healthz", "/events?rooms=lobby&wait=0", "/rooms", "/session"):
        ask(ada, "GET", path)
    for http in (ada, bob):
        ask(http, "PUT", "/rooms/{}/membership", None, "dev")
    said = [ask(ada, "POST", "/rooms/{}/messages", {"text": "hi"}, "dev")["id"] for _ in "12"]
    ask(ada, "GET", "/rooms/{}", None, "dev")
    ask(ada, "GET", "/rooms/{}/events?wait=0", None, "dev")
    ask(ada, "GET", "/rooms/{}/search?q=hi", None, "dev")
    ask(ada, "GET", "/rooms/{}/messages/{}", None, "dev", said[0])
    ask(ada, "DELETE", "/rooms/{}/messages/{}", None, "dev", said[0])
    ask(ada, "PUT", "/rooms/{}/topic", {"text": "tea"}, "dev")
    ask(ada, "PUT", "/rooms/{}/marker", {"id": said[1]}, "dev")
    ask(ada, "PATCH", "/rooms/{}", {"slow": 5}, "dev")
    ask(ada, "PUT", "/rooms/{}/roles/{}", {"role": "voice"}, "dev", "bob")
    for things in ("bans", "mutes"):
        ask(ada, "PUT", f"/rooms/{{}}/{things}/{{}}", {}, "dev", "bob")
        ask(ada, "GET", f"/rooms/{{}}/{things}", None, "dev")
        ask(ada, "DELETE", f"/rooms/{{}}/{things}/{{}}", None, "dev", "bob")
    ask(bob, "PUT", "/rooms/{}/membership", None, "dev")
    ask(ada, "DELETE", "/rooms/{}/people/{}", None, "dev", "bob")
    ask(ada, "PUT", "/rooms/{}/members/{}", None, "dev", "bob")
    ask(ada, "GET", "/rooms/{}/members", None, "dev")
    ask(ada, "DELETE", "/rooms/{}/members/{}", None, "dev", "bob")
    link = ask(ada, "POST", "/rooms/{}/invites", {}, "dev")
    ask(ada, "GET", "/rooms/{}/invites", None, "dev")
    ask(bob, "POST", "/invites/{}", None, link["code"])
    other = ask(ada, "POST", "/rooms/{}/invites", {}, "dev")
    ask(ada, "DELETE", "/rooms/{}/invites/{}", None, "dev", other["id"])
    ask(bob, "DELETE", "/rooms/{}/membership", None, "dev")
    letter = ask(ada, "POST", "/people/{}/messages", {"text": "psst"}, "bob")
    ask(ada, "GET", "/people")
    ask(ada, "GET", "/people/{}/events?wait=0", None, "bob")
    ask(ada, "PUT", "/people/{}/marker", {"id": letter["id"]}, "bob")
    ask(ada, "DELETE", "/people/{}/messages/{}", None, "bob", letter["id"])
    ask(ada, "PUT", "/push", Browser().form)
    ask(ada, "GET", "/push")
    ask(ada, "PUT", "/push/view", {"here": True, "page": "x"})
    ask(ada, "DELETE", "/push")
    ask(ada, "PUT", "/account/ignores/{}", None, "eve")
    ask(ada, "DELETE", "/account/ignores/{}", None, "eve")
    token = ask(ada, "POST", "/account/tokens", {"label": "ci"})
    ask(ada, "GET", "/account/tokens")
    ask(ada, "DELETE", "/account/tokens/{}", None, token["id"])
    caller.signed_in("ada")
    sessions = ask(ada, "GET", "/account/sessions")["sessions"]
    other = next(one["id"] for one in sessions if not one["current"])
    ask(ada, "DELETE", "/account/sessions/{}", None, other)
    ask(ada, "POST", "/session/ticket")
    ask(ada, "PATCH", "/account", {"current": PASSWORD, "password": PASSWORD + "!"})
    ask(ada, "DELETE", "/account", {"password": PASSWORD + "!"})
    guest = server.http()
    guest.enter("gus")
    ask(guest, "PATCH", "/session", {"name": "guy"})
    ask(guest, "DELETE", "/session")
    administrator(server.chat, "ruth")
    admin = server.admin()
    admin.headers.update(caller.signed_in("ruth").headers)
    ask(admin, "GET", "/metrics")
    for things in ("accounts", "bans", "audit"):
        ask(admin, "GET", f"/admin/{things}")
    ask(admin, "POST", "/admin/accounts", {"name": "cy", "password": PASSWORD})
    ask(admin, "PATCH", "/admin/accounts/{}", {"admin": True}, "cy")
    cy = caller.signed_in("cy")
    (session,) = ask(admin, "GET", "/admin/accounts/{}/sessions", None, "cy")["sessions"]
    ask(admin, "DELETE", "/admin/accounts/{}/sessions/{}", None, "cy", session["id"])
    ask(admin, "DELETE", "/admin/accounts/{}/sessions", None, "cy")
    assert cy.get("/session").status == 401
    ask(admin, "DELETE", "/admin/accounts/{}", None, "cy")
    ask(admin, "PUT", "/admin/bans/{}", {}, "eve")
    ask(admin, "DELETE", "/admin/bans/{}", None, "eve")
    ask(admin, "POST", "/admin/invites", {})
    return caller.statuses


def test_every_status_of_success_is_that_of_the_server(
    server: MemoryServer, document: dict[str, Any]
) -> None:
    """Each request is carried out once; its status is the only one below 300 that is documented."""
    told = {
        (re.sub(r"\{\w+\}", "{}", path), method): sorted(
            int(status) for status in operation["responses"] if status < "3"
        )
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }
    assert told == {asked: [status] for asked, status in statuses_of_success(server).items()}
