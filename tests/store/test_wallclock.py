"""The wall clock may be set, and ids never go back."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.store.wallclock import DAY, JUMP_SECONDS, YEAR, WallClock, doubt, spoken, steady
from chatd.testing import START

from ..kit.stores import ENGINES, EngineUnderTest, StoreUnderTest, said


class Clocks:
    """The wall clock and the monotonic clock of a machine."""

    def __init__(self) -> None:
        self.wall = START
        self.steady = 5.0
        self.trusted = WallClock(lambda: self.wall, lambda: self.steady)

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


def test_a_wall_clock_that_runs_steadily_is_trusted(
    clocks: Clocks, logged_warnings: list[str]
) -> None:
    """To the microsecond."""
    for seconds in (0, 0.5, 3600, 10 * DAY):
        clocks.pass_by(seconds)
        assert clocks.trusted() == clocks.wall
    assert logged_warnings == []


@pytest.mark.parametrize("jump", [4 * YEAR, -4 * YEAR, DAY, -DAY, 61, -61])
def test_a_jump_is_ignored_and_logged_once(
    clocks: Clocks, logged_warnings: list[str], jump: float
) -> None:
    """Time continues from before the jump; when the clock is set back, it is trusted again."""
    clocks.wall += jump
    for _ in range(3):
        clocks.pass_by(1)
        assert clocks.trusted() == pytest.approx(clocks.wall - jump)
    (told,) = logged_warnings
    assert told.startswith(
        f"the clock jumped {spoken(abs(jump))} {'ahead' if jump > 0 else 'back'}"
    )
    clocks.wall -= jump
    clocks.pass_by(1)
    assert clocks.trusted() == clocks.wall
    clocks.wall += jump
    clocks.trusted()
    assert len(logged_warnings) == 2


def test_a_second_jump_is_logged_too(clocks: Clocks, logged_warnings: list[str]) -> None:
    """If it is another one."""
    clocks.wall += 3600
    clocks.trusted()
    clocks.wall += 3600
    clocks.trusted()
    assert [
        "60 minutes" in logged_warnings[0],
        "2 hours" in logged_warnings[1],
        len(logged_warnings),
    ] == [True, True, 2]


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.floats(-JUMP_SECONDS * 0.99, JUMP_SECONDS * 0.99)))
)
def test_small_corrections_are_followed(steps: list[tuple[float, float]]) -> None:
    """Even if they add up to much: no single step is a jump."""
    clocks = Clocks()
    for seconds, correction in steps:
        clocks.pass_by(seconds)
        clocks.wall += correction
        assert clocks.trusted() == clocks.wall


@pytest.mark.parametrize("engine", ENGINES)
def test_a_wrong_clock_does_not_move_later_ids_into_the_future(clocks: Clocks, engine: str) -> None:
    """The clock is four years ahead for one message, then right."""
    with StoreUnderTest(EngineUnderTest(engine), now=clocks.trusted) as kept:
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
    """If it is more than a year after the last event, or before it."""
    doubtful = doubt(START + ahead, START)
    assert (doubtful or "").startswith(told or "")
    assert (doubtful is None) == (told is None)


def test_the_steady_clock_runs() -> None:
    """It is monotonic, so it cannot be set."""
    assert 0 <= steady() - steady() + 1 <= 1
    assert WallClock()() == pytest.approx(time.time(), abs=30)
