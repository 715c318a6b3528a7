"""The wall clock that ids are made of, without jumps.

1. A wall clock may be set, by hand or by NTP.  One message at a wrong time far ahead would give all
   later messages ids after it, because ids never go back.  So if the wall clock has moved against
   the monotonic clock by more than `JUMP_SECONDS`, that is logged, and time follows the monotonic
   clock until the wall clock is back or the server is restarted.
2. Smaller corrections are followed, as NTP makes them.
3. At a start the clock can only be compared with the last event: see `doubt`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from twisted.logger import Logger

JUMP_SECONDS = 60.0
"""Seconds by which the wall clock may move against the monotonic one between two calls."""
DAY = 86_400.0
YEAR = 365 * DAY
"""Seconds since the last event after which a start doubts its clock."""
NEARLY = 1.0
"""Seconds that the last event may be ahead of the clock: a burst of ids can run ahead of it."""


steady: Callable[[], float] = time.monotonic
"""A monotonic clock in seconds, which includes the time that the machine sleeps if possible."""
if hasattr(time, "CLOCK_BOOTTIME"):
    steady = partial(time.clock_gettime, time.CLOCK_BOOTTIME)


class WallClock:
    """The wall clock without jumps: call it for seconds since the Unix epoch."""

    _log = Logger()

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = steady
    ) -> None:
        """`wall` is assumed to be right at this moment."""
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()
        """Seconds by which the wall clock was ahead of the monotonic one when last followed."""
        self._jump = 0.0
        """The jump that was logged last, in seconds; 0: none, or it is over."""

    def __call__(self) -> float:
        """The present, without jumps."""
        now, steadily = self._wall(), self._steady()
        jump = now - (steadily + self._offset)
        if abs(jump) > JUMP_SECONDS:
            if abs(jump - self._jump) > JUMP_SECONDS:
                self._jump = jump
                self._log.warn(
                    "the clock jumped {length} {way}; ids continue from the time before."
                    " If the new time is right, restart chatd",
                    length=spoken(abs(jump)),
                    way="ahead" if jump > 0 else "back",
                )
            return steadily + self._offset
        if self._jump:
            self._jump = 0.0
            self._log.info("the clock is back; ids follow it again")
        self._offset = now - steadily
        return now


def doubt(now: float, last: float) -> str | None:
    """What is suspicious about a clock at `now` at a start, when the last event was at `last`; None
    if nothing is.  Both are in seconds since the Unix epoch.
    """
    if now - last > YEAR:
        return (
            f"the clock is {spoken(now - last)} ahead of the last event; if it is wrong, stop chatd"
            " before anything is said, for ids never go back"
        )
    if last - now > NEARLY:
        return (
            f"the clock is {spoken(last - now)} behind the last event; until it has caught up,"
            " events are dated when that was"
        )
    return None


def spoken(seconds: float) -> str:
    """A length of time in words, rounded."""
    for size, name in ((YEAR, "years"), (DAY, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
