"""Commands of the line door: a function, and the row of the table that describes it.

    @command("/who [ROOM]", "who is in a room", optional(word("room", ROOM)), aliases=("names",))
    def who(client: LineClient, room: str) -> None: ...

A reader of `chatd.codecs.commandlines` parses the words, which become the function's arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, TypeVarTuple

from ....codecs.commandlines import Usage
from ..client import LineClient

Words = TypeVarTuple("Words")


class Kind(Enum):
    """What a command waits for, and which rate limit it has."""

    QUESTION = auto()
    """Only this client sees the outcome: at most 10 a second, answered after the client's earlier
    messages."""
    CHANGE = auto()
    """It changes names or rooms, and is answered after the client's earlier messages."""
    MESSAGE = auto()
    """Its echo is its answer, so commands of a paste do not wait for one another."""


@dataclass(frozen=True)
class LineCommand(Usage):
    """One command of the line door."""

    kind: Kind = Kind.QUESTION
    with_words: Kind | None = None
    """The kind of the command with words; None: words make no difference."""

    def kind_of(self, words: tuple[Any, ...]) -> Kind:
        """The kind of the command with these words."""
        return self.with_words if self.with_words and any(words) else self.kind


def command(
    form: str,
    help: str,
    read: Callable[[str], tuple[*Words]],
    *,
    aliases: tuple[str, ...] = (),
    kind: Kind = Kind.QUESTION,
    with_words: Kind | None = None,
) -> Callable[[Callable[[LineClient, *Words], None]], LineCommand]:
    """Make a function the command that is written like `form`; see `Usage` for the arguments."""

    def make(do: Callable[[LineClient, *Words], None]) -> LineCommand:
        return LineCommand(form, help, read, do, aliases, kind, with_words)

    return make
