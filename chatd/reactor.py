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
from typing import Any, Protocol

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.python import log

ROUND = 250
"""Events between two looks at the timers: a few milliseconds' work.  What is ready and was not told
of in this round comes first in the next (epoll(7) keeps a list, and goes round it)."""


class Stand(Protocol):
    """What reads in a transport's place."""

    def doRead(self) -> Any:
        """See `twisted.internet.interfaces.IReadDescriptor.doRead`."""


class LeanEPollReactor(EPollReactor):
    """An `EPollReactor` that calls its descriptors directly."""

    def __init__(self) -> None:
        self._stands: dict[int, Stand] = {}
        super().__init__()

    def stand_in(self, fd: int, stand: Stand) -> None:
        """Let something else than the transport read what comes in at a descriptor, until the
        transport wants to read no more (`removeReader`), as it does before the descriptor closes.

        Whatever else happens there is still the transport's, and so is the end of it, which
        `doRead` tells of as the transport's would.
        """
        self._stands[fd] = stand

    def stand_down(self, fd: int) -> None:
        """Let the transport read again."""
        self._stands.pop(fd, None)

    def removeReader(self, reader: Any) -> None:
        """See `twisted.internet.interfaces.IReactorFDSet.removeReader`."""
        self._stands.pop(reader.fileno(), None)
        super().removeReader(reader)

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events and let them happen; `timeout` is in seconds, None waits for ever."""
        selectables, stands = self._selectables, self._stands
        for fd, event in self._poller.poll(-1 if timeout is None else timeout, ROUND):
            # An earlier event of this round may have closed it.
            selectable = (event == EPOLLIN and stands.get(fd)) or selectables.get(fd)
            if selectable is None:
                continue
            if event != EPOLLIN:
                self._doReadOrWrite(selectable, fd, event)
                continue
            # The same for what nearly every event is: there is something to read.
            try:
                why = selectable.doRead()
            except BaseException as failure:
                log.err()
                why = failure
            if why and (selectable := selectables.get(fd)):
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
