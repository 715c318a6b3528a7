"""Workers: one thread that runs one job after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from queue import Queue
from threading import Thread, current_thread
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.store.worker import ThreadWorker

PATIENCE = 30.0
"""Seconds after which a thread that does nothing fails the test."""


class Calls:
    """A reactor of which only the calls from other threads are used."""

    def __init__(self) -> None:
        self._calls: Queue[Callable[[], object]] = Queue()

    def callFromThread(self, call: Callable[..., object], *args: Any) -> None:  # noqa: N802
        """See `IReactorFromThreads.callFromThread`."""
        self._calls.put(lambda: call(*args))

    def wait_for(self, *outcomes: Deferred[Any]) -> list[Any]:
        """Carry calls out, until all have fired; their results, in the order in which they did."""
        results: list[Any] = []
        for outcome in outcomes:
            outcome.addBoth(results.append)
        while len(results) < len(outcomes):
            self._calls.get(timeout=PATIENCE)()
        return results


@pytest.fixture
def reactor() -> Calls:
    return Calls()


@pytest.fixture
def worker(reactor: Calls) -> Iterator[ThreadWorker]:
    worker = ThreadWorker(reactor, "work")
    yield worker
    worker.stop()


def test_jobs_run_in_order_in_one_thread(reactor: Calls, worker: ThreadWorker) -> None:
    """Which is not the reactor's."""

    def where(number: int) -> tuple[int, Thread]:
        return number, current_thread()

    done = reactor.wait_for(*[worker.do(partial(where, number)) for number in range(9)])
    assert [number for number, _ in done] == [*range(9)]
    (thread,) = {thread for _, thread in done}
    assert thread is not current_thread()
    assert thread.daemon, "a disk that does not answer must not keep the process from ending"


def test_a_worker_is_idle_when_no_job_is_under_way(reactor: Calls, worker: ThreadWorker) -> None:
    """As soon as the last one is answered, whether or not it has failed."""
    assert worker.idle
    jobs: list[Deferred[Any]] = [worker.do(lambda: 1 / 0), worker.do(lambda: 1)]
    idle = [job.addBoth(lambda _: worker.idle) for job in jobs]
    assert not worker.idle
    assert reactor.wait_for(*idle) == [False, True]


def test_a_failed_job_does_not_stop_the_next(reactor: Calls, worker: ThreadWorker) -> None:
    """Its exception is the failure of its Deferred."""

    def broken() -> None:
        raise ValueError("no")

    failure, result = reactor.wait_for(worker.do(broken), worker.do(lambda: "done"))
    assert isinstance(failure, Failure)
    assert failure.check(ValueError)
    assert result == "done"
