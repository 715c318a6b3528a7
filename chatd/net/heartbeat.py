"""Heartbeats on idle connections, so that proxies and address translators keep them open.

One timer serves all connections.  Each second it writes to another part of them, so that no turn of
the reactor writes to ten thousand.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

HEARTBEAT_SECONDS = 12
"""Seconds between two heartbeats; the protocol promises at most 15."""


class Beating(Protocol):
    """A connection that can send a heartbeat."""

    beat_part: int
    """The part of the connections that it is in; -1: it gets no heartbeats.  Only `Heartbeat` sets
    it."""

    def beat(self) -> None:
        """Send a heartbeat."""


class Heartbeat:
    """Sends heartbeats on its connections."""

    def __init__(self, clock: IReactorTime, seconds: int = HEARTBEAT_SECONDS) -> None:
        """`seconds` is the time between two heartbeats of one connection."""
        self._clock = clock
        self._parts: list[set[Beating]] = [set() for _ in range(seconds)]
        self._turn = 0
        self._timer: IDelayedCall | None = None

    def add(self, connection: Beating) -> None:
        """Send heartbeats on a connection, the first one after a full round."""
        connection.beat_part = (self._turn - 1) % len(self._parts)
        self._parts[connection.beat_part].add(connection)
        if self._timer is None:
            self._timer = self._clock.callLater(1, self._tick)

    def discard(self, connection: Beating) -> None:
        """The connection is closed."""
        if connection.beat_part < 0:
            return
        part = self._parts[connection.beat_part]
        part.discard(connection)
        connection.beat_part = -1
        if not part and self._timer and not any(self._parts):
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = self._clock.callLater(1, self._tick)
        part = self._parts[self._turn]
        self._turn = (self._turn + 1) % len(self._parts)
        for connection in tuple(part):
            connection.beat()
