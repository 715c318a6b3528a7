"""Signals of a server that shuts down gracefully.

Twisted stops at the first SIGINT or SIGTERM, and re-raises the signal at the end; a second signal
causes a traceback.  Here:

1. The first SIGINT or SIGTERM begins the graceful shutdown.  After SIGTERM, by which services are
   stopped, the exit status is 0.  SIGINT is re-raised at the end, as shells expect.
2. Any further SIGINT or SIGTERM ends the shutdown at once.
3. SIGHUP and SIGUSR1 reopen the log.  They never end the process, not even during startup.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.application.service import Service

REOPENING = (signal.SIGHUP, signal.SIGUSR1)
"""Signals that reopen the log: log rotation sends them; a closed terminal sends SIGHUP too."""


class Signals(Service):
    """The signal handlers of the process, installed when its reactor runs."""

    def __init__(self, reactor: Any, hurry: Callable[[], None], reopen: Callable[[], None]) -> None:
        """`hurry` ends a graceful shutdown at once, and `reopen` reopens the log."""
        self._reactor = reactor
        self._hurry = hurry
        self._reopen = reopen
        self._interrupt: Any = None
        self._stopping = False

    def expect_reopening(self) -> None:
        """Handle SIGHUP and SIGUSR1 from now on: by default they would end the process."""
        for number in REOPENING:
            signal.signal(number, self._reopen_requested)

    def startService(self) -> None:
        """Replace Twisted's signal handlers, which Twisted installs when the reactor starts."""
        super().startService()
        self._reactor.callWhenRunning(self._take_over)

    def _take_over(self) -> None:
        self._interrupt = signal.signal(signal.SIGINT, self._received)
        signal.signal(signal.SIGTERM, self._received)

    def _reopen_requested(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._reopen)

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            self._reactor.callFromThread(self._hurry)
            return
        self._stopping = True
        if number == signal.SIGINT and callable(self._interrupt):
            self._interrupt(number, frame)
        else:
            self._reactor.callFromThread(self._reactor.stop)
