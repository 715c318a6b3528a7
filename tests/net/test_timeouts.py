"""Equally long timeouts of many connections."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from chatd.net.timeouts import Timeouts


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def over() -> list[str]:
    """The connections whose time is over."""
    return []


@pytest.fixture
def timeouts(clock: Clock, over: list[str]) -> Timeouts[str]:
    return Timeouts(clock, over.append)


def test_all_timeouts_share_one_timer(
    timeouts: Timeouts[str], clock: Clock, over: list[str]
) -> None:
    """Each ends in its time, and the last one leaves no timer."""
    for name in ("first", "second"):
        timeouts.start(name, 10)
    clock.advance(5)
    timeouts.start("third", 10)
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(5)
    assert over == ["first", "second"]
    clock.advance(5)
    assert over == ["first", "second", "third"]
    assert not clock.getDelayedCalls()


def test_timeout_that_is_forgotten_does_not_expire(
    timeouts: Timeouts[str], clock: Clock, over: list[str]
) -> None:
    """Those after it expire in their time; the timer stays for the next ones, and then ends."""
    timeouts.start("first", 10)
    timeouts.forget("first")
    clock.advance(5)
    timeouts.start("second", 10)
    assert len(clock.getDelayedCalls()) == 1
    clock.advance(5)
    assert over == []
    clock.advance(5)
    assert over == ["second"]
    timeouts.start("third", 10)
    timeouts.forget("third")
    timeouts.forget("third")
    clock.advance(10)
    assert not clock.getDelayedCalls()
    assert over == ["second"]


def test_timeout_that_another_one_ends_does_not_expire(clock: Clock) -> None:
    """Also if the time of both is over."""
    over: list[str] = []

    def expired(name: str) -> None:
        over.append(name)
        both.forget("second")

    both = Timeouts(clock, expired)
    for name in ("first", "second"):
        both.start(name, 10)
    clock.advance(10)
    assert over == ["first"]


def test_failure_is_logged_and_the_others_expire(clock: Clock, logged_errors: list[str]) -> None:
    """A connection that cannot be closed does not keep others open."""
    over: list[str] = []

    def expired(name: str) -> None:
        over.append(name)
        if name == "broken":
            raise RuntimeError("no channel")

    timeouts = Timeouts(clock, expired)
    for name in ("broken", "second"):
        timeouts.start(name, 10)
    clock.advance(10)
    assert over == ["broken", "second"]
    assert "no channel" in logged_errors.pop()


def test_timeout_that_begins_again_is_the_latest(
    timeouts: Timeouts[str], clock: Clock, over: list[str]
) -> None:
    """It does not make those after it wait for its new time."""
    timeouts.start("first", 10)
    timeouts.start("second", 10)
    clock.advance(5)
    timeouts.start("first", 10)
    clock.advance(5)
    assert over == ["second"]
    clock.advance(5)
    assert over == ["second", "first"]


def test_timeout_that_begins_when_another_is_over_does_not_delay_others(clock: Clock) -> None:
    """The timer comes for the oldest one that is left."""
    over: list[str] = []

    def expired(name: str) -> None:
        over.append(name)
        if name == "first":
            all_of_them.start("third", 10)

    all_of_them = Timeouts(clock, expired)
    all_of_them.start("first", 10)
    clock.advance(5)
    all_of_them.start("second", 10)
    clock.advance(5)
    clock.advance(5)
    assert over == ["first", "second"]
    clock.advance(5)
    assert over == ["first", "second", "third"]
    assert not clock.getDelayedCalls()
