"""The queue of lines of one connection, and the pace at which they are carried out.

1. Lines are carried out in order.  The next line waits while the client does not read, exceeds the
   rate limit of messages or of mistakes, or while an earlier command has no outcome on which the
   line may depend.
2. Lines that wait are not dropped; further input stays in TCP's buffers.
3. In one turn of the reactor a connection carries out a limited number of lines, so that one
   connection cannot delay the others.
4. Lines are kept as raw bytes, which are split into lines slice by slice, and so is the input of a
   closed connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..codecs.pending import SLICE, PendingLines, lines_in
from ..model.errors import ChatError, Malformed, RateLimited
from ..model.metrics import RARE

LINES_A_TURN = 100
"""Lines of one connection that are carried out in one turn of the reactor, if all are messages."""
COMMANDS_A_TURN = 5
"""Lines in one turn if none is a message: listing all rooms, or a long history, takes longer."""
SLICES_A_TURN = 5
"""Slices of a closed connection's bytes that are parsed in one turn, if they complete no line."""

CUT_OFF = (
    "your last line is dropped: it has no line end, and the connection ended without a closing "
    "alert of TLS, so the rest of the line may be missing; end each line with a line feed"
)
"""The message to a client whose last line may have been cut off by someone on the way."""


class WaitForAcks(Exception):
    """A line has to wait, until earlier messages are stored, or until the client has read."""


class Carrier(Protocol):
    """The owner of a queue, which carries out its lines: the connection."""

    @property
    def busy(self) -> bool:
        """Whether the next line has to wait."""

    def carry_out(self, line: bytes | None) -> bool:
        """Carry out a line; None stands for a line that was too long.

        Returns whether other clients see the line.  Raises `ChatError` and `WaitForAcks`.
        """

    def take_salvaged(self) -> None:
        """Parse the next slice of the bytes that were received before the connection was lost."""

    def make_mistake(self) -> float:
        """Count a refused line; returns the seconds that the next line has to wait."""

    def send(self, data: bytes) -> None:
        """Send bytes to the client."""

    def worked(self) -> None:
        """All lines that can be carried out now have been."""


class Salvage:
    """Raw bytes that the socket of a closed connection had received, parsed in slices."""

    def __init__(self, data: bytes, *, closed: bool) -> None:
        """`closed`: the client closed the connection after these bytes, so the last line is
        complete.
        """
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
        """The approximate number of lines left: telnet commands are counted as text."""
        return lines_in(False, self._data, ended=self.closed)


class LineQueue:
    """The lines of one connection.  Methods get the connection as an argument, because a reference
    to it would be a cycle.
    """

    __slots__ = ("_clock", "_refusal", "_slowed", "_working", "lines", "salvage", "wait")

    def __init__(
        self, clock: IReactorTime, limit: int, refusal: Callable[[ChatError], bytes]
    ) -> None:
        """`limit` is in bytes per line; `refusal` makes the bytes that tell of a refusal."""
        self._refusal = refusal
        self._clock = clock
        self._slowed = False
        self._working = False
        self.lines = PendingLines(limit)
        """The lines that wait; None stands for a line that was too long."""
        self.salvage: Salvage | None = None
        """Bytes of a closed connection, parsed when `lines` is empty; None: there are none."""
        self.wait: IDelayedCall | None = None
        """The timer after which the next line may be carried out; None: it need not wait."""

    @property
    def idle(self) -> bool:
        """Whether no line waits, neither for its turn nor for a timer."""
        return not (self.pending or self.wait)

    @property
    def pending(self) -> bool:
        """Whether there is input that has not been carried out."""
        return bool(self.lines.ready or self.salvage)

    def count(self) -> int:
        """The approximate number of lines that wait: see `Salvage.lines`."""
        return len(self.lines) + (self.salvage.lines() if self.salvage else 0)

    def work(self, carrier: Carrier) -> None:
        """Carry out lines until none is left, or the next one has to wait."""
        if self._working:
            return
        self._working = True
        lines = self.lines
        left = LINES_A_TURN
        while True:
            ready = lines.ready
            if not (ready or self.salvage) or self.wait or carrier.busy:
                break
            if left <= 0:
                self.wait = self._clock.callLater(0, self._go_on, carrier)
                break
            if not ready:
                carrier.take_salvaged()
                left -= LINES_A_TURN // SLICES_A_TURN
                continue
            line = lines.pop()
            message = False
            try:
                message = carrier.carry_out(line)
            except RateLimited as error:
                # The line stays in front of the queue, and further input in TCP's buffers.
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

    def finish(self, carrier: Carrier, *, truncated: bool) -> None:
        """The input has ended: a last line without an end is complete, unless the input may have
        been `truncated` (`TlsConnection.truncated`).
        """
        if not truncated:
            self.lines.finish()
        elif self.lines.cut_off():
            self.refuse(carrier, Malformed(CUT_OFF))

    def refuse(self, carrier: Carrier, error: ChatError) -> None:
        """Send the reason why a line was refused; after too many refusals further lines wait."""
        RARE.refused(error)
        carrier.send(self._refusal(error))
        if not self.wait and (wait := carrier.make_mistake()):
            self._let_wait(carrier, wait)

    def drop(self) -> None:
        """Drop all lines that wait."""
        self.lines.clear()
        self.salvage = None
        if self.wait:
            self.wait.cancel()
            self.wait = None

    def _let_wait(self, carrier: Carrier, seconds: float) -> None:
        if not self._slowed:
            self._slowed = True
            slowed = RateLimited("too fast; the rest of your lines will follow one by one", 0)
            RARE.refused(slowed)
            carrier.send(self._refusal(slowed))
        self.wait = self._clock.callLater(seconds, self._go_on, carrier)

    def _go_on(self, carrier: Carrier) -> None:
        self.wait = None
        self.work(carrier)
        if not self.wait:
            self._slowed = False
