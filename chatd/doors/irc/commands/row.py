"""Commands of the IRC door: a function, and the row that describes it.

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
    """Kind of a command: what it waits for, and which rate limit it counts against."""

    QUESTION = auto()
    """Only this client sees its effect.  It waits for the client's messages."""
    CHANGE = auto()
    """A change that others see, or on which later lines depend: they wait for its outcome."""
    MESSAGE = auto()
    """A message; messages do not wait for one another, and the chat's own rate limit applies."""
    FREE = auto()
    """Carried out at once, without a limit: PONG."""


def _too_few(request: Request) -> None:
    request.numeric(numerics.NEEDMOREPARAMS, request.command)


@dataclass(frozen=True)
class IrcCommand:
    """One command."""

    name: str
    form: str
    """The parameters, for HELP."""
    help: str
    do: Callable[[Request], None]
    least: int = 0
    """The smallest number of parameters."""
    empty: bool = False
    """Whether these parameters may be empty."""
    kind: Kind = Kind.QUESTION
    early: bool = False
    """Whether the command is allowed before registration."""
    with_words: tuple[int, Kind] | None = None
    """A number of parameters, and the kind of the command with that many or more."""
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
    """Decorator that makes a function a command; see `IrcCommand` for the arguments."""

    def make(do: Callable[[Request], None]) -> IrcCommand:
        return IrcCommand(name, form, help, do, least, empty, kind, early, with_words, too_few)

    return make
