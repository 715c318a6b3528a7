"""Requests that may be sent again without being carried out again."""

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred, succeed

from chatd import repeats
from chatd.errors import RateLimited, Unavailable
from chatd.limits import REMEMBERED_SECONDS
from chatd.repeats import Repeats
from chatd.testing import result_of
from chatd.testing.clock import StrictClock


class Work:
    """Something that is done, and how often."""

    def __init__(self) -> None:
        self.begun: list[Deferred[int | None]] = []

    def __call__(self) -> Deferred[int | None]:
        self.begun.append(Deferred())
        return self.begun[-1]


def done(id_: int | None) -> Callable[[], Deferred[int | None]]:
    return lambda: succeed(id_)


@pytest.fixture
def clock() -> StrictClock:
    return StrictClock()


@pytest.fixture
def recent(clock: StrictClock) -> Repeats[int | None]:
    return Repeats(clock.seconds)


@pytest.mark.parametrize("answer", [7, 0, None], ids=["an id", "zero", "nothing to announce"])
def test_a_repeat_is_answered_as_the_first_time(
    recent: Repeats[int | None], answer: int | None
) -> None:
    """And nothing is done again."""
    assert result_of(recent.once("k", done(answer))) == answer
    assert result_of(recent.once("k", done(99))) == answer


def test_a_repeat_before_the_answer_waits_for_it(recent: Repeats[int | None]) -> None:
    """The first request may still be on its way to the store."""
    work = Work()
    answers = [recent.once("k", work) for _ in range(3)]
    assert len(work.begun) == 1
    assert not any(answer.called for answer in answers)
    work.begun[0].callback(7)
    assert [result_of(answer) for answer in answers] == [7, 7, 7]


def test_what_failed_may_be_tried_again(recent: Repeats[int | None]) -> None:
    """Everyone who waited is told, and the next try is a first one."""
    work = Work()
    answers = [recent.once("k", work) for _ in range(2)]
    work.begun[0].errback(Unavailable("the disk is full"))
    for answer in answers:
        with pytest.raises(Unavailable):
            result_of(answer)
    assert result_of(recent.once("k", done(8))) == 8


def test_what_was_refused_at_once_may_be_tried_again(recent: Repeats[int | None]) -> None:
    """A rate limit is no outcome to remember."""

    def refuse() -> Deferred[int | None]:
        raise RateLimited("too fast", 1)

    with pytest.raises(RateLimited):
        recent.once("k", refuse)
    assert result_of(recent.once("k", done(8))) == 8


def test_other_keys_are_other_requests(recent: Repeats[int | None]) -> None:
    """Two people may choose the same word."""
    assert result_of(recent.once(("ada", "k"), done(1))) == 1
    assert result_of(recent.once(("bob", "k"), done(2))) == 2


@pytest.mark.parametrize(
    ("seconds", "answer"), [(REMEMBERED_SECONDS - 0.001, 1), (REMEMBERED_SECONDS, 2)]
)
def test_a_repeat_is_recognised_for_five_minutes(
    recent: Repeats[int | None], clock: StrictClock, seconds: float, answer: int
) -> None:
    """From the first request on, not from the last."""
    recent.once("k", done(1))
    clock.advance(seconds / 2)
    recent.once("k", done(2))
    clock.advance(seconds / 2)
    assert result_of(recent.once("k", done(2))) == answer


def test_beyond_the_bound_the_oldest_is_forgotten_first(
    recent: Repeats[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded whatever the clients send."""
    monkeypatch.setattr(repeats, "MOST_REMEMBERED", 3)
    for key in range(4):
        recent.once(key, done(key))
    assert [result_of(recent.once(key, done(99))) for key in (3, 2, 0)] == [3, 2, 99]


def test_an_answer_that_comes_after_it_was_forgotten_still_reaches_who_asked(
    recent: Repeats[int | None], clock: StrictClock
) -> None:
    """A store may be slow for longer than a repeat is remembered."""
    first, second = Work(), Work()
    early = recent.once("k", first)
    clock.advance(REMEMBERED_SECONDS)
    late = [recent.once("k", second) for _ in range(2)]
    first.begun[0].callback(1)
    second.begun[0].callback(2)
    assert [result_of(answer) for answer in (early, *late)] == [1, 2, 2]
    assert result_of(recent.once("k", done(99))) in (1, 2)
