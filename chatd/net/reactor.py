"""The epoll reactor without a logging context around every event.

`EPollReactor.doPoll` wraps each call in `log.callWithLogger`, which adds the connection's prefix to
messages of Twisted's legacy log.  That takes a quarter of the user time of a poll.  chatd's log
messages name their source themselves, and exceptions of a transport are logged here too, so only
the prefix is lost.  A round has at most `ROUND` events, so that timers are not delayed.  An
exception of `connectionLost` is logged by the main loop and ends the round; epoll(7) is
level-triggered here, so the other events are reported again in the next round.

`twistd --reactor=chatd-epoll` chooses this reactor; it is the default of `twistd chatd` where there
is epoll.
"""

from __future__ import annotations

import sys
from select import EPOLLIN

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.python import log

from .private import disconnect, do_read_or_write, poll_of, selectables

ROUND = 250
"""Events between two checks of the timers: a few milliseconds of work.  Descriptors that are ready
and not reported in this round come first in the next, because epoll(7) goes round its list."""


class LeanEPollReactor(EPollReactor):
    """An `EPollReactor` that calls its descriptors directly."""

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events and handle them; `timeout` is in seconds, None waits for ever."""
        watched = selectables(self)
        for fd, event in poll_of(self)(-1 if timeout is None else timeout, ROUND):
            selectable = watched.get(fd)
            if selectable is None:
                continue  # an earlier event of this round has closed it
            if event != EPOLLIN:
                do_read_or_write(self, selectable, fd, event)
                continue
            # The same for the most frequent event: there is something to read.
            try:
                why = selectable.doRead()
            except BaseException as failure:
                log.err()
                why = failure
            if why and watched.get(fd) is selectable:
                disconnect(self, selectable, why)

    # The main loop calls it by this name.
    doIteration = doPoll  # noqa: N815


def install() -> None:
    """Install the reactor."""
    installReactor(LeanEPollReactor())


def install_by_default() -> None:
    """Install the reactor, unless another one is installed."""
    if "twisted.internet.reactor" not in sys.modules:
        install()
