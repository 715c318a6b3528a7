"""The lines of one connection that wait to be carried out, and the pace at which that happens.

1. Lines are carried out in order.  The next one waits while the client reads too slowly, says too
   much or makes too many mistakes, and while a command is under way that it may depend on.
2. None is dropped for that: those behind it wait in TCP's buffers.
3. A connection with many lines carries out some of them, and then others have their turn.
4. Lines are kept as raw bytes and cut in slices, and so is what a closed connection had received.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..codecs.pending import SLICE, PendingLines, lines_in
from ..model.errors import ChatError, RateLimited

LINES_A_TURN = 100
"""Lines of one connection that are carried out before others have their turn."""
COMMANDS_A_TURN = 5
"""Those among them that are no messages: listing all rooms or a long history takes longer."""
SLICES_A_TURN = 5
"""Slices of a closed connection's bytes that are read in one turn, if they complete no line."""


class WaitForAcks(Exception):
    """A line has to wait: until the messages before it are stored, or until the client reads."""


class Carrier(Protocol):
    """What carries out the lines: the connection."""

    @property
    def busy(self) -> bool:
        """Whether the next line has to wait."""

    def carry_out(self, line: bytes | None) -> bool:
        """Do what a line asks for, None being one that was too long; answers whether other clients
        see it.  Raises `ChatError` and `WaitForAcks`.
        """

    def take_salvaged(self) -> None:
        """Take in the next slice of what was received before the connection was lost."""

    def make_mistake(self) -> float:
        """A line was refused; answers the seconds that the next one has to wait."""

    def send(self, data: bytes) -> None:
        """Send bytes to the client."""

    def worked(self) -> None:
        """As many lines are carried out as can be now."""


class Salvage:
    """Raw bytes that the socket of a closed connection had received, read in slices."""

    def __init__(self, data: bytes = b"", *, closed: bool = False) -> None:
        """`closed`: the client had closed the connection after them, so the last line is whole."""
        self._data = bytearray(data)
        self.closed = closed

    def take(self) -> bytes:
        """Remove and return the next slice."""
        part = bytes(self._data[:SLICE])
        del self._data[:SLICE]
        return part

    def __bool__(self) -> bool:
        """Whether any bytes are left."""
        return bool(self._data)

    def lines(self) -> int:
        """How many lines are left, about: telnet commands are counted as text."""
        return lines_in(False, self._data, ended=self.closed)


NOTHING = Salvage()
"""No bytes."""


class LineQueue:
    """The lines of one connection, which it does not refer to: they would hold each other."""

    __slots__ = ("_clock", "_refusal", "_slowed", "_working", "lines", "salvage", "wait")

    def __init__(
        self, clock: IReactorTime, limit: int, refusal: Callable[[ChatError], bytes]
    ) -> None:
        """`limit` is the most bytes of a line, and `refusal` tells of one that is refused."""
        self._refusal = refusal
        self._clock = clock
        self._slowed = False
        self._working = False
        self.lines = PendingLines(limit)
        """Those that wait; None stands for one that was too long."""
        self.salvage = NOTHING
        """Bytes of a closed connection, read when `lines` is empty."""
        self.wait: IDelayedCall | None = None
        """When the next line may be carried out, if time has to pass before."""

    @property
    def idle(self) -> bool:
        """Whether nothing waits."""
        return not (self.pending or self.wait)

    @property
    def pending(self) -> bool:
        """Whether there is input that is not carried out."""
        return bool(self.lines or self.salvage)

    def count(self) -> int:
        """How many lines wait, about; see `Salvage.lines`."""
        return len(self.lines) + self.salvage.lines()

    def work(self, carrier: Carrier) -> None:
        """Carry out the lines that have come in, until something has to be waited for."""
        if self._working:
            return
        self._working = True
        lines = self.lines
        left = LINES_A_TURN
        while not (self.wait or carrier.busy) and (lines or self.salvage):
            if left <= 0:
                self.wait = self._clock.callLater(0, self._go_on, carrier)
                break
            if not lines:
                carrier.take_salvaged()
                left -= LINES_A_TURN // SLICES_A_TURN
                continue
            line = lines.pop()
            message = False
            try:
                message = carrier.carry_out(line)
            except RateLimited as error:
                # The line stays where it is, and those behind it in TCP's buffers.
                lines.put_back(line)
                self._let_wait(carrier, error.retry_after)
            except WaitForAcks:
                lines.put_back(line)
                break
            except ChatError as error:
                self.refuse(carrier, error)
            left -= 1 if message else LINES_A_TURN // COMMANDS_A_TURN
        self._working = False
        carrier.worked()

    def refuse(self, carrier: Carrier, error: ChatError) -> None:
        """Tell why a line was refused; where there are too many such lines, the others wait."""
        carrier.send(self._refusal(error))
        if not self.wait and (wait := carrier.make_mistake()):
            self._let_wait(carrier, wait)

    def drop(self) -> None:
        """Carry out none of them."""
        self.lines.clear()
        self.salvage = NOTHING
        if self.wait:
            self.wait.cancel()
            self.wait = None

    def _let_wait(self, carrier: Carrier, seconds: float) -> None:
        if not self._slowed:
            self._slowed = True
            slowed = RateLimited("too fast; the rest of your lines will follow one by one", 0)
            carrier.send(self._refusal(slowed))
        self.wait = self._clock.callLater(seconds, self._go_on, carrier)

    def _go_on(self, carrier: Carrier) -> None:
        self.wait = None
        self.work(carrier)
        if not self.wait:
            self._slowed = False
