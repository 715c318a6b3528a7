"""The epoll reactor without a logging context around every event.

`EPollReactor.doPoll` wraps each call in `log.callWithLogger`, which tells Twisted's legacy log
whose event it is: a quarter of the user time of a poll.  chatd's messages name their source
themselves, and what a transport raises is logged here too, so nothing is lost but the prefix.  A
round has at most `ROUND` events, so that timers are not kept waiting.
What a `connectionLost` raises is logged by the main loop and ends the round; epoll(7) is
level-triggered here, so the rest is reported again in the next.

`twistd --reactor=chatd-epoll`, and the default of `twistd chatd` where there is epoll.
"""

from __future__ import annotations

import sys
from select import EPOLLIN

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.python import log

ROUND = 250
"""Events between two looks at the timers: a few milliseconds' work.  What is ready and was not told
of in this round comes first in the next (epoll(7) keeps a list, and goes round it)."""


class LeanEPollReactor(EPollReactor):
    """An `EPollReactor` that calls its descriptors directly."""

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events and let them happen; `timeout` is in seconds, None waits for ever."""
        selectables = self._selectables
        for fd, event in self._poller.poll(-1 if timeout is None else timeout, ROUND):
            selectable = selectables.get(fd)
            if selectable is None:
                continue  # an earlier event of this round has closed it
            if event != EPOLLIN:
                self._doReadOrWrite(selectable, fd, event)
                continue
            # The same for what nearly every event is: there is something to read.
            try:
                why = selectable.doRead()
            except BaseException as failure:
                log.err()
                why = failure
            if why and selectables.get(fd) is selectable:
                self._disconnectSelectable(selectable, why, True)

    # The main loop calls it by this name.
    doIteration = doPoll  # noqa: N815


def install() -> None:
    """Make it the process's reactor."""
    installReactor(LeanEPollReactor())


def install_by_default() -> None:
    """Make it the process's reactor unless one was chosen before."""
    if "twisted.internet.reactor" not in sys.modules:
        install()
