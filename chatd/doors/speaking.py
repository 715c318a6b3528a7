r"""The base of doors that take commands: each connection is a person, and its lines are commands.

1. A connection is a person with one session.  The person enters when the connection is established,
   with TLS if any, and leaves when the connection is lost.  Lines that arrive before the person has
   entered wait.
2. Lines are carried out in order, `LINES_A_TURN` at most in one turn of the reactor.  While the
   client does not read, or while `MOST_UNANSWERED` commands have no outcome, no line is carried
   out, and further input stays in TCP's buffers.
3. A connection is `owed` an answer while one of its commands has no outcome.  A server that goes
   down waits for the outcome.  Lines that have not been carried out by then are dropped, and the
   client gets the reason.
4. If the client half-closes (`printf 'hello\n' | nc -N host port`), the connection is closed once
   all lines are carried out and their events have been sent.  If the connection is lost, the lines
   that wait are dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ..chat.person import Person
from ..chat.sessions import Session
from ..codecs.lines import LineDecoder
from ..model.addresses import Address
from ..model.commands import Command
from ..model.errors import ChatError, Malformed, TextTooLong
from .linequeue import CUT_OFF
from .push_door import PushConnection, PushFactory, refusal_of

COMMAND_BYTES = 256
"""Bytes that a line may have beyond the longest message, for the command before the message."""
MOST_UNANSWERED = 100
"""Commands of one connection that may be without an outcome; further lines wait until then."""
LINES_A_TURN = 50
"""Lines of one connection that are carried out in one turn of the reactor."""


@implementer(IHalfCloseableProtocol)
class SpeakingConnection(PushConnection):
    """One connection, whose client is a person.

    A subclass sets `codec`, and carries out lines in `line_received`.
    """

    session: Session | None = None
    """The person's session; None before the person has entered."""

    def __init__(self, door: PushFactory, address: Address) -> None:
        super().__init__(door, address)
        self._input = LineDecoder(door.service.max_text + COMMAND_BYTES)
        self._lines: deque[bytes | None] = deque()
        self._turn: IDelayedCall | None = None
        self._entering = False
        self._unanswered = 0
        self._held = False
        """Whether reading from the transport is paused."""
        self._ended = False
        """Whether the client has half-closed the connection."""
        self._leaving = False
        """Whether the server is going down."""
        self._lost = False

    # -- for subclasses --------------------------------------------------------------------------

    def entered(self, session: Session) -> None:
        """The person has entered: by default, start a reader of the rooms that the person is in."""
        self.read(session, [(room, self.codec) for room in session.person.rooms.values()])

    def line_received(self, line: str) -> None:
        """Carry out a line: call `perform`.  A `ChatError` that it raises is passed to `refuse`."""
        raise NotImplementedError

    def refuse(self, error: ChatError) -> None:
        """Send the client the reason why a command was refused."""
        self.transport.write(self.codec.revoked(error))

    def perform(
        self,
        command: Command,
        then: Callable[[int | None], object] | None = None,
        *,
        person: Person | None = None,
    ) -> None:
        """Carry out a command of the connection's person, or of `person`, such as a visitor
        (`ChatService.visitor`).  `then` is called with the id of the command's event, once the
        event is stored and shown.
        """
        assert self.session is not None
        self._unanswered += 1
        performed = maybeDeferred(self.service.perform, person or self.session.person, command)
        if then:
            performed.addCallback(then)
        performed.addErrback(self._refused).addCallback(self._answered)

    # -- entering --------------------------------------------------------------------------------

    def begin(self) -> None:
        """See `PushConnection.begin`: a guest enters."""
        self._entering = True
        entering = maybeDeferred(self.service.enter, address=self.address)
        entering.addCallbacks(self._has_entered, self._has_not_entered)

    def _has_entered(self, person: Person) -> None:
        self._entering = False
        if self._lost or self.is_closing:
            self.service.end(person)
            return
        self.session = Session(person, self.address)
        self.entered(self.session)
        self._settle()

    def _has_not_entered(self, failure: Failure) -> None:
        self._entering = False
        self.revoked(refusal_of(failure, "a client could not enter"))

    # -- lines into commands ---------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Bytes from the client, cut anywhere."""
        if not (self.is_closing or self._leaving):
            self._lines += self._input.feed(data)
            self._work()

    def readConnectionLost(self) -> None:
        """The client has half-closed.  A last line without a line end counts, unless the input may
        be truncated.
        """
        self._ended = True
        last = self._input.finish()
        if last and self.truncated:
            self.refuse(Malformed(CUT_OFF))
        else:
            self._lines += last
        self._settle()

    def writeConnectionLost(self) -> None:
        """Never happens: only a client half-closes."""

    def _work(self) -> None:
        """Carry out lines, and resume reading when no line waits."""
        for _ in range(LINES_A_TURN):
            if not self._lines or self._waits:
                break
            self._carry_out(self._lines.popleft())
        if self._lines and not (self._waits or self._turn):
            self._turn = self.service.clock.callLater(0, self._next_turn)
        if self._ended or self._lost:
            return
        if self._lines:
            self._hold()
        elif self._held and not (self.full or self.is_closing):
            self._held = False
            self.transport.resumeProducing()

    def _hold(self) -> None:
        """Pause reading, so that further input stays in TCP's buffers."""
        if not self._held:
            self._held = True
            self.transport.pauseProducing()

    @property
    def _waits(self) -> bool:
        """Whether lines have to wait now."""
        busy = self.session is None or self._turn is not None
        return busy or self.full or self.is_closing or self._unanswered >= MOST_UNANSWERED

    def _next_turn(self) -> None:
        self._turn = None
        self._settle()

    def _carry_out(self, line: bytes | None) -> None:
        try:
            if line is None:
                most = self.service.max_text
                raise TextTooLong(
                    f"that line was too long and is dropped; a message has at most {most} bytes"
                )
            self.line_received(line.decode(errors="replace"))
        except ChatError as error:
            self.refuse(error)

    def _refused(self, failure: Failure) -> None:
        error = refusal_of(failure, "a command failed")
        if not self.is_closing:
            self.refuse(error)

    def _answered(self, _: object) -> None:
        self._unanswered -= 1
        self._settle()

    # -- the end ---------------------------------------------------------------------------------

    @property
    def owed(self) -> bool:
        """See `Connected.owed`."""
        return self._entering or self._unanswered > 0

    def drain(self) -> None:
        """See `Connected.drain`: the commands that were accepted are answered first."""
        self._leaving = True
        self._lines.clear()
        if not self.owed:
            super().drain()

    def drained(self) -> None:
        """The client has read all that was sent."""
        super().drained()
        self._settle()

    def filled(self) -> None:
        """The client does not read: carry out none of its lines."""
        super().filled()
        if not self._ended:
            self._hold()

    def _settle(self) -> None:
        """Carry out lines that wait, or close the connection if nothing is left to do."""
        if self._lost:
            return
        if self._leaving:
            self.drain()
            return
        self._work()
        if self._ended and not (self._lines or self.owed or self.is_closing or self.full):
            self._close_when_shown()

    def _close_when_shown(self) -> None:
        reader = self.reader
        if reader:
            reader.wake()
            if reader.waiting:
                reader.when_caught_up(self._settle)
                return
        if not self.full:
            self.close()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The connection is closed, and the person leaves."""
        self._lost = True
        self._lines.clear()
        if self._turn:
            self._turn.cancel()
            self._turn = None
        super().connectionLost(reason)
        if self.session:
            self.session.over = True
            self.service.end(self.session.person)
