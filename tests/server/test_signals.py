"""What signals do to a server."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chatd.server.signals import REOPENING, Signals


class Loop:
    """A reactor that does at once what it is called for."""

    def callFromThread(self, call: Callable[[], Any]) -> None:  # noqa: N802
        call()


@pytest.fixture
def handlers() -> Iterator[None]:
    """The signals' handlers, which are set right again after the test."""
    before = {number: signal.getsignal(number) for number in REOPENING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", REOPENING)
def test_a_hangup_reopens_the_log_and_ends_nothing(handlers: None, number: int) -> None:
    """Before anything is started, and as often as it comes."""
    told: list[str] = []
    signals = Signals(Loop(), lambda: told.append("hurry"), lambda: told.append("reopen"))
    signals.expect_reopening()
    for _ in range(2):
        signal.raise_signal(number)
    assert told == ["reopen", "reopen"]
