"""The epoll reactor without a logging context around every event, and with an end of each turn.

`EPollReactor.doPoll` wraps each call in `log.callWithLogger`, which adds the connection's prefix to
messages of Twisted's legacy log.  That takes a quarter of the user time of a poll.  chatd's log
messages name their source themselves, and exceptions of a transport are logged here too, so only
the prefix is lost.  A round has at most `ROUND` events, so that timers are not delayed.  An
exception of `connectionLost` is logged by the main loop and ends the round; epoll(7) is
level-triggered here, so the other events are reported again in the next round.

A turn of the reactor waits for events, handles them, and ends.  What was asked for with
`at_turn_end` is called then, without another wait: so a message is read, stored in memory and shown
in one turn.

1. All events of a turn are handled before its end, so what they ask for is done in one batch.
2. A call that is asked for at the end of a turn is called in the same end, in the order of asking.
   There are `STEPS` such rounds in an end; further calls wait for the next turn, so that calls that
   ask for each other cannot keep the reactor from its descriptors and timers.

`twistd --reactor=chatd-epoll` chooses this reactor; it is the default of `twistd chatd` where there
is epoll.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from select import EPOLLIN

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.python import log

from .private import disconnect, do_read_or_write, poll_of, selectables

ROUND = 250
"""Events between two checks of the timers: a few milliseconds of work.  Descriptors that are ready
and not reported in this round come first in the next, because epoll(7) goes round its list."""
STEPS = 3
"""Rounds of calls at the end of one turn: a batch is handed to the store, stored, and shown."""


class LeanEPollReactor(EPollReactor):
    """An `EPollReactor` that calls its descriptors directly."""

    def __init__(self) -> None:
        super().__init__()
        self._watched = selectables(self)
        self._poll = poll_of(self)
        self._at_end: list[Callable[[], object]] = []
        """What to call at the end of this turn; it stays the same list."""
        self.at_turn_end = self._at_end.append
        """Has a function called once after the events of this turn: see `chatd.stream.turns`."""

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events, handle them, and end the turn; `timeout` is in seconds, None waits for
        ever.
        """
        watched = self._watched
        if self._at_end:
            timeout = 0
        for fd, event in self._poll(-1 if timeout is None else timeout, ROUND):
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
        if self._at_end:
            self._end_turn()

    def _end_turn(self) -> None:
        asked = self._at_end
        for _ in range(STEPS):
            calls = asked[:]
            del asked[:]
            for call in calls:
                try:
                    call()
                except BaseException:
                    log.err()
            if not asked:
                break

    # The main loop calls it by this name.
    doIteration = doPoll  # noqa: N815


def install() -> None:
    """Install the reactor."""
    installReactor(LeanEPollReactor())


def install_by_default() -> None:
    """Install the reactor, unless another one is installed."""
    if "twisted.internet.reactor" not in sys.modules:
        install()
