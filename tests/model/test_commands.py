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
def test_a_field_that_is_too_long_makes_no_command(make: object, error: type[ChatError]) -> None:
    """So nothing that is made of a command ever sees it."""
    assert callable(make)
    with pytest.raises(error):
        make()


def test_a_command_holds_its_fields_as_they_were_sent() -> None:
    """Whether they are valid is judged where it is carried out."""
    command: Command = Say("#Dev ", " hi\r\n")
    assert command == Say("#Dev ", " hi\r\n")
    assert command != Say("dev", "hi")
