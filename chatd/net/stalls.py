"""The stall timeout: disconnects clients that do not read.

A client whose connection is full costs its buffers, and gets nothing more; if it never reads again,
it would cost them for ever.

1. The timeout starts when a connection's buffer fills, and ends when that is empty again.  A client
   that keeps up costs no work.
2. If the client read at least `LEAST_BYTES` during the timeout, it restarts: a slow link is not a
   stall.  The kernel's buffer counts like Twisted's; otherwise the megabytes in it would make a
   slow client look like a stalled one.
3. Otherwise the client is told, if its door can, and has `LAST_SECONDS` to read that.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from .deadlines import Deadlines
from .tcp import lingers, unsent

STALL_SECONDS = 60.0
"""Seconds for which a client may read nothing, by default: a laptop's lid is closed, a train is in
a tunnel."""
LEAST_BYTES = 16 * 1024
"""Bytes read during the timeout that make a client slow, not stalled: about 2 kbit/s."""
LAST_SECONDS = 5.0
"""Seconds between telling a stalled client and cutting it off."""
TOO_SLOW = "you read too slowly; come back and go on from your last id"
"""The message to a stalled client that reads by ids."""


class Reader(Protocol):
    """A connection that is written to and may stall."""

    @property
    def transport(self) -> Any:
        """Its transport."""

    def disconnect(self) -> None:
        """Tell the client that it read too slowly, and close."""


class Stalls:
    """The connections that are full, and since when."""

    def __init__(self, clock: IReactorTime, seconds: float = STALL_SECONDS) -> None:
        """`seconds` is for how long a client may read nothing; 0: for ever."""
        self.seconds = seconds
        self.deadlines = Deadlines(clock)
        self._stalls: dict[Reader, Stall] = {}

    def full(self, reader: Reader) -> None:
        """The buffer of the connection is full."""
        if self.seconds:
            stall = self._stalls.get(reader)
            if stall is None:
                stall = self._stalls[reader] = Stall(self, reader)
            if stall.due is None:
                stall.begin()

    def closing(self, reader: Reader) -> None:
        """The connection closes when everything written has been sent."""
        if lingers(reader.transport):
            self.full(reader)

    def drained(self, reader: Reader) -> None:
        """The buffer of the connection is empty."""
        stall = self._stalls.get(reader)
        if stall:
            stall.due = None

    def forget(self, reader: Reader) -> None:
        """The connection is closed."""
        stall = self._stalls.pop(reader, None)
        if stall:
            self.deadlines.forget(stall)


class Stall:
    """The timeout of one connection."""

    __slots__ = ("_reader", "_stalls", "_unsent", "due", "filed", "last")

    def __init__(self, stalls: Stalls, reader: Reader) -> None:
        self.due: float | None = None
        self.filed = 0
        self.last = False
        """Whether the timeout is over, and the client was told."""
        self._stalls = stalls
        self._reader = reader
        self._unsent = 0

    def begin(self) -> None:
        """Start the timeout."""
        self._unsent = unsent(self._reader.transport)
        self._stalls.deadlines.set(self, self._stalls.seconds)

    def time_is_up(self) -> None:
        """The timeout is over: check how much the client has read."""
        if self.last:
            self._reader.transport.abortConnection()
        elif self._unsent - unsent(self._reader.transport) >= LEAST_BYTES:
            self.begin()
        else:
            self.last = True
            self._stalls.deadlines.set(self, LAST_SECONDS)
            self._reader.disconnect()
