"""What a command of the line door is: a function, and the row that describes it.

    @command("/who [ROOM]", "who is in a room", optional(word("room", ROOM)), aliases=("names",))
    def who(client: LineClient, room: str) -> None: ...

The words are read by a reader of `chatd.codecs.commandlines`, and are the function's arguments.
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
    """What a command waits for, and what limits it."""

    QUESTION = auto()
    """Only this client sees it: at most 10 a second, answered behind the client's messages."""
    CHANGE = auto()
    """It changes names or rooms, and is answered behind the client's messages."""
    MESSAGE = auto()
    """Its echo is its answer: a paste of them does not wait for one another."""


@dataclass(frozen=True)
class LineCommand(Usage):
    """One command of the line door."""

    kind: Kind = Kind.QUESTION
    with_words: Kind | None = None
    """The kind if it is given with words, where that makes a difference."""

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
