"""The shell of the line door: finds the command in a line, and runs it.

1. A line is carried out at once, or an exception is raised.  A `ChatError` is the reason why the
   line was refused.  `WaitForAcks` means that earlier messages are not stored yet, because an
   answer must follow their echoes, or that the client has not read what was sent.
2. `RateLimited` is no refusal: the connection carries the line out later.
3. A shell contains no command: they are rows of `chatd.doors.line.commands`.
"""

from __future__ import annotations

from ...chat.limits import TokenBucket
from ...chat.room import Room
from ...chat.service import ChatService
from ...chat.sessions import Session
from ...model.bounds import PASSWORD
from ...model.commands import Say
from ...model.errors import RateLimited
from ..linequeue import WaitForAcks
from .client import LineClient
from .commands import COMMANDS
from .commands.row import Kind
from .reader import Wire

COMMAND_RATE = 10
"""Questions and mistakes per second on one connection: more than a person types.  The bucket holds
four seconds' worth, for programs that begin with several."""
MOST_UNANSWERED = 500
"""Messages of one connection that may wait for the store; further lines wait for them."""


class Shell(LineClient):
    """A `LineClient` that carries out lines."""

    commands = COMMANDS
    __slots__ = ("_questions",)

    def __init__(
        self, service: ChatService, session: Session, wire: Wire, room: Room | None, begin: int
    ) -> None:
        """See `LineClient`."""
        super().__init__(service, session, wire, room, begin)
        self._questions: TokenBucket | None = None

    def carry_out(self, line: str) -> bool:
        """Carry out a line; returns whether other clients see it.

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
        if kind is Kind.QUESTION and (wait := self.questions.take()):
            raise RateLimited("", wait)
        if answered:
            self.subscriber.wake()
            self.let_catch_up()
        command.do(self, *words)
        return kind is not Kind.QUESTION

    def make_mistake(self) -> float:
        """Count a refused line; returns the seconds that the next line has to wait."""
        wait = self.questions.take()
        if wait:
            self.questions.charge()
        return wait

    @property
    def questions(self) -> TokenBucket:
        """The rate limit on questions and mistakes, made for the first one."""
        if self._questions is None:
            self._questions = TokenBucket(COMMAND_RATE, self.service.clock.seconds)
        return self._questions
