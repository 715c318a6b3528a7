"""A worker process, as its supervisor sees it.

Supervisor and worker exchange lines: the worker writes to the descriptor `READY`, and reads its
standard input.

1. The worker writes `ready` when it serves.
2. The supervisor writes `collect NUMBER` to ask for the worker's metrics; the worker answers
   `collected NUMBER JSON` (a list of `chatd.codecs.prometheus.Family`).
3. The worker writes `metrics` to ask for the sums over all workers; the supervisor answers
   `metrics JSON`.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from .drain import DRAIN_SECONDS, RETIRE_SECONDS
from .logfile import OUTPUT

READY = 3
"""The descriptor to which a worker writes to its supervisor."""
STUCK_SECONDS = RETIRE_SECONDS + DRAIN_SECONDS + 3
"""Seconds after which a worker that was asked to end is killed."""
DRAIN, RETIRE = signal.SIGTERM, signal.SIGUSR2
"""The signals by which a worker is asked to end, and by which it retires first; `RETIRE` after
`DRAIN`: end at once (`chatd.server.signals`)."""


class Worker(ProcessProtocol):
    """One worker process."""

    def __init__(
        self,
        number: int,
        node: str,
        began: float,
        heard: Callable[[Worker, bytes], object] = lambda worker, line: None,
    ) -> None:
        """`began` is the time of its start, on the reactor's clock; `heard` is called with each
        line that it writes after `ready`.
        """
        self.number = number
        self.node = node
        self.began = began
        self._heard = heard
        self.ready: Deferred[bool] = Deferred()
        """Fires with True when it serves, or with False when it has ended before."""
        self.ended: Deferred[str] = Deferred()
        """Fires when it has ended, with the reason; empty: it was asked to."""
        self.stopping = False
        self._rest: dict[int, bytes] = {}
        """The beginnings of lines, by the descriptor to which the worker writes them."""

    def childDataReceived(self, fd: int, data: bytes) -> None:  # noqa: N802
        """The worker has written to its supervisor, or to its log."""
        *lines, self._rest[fd] = (self._rest.get(fd, b"") + data).split(b"\n")
        for line in lines:
            if fd != READY:
                self._relay(line)
            elif line == b"ready":
                self._known(True)
            else:
                self._heard(self, line)

    def processEnded(self, reason: Failure) -> None:  # noqa: N802
        """The worker has ended."""
        self._rest.pop(READY, None)
        for line in filter(None, self._rest.values()):
            self._relay(line)
        self._known(False)
        self.ended.callback("" if reason.check(ProcessDone) else reason.getErrorMessage())

    def _known(self, serves: bool) -> None:
        if not self.ready.called:
            self.ready.callback(serves)

    def _relay(self, line: bytes) -> None:
        OUTPUT.relay(self.number, line.decode(errors="replace"))

    @property
    def serves(self) -> bool:
        """Whether the worker has begun to serve, and has not ended."""
        return self.ready.called and not self.ended.called

    def tell(self, line: bytes) -> None:
        """Write a line to the worker's standard input."""
        self.transport.writeToChild(0, line + b"\n")  # type: ignore[union-attr]

    def signal(self, number: int) -> None:
        """Send the process a signal, if it has not ended."""
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(number)  # type: ignore[union-attr]

    def stop(self, reactor: Any, how: int = DRAIN) -> Deferred[Any]:
        """Ask the worker to end, by `DRAIN` or `RETIRE`; fires when it has ended."""
        self.stopping = True
        self.signal(how)
        kill: IDelayedCall = reactor.callLater(STUCK_SECONDS, self.signal, signal.SIGKILL)
        gone: Deferred[Any] = Deferred()

        def ended(why: str) -> str:
            if kill.active():
                kill.cancel()
            gone.callback(None)
            return why

        self.ended.addCallback(ended)
        return gone
