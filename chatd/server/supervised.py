"""A worker's link to its supervisor: it reports when the worker serves, and stops the worker when
the supervisor has ended.  `chatd.server.worker_process` describes the lines that they exchange.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.application.service import Service
from twisted.internet.error import ReactorNotRunning
from twisted.internet.stdio import StandardIO
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from .sharing import Place
from .worker_metrics import SharedMetrics


class Supervised(Service):
    """The service that opens the link; started after the last door."""

    def __init__(self, reactor: Any, place: Place, metrics: SharedMetrics) -> None:
        self._reactor = reactor
        self._place = place
        self._metrics = metrics

    def startService(self) -> None:
        """Report to the supervisor that all doors of this worker listen."""
        super().startService()
        link = SupervisorLink(self._reactor, self._metrics)
        StandardIO(link, 0, self._place.ready, self._reactor)  # type: ignore[call-arg]
        link.sendLine(b"ready")


class SupervisorLink(LineOnlyReceiver):
    """The pipes between a worker and its supervisor."""

    delimiter = b"\n"
    MAX_LENGTH = 1 << 24

    def __init__(self, reactor: Any, metrics: SharedMetrics) -> None:
        self._reactor = reactor
        self._metrics = metrics

    def connectionMade(self) -> None:
        """See `Protocol`."""
        self._metrics.tell = self.sendLine

    def lineReceived(self, line: bytes) -> None:
        """The supervisor has written a line."""
        self._metrics.heard(line)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """The supervisor has ended, so stop this worker."""
        self._metrics.tell = None
        with suppress(ReactorNotRunning):  # the worker is stopping already
            self._reactor.stop()
