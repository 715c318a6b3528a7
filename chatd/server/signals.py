"""What signals do to a server that takes its time to go down.

Twisted stops at the first SIGINT or SIGTERM, and ends by re-raising it; a second it takes for a
mistake, with a traceback.  Here:

1. The first one begins to go down.  SIGTERM is how services are stopped, so the exit status is 0
   then; SIGINT is re-raised, as a shell expects of what its user interrupts.
2. Any further one ends the waiting.
3. SIGHUP and SIGUSR1 reopen the log.  They never end the process, not even while it starts.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.application.service import Service

REOPENING = (signal.SIGHUP, signal.SIGUSR1)
"""What programs that rotate logs send, and terminals that are closed."""


class Signals(Service):
    """The process's signals, from the start of its reactor."""

    def __init__(self, reactor: Any, hurry: Callable[[], None], reopen: Callable[[], None]) -> None:
        """`hurry` ends the waiting, and `reopen` reopens the log."""
        self._reactor = reactor
        self._hurry = hurry
        self._reopen = reopen
        self._interrupt: Any = None
        self._stopping = False

    def expect_reopening(self) -> None:
        """From here on, and before anything is started, take what else would end the process."""
        for number in REOPENING:
            signal.signal(number, self._told_to_reopen)

    def startService(self) -> None:
        """Take over from Twisted, which sets its own when the reactor begins to run."""
        super().startService()
        self._reactor.callWhenRunning(self._take_over)

    def _take_over(self) -> None:
        self._interrupt = signal.signal(signal.SIGINT, self._received)
        signal.signal(signal.SIGTERM, self._received)

    def _told_to_reopen(self, number: int, frame: FrameType | None) -> None:
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
