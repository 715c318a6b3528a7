"""WebSocket frames as JSON, without a chat."""

from __future__ import annotations

import pytest

from chatd.codecs.websocket import frame, pong, ref_of


def test_a_pong_has_the_ref_of_its_ping() -> None:
    """No `ref` if the ping had none."""
    assert pong(None) == frame(b'{"type":"pong"}')
    assert pong("p1") == frame(b'{"type":"pong","ref":"p1"}')


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ('{"type":"say","text":"\\ud83d","ref":"a1"}', "a1"),
        ('{"type":"shout","ref":"a1"}', "a1"),
        ('{"ref":5}', None),
        ('{"ref":"\\ud83d"}', None),
        ('["ref"]', None),
        ("not JSON", None),
        ("[" * 60_000, None),
    ],
    ids=["half-a-pair", "unknown", "number", "no-text", "list", "no-json", "deep"],
)
def test_the_ref_of_a_malformed_frame_is_found(text: str, ref: str | None) -> None:
    """So a page that cuts an emoji in half learns which of its messages was malformed."""
    assert ref_of(text) == ref
