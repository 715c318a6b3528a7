"""Commands: what a client asks for, within the bounds of its fields."""

from __future__ import annotations

import pytest

from chatd.model.bounds import NAME, ROOM, TEXT
from chatd.model.commands import Command, Join, Rename, Say, Tell
from chatd.model.errors import BadName, BadRoom, ChatError, TextTooLong
from chatd.model.moderation import Kick


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: Join("x" * (ROOM.most + 1)), BadRoom),
        (lambda: Rename("x" * (NAME.most + 1)), BadName),
        (lambda: Tell("x" * (NAME.most + 1), "hi"), BadName),
        (lambda: Say("dev", "x" * (TEXT.most + 1)), TextTooLong),
        (lambda: Kick("dev", "bob", "x" * (TEXT.most + 1)), TextTooLong),
    ],
    ids=["room", "name", "recipient", "text", "reason"],
)
def test_a_command_with_an_overlong_field_raises_its_error(
    make: object, error: type[ChatError]
) -> None:
    """So no code that handles commands ever gets one."""
    assert callable(make)
    with pytest.raises(error):
        make()


def test_a_command_keeps_its_fields_unchanged() -> None:
    """They are validated when the command is carried out."""
    command: Command = Say("#Dev ", " hi\r\n")
    assert command == Say("#Dev ", " hi\r\n")
    assert command != Say("dev", "hi")
