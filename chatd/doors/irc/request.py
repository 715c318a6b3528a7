"""One command in progress: its parameters and its answers.

1. An answer is written at once.  If the command has a label, or is a message that was accepted, the
   whole answer is written when the command is done.  An answer of many lines is made a part at a
   time (`stream`); its parts are written as they are made, with a label as one batch.
2. A command waits for an outcome of the chat by `wait_for`.  It is done when all its outcomes are
   known and their callbacks have run.  A refusal is answered with a numeric or FAIL.
3. A message that is refused at once, silently or not, is carried out again when the client's
   earlier messages have been answered (`wait_turn`).  The answer to a message that was accepted
   waits for its turn (`chatd.doors.irc.answers`).  So answers come in the order of commands.
4. Each refusal is counted once: that of the chat by its code, one that only IRC has by its numeric
   or by the code of FAIL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...chat.person import Person
from ...codecs.irc import numerics
from ...codecs.irc.labels import end_of, labelled, opened, tagged
from ...codecs.irc.message import form
from ...codecs.irc.numerics import Numeric
from ...model.commands import Command
from ...model.errors import ChatError, RateLimited, internal_error
from ...model.metrics import RARE
from ...stream.eventlog import Entry
from .client import IrcClient

LINES_A_TURN = 100
"""Lines of one answer that are made in one turn of the reactor."""
Part = str | Callable[[], object] | None
"""A part of an answer that is made a part at a time: a line; what to do when all lines before it
are written; None: work that gave no line."""
Refuse = Callable[[ChatError], None]
"""Writes the answer to a refused command."""


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
        self._ref = ""
        """The name of the labelled batch in which the parts of the answer are written."""
        self._waits = 1
        self._begun = False
        """Whether it has begun something whose outcome is awaited."""
        self.changes = False
        """Whether later lines must wait for the outcome, because their meaning depends on it."""
        self.says = False
        """Whether it is a message, for which the PONGs of other clients wait."""
        self._refusal: ChatError | None = None
        """The refusal that is being answered, which has been counted."""
        self.acknowledged = False
        """Whether the label has been sent with the command's own event."""
        self.several = False
        """Whether the answer may have several lines, the command's own events among them: with a
        label, they are one batch."""

    def param(self, number: int, otherwise: str = "") -> str:
        """A parameter, counted from 0."""
        return self.params[number] if number < len(self.params) else otherwise

    @property
    def waits(self) -> bool:
        """Whether an outcome is awaited, beside the command's own part."""
        return self._waits > 1

    @property
    def person(self) -> Person:
        """The client's person."""
        person = self.client.person
        assert person is not None
        return person

    # -- answers ---------------------------------------------------------------------------------

    def wait_turn(self) -> None:
        """Before a message is answered at once: write what the client's earlier messages have
        caused.  Raises `WaitForAcks` if one of them has no outcome yet.
        """
        if self.says and not self._begun:
            self.client.catch_up()

    def numeric(self, numeric: Numeric, *given: str) -> None:
        """Answer with a numeric."""
        self.wait_turn()
        if (refused := numerics.refused_as(numeric)) and self._refusal is None:
            RARE.refusals[refused] += 1
        self.line(numerics.write(numeric, self.client.server, self.client.nick, *given))

    def form(self, command: str, *params: str, text: str | None = None) -> None:
        """Answer with a line of the server."""
        self.line(form(command, *params, text=text, source=self.client.server))

    def fail(self, code: str, *context: str, text: str) -> None:
        """Answer with a standard reply: the commands that fail so are those of clients that know
        them.
        """
        self.wait_turn()
        if self._refusal is None:
            RARE.refusals[f"irc-{code.lower().replace('_', '-')}"] += 1
        self.form("FAIL", self.command, code, *context, text=text)

    def line(self, line: str) -> None:
        """Answer with a line."""
        self.lines([line])

    def lines(self, lines: list[str]) -> None:
        """Answer with several lines."""
        self.wait_turn()
        if self.says and self._begun:
            self._lines += lines
            return
        self._open()
        if self._ref:
            self.client.write([tagged(line, batch=self._ref) for line in lines])
        elif self.label:
            self._lines += lines
        else:
            self.client.write(lines)

    def own(self, entry: Entry | None) -> None:
        """Answer with an event that the command has caused, at its place in the order of events;
        None: there is none.
        """
        reader = self.client.reader
        if self.label and entry is not None and reader is not None:
            self._open()
            tags = {"batch": self._ref} if self._ref else {"label": self.label}
            self.acknowledged = reader.tag(entry, tags)

    def _open(self) -> None:
        """Open the batch of an answer of several lines."""
        if self.several and self.label and not self._ref:
            self._ref = self.client.next_ref()
            self.client.write([opened(self.label, self._ref, self.client.server)])

    def stream(self, parts: Iterator[Part]) -> None:
        """Answer with lines of which there may be many: `LINES_A_TURN` parts in one turn of the
        reactor, so that others are not delayed.
        """
        made: list[str] = []
        left = LINES_A_TURN
        for part in islice(parts, LINES_A_TURN):
            left -= 1
            if isinstance(part, str):
                made.append(part)
            elif part is not None:
                self.lines(made)
                made = []
                self._write_part()
                part()
        self.lines(made)
        if not left:
            self._write_part()
            later: Deferred[None] = Deferred()
            self.client.service.clock.callLater(0, later.callback, None)
            self.wait_for(later, lambda _: self.stream(parts))

    def _write_part(self) -> None:
        """Write what has been made of a labelled answer; the rest follows in the same batch.  An
        answer that is a batch of its own is written when it is complete.
        """
        lines = self._lines
        if lines and not self._ref and " BATCH +" not in lines[0]:
            self._lines, self._ref = [], self.client.next_ref()
            self.client.write([opened(self.label, self._ref, self.client.server)])
            self.lines(lines)

    # -- outcomes --------------------------------------------------------------------------------

    def hold_open(self) -> Callable[[], None]:
        """Wait for something that is no outcome of the chat; the command goes on, and later lines
        wait, until the returned function is called.
        """
        self._begin()
        return partial(self._performed, None)

    def wait_for(
        self,
        outcome: Deferred[Any],
        then: Callable[..., Any] | None = None,
        *args: object,
        refuse: Refuse | None = None,
    ) -> None:
        """Call `then` with an outcome and `args`, or answer the refusal with `refuse`."""
        self._begin()
        if then is not None:
            outcome.addCallback(self._go_on, then, *args)
        number = self.client.door.unshown.begin() if self.says else 0
        outcome.addErrback(self._failed, refuse).addCallback(self._performed, number)

    def perform(
        self,
        person: Person,
        command: Command | Callable[[], Command],
        then: Callable[[int | None], Any],
        refuse: Refuse | None = None,
    ) -> None:
        """Carry out a command of the chat as that person; `then` and `refuse` are as in `wait_for`.

        If making the command may raise `ChatError`, `command` is the function that makes it.  A
        command that exceeds the rate limit is carried out when the limit allows it.
        """
        service = self.client.service
        try:
            made = command() if callable(command) else command
            outcome = service.perform(person, made)
        except RateLimited as error:
            later: Deferred[None] = Deferred()
            service.clock.callLater(error.retry_after, later.callback, None)
            self.wait_for(later, lambda _: self.perform(person, command, then, refuse))
        except ChatError as error:
            self.refused(error, refuse)
        else:
            self.wait_for(outcome, then, refuse=refuse)

    def when_allowed(self, begin: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        """Call `begin`, and again when the rate limit allows it if it raises or fails with
        `RateLimited`; fires with its outcome.
        """

        def again(failure: Failure) -> Deferred[Any]:
            failure.trap(RateLimited)
            assert isinstance(failure.value, RateLimited)
            later: Deferred[None] = Deferred()
            self.client.service.clock.callLater(failure.value.retry_after, later.callback, None)
            return later.addCallback(lambda _: self._retry(begin))

        return maybeDeferred(begin).addErrback(again)

    def _retry(self, begin: Callable[[], Deferred[Any]]) -> Deferred[Any]:
        return succeed(None) if self.client.over else self.when_allowed(begin)

    def _go_on(self, result: Any, then: Callable[..., Any], *args: object) -> Any:
        return None if self.client.over else then(result, *args)

    def _failed(self, failure: Failure, refuse: Refuse | None) -> None:
        error = failure.value
        if not isinstance(error, ChatError):
            error = internal_error(self._log, "a command failed", failure)
        self.refused(error, refuse)

    def refused(self, error: ChatError, refuse: Refuse | None = None) -> None:
        """Count a refusal, and answer it with `refuse`, or with a numeric for any command."""
        self.wait_turn()
        before, self._refusal = self._refusal, error
        if before is not error:
            RARE.refused(error)
        (refuse or self._tell_why)(error)
        self._refusal = before

    def refuse(self, error: ChatError) -> None:
        """Answer that the command was refused, and why."""
        self.refused(error)

    def _tell_why(self, error: ChatError) -> None:
        self.numeric(numerics.UNKNOWNERROR, self.command, error.message)

    def _begin(self) -> None:
        """An outcome is awaited."""
        self._waits += 1
        self._begun = True
        if self.says:
            self.client.answers.begin(self)
        self.client.unanswered += 1
        self.client.changing += self.changes

    def _performed(self, _: object, number: int = 0) -> None:
        if number:
            self.client.door.unshown.end(number)
        self.client.unanswered -= 1
        self.client.changing -= self.changes
        self.done()
        self.client.go_on()

    def done(self) -> None:
        """End the command's own part; the answer is complete after the last outcome."""
        self._waits -= 1
        if self._waits == 0:
            if self.says and self._begun:
                self.client.answers.known(self, self.client)
            else:
                self.write_answer()

    @property
    def unwritten(self) -> bool:
        """See `Message.unwritten`."""
        return bool(self._lines or self._ref or (self.label and not self.acknowledged))

    def write_answer(self) -> None:
        """Write what is left of the answer."""
        client, lines = self.client, self._lines
        if self._ref:
            client.catch_up_with_events()
            inner = [tagged(line, batch=self._ref) for line in lines]
            client.write([*inner, end_of(self._ref, client.server)])
        elif self.label and (lines or not self.acknowledged):
            client.write(labelled(lines, self.label, client.next_ref(), client.server))
        else:
            client.write(lines)
