"""The commands of the terminal client."""

from __future__ import annotations

from chatd.client import commands
from chatd.doors.line.commands import COMMANDS


def test_the_client_knows_every_command_of_the_line_door() -> None:
    """Otherwise a command from a pipe would be sent as a message, which might hold a password."""
    for row in COMMANDS:
        assert {commands.COMMANDS.find(name).name for name in (row.name, *row.aliases)} == {
            row.name
        }


def test_the_client_s_commands_have_the_line_door_s_usage() -> None:
    """With the same words and the same help."""
    for row in commands.COMMANDS:
        if row.help:
            assert (row.form, row.help) == (COMMANDS[row.name].form, COMMANDS[row.name].help)
