"""Signals of a server that shuts down gracefully.

Twisted stops at the first SIGINT or SIGTERM, and re-raises the signal at the end; a second signal
causes a traceback.  Here:

1. The first SIGINT or SIGTERM begins the graceful shutdown.  After SIGTERM, by which services are
   stopped, the exit status is 0.  SIGINT is re-raised at the end, as shells expect.
2. Any further SIGINT or SIGTERM ends the shutdown at once.
3. SIGHUP and SIGUSR1 reopen the log, and SIGHUP reloads the configuration; a supervisor restarts
   its workers one by one instead.  They never end the process, not even during startup.
4. A worker ignores SIGINT and a second SIGTERM, because a terminal and systemd send them to the
   supervisor too.  By SIGUSR2 the supervisor tells a worker that another process has taken its
   place; or, during the shutdown, to end it at once.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred

REOPENING = (signal.SIGHUP, signal.SIGUSR1)
"""Signals that reopen the log: log rotation sends them; a closed terminal sends SIGHUP too."""


class Signals(Service):
    """The signal handlers of the process, installed when its reactor runs."""

    def __init__(
        self,
        reactor: Any,
        hurry: Callable[[], None],
        reopen: Callable[[], None],
        reload: Callable[[], None] = lambda: None,
    ) -> None:
        """`hurry` ends a graceful shutdown at once, `reopen` reopens the log, and `reload` reloads
        the configuration, or restarts the workers.
        """
        self._reactor = reactor
        self._hurry = hurry
        self._reopen = reopen
        self._reload = reload
        self._retire: Callable[[], Deferred[None]] | None = None
        self._interrupt: Any = None
        self._stopping = False

    def expect_reopening(self) -> None:
        """Handle SIGHUP and SIGUSR1 from now on: by default they would end the process."""
        for number in REOPENING:
            signal.signal(number, self._reopen_requested)

    def expect_retirement(self, retire: Callable[[], Deferred[None]]) -> None:
        """This process is a worker, which is to call `retire` at SIGUSR2, and to shut down when
        that fires.
        """
        self._retire = retire
        signal.signal(signal.SIGUSR2, self._told_to_retire)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def startService(self) -> None:
        """Replace Twisted's signal handlers, which Twisted installs when the reactor starts."""
        super().startService()
        self._reactor.callWhenRunning(self._take_over)

    def _take_over(self) -> None:
        worker = self._retire is not None
        self._interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN if worker else self._received)
        signal.signal(signal.SIGTERM, self._received)

    def _reopen_requested(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._reopen)
        if number == signal.SIGHUP:
            self._reactor.callFromThread(self._reload)

    def _told_to_retire(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self._begin_to_retire)

    def _begin_to_retire(self) -> None:
        if self._stopping:
            self._hurry()
        elif self._retire is not None:
            self._retire().addCallback(self._retired)

    def _retired(self, _: object) -> None:
        if not self._stopping:
            self._stopping = True
            self._reactor.stop()

    def _received(self, number: int, frame: FrameType | None) -> None:
        if self._stopping:
            if self._retire is None:
                self._reactor.callFromThread(self._hurry)
            return
        self._stopping = True
        if number == signal.SIGINT and callable(self._interrupt):
            self._interrupt(number, frame)
        else:
            self._reactor.callFromThread(self._reactor.stop)
