"""Moderators' frames, as commands."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.codecs.json import encode
from chatd.codecs.moderating import Moderating
from chatd.codecs.websocket import read
from chatd.model.commands import Command
from chatd.model.errors import BadName, Malformed, TextTooLong
from chatd.model.moderation import (
    Admit,
    Ban,
    Configure,
    Dismiss,
    GiveRole,
    Kick,
    Mute,
    Redact,
    Unban,
    Unmute,
)

FRAMES: list[tuple[dict[str, Any], Command]] = [
    ({"type": "settings", "slow": 5}, Configure("dev", slow=5)),
    (
        {"type": "settings", "access": "members", "posting": "voices", "topic": "ops"},
        Configure("dev", "members", "voices", "ops"),
    ),
    (
        {"type": "settings", "listed": False, "outside": False},
        Configure("dev", listed=False, outside=False),
    ),
    ({"type": "role", "target": "bob", "role": "op"}, GiveRole("dev", "bob", "op")),
    ({"type": "role", "target": "bob", "role": None}, GiveRole("dev", "bob", None)),
    ({"type": "kick", "target": "bob"}, Kick("dev", "bob")),
    ({"type": "kick", "target": "bob", "text": "spam"}, Kick("dev", "bob", "spam")),
    (
        {"type": "ban", "target": "bob", "seconds": 60, "text": "spam"},
        Ban("dev", "bob", 60, "spam"),
    ),
    ({"type": "ban", "target": "192.0.2.0/24"}, Ban("dev", "192.0.2.0/24")),
    ({"type": "unban", "target": "~1f"}, Unban("dev", "~1f")),
    ({"type": "mute", "target": "bob", "seconds": 60}, Mute("dev", "bob", 60)),
    ({"type": "unmute", "target": "bob"}, Unmute("dev", "bob")),
    ({"type": "invite", "target": "bob"}, Admit("dev", "bob")),
    ({"type": "dismiss", "target": "bob"}, Dismiss("dev", "bob")),
    ({"type": "redact", "target": 17}, Redact("dev", 17)),
]


@pytest.mark.parametrize(("frame", "command"), FRAMES, ids=[str(frame) for frame, _ in FRAMES])
def test_a_frame_is_a_command(frame: dict[str, Any], command: Command) -> None:
    """In the client's only room, or in the one that it names."""
    assert read(encode(frame).decode()).command("dev") == command
    assert read(encode({**frame, "room": "dev"}).decode()).command("") == command
    with pytest.raises(Malformed, match="say in which room"):
        read(encode(frame).decode()).command("")


def test_every_frame_was_tried() -> None:
    """So that none is forgotten."""
    kinds = {kind.__struct_config__.tag for kind in Moderating.__args__}
    assert kinds == {frame["type"] for frame, _ in FRAMES}


@pytest.mark.parametrize(
    ("frame", "error"),
    [
        ({"type": "kick"}, Malformed),
        ({"type": "kick", "target": "bob", "seconds": 5}, Malformed),
        ({"type": "role", "target": "bob"}, Malformed),
        ({"type": "role", "target": "bob", "role": "king"}, Malformed),
        ({"type": "settings", "access": "closed"}, Malformed),
        ({"type": "settings", "slow": "5"}, Malformed),
        ({"type": "redact", "target": "17"}, Malformed),
        ({"type": "mute", "target": "b" * 1000}, BadName),
        ({"type": "kick", "target": "bob", "text": "x" * (1 << 21)}, TextTooLong),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_frame_that_is_not_understood_is_refused(
    frame: dict[str, Any], error: type[Exception]
) -> None:
    """With what is wrong about it."""
    with pytest.raises(error):
        read(encode(frame).decode())
