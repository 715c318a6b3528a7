"""The table of commands (`chatd.doors.line.commands`)."""

from __future__ import annotations

import pytest

from chatd.codecs.commandlines import CommandTable, optional, word
from chatd.doors.line.client import LineClient
from chatd.doors.line.commands import COMMANDS
from chatd.doors.line.commands.row import Kind, command
from chatd.doors.line.shell import Shell
from chatd.model.bounds import NAME

from ....kit.server import MemoryServer
from ....kit.terminal import Terminal


@command("/greet [NAME]", "greet somebody", optional(word("name", NAME)), aliases=("hi",))
def greet(client: LineClient, name: str) -> None:
    """A command that exists only in this test."""
    client.answer(f"hello, {name or client.person.name}")


def test_command_is_one_decorated_function(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decorator gives its help, its alias and the errors of its words; the function is what it
    does.
    """
    monkeypatch.setattr(Shell, "commands", CommandTable([*COMMANDS, greet]))
    ada = Terminal(server, "/nick ada")
    assert ada.type("/greet") == ["== hello, ada"]
    assert ada.type("/HI bob") == ["== hello, bob"]
    assert ada.type("/help greet") == ["== /greet [NAME]: greet somebody"]
    assert "/hi for /greet" in ada.type("/help")[-1]
    assert ada.type("/hi a b") == [
        "!! /greet takes one name, which has no blanks, and nothing was done; type /greet [NAME]"
    ]


def test_command_is_a_rate_limited_question_by_default() -> None:
    """So a new command cannot be used to keep the server busy."""
    assert greet.kind_of(("bob",)) is Kind.QUESTION


def test_topic_is_a_message_only_with_words() -> None:
    """Without words it is a question."""
    assert COMMANDS["topic"].kind_of(("",)) is Kind.QUESTION
    assert COMMANDS["topic"].kind_of(("-",)) is Kind.MESSAGE
