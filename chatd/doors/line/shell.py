"""The shell of the line door: finds the command that a line gives, and runs it.

1. A line is carried out at once or raises: a `ChatError` says why it was refused, `WaitForAcks`
   that messages before it are not stored yet, so that answers keep their place behind echoes, or
   that the client has not read what it was sent.
2. `RateLimited` refuses nothing: the connection carries the line out later.
3. A shell knows no command by name: they are rows of `chatd.doors.line.commands`.
"""

from __future__ import annotations

from ...chat.limits import TokenBucket
from ...chat.service import ChatService
from ...chat.sessions import Session
from ...model.bounds import PASSWORD
from ...model.commands import Say
from ...model.errors import RateLimited
from .client import LineClient, WaitForAcks
from .commands import COMMANDS
from .commands.row import Kind
from .reader import Wire

COMMAND_RATE = 10
"""Questions and mistakes a second on one connection: more than anybody types, and four seconds'
worth at once for programs that begin with a few."""
MOST_UNANSWERED = 500
"""Messages of one connection that may wait for the store; further lines wait for them."""


class Shell(LineClient):
    """A client whose lines are carried out."""

    commands = COMMANDS
    __slots__ = ("_questions",)

    def __init__(self, service: ChatService, session: Session, wire: Wire) -> None:
        """A shell for the session of a person who has just come in."""
        super().__init__(service, session, wire)
        self._questions = TokenBucket(COMMAND_RATE, service.clock.seconds)

    def carry_out(self, line: str) -> bool:
        """Do what a line asks for; answers whether other clients see it.

        Raises `ChatError` and `WaitForAcks`.
        """
        if self.prompted is not None:
            then, self.prompted = self.prompted, None
            self.wire.show()
            then(PASSWORD.check(line))
            return False
        parsed = line if self.literal else self.commands.parse(line)
        if isinstance(parsed, str):
            message = Say(self.here, parsed)
            if self.unanswered >= MOST_UNANSWERED:
                raise WaitForAcks
            self.reader.here()
            self.say(message, echo=self.echo)
            return True
        command, words = parsed
        kind = command.kind_of(words)
        answered = kind is not Kind.MESSAGE
        if self.unanswered and (answered or self.unanswered >= MOST_UNANSWERED):
            raise WaitForAcks
        if kind is Kind.QUESTION and (wait := self._questions.take()):
            raise RateLimited("", wait)
        if answered:
            self.subscriber.wake()
            self.let_catch_up()
        command.do(self, *words)
        return kind is not Kind.QUESTION

    def make_mistake(self) -> float:
        """A line was refused; answers the seconds that the next line has to wait."""
        wait = self._questions.take()
        if wait:
            self._questions.charge()
        return wait
