"""The clock of Redis, and a node's own."""

from __future__ import annotations

import pytest

from chatd.store.redis.lease import BEAT_SECONDS
from chatd.store.redis.skew import Skew

from ...kit.redis import RedisNodes


class Clock:
    """A wall clock that a test sets."""

    seconds = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_difference_of_just_two_seconds_does_not_come_and_go(
    clock: Clock, logged_warnings: list[str]
) -> None:
    """Each answer is off by a fraction of a second."""
    skew = Skew(clock)
    for moment in (2.1, 1.9, 2.2, 1.8):
        skew.told(clock.seconds, clock.seconds + moment)
        assert skew.ahead == pytest.approx(moment)
    assert len(logged_warnings) == 1
    skew.told(clock.seconds, clock.seconds + 0.9)
    assert skew.ahead == 0


@pytest.mark.parametrize("ahead", [-600.0, -3.0, 3.0, 600.0])
def test_a_clock_that_differs_is_reckoned_with_and_logged_once(
    clock: Clock, ahead: float, logged_warnings: list[str]
) -> None:
    """Until it agrees again."""
    skew = Skew(clock)
    for moment in (ahead, ahead + 0.4, ahead - 0.4):
        skew.told(clock.seconds, clock.seconds + moment)
    assert skew.ahead == pytest.approx(ahead, abs=0.5)
    skew.told(clock.seconds, clock.seconds + 0.5)
    assert skew.ahead == 0
    way = "behind" if ahead > 0 else "ahead of"
    (line,) = logged_warnings
    assert f"{abs(ahead):.0f} seconds {way} that of Redis" in line


@pytest.mark.parametrize("late", [0.6, 30.0, -5.0])
def test_a_late_answer_tells_nothing(clock: Clock, late: float) -> None:
    """Nor one during which the node's clock was set back."""
    skew = Skew(clock)
    asked, clock.seconds = clock.seconds, clock.seconds + late
    skew.told(asked, asked + 600)
    assert skew.ahead == 0


@pytest.mark.usefixtures("logged_warnings")
def test_a_node_with_a_wrong_clock_goes_by_that_of_redis() -> None:
    """From its first heartbeats on: a cursor of another node is not one from the future."""
    with RedisNodes("a") as nodes:
        store = nodes.nodes[0].store
        store._skew.now = store._now = lambda: 0.0
        nodes.clock.advance(BEAT_SECONDS)
        nodes.settle()
        present = int(store.ahead * 1_000_000)
        assert present > 1_700_000_000_000_000
        assert store.given(present)
        assert not store.given(present + 10_000_000)
