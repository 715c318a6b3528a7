"""What a server answers, as values."""

from __future__ import annotations

import json

import pytest

from chatd.chat.credentials import UNKNOWN_TOKEN
from chatd.client.answers import read
from chatd.doors.access import ABSENT
from chatd.model.errors import BadName, ChatError, RateLimited, Unavailable


def refusal(code: str, message: str = "why") -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


def test_an_answer_has_the_fields_of_the_response() -> None:
    """Unknown fields are ignored, because a later server may send more."""
    body = b'{"events":[{"id":1,"type":"message","from":"ada","later":1}],"next":1,"later":2}'
    answer = read(200, "", body)
    assert (answer.next, answer.name, answer.gap) == (1, "", False)
    (event,) = answer.events
    assert (event.sender, event.text) == ("ada", "")
    assert event.time.isoformat() == "1970-01-01T00:00:00.000001+00:00"
    assert read(204, "", b"") == read(200, "", b"{}")


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "bad-name", BadName),
        (418, "teapot", ChatError),
        (429, "rate-limited", RateLimited),
        (408, "too-slow", Unavailable),
        (503, "unavailable", Unavailable),
    ],
)
def test_a_refusal_is_raised_as_the_error_of_its_code(
    status: int, code: str, error: type[ChatError]
) -> None:
    """A transient one has the time to retry."""
    with pytest.raises(error) as raised:
        read(status, "7", refusal(code))
    assert type(raised.value) is error
    assert raised.value.message == "why"
    if isinstance(raised.value, RateLimited | Unavailable):
        assert raised.value.retry_after == 7.0


@pytest.mark.parametrize(
    ("message", "raised"),
    [
        (ABSENT, "nobody of that name is here"),
        (UNKNOWN_TOKEN, "that token is unknown or its session is over"),
        ("this is for accounts: POST /session, or POST /accounts", "this is for accounts"),
        ("no post / at all; try again", "no post / at all; try again"),
    ],
)
def test_advice_to_make_a_request_is_left_out(message: str, raised: str) -> None:
    """Somebody at a terminal, or a program with `ChatClient`, makes none."""
    with pytest.raises(ChatError) as problem:
        read(404, "", refusal("no-such-person", message))
    assert problem.value.message == raised


@pytest.mark.parametrize("status", [200, 404, 502])
def test_a_response_of_another_server_raises_an_error(status: int) -> None:
    """Such as a proxy's page."""
    with pytest.raises(ChatError, match=f"no chatd .status {max(status, 400)}"):
        read(status, "soon", b"<html>\xff")
