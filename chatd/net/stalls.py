"""Readers that do not read.

One whose transport is full costs a buffer, and nothing more comes to it; but if it never reads
again, it costs that for ever.

1. The time begins when the transport has become full, and ends when it has become empty: between
   the two nothing is done for a reader, and for one that keeps up nothing at all.
2. Whoever has taken `LEAST_BYTES` when the time is up has another time: a slow line is no fault.
   The kernel's buffer counts like our own, or a few megabytes there would hide a slow reader.
3. Whoever has not is told, as far as that is possible, and has `LAST_SECONDS` to take it.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from .deadlines import Deadlines
from .tcp import lingers, unsent

STALL_SECONDS = 60.0
"""Seconds that a reader may take nothing, if nothing else is asked for: a laptop's lid is closed,
a train is in a tunnel."""
LEAST_BYTES = 16 * 1024
"""Bytes in that time that make a reader a slow one instead of none: what a line of 1990 took in
ten seconds."""
LAST_SECONDS = 5.0
"""Seconds from the last word to the end."""
TOO_SLOW = "you read too slowly; come back and go on from your last id"
"""What is told to whoever reads by ids."""


class Reader(Protocol):
    """A connection that is written to."""

    @property
    def transport(self) -> Any:
        """Its transport."""

    def disconnect(self) -> None:
        """It does not read: say so, and close."""


class Stalls:
    """Who is full, and since when."""

    def __init__(self, clock: IReactorTime, seconds: float = STALL_SECONDS) -> None:
        """`seconds` is how long a reader may take nothing; 0: for ever."""
        self.seconds = seconds
        self.deadlines = Deadlines(clock)
        self._stalls: dict[Reader, Stall] = {}

    def full(self, reader: Reader) -> None:
        """Its transport takes no more."""
        if self.seconds:
            stall = self._stalls.get(reader)
            if stall is None:
                stall = self._stalls[reader] = Stall(self, reader)
            if stall.due is None:
                stall.begin()

    def closing(self, reader: Reader) -> None:
        """It is to close, when all that was written has left."""
        if lingers(reader.transport):
            self.full(reader)

    def drained(self, reader: Reader) -> None:
        """Its transport is empty."""
        stall = self._stalls.get(reader)
        if stall:
            stall.due = None

    def forget(self, reader: Reader) -> None:
        """It is gone."""
        stall = self._stalls.pop(reader, None)
        if stall:
            self.deadlines.forget(stall)


class Stall:
    """One reader's time."""

    __slots__ = ("_reader", "_stalls", "_unsent", "due", "filed", "last")

    def __init__(self, stalls: Stalls, reader: Reader) -> None:
        self.due: float | None = None
        self.filed = 0
        self.last = False
        """Whether it has had its time, and was told."""
        self._stalls = stalls
        self._reader = reader
        self._unsent = 0

    def begin(self) -> None:
        """From now on."""
        self._unsent = unsent(self._reader.transport)
        self._stalls.deadlines.set(self, self._stalls.seconds)

    def time_is_up(self) -> None:
        """See how much was taken."""
        if self.last:
            self._reader.transport.abortConnection()
        elif self._unsent - unsent(self._reader.transport) >= LEAST_BYTES:
            self.begin()
        else:
            self.last = True
            self._stalls.deadlines.set(self, LAST_SECONDS)
            self._reader.disconnect()
