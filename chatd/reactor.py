"""The epoll reactor without a logging context around every event.

`EPollReactor.doPoll` wraps each call in `log.callWithLogger`, which tells Twisted's legacy log
whose event it is: a quarter of the user time of a poll.  chatd's messages name their source
themselves, and `_doReadOrWrite` logs what a transport raises, so nothing is lost but the prefix.
What a `connectionLost` raises is logged by the main loop and ends the round; epoll(7) is
level-triggered here, so the rest is reported again in the next.

`twistd --reactor=chatd-epoll`, and the default of `twistd chatd` where there is epoll.
"""

from __future__ import annotations

import sys

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor


class LeanEPollReactor(EPollReactor):
    """An `EPollReactor` that calls its descriptors directly."""

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events and let them happen; `timeout` is in seconds, None waits for ever."""
        read_or_write = self._doReadOrWrite
        selectables = self._selectables
        for fd, event in self._poller.poll(-1 if timeout is None else timeout, len(selectables)):
            # An earlier event of this round may have closed it.
            selectable = selectables.get(fd)
            if selectable is not None:
                read_or_write(selectable, fd, event)

    # The main loop calls it by this name.
    doIteration = doPoll  # noqa: N815


def install() -> None:
    """Make it the process's reactor."""
    installReactor(LeanEPollReactor())


def install_by_default() -> None:
    """Make it the process's reactor unless one was chosen before."""
    if "twisted.internet.reactor" not in sys.modules:
        install()
