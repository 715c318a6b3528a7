"""Whether the store takes events: found out when asked, and not too often."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from chatd.chat.health import FRESH_SECONDS, PROBE_SECONDS, Health
from chatd.model.errors import Unavailable
from chatd.testing import result_of
from chatd.testing.clock import StrictClock


class Probes:
    """A store's probes, which are answered when the test says so."""

    def __init__(self) -> None:
        self.clock = StrictClock()
        self.begun: list[Deferred[None]] = []
        self.health = Health(self.clock, self.probe)

    def probe(self) -> Deferred[None]:
        self.begun.append(Deferred())
        return self.begun[-1]


@pytest.fixture
def probes() -> Probes:
    return Probes()


def refused(answer: Deferred[None]) -> str:
    """Why the store is not healthy."""
    with pytest.raises(Unavailable) as refusal:
        result_of(answer)
    return refusal.value.message


def test_all_who_ask_at_once_are_answered_by_one_probe(probes: Probes) -> None:
    """A probe writes to the disk."""
    answers = [probes.health.check() for _ in range(3)]
    assert not any(answer.called for answer in answers)
    probes.begun[0].callback(None)
    assert [result_of(answer) for answer in answers] == [None] * 3
    assert len(probes.begun) == 1


def test_the_result_of_a_probe_is_cached(probes: Probes) -> None:
    """Good or bad; then it is looked at again."""
    answer = probes.health.check()
    probes.begun[0].errback(Unavailable("the disk is full"))
    assert refused(answer) == "the disk is full"
    probes.clock.advance(FRESH_SECONDS / 2)
    assert refused(probes.health.check()) == "the disk is full"
    probes.clock.advance(FRESH_SECONDS / 2)
    answer = probes.health.check()
    probes.begun[1].callback(None)
    assert result_of(answer) is None
    assert result_of(probes.health.check()) is None
    assert len(probes.begun) == 2


def test_a_store_that_does_not_answer_is_not_healthy(probes: Probes) -> None:
    """And is not asked again before it has answered."""
    answer = probes.health.check()
    probes.clock.advance(PROBE_SECONDS)
    assert "not answered" in refused(answer)
    probes.clock.advance(100)
    assert "not answered" in refused(probes.health.check())
    assert len(probes.begun) == 1
    probes.begun[0].callback(None)
    assert result_of(probes.health.check()) is None
    assert probes.clock.getDelayedCalls() == []


def test_a_probe_that_fails_is_reported(probes: Probes) -> None:
    """Whatever breaks."""
    answer = probes.health.check()
    probes.begun[0].errback(ValueError("what?"))
    assert "ValueError('what?')" in refused(answer)
