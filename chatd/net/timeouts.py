"""Equally long timeouts of many connections, with one timer in all.

Most timeouts end before their time, because what was waited for has come.  So the timer stays when
the last timeout ends, and finds nothing to do when it comes: to make and cancel a timer of the
reactor for each connection takes six times as long as what is done here.

For deadlines of different lengths, and those that are postponed, see `chatd.net.deadlines`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import Generic, TypeVar

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

T = TypeVar("T")


class Timeouts(Generic[T]):
    """Timeouts of connections, which run at the same time."""

    _log = Logger()

    def __init__(self, clock: IReactorTime, expired: Callable[[T], object]) -> None:
        """`expired` is called with each connection whose time is over."""
        self._clock = clock
        self._now = clock.seconds
        self._expired = expired
        self._due: dict[T, float] = {}
        """When the time of each connection is over; the oldest timeout first."""
        self._timer: IDelayedCall | None = None
        self._expiring = False
        """Whether connections whose time is over are being handled; then the timer is set."""

    def start(self, connection: T, seconds: float) -> None:
        """Begin a timeout, or begin it anew.  It may take longer, if the connections before it have
        more time.
        """
        self._due.pop(connection, None)
        self._due[connection] = self._now() + seconds
        if self._timer is None and not self._expiring:
            self._timer = self._clock.callLater(seconds, self._reached)

    def forget(self, connection: T) -> None:
        """End the timeout: what was waited for has come, or the connection is closed."""
        self._due.pop(connection, None)

    def _reached(self) -> None:
        self._timer, self._expiring = None, True
        due, now = self._due, self._now()
        for connection in [*takewhile(lambda each: due[each] <= now, due)]:
            if due.pop(connection, None) is None:
                continue  # it has ended, because the time of one before it was over
            try:
                self._expired(connection)
            except Exception:
                self._log.failure("a connection whose time was over could not be closed")
        self._expiring = False
        if due:
            first = next(iter(due.values()))
            self._timer = self._clock.callLater(max(first - now, 0.0), self._reached)
