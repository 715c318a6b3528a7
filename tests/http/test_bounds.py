"""Limits of one HTTP client."""

from __future__ import annotations

import json

import pytest

from chatd.http.bounds import MAX_BODY, most_body


@pytest.mark.parametrize("max_text", [1, 4096, 100_000])
def test_the_longest_text_fits_into_a_body_with_every_byte_escaped(max_text: int) -> None:
    """Unless the operator says otherwise; a body is never less than usual."""
    body = json.dumps({"text": "\x01" * max_text, "ref": "r" * 200})
    assert most_body(None, max_text) >= max(len(body), MAX_BODY)
    assert most_body(500, max_text) == 500
