"""The stall timeout: disconnects clients that do not read.

A connection whose buffer is full occupies the memory of its buffers.  Without a timeout, a client
that never reads again would occupy it for ever.

1. The timeout starts when a connection's buffer fills, and stops when the buffer is empty again.
   Clients that keep up cost no work.
2. If the client read at least `LEAST_BYTES` during the timeout, the timeout restarts: a slow link
   is not a stall.  Bytes in the kernel's buffer count as unread, like those in Twisted's; otherwise
   the megabytes in it would make a slow client look stalled.
3. Otherwise the connection sends the reason, if its protocol has a place for it, and is aborted
   after `LAST_SECONDS`.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime

from ..model.metrics import RARE
from .deadlines import Deadlines
from .tcp import lingers, unsent

STALL_SECONDS = 60.0
"""The default timeout in seconds: long enough for a train in a tunnel."""
LEAST_BYTES = 16 * 1024
"""A client that read this many bytes during the timeout is slow, not stalled: about 2 kbit/s."""
LAST_SECONDS = 5.0
"""Seconds between the reason sent to a stalled client and the abort of its connection."""
TOO_SLOW = "you read too slowly; come back and go on from your last id"
"""The message to a stalled client that knows the ids of events."""


class Reader(Protocol):
    """A connection whose client may stall."""

    @property
    def transport(self) -> Any:
        """Its transport."""

    def disconnect(self) -> None:
        """Send the client the reason, that it read too slowly, and close."""


class Stalls:
    """The stall timeouts of the connections whose buffers are full."""

    def __init__(self, clock: IReactorTime, seconds: float = STALL_SECONDS) -> None:
        self.seconds = seconds
        """The timeout; 0: none.  It may be changed, for buffers that fill from then on."""
        self.deadlines = Deadlines(clock)
        self._stalls: dict[Reader, Stall] = {}

    def count(self) -> int:
        """The number of connections whose buffers are full, counted now."""
        return sum(stall.due is not None for stall in self._stalls.values())

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
    """The stall timeout of one connection."""

    __slots__ = ("_reader", "_stalls", "_unsent", "due", "filed", "last")

    def __init__(self, stalls: Stalls, reader: Reader) -> None:
        self.due: float | None = None
        self.filed = 0
        self.last = False
        """Whether the timeout has passed, and the reason was sent."""
        self._stalls = stalls
        self._reader = reader
        self._unsent = 0

    def begin(self) -> None:
        """Start the timeout."""
        self._unsent = unsent(self._reader.transport)
        self._stalls.deadlines.set(self, self._stalls.seconds)

    def time_is_up(self) -> None:
        """The timeout has passed: check how many bytes the client has read."""
        if self.last:
            self._reader.transport.abortConnection()
        elif not self._stalls.seconds:
            self.due = None  # there is no timeout any more
        elif self._unsent - unsent(self._reader.transport) >= LEAST_BYTES:
            self.begin()
        else:
            self.last = True
            RARE.stalled += 1
            self._stalls.deadlines.set(self, LAST_SECONDS)
            self._reader.disconnect()
