"""Saying messages over HTTP: who speaks, and requests that are repeated."""

from __future__ import annotations

import pytest

from ...kit.http import HttpClient
from ...kit.server import MemoryServer

MESSAGES = "/rooms/lobby/messages"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(("kind", "body"), [(JSON, '{"type":"action","text":"waves"}'),
                                            (FORM, "type=action&text=waves")],
                         ids=["json", "form"])  # fmt: skip
def test_action_is_a_message_with_the_type_action(
    server: MemoryServer, ada: HttpClient, kind: dict[str, str], body: str
) -> None:
    """It does what `/me` does on the line door."""
    line = server.line()
    line.received()
    assert ada.request("POST", MESSAGES, body, kind).status == 201
    assert line.received() == b"* ada waves\r\n"


def test_speaking_in_a_room_joins_it(server: MemoryServer, ada: HttpClient) -> None:
    """The event of the join precedes the message."""
    assert ada.post("/rooms/dev/messages", {"text": "hi"}).status == 201
    assert server.kinds("dev") == ["Joined", "Said"]
    assert ada.get("/session").json["rooms"] == ["lobby", "dev"]


def test_visitor_sends_a_message_under_a_name(server: MemoryServer, http: HttpClient) -> None:
    """`curl -d text=hello '…?name=ada'`: no session before or afterwards, and no join is
    announced.
    """
    response = http.request("POST", f"{MESSAGES}?name=ada", "text=hello", FORM)
    assert response.status == 201
    (entry,) = server.chat.entries("lobby")
    assert entry.id == response.json["id"]
    assert server.here == []
    assert "set-cookie" not in response.headers
    http.enter("ada")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 401, "no-session"),
        ("?name=", 400, "bad-name"),
        ("?name=a%20b", 400, "bad-name"),
        ("?name=%23dev", 400, "bad-name"),
        ("?name=guest-0001", 400, "bad-name"),
        ("?name=" + "x" * 33, 400, "bad-name"),
        ("?name=%FF", 400, "malformed"),
        ("?name=%E2%80%8Bada", 400, "bad-name"),
        ("?name=%ED%A0%80", 400, "malformed"),
        ("?name=cy&name=di", 400, "malformed"),
        ("?name=bob", 409, "name-in-use"),
        ("?name=BOB", 409, "name-in-use"),
    ],
)
def test_visitor_needs_a_valid_name_that_is_free(
    server: MemoryServer, http: HttpClient, query: str, status: int, code: str
) -> None:
    """A name that a client of the line door has is not free."""
    line = server.line()
    line.send(b"/nick bob\r\n")
    server.chat.settle()
    assert http.post(f"{MESSAGES}{query}", {"text": "hi"}).refusal == (status, code)
    assert server.chat.texts("lobby") == []


def test_session_may_not_give_another_name_in_the_query(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Its own name is accepted."""
    assert ada.post(f"{MESSAGES}?name=ada", {"text": "one"}).status == 201
    assert ada.post(f"{MESSAGES}?name=eve", {"text": "two"}).refusal == (400, "malformed")
    assert server.chat.texts("lobby") == ["one"]
