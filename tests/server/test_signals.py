"""Signal handling of a server."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chatd.server.signals import REOPENING, Signals


class ImmediateReactor:
    """A reactor that makes calls from threads at once."""

    def callFromThread(self, call: Callable[[], Any]) -> None:  # noqa: N802
        call()


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restore the signal handlers after the test."""
    before = {number: signal.getsignal(number) for number in REOPENING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", REOPENING)
def test_sighup_reopens_the_log_and_does_not_stop_the_server(handlers: None, number: int) -> None:
    """Before startup too, and each time that it comes."""
    told: list[str] = []
    signals = Signals(
        ImmediateReactor(), lambda: told.append("hurry"), lambda: told.append("reopen")
    )
    signals.expect_reopening()
    for _ in range(2):
        signal.raise_signal(number)
    assert told == ["reopen", "reopen"]
