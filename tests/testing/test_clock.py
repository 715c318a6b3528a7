"""The clock for tests."""

from __future__ import annotations

import pytest

from chatd.testing.clock import StrictClock


def test_a_negative_delay_is_refused() -> None:
    """As by a real reactor."""
    with pytest.raises(AssertionError, match="not greater than or equal to 0"):
        StrictClock().callLater(-0.1, print)


def test_time_passes_when_it_is_advanced_or_creeps() -> None:
    """It creeps when it is read, if the test sets that."""
    clock = StrictClock()
    called: list[int] = []
    clock.callLater(1, called.append, 1)
    clock.advance(1)
    assert (called, clock.seconds(), clock.seconds()) == ([1], 1.0, 1.0)
    clock.creep = 0.5
    assert [clock.seconds(), clock.seconds()] == [1.5, 2.0]
