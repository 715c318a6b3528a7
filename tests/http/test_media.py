"""Content negotiation: the media type that a request prefers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.http.media import preferred

OFFERED = ("application/json", "text/plain", "text/event-stream")


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("text/plain", "text/plain"),
        ("TEXT/Plain ; charset=utf-8", "text/plain"),
        ("text/event-stream", "text/event-stream"),
        ("text/plain;q=0.5, text/event-stream", "text/event-stream"),
        ("text/plain;q=0.5, text/event-stream;q=0.4", "text/plain"),
        ("text/plain, text/event-stream", "text/plain"),
        ("text/plain;q=0", "application/json"),
        ("text/plain;q=2", "application/json"),
        ("text/plain;q=nan", "application/json"),
        ("text/plain;q=0.1234", "application/json"),
    ],
)
def test_the_media_type_of_the_highest_weight_is_preferred(accept: str, wanted: str) -> None:
    """RFC 9110, section 12.5.1; a vague or malformed `Accept` gets the first type offered."""
    assert preferred(accept, OFFERED) == wanted


@given(st.text(max_size=100) | st.text(alphabet="textplin/,;q=01. *", max_size=60))
def test_any_accept_header_gets_an_offered_type(accept: str) -> None:
    """A malformed `Accept` is no error."""
    assert preferred(accept, OFFERED) in OFFERED
