"""Private messages over HTTP."""

from __future__ import annotations

import pytest

from ...kit.http import HttpClient


@pytest.mark.parametrize("name", ["nobody", "%FF", "a%20b", "%ED%A0%80", "x" * 100])
def test_a_private_message_needs_somebody_to_hear_it(ada: HttpClient, name: str) -> None:
    """Whatever is not a name is nobody's."""
    response = ada.post(f"/people/{name}/messages", {"text": "psst"})
    assert response.refusal == (404, "no-such-person")
    message = response.json["error"]["message"]
    assert "/who" not in message
    assert "GET /rooms/" in message
