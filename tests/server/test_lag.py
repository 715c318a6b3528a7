"""Event-loop lag."""

from __future__ import annotations

from chatd.server.lag import EVERY_SECONDS, LoopLag
from chatd.testing.clock import StrictClock


def test_the_lag_is_how_late_a_timer_fires() -> None:
    """None while the reactor keeps up; work of half a second is seen once."""
    clock = StrictClock()
    lag = LoopLag(clock)
    lag.startService()
    clock.advance(EVERY_SECONDS)
    assert (sum(lag.seconds.counts), lag.seconds.sum) == (1, 0)
    clock.advance(EVERY_SECONDS + 0.5)
    assert (sum(lag.seconds.counts), lag.seconds.sum) == (2, 0.5)


def test_it_is_measured_only_while_the_service_runs() -> None:
    """No timer is left behind."""
    clock = StrictClock()
    lag = LoopLag(clock)
    assert not clock.getDelayedCalls()
    lag.startService()
    lag.stopService()
    assert not clock.getDelayedCalls()
