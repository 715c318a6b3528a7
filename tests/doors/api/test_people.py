"""Private messages over HTTP."""

from __future__ import annotations

import pytest

from ...kit.http import HttpClient


@pytest.mark.parametrize("name", ["nobody", "%FF", "a%20b", "%ED%A0%80", "x" * 100])
def test_private_message_needs_a_recipient(ada: HttpClient, name: str) -> None:
    """An invalid name is answered like an unknown one."""
    response = ada.post(f"/people/{name}/messages", {"text": "psst"})
    assert response.refusal == (404, "no-such-person")
    message = response.json["error"]["message"]
    assert "/who" not in message
    assert "GET /rooms/" in message
