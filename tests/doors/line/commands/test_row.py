"""Commands of the line door: functions as rows of a table."""

from __future__ import annotations

from chatd.codecs.commandlines import anything
from chatd.doors.line.client import LineClient
from chatd.doors.line.commands.row import Kind, LineCommand, command


def test_a_function_becomes_a_row_of_the_table() -> None:
    """With its form and help as they were given."""

    @command("/shout [TEXT]", "say it loudly", anything, aliases=("s",))
    def shout(client: LineClient, words: str) -> None:
        """Never called."""

    assert isinstance(shout, LineCommand)
    assert (shout.form, shout.help, shout.aliases) == ("/shout [TEXT]", "say it loudly", ("s",))
    assert shout.read("hello there") == ("hello there",)


def test_the_kind_of_a_command_may_depend_on_its_words() -> None:
    """`/topic` is a question, and `/topic tea` a message."""

    @command("/topic [TEXT]", "show or set it", anything, with_words=Kind.MESSAGE)
    def topic(client: LineClient, words: str) -> None:
        """Never called."""

    assert topic.kind_of(("",)) is Kind.QUESTION
    assert topic.kind_of(("tea",)) is Kind.MESSAGE

    @command("/quit [TEXT]", "leave", anything, kind=Kind.CHANGE)
    def quit_(client: LineClient, words: str) -> None:
        """Never called."""

    assert {quit_.kind_of((words,)) for words in ("", "bye")} == {Kind.CHANGE}
