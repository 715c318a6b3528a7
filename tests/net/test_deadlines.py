"""Deadlines: setting one costs an assignment, not a timer."""

from __future__ import annotations

from weakref import ref

from hypothesis import given
from hypothesis import strategies as st

from chatd.net.deadlines import PER_SECOND, Deadlines
from chatd.testing.clock import StrictClock


class Waiter:
    """An object with a deadline, which records when the deadline came."""

    def __init__(self, clock: StrictClock) -> None:
        self.due: float | None = None
        self.filed = 0
        self.ended: list[float] = []
        self._clock = clock

    def time_is_up(self) -> None:
        self.ended.append(self._clock.seconds())


FORGOTTEN = -1.0
moves = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from([None, FORGOTTEN, 0.01, 1.0, 3.3, 25.0]),
        st.floats(0, 9),
    ),
    max_size=30,
)


@given(moves)
def test_a_deadline_fires_once_and_on_time(
    moves: list[tuple[int, float | None, float]],
) -> None:
    """The last setting counts, however often deadlines are set, moved, cleared and forgotten."""
    clock = StrictClock()
    deadlines = Deadlines(clock)
    waiters = [Waiter(clock) for _ in range(3)]
    wanted: list[list[float]] = [[], [], []]
    for number, seconds, pause in [*moves, (0, None, 30.0)]:
        waiter = waiters[number]
        if seconds is None:
            waiter.due = None
        elif seconds == FORGOTTEN:
            deadlines.forget(waiter)
        else:
            deadlines.set(waiter, seconds)
        due = [waiter.due for waiter in waiters]
        until = clock.seconds() + pause
        while clock.seconds() < until:
            clock.advance(min(1 / 64, until - clock.seconds()))
        for waiter_due, waiter, ends in zip(due, waiters, wanted, strict=True):
            if waiter_due is not None and waiter.due is None:
                ends.append(waiter_due)
    for waiter, ends in zip(waiters, wanted, strict=True):
        assert len(waiter.ended) == len(ends)
        for ended, end in zip(waiter.ended, ends, strict=True):
            assert end <= ended <= end + 1 / PER_SECOND + 1 / 64


def test_deadlines_at_the_same_time_share_a_timer() -> None:
    """Ten thousand polls are not ten thousand timers."""
    clock = StrictClock()
    deadlines = Deadlines(clock)
    for _ in range(1000):
        deadlines.set(Waiter(clock), 25)
    assert len(clock.getDelayedCalls()) == 1


def test_moving_a_deadline_adds_no_timer() -> None:
    """A client that polls again after every message leaves no old deadline behind."""
    clock = StrictClock()
    deadlines = Deadlines(clock)
    waiter = Waiter(clock)
    for _ in range(1000):
        deadlines.set(waiter, 25)
        clock.advance(0.01)
    assert len(clock.getDelayedCalls()) == 1
    assert not waiter.ended


def test_a_forgotten_object_is_freed_at_once() -> None:
    """Clients that reconnect a thousand times a second leave nothing behind, wherever they were
    filed.
    """
    clock = StrictClock()
    deadlines = Deadlines(clock)
    waiter = Waiter(clock)
    deadlines.set(waiter, 60)
    deadlines.set(waiter, 25)
    kept = ref(waiter)
    deadlines.forget(waiter)
    deadlines.forget(waiter)
    del waiter
    assert kept() is None
    clock.advance(60)


@given(st.floats(0, 0.5), st.sampled_from([1e-9, 1e-4, 0.07]))
def test_a_deadline_in_the_past_still_fires(seconds: float, creep: float) -> None:
    """The clock advances while it is read, and a timer with a negative delay would be an error."""
    clock = StrictClock()
    clock.creep = creep
    deadlines = Deadlines(clock)
    waiter = Waiter(clock)
    deadlines.set(waiter, seconds)
    for _ in range(20):
        clock.advance(0.05)
    assert len(waiter.ended) == 1


def test_failure_is_logged_and_the_others_are_examined(logged_errors: list[str]) -> None:
    """An object that cannot handle its deadline does not keep others waiting, now or later."""
    clock = StrictClock()
    deadlines = Deadlines(clock)

    class Broken(Waiter):
        def time_is_up(self) -> None:
            raise RuntimeError("no channel")

    broken, other = Broken(clock), Waiter(clock)
    for times in (1, 2):
        deadlines.set(broken, 25)
        deadlines.set(other, 25)
        clock.advance(25.2)
        assert len(other.ended) == times
        assert "no channel" in logged_errors.pop()
