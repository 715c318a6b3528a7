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
