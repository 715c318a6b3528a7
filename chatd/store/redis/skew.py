"""The difference between the clock of Redis and this node's own.

1. Ids are the time of Redis's clock.  What the chat compares with ids, or writes for other nodes to
   read (slow mode, bans for a time, invites, tickets), has to follow that clock too, or a node with
   a wrong clock would refuse what others allow.
2. A difference that the time of an answer may explain counts as none.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

AGREEING_SECONDS = 2.0
"""Seconds by which two clocks may differ that are set by NTP, or by hand to the second."""
ANSWER_SECONDS = 0.5
"""The longest time of an answer that tells the clock."""


class Skew:
    """How far the clock of Redis is ahead of this node's."""

    _log = Logger()

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` is this node's wall clock, in seconds since the Unix epoch."""
        self.now = now
        self.ahead = 0.0
        """See `chatd.store.Store.ahead`."""

    def told(self, asked: float, seconds: float) -> None:
        """Redis has told the time, in an answer that was asked for at the time `asked`."""
        answered = self.now()
        if not 0 <= answered - asked <= ANSWER_SECONDS:
            return
        ahead, before = seconds - (asked + answered) / 2, self.ahead
        # Half of it, once they differ: else a difference of just 2 seconds would come and go.
        agreeing = AGREEING_SECONDS / 2 if before else AGREEING_SECONDS
        self.ahead = ahead if abs(ahead) > agreeing else 0.0
        if self.ahead and not (before and abs(ahead - before) <= AGREEING_SECONDS):
            self._log.warn(
                "this node's clock is {seconds:.0f} seconds {way} that of Redis; the chat goes by"
                " Redis's, the log by this one: set both with NTP",
                seconds=abs(ahead),
                way="behind" if ahead > 0 else "ahead of",
            )
        elif before and not self.ahead:
            self._log.info("this node's clock agrees with that of Redis again")
