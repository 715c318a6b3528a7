"""The pure parts of a connection: backoff, URLs, and responses."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.client.answers import Answer, read
from chatd.client.connection import FIRST_PAUSE, LONGEST_PAUSE, pause, server_url
from chatd.model.errors import BadName, ChatError, RateLimited, Unavailable

attempts, dice = st.integers(0, 10**6), st.floats(0, 1)


@given(attempts, dice, dice)
def test_backoff_doubles_up_to_a_limit_with_jitter(attempt: int, one: float, other: float) -> None:
    """A pause is between half of the backoff and the whole."""
    whole = pause(attempt, 1)
    assert FIRST_PAUSE <= whole <= LONGEST_PAUSE
    assert pause(attempt + 1, 1) == min(2 * whole, LONGEST_PAUSE)
    assert whole / 2 <= pause(attempt, one) <= whole
    assert (pause(attempt, one) == pause(attempt, other)) == (1 + one == 1 + other)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("HTTPS://Chat.Example/", "https://chat.example"),
        ("http://chat.example/below/?transport=sse#top", "http://chat.example/below"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://b\u00fccher.example/\u00e4 b", "http://xn--bcher-kva.example/%C3%A4%20b"),
    ],
)
def test_a_server_url_is_normalized(text: str, url: str) -> None:
    """As pasted from a browser's address bar."""
    assert server_url(text) == url


@pytest.mark.parametrize(
    ("status", "retry_after", "error", "seconds"),
    [
        (429, "3", RateLimited, 3),
        (503, "7", Unavailable, 7),
        (503, "", Unavailable, 0),
        (503, "Fri, 31 Dec 1999 23:59:59 GMT", Unavailable, 0),
        (502, "", Unavailable, 0),
        (408, "", Unavailable, 0),
    ],
)
@pytest.mark.parametrize("body", [b"", b'{"error":{"code":"x","message":"later"}}'])
def test_transient_errors_have_a_retry_after(
    status: int,
    retry_after: str,
    error: Any,
    seconds: float,
    body: bytes,
) -> None:
    """From the server, or a proxy in front of it."""
    with pytest.raises(error) as refused:
        read(status, retry_after, body)
    assert refused.value.retry_after == seconds


def test_an_unknown_error_code_is_a_chat_error() -> None:
    """Its message is still for people."""
    with pytest.raises(ChatError, match="you may not") as refused:
        read(418, "", b'{"error":{"code":"teapot","message":"you may not"}}')
    assert type(refused.value) is ChatError
    with pytest.raises(BadName):
        read(400, "", b'{"error":{"code":"bad-name","message":"no"}}')


@given(st.integers(100, 599), st.text(max_size=5), st.binary(max_size=50))
def test_any_response_is_an_answer_or_a_chat_error(
    status: int, retry_after: str, body: bytes
) -> None:
    """No bytes raise anything else."""
    with suppress(ChatError):
        assert isinstance(read(status, retry_after, body), Answer)
