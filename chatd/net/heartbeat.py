"""A sign of life on connections that have nothing to say, for the proxies and address translators
in between.

One timer serves all of them: each second it is another part's turn, so that ten thousand are not
written to in one go.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IReactorTime

HEARTBEAT_SECONDS = 12
"""Seconds between two signs of life: below the fifteen that are promised."""


class Beating(Protocol):
    """A connection that can give a sign of life."""

    def beat(self) -> None:
        """Give it."""


class Heartbeat:
    """The connections that are kept alive."""

    def __init__(self, clock: IReactorTime, seconds: int = HEARTBEAT_SECONDS) -> None:
        """`seconds` lie between two signs of life of one connection."""
        self._clock = clock
        self._parts: list[set[Beating]] = [set() for _ in range(seconds)]
        self._turn = 0
        self._timer: IDelayedCall | None = None

    def add(self, connection: Beating) -> None:
        """Keep a connection alive; its first sign comes a full round later."""
        self._parts[self._turn - 1].add(connection)
        if self._timer is None:
            self._timer = self._clock.callLater(1, self._tick)

    def discard(self, connection: Beating) -> None:
        """It is gone."""
        for part in self._parts:
            part.discard(connection)
        if self._timer and not any(self._parts):
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = self._clock.callLater(1, self._tick)
        part = self._parts[self._turn]
        self._turn = (self._turn + 1) % len(self._parts)
        for connection in tuple(part):
            connection.beat()
