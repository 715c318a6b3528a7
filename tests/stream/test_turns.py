"""Work for the end of a turn is done in the turn itself by chatd's reactor, else in the next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from twisted.internet.task import Clock

from chatd.stream.turns import at_turn_end


def test_a_clock_without_an_end_of_its_turns_calls_in_the_next_turn() -> None:
    """So that every reactor of Twisted can run chatd, and tests can advance a clock."""
    clock, called = Clock(), []
    at_turn_end(clock)(lambda: called.append("work"))
    assert called == []
    clock.advance(0)
    assert called == ["work"]


def test_a_reactor_with_an_end_of_its_turns_is_asked() -> None:
    """chatd's own, for example."""
    asked: list[Callable[[], object]] = []

    class Reactor:
        at_turn_end = staticmethod(asked.append)

    def work() -> None: ...

    at_turn_end(cast("Any", Reactor()))(work)
    assert asked == [work]
