"""A clock for tests that is as strict as a real reactor, and can advance as one by itself."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock


class StrictClock(Clock):
    """Twisted's `Clock`, which refuses a negative delay, as Twisted's reactors do."""

    creep = 0.0
    """Seconds that pass each time the clock is read, as on a real clock."""

    def seconds(self) -> float:
        """The time, later than before by `creep`."""
        self.rightNow += self.creep
        return self.rightNow

    def callLater(  # noqa: N802
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> IDelayedCall:
        """See `IReactorTime.callLater`.  Raises `AssertionError` for a negative delay."""
        assert delay >= 0, f"{delay} is not greater than or equal to 0 seconds"
        call: IDelayedCall = super().callLater(delay, callable, *args, **kw)
        return call
