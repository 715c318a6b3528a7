"""The time of day, as far as it is believed: ids are made of it, and ids never go back.

1. A wall clock may be set, by hand or by NTP; one message at a wrong time far ahead would put all
   later ones there.  A steady clock cannot be set.  So a wall clock that has moved against the
   steady one by more than `JUMP_SECONDS` since it was last believed is not believed, and that is
   logged: time goes on as the steady clock says, until the wall clock is back, or the server is
   started anew.
2. Smaller corrections are followed: that is NTP at work.
3. At the start there is nothing to compare with but the last event.  `doubt` says what is odd.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from twisted.logger import Logger

JUMP_SECONDS = 60.0
"""Seconds by which the wall clock may move against the steady one from one look to the next."""
DAY = 86_400.0
YEAR = 365 * DAY
"""Seconds that a chat may have been silent before a start is told to be odd."""
NEARLY = 1.0
"""Seconds that the last event may be ahead of the clock: ids may run before it for a moment."""


def steady() -> float:
    """Seconds that go on while the machine sleeps, where there is such a clock, and cannot be
    set.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class WallClock:
    """The wall clock, as long as it does not jump: call it for seconds since the Unix epoch."""

    _log = Logger()

    def __init__(
        self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = steady
    ) -> None:
        """What `wall` says now is believed."""
        self._wall = wall
        self._steady = steady
        self._offset = wall() - steady()
        """What the wall clock was ahead of the steady one when it was last believed."""
        self._jump = 0.0
        """The jump that was logged last; 0: none, or it is over."""

    def __call__(self) -> float:
        """The time that is believed."""
        now, steadily = self._wall(), self._steady()
        jump = now - (steadily + self._offset)
        if abs(jump) > JUMP_SECONDS:
            if abs(jump - self._jump) > JUMP_SECONDS:
                self._jump = jump
                self._log.warn(
                    "the clock jumped {length} {way}; ids go on from the time before."
                    " If the new time is right, start chatd anew",
                    length=spoken(abs(jump)),
                    way="ahead" if jump > 0 else "back",
                )
            return steadily + self._offset
        if self._jump:
            self._jump = 0.0
            self._log.info("the clock is right again")
        self._offset = now - steadily
        return now


def doubt(now: float, last: float) -> str | None:
    """What is odd about a clock that says `now` at a start, when the last event was at `last`; both
    in seconds since the Unix epoch.
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
    """A length of time, roughly."""
    for size, name in ((YEAR, "years"), (DAY, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.0f} seconds"
