"""What a command of the IRC door is: a function, and the row that describes it.

@command("TOPIC", "#room [:text]", "show the topic, or set it", least=1)
def topic(request: Request) -> None: ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from ....codecs.irc import numerics
from ....codecs.irc.message import Message
from ..request import Request


class Kind(Enum):
    """What a command waits for, and what limits it."""

    QUESTION = auto()
    """Only this client sees it: at most 10 a second, behind everything that it has said."""
    CHANGE = auto()
    """It changes something that others see; the chat's own limits apply."""
    MESSAGE = auto()
    """A message: many of them do not wait for one another."""
    FREE = auto()
    """It is carried out at once: a sign of life, the end."""


def _too_few(request: Request) -> None:
    request.numeric(numerics.NEEDMOREPARAMS, request.command)


@dataclass(frozen=True)
class IrcCommand:
    """One command."""

    name: str
    form: str
    """The words behind it."""
    help: str
    do: Callable[[Request], None]
    least: int = 0
    """Words that it takes at least."""
    empty: bool = False
    """Whether these may be empty."""
    kind: Kind = Kind.QUESTION
    early: bool = False
    """Whether it may be given before registration."""
    with_words: tuple[int, Kind] | None = None
    """From how many words on it is of another kind."""
    too_few: Callable[[Request], None] = _too_few

    def kind_of(self, message: Message) -> Kind:
        """The kind of the command as it was given."""
        if self.with_words is not None and len(message.params) >= self.with_words[0]:
            return self.with_words[1]
        return self.kind


def command(
    name: str,
    form: str = "",
    help: str = "",
    *,
    least: int = 0,
    empty: bool = False,
    kind: Kind = Kind.QUESTION,
    early: bool = False,
    with_words: tuple[int, Kind] | None = None,
    too_few: Callable[[Request], None] = _too_few,
) -> Callable[[Callable[[Request], None]], IrcCommand]:
    """Make a function a command; see `IrcCommand` for the arguments."""

    def make(do: Callable[[Request], None]) -> IrcCommand:
        return IrcCommand(name, form, help, do, least, empty, kind, early, with_words, too_few)

    return make
