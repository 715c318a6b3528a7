"""Signal handling of a server."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from chatd.server.signals import REOPENING, Signals


class ImmediateReactor:
    """A reactor that makes calls from threads at once."""

    def __init__(self) -> None:
        self.stops = 0

    def callWhenRunning(self, call: Callable[[], Any]) -> None:  # noqa: N802
        call()

    def stop(self) -> None:
        self.stops += 1

    def callFromThread(self, call: Callable[[], Any]) -> None:  # noqa: N802
        call()


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restore the signal handlers after the test."""
    numbers = (*REOPENING, signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)
    before = {number: signal.getsignal(number) for number in numbers}
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


def test_only_sighup_restarts_workers(handlers: None) -> None:
    """Programs that rotate logs may send SIGUSR1."""
    told: list[str] = []
    signals = Signals(
        ImmediateReactor(),
        lambda: told.append("hurry"),
        lambda: told.append("reopen"),
        lambda: told.append("restart"),
    )
    signals.expect_reopening()
    signal.raise_signal(signal.SIGUSR1)
    signal.raise_signal(signal.SIGHUP)
    assert told == ["reopen", "reopen", "restart"]


class RetiringWorker:
    """The signal handling of a worker."""

    def __init__(self) -> None:
        self.reactor = ImmediateReactor()
        self.hurried = 0
        self.retired: list[Deferred[None]] = []
        self.signals = Signals(self.reactor, self.hurry, lambda: None)
        self.signals.expect_retirement(self.retire)
        self.signals.startService()

    def hurry(self) -> None:
        """Note it."""
        self.hurried += 1

    def retire(self) -> Deferred[None]:
        """Note it."""
        self.retired.append(Deferred())
        return self.retired[-1]


def test_a_worker_that_retires_stops_when_its_clients_have_been_served(handlers: None) -> None:
    """Once, also if it is asked to shut down then."""
    worker = RetiringWorker()
    signal.raise_signal(signal.SIGUSR2)
    (retired,) = worker.retired
    assert worker.reactor.stops == 0
    retired.callback(None)
    assert worker.reactor.stops == 1
    signal.raise_signal(signal.SIGTERM)
    assert (worker.reactor.stops, worker.hurried) == (1, 0)


def test_a_worker_that_is_stopped_while_it_retires_stops_once(handlers: None) -> None:
    """The whole server goes down."""
    worker = RetiringWorker()
    signal.raise_signal(signal.SIGUSR2)
    signal.raise_signal(signal.SIGTERM)
    worker.retired[0].callback(None)
    assert worker.reactor.stops == 1


def test_a_worker_is_hurried_by_its_supervisor_only(handlers: None) -> None:
    """systemd and terminals send the signals of the supervisor to every process."""
    worker = RetiringWorker()
    signal.raise_signal(signal.SIGINT)
    assert worker.reactor.stops == 0
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert (worker.reactor.stops, worker.hurried) == (1, 0)
    signal.raise_signal(signal.SIGUSR2)
    assert (worker.hurried, worker.retired) == (1, [])
