"""Event-loop lag: how late a timer fires, because the reactor was busy with other work."""

from __future__ import annotations

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..model.metrics import SECONDS, Histogram

EVERY_SECONDS = 0.25
"""Seconds between two measurements: work that keeps the reactor for that long is seen each time."""


class LoopLag(Service):
    """Measures the lag of the reactor while it runs."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._due = 0.0
        self._timer: IDelayedCall | None = None
        self.seconds = Histogram(SECONDS)
        """The lags measured so far, in seconds."""

    def startService(self) -> None:
        """Begin to measure."""
        super().startService()
        self._wait()

    def stopService(self) -> None:
        """Stop measuring."""
        super().stopService()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._due = self._clock.seconds() + EVERY_SECONDS
        self._timer = self._clock.callLater(EVERY_SECONDS, self._measure)

    def _measure(self) -> None:
        self.seconds.observe(max(0.0, self._clock.seconds() - self._due))
        self._wait()
