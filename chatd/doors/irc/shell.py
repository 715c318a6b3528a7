"""The shell of the IRC door: finds the command that a line gives, and runs it.

1. Lines are carried out in order.  Messages do not wait for one another, unless one is refused at
   once; every other command waits until all earlier messages have been shown.
2. A line that has to wait raises `RateLimited` (the client sends too much) or `WaitForAcks`.
3. Messages count against the chat's rate limit.  All other lines count against `COMMAND_RATE`:
   commands, lines that cannot be parsed, and messages refused before the chat counts them.
4. The shell contains no command; they are rows of `chatd.doors.irc.commands`.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ...chat.accounts import Proof
from ...chat.card import PLAIN, Card
from ...chat.limits import TokenBucket
from ...chat.sessions import Session
from ...codecs.irc import numerics
from ...codecs.irc.message import Message, NoUtf8, TooLong, cut, form, read
from ...model.errors import ChatError, RateLimited, internal_error
from ...model.metrics import RARE
from ..linequeue import WaitForAcks
from .client import Applicant, IrcClient, Link
from .commands import COMMANDS
from .commands.account import LABEL
from .commands.channels import follow
from .commands.registration import not_let_in, welcome
from .commands.row import IrcCommand, Kind
from .door import IrcDoor
from .missed import show_missed
from .request import Request

COMMAND_RATE = 10
"""Lines a second of one connection, without messages."""
COMMANDS_AT_ONCE = 100
"""Such lines that may come at once: clients begin with many, some for each of their channels."""
MOST_UNANSWERED = 500
"""Messages of one connection that may wait for the store; further lines wait for them."""


class IrcShell(IrcClient):
    """A client whose lines are carried out."""

    _log = Logger()
    commands = COMMANDS

    def __init__(self, door: IrcDoor, link: Link) -> None:
        super().__init__(door, link)
        self._lines = TokenBucket(COMMAND_RATE, self.service.clock.seconds, COMMANDS_AT_ONCE)
        self._owes = False
        """Whether a message was refused and not yet counted against the rate limit."""

    def carry_out(self, line: bytes | None) -> bool:
        """Carry out a line, or refuse a too long one (None); returns whether it is a message.

        Raises `RateLimited` and `WaitForAcks`.
        """
        try:
            if line is None:
                raise TooLong
            message = read(line)
        except TooLong:
            self._take_turn()
            self.numeric(numerics.INPUTTOOLONG)
            return False
        except NoUtf8 as problem:
            self._take_turn()
            request = Request(self, problem.command, (), problem.tags)
            request.fail("INVALID_UTF8", text="that line is no UTF-8, and nothing of it was said")
            request.done()
            return False
        return False if message is None else self._carry_out(message)

    def _carry_out(self, message: Message) -> bool:
        if self.deputy is not None and not self.operator:
            self.step_down()  # the account administers the server no more
            self.write([form("MODE", self.nick, "-o", source=self.source())])
        name = message.command.upper()
        row = self.commands.get(name)
        kind = row.kind_of(message) if row else Kind.QUESTION
        if kind is not Kind.FREE:
            waits = self.unanswered and kind is not Kind.MESSAGE
            if self.changing or waits or self.unanswered >= MOST_UNANSWERED or self._entering:
                raise WaitForAcks
            if kind is not Kind.MESSAGE or self._owes:
                self._pay()
        if kind is not Kind.MESSAGE:
            self.catch_up_with_events()
        request = Request(self, name, message.params, message.tags)
        request.changes = kind is Kind.CHANGE
        request.says = kind is Kind.MESSAGE
        try:
            self._run(row, request)
            if request.label:
                request.wait_turn()  # `ACK` is an answer, too
        except RateLimited:
            raise
        except WaitForAcks:
            raise
        except ChatError as error:
            request.refuse(error)
        except Exception:
            request.refuse(internal_error(self._log, "a command failed"))
        if request.says and not request.waits and (self.batch is None or self.batch.refused):
            self._owes = True
        request.done()
        return kind is Kind.MESSAGE

    def _run(self, row: IrcCommand | None, request: Request) -> None:
        registered = self.applicant is None
        if not registered and not (row and row.early):
            request.numeric(numerics.NOTREGISTERED)
        elif row is None:
            request.numeric(
                numerics.UNKNOWNCOMMAND,
                cut(request.command, 64),
                "there is no such command; HELP lists them",
            )
        elif len(request.params) < row.least or (
            row.least and not all(request.params[: row.least]) and not row.empty
        ):
            row.too_few(request)
        else:
            row.do(request)

    @property
    def _entering(self) -> bool:
        return self.applicant is not None and self.applicant.entering

    def _take_turn(self) -> None:
        """Before a line is refused: write the answers to earlier lines first, and count this line.

        Raises `RateLimited` and `WaitForAcks`.
        """
        if self._entering:
            raise WaitForAcks
        self.catch_up()
        self._pay()

    def _pay(self) -> None:
        """Count a line against `COMMAND_RATE`.  Raises `RateLimited`."""
        if wait := self._lines.take():
            raise RateLimited("", wait)
        self._owes = False

    def make_mistake(self) -> float:
        """A line was refused; answers the seconds that the next one has to wait."""
        wait = self._lines.take()
        if wait:
            self._lines.charge()
        return wait

    # -- registration ----------------------------------------------------------------------------

    def register(self) -> None:
        """Register, if everything has been said that it takes."""
        applicant = self.applicant
        if applicant is None or applicant.entering or applicant.negotiating:
            return
        if not (applicant.nick and applicant.user):
            return
        applicant.entering = True
        entering = self.door.ready().addCallback(lambda _: self._enter(applicant))
        entering.addCallbacks(self._entered, self._not_let_in, callbackArgs=(applicant,))
        entering.addErrback(lambda failure: self._log.failure("a registration failed", failure))

    def _enter(self, applicant: Applicant) -> Deferred[Session]:
        address = self.link.address
        if applicant.proof is not None:
            card = replace(PLAIN, realname=applicant.realname)
            connecting = self._noting_reached(applicant, applicant.proof).addCallback(
                self.service.signed_in.connect, address, LABEL, card
            )
            return connecting.addCallback(self._with_markers)
        card = Card(applicant.user, applicant.realname, away=applicant.away)
        entering = self.service.enter(applicant.nick, address, lobby=False, card=card)
        return entering.addCallback(Session, address)

    def _noting_reached(self, applicant: Applicant, proof: Proof) -> Deferred[Proof]:
        """Note what has reached the account, before it is here: from then on messages reach it."""
        if self.may("draft/chathistory"):
            return succeed(proof)  # such a client asks for what it has missed

        def known(reached: int) -> Proof:
            applicant.reached = reached
            return proof

        return self.service.letters.reached(proof.record.key).addCallback(known)

    def _with_markers(self, session: Session) -> Deferred[Session]:
        account, markers = session.person.account, self.service.markers
        assert account is not None

        def known(found: list[dict[str, int]]) -> Session:
            rooms, conversations = found
            self.markers.update({f"#{room}": id_ for room, id_ in rooms.items()})
            self.markers.update(conversations)
            return session

        reading = gatherResults([markers.of(account), markers.of_conversations(account)])
        return reading.addCallback(known)

    def _entered(self, session: Session, applicant: Applicant) -> None:
        if self.ended:
            self.service.signed_in.disconnect(session, self.parting)
            return
        person, realname = session.person, applicant.realname
        if person.card.realname != realname:  # the account has other sessions
            told = self.service.signals.describe(person, realname, counted=False)
            told.addErrback(lambda failure: failure.trap(ChatError))
        self.applicant = None
        self.door.unregistered -= 1
        until = self.service.horizon
        welcome(self, session, applicant)
        if applicant.reached is not None:
            show_missed(self, applicant.reached, until)
        self.link.work()

    def _not_let_in(self, failure: Failure) -> None:
        error = failure.value
        if not isinstance(error, ChatError):
            error = internal_error(self._log, "a client could not come in", failure)
        assert self.applicant is not None
        self.applicant.entering = False
        RARE.refused(error)
        not_let_in(self, error)
        self.link.work()

    def follow_person(self) -> None:
        """See `IrcClient.follow_person`."""
        if self.reader is not None:
            self.reader.leave_out_ignored()
            follow(self)
