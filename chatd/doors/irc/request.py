"""One command under way: its words, and its answers.

1. An answer is written at once, or with a label when the command is done, all of it together.
   One of many lines is made a part at a time (`stream`).
2. A command that has to wait for the chat says so (`wait_for`).  It is done when the outcome is
   known and what follows it was carried out; a refusal is answered in IRC's way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...chat.person import Person
from ...codecs.irc import numerics
from ...codecs.irc.labels import labelled
from ...codecs.irc.message import form
from ...codecs.irc.numerics import Numeric
from ...model.commands import Command
from ...model.errors import ChatError, RateLimited, Unavailable
from .client import IrcClient

LINES_A_TURN = 100
"""Lines of one answer that are made in one turn of the reactor."""
Refuse = Callable[[ChatError], None]
"""Answers a refusal."""


class Request:
    """One command of one client."""

    _log = Logger()

    def __init__(
        self, client: IrcClient, command: str, params: tuple[str, ...], tags: Mapping[str, str]
    ) -> None:
        self.client = client
        self.command = command
        """In upper case."""
        self.params = params
        self.tags = tags
        self.label = client.label_of(tags)
        self._lines: list[str] = []
        self._waits = 1
        self.changes = False
        """Whether what other lines mean depends on its outcome, so that they wait for it."""
        self.acknowledged = False
        """Whether an event that was shown has the label already."""

    def param(self, number: int, otherwise: str = "") -> str:
        """One of the words, counted from 0."""
        return self.params[number] if number < len(self.params) else otherwise

    @property
    def person(self) -> Person:
        """Who gives the command."""
        person = self.client.person
        assert person is not None
        return person

    # -- answers ---------------------------------------------------------------------------------

    def numeric(self, numeric: Numeric, *given: str) -> None:
        """Answer with a numeric."""
        self.line(numerics.write(numeric, self.client.server, self.client.nick, *given))

    def form(self, command: str, *params: str, text: str | None = None) -> None:
        """Answer with a line of the server."""
        self.line(form(command, *params, text=text, source=self.client.server))

    def fail(self, code: str, *context: str, text: str) -> None:
        """Answer with a standard reply: the commands that fail so are those of clients that know
        them.
        """
        self.form("FAIL", self.command, code, *context, text=text)

    def line(self, line: str) -> None:
        """Answer with a line."""
        if self.label:
            self._lines.append(line)
        else:
            self.client.write([line])

    def lines(self, lines: list[str]) -> None:
        """Answer with several lines."""
        if self.label:
            self._lines += lines
        else:
            self.client.write(lines)

    def stream(self, lines: Iterator[str | None]) -> None:
        """Answer with lines of which there may be many: `LINES_A_TURN` in one turn of the reactor,
        so that others are not delayed.  None stands for work that gave no line.
        """
        made = list(islice(lines, LINES_A_TURN))
        self.lines([line for line in made if line is not None])
        if len(made) == LINES_A_TURN:
            later: Deferred[None] = Deferred()
            self.client.service.clock.callLater(0, later.callback, None)
            self.wait_for(later, lambda _: self.stream(lines))

    # -- outcomes --------------------------------------------------------------------------------

    def wait_for(
        self,
        outcome: Deferred[Any],
        then: Callable[..., Any] | None = None,
        *args: object,
        refuse: Refuse | None = None,
    ) -> None:
        """Call `then` with an outcome and `args`, or answer the refusal with `refuse`."""
        self._waits += 1
        self.client.unanswered += 1
        self.client.changing += self.changes
        if then is not None:
            outcome.addCallback(self._go_on, then, *args)
        outcome.addErrback(self._failed, refuse).addCallback(self._performed)

    def perform(
        self,
        person: Person,
        command: Command,
        then: Callable[[int | None], Any],
        refuse: Refuse | None = None,
    ) -> None:
        """Carry out a command of the chat as that person; `then` and `refuse` are as in `wait_for`.

        A command that exceeds the rate limit is carried out when the limit allows it.
        """
        service = self.client.service
        try:
            outcome = service.perform(person, command)
        except RateLimited as error:
            later: Deferred[None] = Deferred()
            service.clock.callLater(error.retry_after, later.callback, None)
            self.wait_for(later, lambda _: self.perform(person, command, then, refuse))
        except ChatError as error:
            (refuse or self.refuse)(error)
        else:
            self.wait_for(outcome, then, refuse=refuse)

    def _go_on(self, result: Any, then: Callable[..., Any], *args: object) -> Any:
        return None if self.client.over else then(result, *args)

    def _failed(self, failure: Failure, refuse: Refuse | None) -> None:
        error = failure.value
        if not isinstance(error, ChatError):
            self._log.failure("a command failed", failure)
            error = Unavailable("the server made a mistake, and has written it down")
        (refuse or self.refuse)(error)

    def refuse(self, error: ChatError) -> None:
        """Answer that the command was refused, and why."""
        self.numeric(numerics.UNKNOWNERROR, self.command, error.message)

    def _performed(self, _: object) -> None:
        self.client.unanswered -= 1
        self.client.changing -= self.changes
        self.done()
        self.client.settle()
        self.client.link.work()

    def done(self) -> None:
        """What the command itself had to do is done; with the last outcome all is answered."""
        self._waits -= 1
        if self._waits == 0 and self.label and not (self.acknowledged and not self._lines):
            ref = self.client.next_ref()
            self.client.write(labelled(self._lines, self.label, ref, self.client.server))
