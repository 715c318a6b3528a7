"""How much one participant may do."""

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from chatd.limits import BURST, TokenBucket
from chatd.testing import START

rates = st.sampled_from([0.1, 0.3, 1.0, 3.0, 5.0, 7.0, 1000.0])
pauses = st.floats(0, 20)


def bucket_on_clock(rate: float, start: float = 0) -> tuple[TokenBucket, Clock]:
    clock = Clock()
    clock.advance(start)
    return TokenBucket(rate, clock.seconds), clock


def taken(bucket: TokenBucket, tries: int) -> int:
    return [bucket.take() for _ in range(tries)].count(0)


def test_a_burst_is_four_seconds_worth() -> None:
    """The next one would have to wait."""
    bucket, _ = bucket_on_clock(5)
    assert taken(bucket, 30) == 5 * BURST == 20


def test_it_fills_at_the_rate_and_not_above_the_burst() -> None:
    """Patience pays, but hoarding does not."""
    bucket, clock = bucket_on_clock(5)
    taken(bucket, 20)
    clock.advance(1)
    assert taken(bucket, 30) == 5
    clock.advance(3600)
    assert taken(bucket, 30) == 20


@given(rates, st.lists(pauses, max_size=30), st.sampled_from([0.0, 12345.678, START]))
@example(5.0, [0.0] * 30, START)
@example(3.0, [0.1] * 30, START)
def test_after_the_wait_that_it_asked_for_it_gives(
    rate: float, moments: list[float], start: float
) -> None:
    """Whoever waits as long as they were told is not told to wait again."""
    bucket, clock = bucket_on_clock(rate, start)
    for pause in moments:
        clock.advance(pause)
        while not (wait := bucket.take()):
            pass
        assert 0 < wait < 1 / rate + 0.001
        clock.advance(wait)
        assert bucket.take() == 0


@given(rates, st.lists(pauses, max_size=30))
def test_in_the_long_run_the_rate_is_kept(rate: float, moments: list[float]) -> None:
    """However the tries are spread, and refused ones cost nothing."""
    bucket, clock = bucket_on_clock(rate)
    given = 0
    for pause in moments:
        given += taken(bucket, 10)
        clock.advance(pause)
    assert given <= max(1, rate * BURST) + rate * clock.seconds() + 0.001


def test_a_rate_of_few_a_minute_lets_one_through_at_once() -> None:
    """A bucket that holds less than one would never give any."""
    bucket, clock = bucket_on_clock(0.1)
    assert taken(bucket, 3) == 1
    clock.advance(60)
    assert taken(bucket, 3) == 1


def test_no_rate_is_no_limit() -> None:
    """The operator's choice."""
    bucket, _ = bucket_on_clock(0)
    assert taken(bucket, 10_000) == 10_000
    assert bucket.full


def test_a_bucket_is_full_again_when_it_is_just_like_a_new_one() -> None:
    """Then it need not be kept."""
    bucket, clock = bucket_on_clock(5)
    assert bucket.full
    bucket.take()
    assert not bucket.full
    clock.advance(0.25)
    assert bucket.full
