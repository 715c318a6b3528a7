"""Every field that a door reads has a length bound, and nothing long reaches PRECIS."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from chatd.codecs.websocket import AnySent
from chatd.doors.classic import classic_site
from chatd.doors.line.commands import COMMANDS
from chatd.http.fields import HEADERS, PARAMETERS, SEGMENTS
from chatd.model import names
from chatd.model.bounds import NAME, ROOM, bounds_of

from ..kit.server import MemoryServer
from ..kit.websocket import WebSocket

CHATD = Path(__file__).parents[2] / "chatd"
READERS = {"getHeader", "getRawHeaders", "getCookie", "received_cookies", "args", "getAllHeaders"}
"""Attributes by which code would read a request's fields without a bound."""
LONG = {"dots": "・" * 300 + "あ", "digits": "ا" + "٣" * 400, "letters": "x" * 3000}
"""Texts too long for a name, for which PRECIS would take long."""
longs = pytest.mark.parametrize("long", LONG.values(), ids=LONG)


def unbounded_reads(path: Path) -> Iterator[str]:
    """The places where a module reads a field of a request without a bound."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in READERS:
            yield f"{path.name}:{node.lineno} {node.attr}"
        if (
            isinstance(node, ast.Attribute)
            and node.attr == "decode"
            and isinstance(node.value, ast.Name)
            and node.value.id == "path"
        ):
            yield f"{path.name}:{node.lineno} a part of the path"


# strict.py and syntax.py read Host and Connection, which frame a request, before it exists.
FRAMING = ("fields.py", "strict.py", "syntax.py")
READING = [path for top in ("http", "doors") for path in sorted((CHATD / top).rglob("*.py"))]
DOORS = [path for path in READING if path.name not in FRAMING]


@pytest.mark.parametrize("path", DOORS, ids=lambda path: path.name)
def test_doors_read_request_fields_only_through_http_fields(path: Path) -> None:
    """`chatd.http.fields` has a bound for each field."""
    assert list(unbounded_reads(path)) == []


class RecordingProfile:
    """A PRECIS profile that records the length of the longest string that it gets."""

    def __init__(self, profile: Any) -> None:
        self._profile = profile
        self.length = 0

    def enforce(self, text: str) -> Any:
        self.length = max(self.length, len(text))
        return self._profile.enforce(text)


@pytest.fixture(autouse=True)
def _precis_gets_nothing_long(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """After each test: no long string has reached PRECIS, and none is cached."""
    caches = (names._clean_name, names._name_key, names._clean_room)
    for cached in caches:
        cached.cache_clear()
    display, folded = RecordingProfile(names._display), RecordingProfile(names._folded)
    monkeypatch.setattr(names, "_display", display)
    monkeypatch.setattr(names, "_folded", folded)
    yield
    assert display.length <= NAME.most
    assert folded.length <= ROOM.most
    for cached in caches:
        assert cached.cache_info().currsize < 20  # the usual names: lobby, ada, guest-0001


PLACES = {
    "access_token": "/events?rooms=lobby&wait=0&{}",
    "after": "/rooms?{}",
    "q": "/rooms/lobby/search?{}",
    "name": "/rooms/lobby/messages?{}",
    "reader": "/rooms/lobby/events?wait=0&{}",
    "rooms": "/events?wait=0&{}",
}
"""The target where a parameter is read, if it is not a room's events."""


@pytest.mark.parametrize(
    "name", sorted(PARAMETERS.keys() - {"message"})
)  # `message` may be longer than a request line
def test_an_overlong_parameter_is_refused(server: MemoryServer, name: str) -> None:
    """With the error of its field."""
    bound = PARAMETERS[name]
    http = server.http()
    http.enter("ada")
    target = PLACES.get(name, "/rooms/lobby/events?wait=0&{}").format(f"{name}={{}}")
    method, kind = ("POST", {"Content-Type": "text/plain"}) if name == "name" else ("GET", {})
    response = http.request(method, target.format("0" * (bound.most + 1)), "hi", kind)
    assert response.status in (400, 401)
    assert response.error == bound.error.code
    assert http.request("GET", "/rooms/lobby").status == 200


@longs
@pytest.mark.parametrize("name", PARAMETERS)
def test_no_query_parameter_brings_a_long_string_to_precis(
    server: MemoryServer, name: str, long: str
) -> None:
    """Also in parameters that are not names."""
    target = PLACES.get(name, "/rooms/lobby/events?wait=0&{}").format(f"{name}={quote(long)}")
    for method in ("GET", "POST"):
        for body in (b"text=hi", b""):
            kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
            assert server.http().request(method, target, body, kind).status < 500
    if name in ("name", "message"):
        server.http_door = classic_site(server.chat.service, hosts=server.hosts)
        for query in (f"name={quote(long)}", f"name={quote(long)}&message=hi"):
            assert server.http().get(f"/?{query}").status == 400


@pytest.mark.parametrize("name", HEADERS)
def test_no_overlong_header_causes_a_5xx(server: MemoryServer, name: str) -> None:
    """It is refused, or ignored if the request does not use it."""
    value = "1" * (HEADERS[name].most + 1)
    for target in ("/rooms/lobby/events?wait=0", "/session", "/rooms/lobby"):
        for method, body in (("GET", ""), ("POST", "{}")):
            http = server.http()
            if name == "host":
                lines = f"{method} {target} HTTP/1.1\r\nHost: {value}\r\nContent-Length: 0\r\n\r\n"
                http.send_raw(lines.encode())
                server.chat.settle()
                response = http.response()
            else:
                kind = {"Content-Type": "application/json", name.title(): value}
                response = http.request(method, target, body, kind)
            assert response.status < 500


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("accept", (400, "malformed")),
        ("authorization", (401, "bad-token")),
        ("idempotency-key", (400, "malformed")),
        ("last-event-id", (400, "malformed")),
        ("origin", (403, "foreign-origin")),
        ("content-type", (415, "unsupported-media-type")),
    ],
)
def test_an_overlong_header_is_refused_for_its_length(
    server: MemoryServer, name: str, refusal: tuple[int, str]
) -> None:
    """Before it is parsed."""
    value = "1" * (HEADERS[name].most + 1)
    headers = {"Content-Type": "application/json", name.title(): value}
    method = "POST" if name in ("content-type", "idempotency-key") else "GET"
    speaking = "/rooms/lobby/messages?name=bob" if name == "idempotency-key" else "/session"
    target = speaking if method == "POST" else "/rooms/lobby/events?wait=0"
    assert server.http().request(method, target, "{}", headers).refusal == refusal


def test_an_overlong_cookie_is_ignored(server: MemoryServer) -> None:
    """Like the cookie of an expired session."""
    response = server.http().get("/rooms/lobby", Cookie="chatd=" + "x" * 5000)
    assert response.status == 200


@longs
@pytest.mark.parametrize("place", SEGMENTS)
def test_an_overlong_path_segment_is_refused(server: MemoryServer, place: str, long: str) -> None:
    """A room, a person, a session, a token, an invite."""
    http = server.http()
    http.enter("ada")
    for path in {
        "room": ["/rooms/{}", "/rooms/{}/events", "/rooms/{}/messages", "/rooms/{}/membership"],
        "person": ["/people/{}/messages"],
        "id": ["/account/sessions/{}", "/account/tokens/{}", "/rooms/lobby/invites/{}"],
        "who": ["/rooms/lobby/bans/{}"],
        "code": ["/invites/{}"],
    }[place]:
        for method in ("GET", "POST", "PUT", "DELETE"):
            kind = {"Content-Type": "text/plain"}
            target = path.format(quote(long))
            response = http.request(method, target, "hi", kind)
            status = 404 if place == "code" else 400
            assert response.refusal == (status, SEGMENTS[place].error.code)


BODIES = {
    "POST /session": {"name": ""},
    "PATCH /session": {"name": ""},
    "POST /rooms/lobby/messages": {"text": "", "type": ""},
    "PUT /rooms/lobby/topic": {"text": ""},
    "DELETE /rooms/lobby/membership": {"text": ""},
    "POST /people/ada/messages": {"text": ""},
}


@longs
@pytest.mark.parametrize("request_line", BODIES)
def test_no_body_field_brings_a_long_string_to_precis(
    server: MemoryServer, request_line: str, long: str
) -> None:
    """Long names are refused; texts never reach PRECIS."""
    method, target = request_line.split()
    http = server.http()
    http.enter("ada")
    for field in BODIES[request_line]:
        form = {"text": "x", field: long} if field == "type" else {field: long}
        response = http.send_json(method, target, form)
        assert response.status < 500
        if field == "name":
            assert response.refusal == (400, "bad-name")


@longs
@pytest.mark.parametrize("kind", AnySent.__args__, ids=lambda kind: kind.__struct_config__.tag)
def test_no_frame_field_brings_a_long_string_to_precis(
    server: MemoryServer, kind: Any, long: str
) -> None:
    """Each long field of a WebSocket frame is answered with an error."""
    socket = WebSocket(server, "/events?rooms=lobby")
    tag = kind.__struct_config__.tag
    good: dict[str, Any] = {"room": "lobby", "text": "hi", "name": "ada", "to": "ada"}
    good |= {"target": "ada", "role": "op"}
    others = {field: good[field] for field in kind.__struct_fields__ if field == "role"}
    others |= {"target": 1} if tag == "redact" else {}
    fields = {field for field, _ in bounds_of(kind)}
    for field in fields - {"text"}:
        usual = {name: good[name] for name in fields - {"ref"}}
        frame = {"type": tag, **others, **usual, field: long * 20}
        socket.send(**frame)
        (answer,) = [told for told in socket.received() if told["type"] == "error"]
        wanted = {"room": "bad-room", "ref": "malformed"}.get(field, "bad-name")
        assert answer["code"] == wanted


@longs
@pytest.mark.parametrize("command", [row.name for row in COMMANDS])
def test_no_line_command_brings_a_long_string_to_precis(
    server: MemoryServer, command: str, long: str
) -> None:
    """A line may be as long as a message, which is longer than any name."""
    line = server.line()
    server.chat.settle()
    line.received()
    for words in (long, f"{long} hi", f"ada {long}"):
        line.send(f"/{command} {words[:1300]}\r\n".encode())
        server.chat.advance(5)
    if command in ("nick", "join", "room", "who", "msg", "help"):
        assert b"\r\n!! " in b"\r\n" + line.received()
