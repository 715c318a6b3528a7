"""How much one participant may do."""

from hypothesis import example, given
from hypothesis import strategies as st

from chatd.chat.limits import BURST, DEFAULTS, MOST_MEASURED, Buckets, Limits, TokenBucket
from chatd.testing import START
from chatd.testing.clock import StrictClock

rates = st.sampled_from([0.1, 0.3, 1.0, 3.0, 5.0, 7.0, 1000.0])
pauses = st.floats(0, 20)


def bucket_on_clock(rate: float, start: float = 0) -> tuple[TokenBucket, StrictClock]:
    clock = StrictClock()
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
    """A client that waits the time it was told is not told to wait again."""
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


def test_what_is_given_back_may_be_taken_again() -> None:
    """As if it had not been taken."""
    bucket, _ = bucket_on_clock(5)
    taken(bucket, 20)
    bucket.give_back()
    assert taken(bucket, 30) == 1


def test_a_charged_token_delays_the_next() -> None:
    """It is never refused, and the next token comes later for it."""
    bucket, clock = bucket_on_clock(5)
    taken(bucket, 20)
    for _ in range(5):
        bucket.charge()
    assert bucket.take() > 1
    clock.advance(1)
    assert bucket.take() > 0
    clock.advance(0.2)
    assert bucket.take() == 0


def test_the_last_half_of_a_bucket_can_be_reserved_for_others() -> None:
    """And is told how long it is until there is more than that."""
    bucket, clock = bucket_on_clock(5)
    while not (wait := bucket.take(reserve=True)):
        pass
    assert wait == 0.2
    assert taken(bucket, 30) == 10
    clock.advance(2)
    assert bucket.take(reserve=True) > 0
    clock.advance(0.2)
    assert bucket.take(reserve=True) == 0


def test_a_bucket_is_ample_until_half_of_it_has_been_taken() -> None:
    """One that holds a single token is so when it was full."""
    bucket, _ = bucket_on_clock(5)
    assert [bucket.ample for _ in range(20) if not bucket.take()] == [True] * 11 + [False] * 9
    slow, _ = bucket_on_clock(0.1)
    assert (slow.take(), slow.ample) == (0, True)
    slow.charge()
    assert not slow.ample


def test_an_emptied_bucket_has_no_burst_left() -> None:
    """Without a burst, and without paying for more than there was."""
    bucket, clock = bucket_on_clock(5)
    bucket.empty()
    assert bucket.take() == 0.2
    clock.advance(1)
    assert taken(bucket, 30) == 5


def test_a_slow_bucket_may_hold_more() -> None:
    """So many may always come at once."""
    clock = StrictClock()
    assert taken(TokenBucket(0.1, clock.seconds, 10), 30) == 10
    assert taken(TokenBucket(10, clock.seconds, 10), 100) == 10 * BURST


# -- many buckets ----------------------------------------------------------------------------------


def buckets_on_clock(rate: float) -> tuple[Buckets[int], StrictClock]:
    clock = StrictClock()
    return Buckets(rate, clock.seconds), clock


def test_each_key_has_a_bucket_of_its_own() -> None:
    """It is the same one as long as it matters."""
    buckets, _ = buckets_on_clock(1)
    assert [taken(buckets.bucket(key), 3) for key in (1, 2, 1)] == [3, 3, 1]


def test_a_bucket_that_is_full_again_is_dropped() -> None:
    """A full bucket is as good as a new one, and a new one is made in no time."""
    buckets, clock = buckets_on_clock(1)
    for key in range(1000):
        buckets.bucket(key).take()
    clock.advance(1)
    buckets.bucket(1000).take()
    assert len(buckets) == 1


def test_a_bucket_in_use_is_kept() -> None:
    """However many come after."""
    buckets, clock = buckets_on_clock(1)
    taken(buckets.bucket(0), 4)
    for key in range(1, 100):
        clock.advance(1)
        assert taken(buckets.bucket(0), 2) == 1
        buckets.bucket(key).take()
    assert len(buckets) < 10


def test_a_table_of_buckets_has_a_limit() -> None:
    """Above it, only the least recently used bucket is dropped."""
    buckets, _ = buckets_on_clock(1)
    for key in range(MOST_MEASURED + 1):
        taken(buckets.bucket(key), 4)
    assert len(buckets) == MOST_MEASURED
    assert buckets.bucket(1).take() > 0
    assert buckets.bucket(MOST_MEASURED).take() > 0
    assert buckets.bucket(0).take() == 0


def test_without_a_rate_nothing_is_kept() -> None:
    """There is nothing to measure."""
    buckets, _ = buckets_on_clock(0)
    assert [taken(buckets.bucket(key), 1000) for key in (1, 2)] == [1000, 1000]
    assert len(buckets) == 0


def test_an_address_may_send_as_much_as_twenty_sessions() -> None:
    """Unless something else is asked for; with no limit for a session there is none for it."""
    assert DEFAULTS.for_an_address == 100
    assert Limits(message_rate=0).for_an_address == 0
    assert Limits(message_rate=0, address_rate=7).for_an_address == 7
    assert Limits(address_rate=0).for_an_address == 0
