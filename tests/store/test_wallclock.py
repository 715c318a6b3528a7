"""A wall clock that may be set, and ids that never go back."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.store.wallclock import DAY, JUMP_SECONDS, YEAR, WallClock, doubt, spoken, steady
from chatd.testing import START

from ..kit.stores import ENGINES, EngineUnderTest, StoreUnderTest, said


class Clocks:
    """A machine's two clocks."""

    def __init__(self) -> None:
        self.wall = START
        self.steady = 5.0
        self.believed = WallClock(lambda: self.wall, lambda: self.steady)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_a_clock_that_goes_as_it_should_is_believed(
    clocks: Clocks, logged_warnings: list[str]
) -> None:
    """To the microsecond."""
    for seconds in (0, 0.5, 3600, 10 * DAY):
        clocks.pass_by(seconds)
        assert clocks.believed() == clocks.wall
    assert logged_warnings == []


@pytest.mark.parametrize("jump", [4 * YEAR, -4 * YEAR, DAY, -DAY, 61, -61])
def test_a_jump_is_ignored_and_logged_once(
    clocks: Clocks, logged_warnings: list[str], jump: float
) -> None:
    """Time goes on from where it was; when the clock is back, it is believed again."""
    clocks.wall += jump
    for _ in range(3):
        clocks.pass_by(1)
        assert clocks.believed() == pytest.approx(clocks.wall - jump)
    (told,) = logged_warnings
    assert told.startswith(
        f"the clock jumped {spoken(abs(jump))} {'ahead' if jump > 0 else 'back'}"
    )
    clocks.wall -= jump
    clocks.pass_by(1)
    assert clocks.believed() == clocks.wall
    clocks.wall += jump
    clocks.believed()
    assert len(logged_warnings) == 2


def test_a_second_jump_is_logged_too(clocks: Clocks, logged_warnings: list[str]) -> None:
    """If it is another one."""
    clocks.wall += 3600
    clocks.believed()
    clocks.wall += 3600
    clocks.believed()
    assert [
        "60 minutes" in logged_warnings[0],
        "2 hours" in logged_warnings[1],
        len(logged_warnings),
    ] == [True, True, 2]


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.floats(-JUMP_SECONDS * 0.99, JUMP_SECONDS * 0.99)))
)
def test_small_corrections_are_followed(steps: list[tuple[float, float]]) -> None:
    """Be it much in the end: it is not a jump as long as each step is small."""
    clocks = Clocks()
    for seconds, correction in steps:
        clocks.pass_by(seconds)
        clocks.wall += correction
        assert clocks.believed() == clocks.wall


@pytest.mark.parametrize("engine", ENGINES)
def test_one_message_at_a_wrong_time_does_not_put_the_later_ones_there(
    clocks: Clocks, engine: str
) -> None:
    """The clock is four years ahead for one message, then right."""
    with StoreUnderTest(EngineUnderTest(engine), now=clocks.believed) as kept:
        ids: list[int] = []
        for jump in (0, 4 * YEAR, -4 * YEAR, 0):
            clocks.wall += jump
            clocks.pass_by(1)
            ids += kept.stored(said("hello"))
    assert [id_ // 1_000_000 - int(START) for id_ in ids] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("ahead", "told"),
    [
        (0, None),
        (300 * DAY, None),
        (-0.5, None),
        (366 * DAY, "the clock is 366 days ahead of the last event"),
        (4 * YEAR, "the clock is 4 years ahead of the last event"),
        (-3, "the clock is 3 seconds behind the last event"),
        (-4 * YEAR, "the clock is 4 years behind the last event"),
    ],
)
def test_a_start_at_a_suspicious_time_is_reported(ahead: float, told: str | None) -> None:
    """A year after the last event, or before it."""
    doubtful = doubt(START + ahead, START)
    assert (doubtful or "").startswith(told or "")
    assert (doubtful is None) == (told is None)


def test_the_steady_clock_goes_on() -> None:
    """And is none that can be set."""
    assert 0 <= steady() - steady() + 1 <= 1
    assert WallClock()() == pytest.approx(time.time(), abs=30)
