r"""The base of doors at which people speak: lines come in, commands go out.

1. A connection is a person with one session, who has left when the connection is lost.  The person
   enters when the client can be written to; lines that come in before that wait.
2. Lines are carried out in order.  None is looked at while the client does not read, or while
   `MOST_UNANSWERED` commands have no outcome: TCP holds the rest back.  Of many lines that come at
   once, `LINES_A_TURN` are carried out in each turn of the reactor.
3. A connection is `owed` something while a command has no outcome: a server that goes down waits
   for it.  Lines that have not been carried out by then are dropped, and the client is told to
   come back.
4. A client that has sent all it had to send (`printf 'hello\n' | nc -N host port`) is disconnected
   when that is carried out and shown to it.  Of a client that is gone, waiting lines are dropped.
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
from ..model.errors import ChatError, TextTooLong
from .pushing import PushConnection, PushFactory, refusal_of

COMMAND_BYTES = 256
"""Bytes that a line may be longer than a message, for the command before it."""
MOST_UNANSWERED = 100
"""Commands of one connection that may have no outcome yet; further lines wait for them."""
LINES_A_TURN = 50
"""Lines of one connection that are carried out before other connections have their turn."""


@implementer(IHalfCloseableProtocol)
class SpeakingConnection(PushConnection):
    """One client who is a person.

    A subclass has a `codec`, and says in `line_received` what a line does.
    """

    session: Session | None = None
    """The session of the person; None before the person has entered."""

    def __init__(self, door: PushFactory, address: Address) -> None:
        super().__init__(door, address)
        self._input = LineDecoder(door.service.max_text + COMMAND_BYTES)
        self._lines: deque[bytes | None] = deque()
        self._turn: IDelayedCall | None = None
        self._entering = False
        self._unanswered = 0
        self._held = False
        """Whether nothing is taken from the client for now."""
        self._ended = False
        """Whether the client sends no more."""
        self._leaving = False
        """Whether the server goes down."""
        self._lost = False

    # -- for subclasses --------------------------------------------------------------------------

    def entered(self, session: Session) -> None:
        """The person is there: by default, read the rooms that the person is in."""
        self.read(session, [(room, self.codec) for room in session.person.rooms.values()])

    def line_received(self, line: str) -> None:
        """Carry out a line: call `perform`.  A `ChatError` that is raised is a refusal."""
        raise NotImplementedError

    def refuse(self, error: ChatError) -> None:
        """Tell the client why a command was refused."""
        self.transport.write(self.codec.revoked(error))

    def perform(self, command: Command, then: Callable[[int | None], object] | None = None) -> None:
        """Carry out a command of the person, and call `then` with its event's id, once it was
        stored and shown.
        """
        assert self.session is not None
        self._unanswered += 1
        performed = maybeDeferred(self.service.perform, self.session.person, command)
        if then:
            performed.addCallback(then)
        performed.addErrback(self._refused).addCallback(self._answered)

    # -- coming in -------------------------------------------------------------------------------

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
        """The client sends no more; its last line needs no end."""
        self._ended = True
        self._lines += self._input.finish()
        self._settle()

    def writeConnectionLost(self) -> None:
        """Never happens: only a client half-closes."""

    def _work(self) -> None:
        """Carry out lines, and take more input when none wait."""
        for _ in range(LINES_A_TURN):
            if not self._lines or self._waits:
                break
            self._carry_out(self._lines.popleft())
        if self._lines and not (self._waits or self._turn):
            self._turn = self.clock.callLater(0, self._next_turn)
        if self._ended or self._lost:
            return
        if self._lines:
            self._hold()
        elif self._held and not (self.full or self.is_closing):
            self._held = False
            self.transport.resumeProducing()

    def _hold(self) -> None:
        """Let what the client sends wait in TCP."""
        if not self._held:
            self._held = True
            self.transport.pauseProducing()

    @property
    def _waits(self) -> bool:
        """Whether no line may be carried out now."""
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
        """The client reads again."""
        super().drained()
        self._settle()

    def filled(self) -> None:
        """The client does not read: look at nothing that it sends."""
        super().filled()
        if not self._ended:
            self._hold()

    def _settle(self) -> None:
        """Go on with the lines that wait, or close if nothing is left to do."""
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
        """The connection is gone, and the person leaves."""
        self._lost = True
        self._lines.clear()
        if self._turn:
            self._turn.cancel()
            self._turn = None
        super().connectionLost(reason)
        if self.session:
            self.session.over = True
            self.service.end(self.session.person)
