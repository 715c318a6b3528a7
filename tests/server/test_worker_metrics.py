"""The metrics of all workers, added up."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.codecs.prometheus import Exposition, Family
from chatd.model.errors import Unavailable
from chatd.model.metrics import Histogram
from chatd.server.worker_metrics import (
    ANSWER_SECONDS,
    COLLECT_SECONDS,
    Collection,
    SharedMetrics,
)
from chatd.server.worker_process import READY, Worker
from chatd.testing import result_of
from chatd.testing.clock import StrictClock


class Process:
    """A worker with its own metrics, and the lines between it and its supervisor."""

    def __init__(self, workers: Workers, number: int, counted: int) -> None:
        self.counted = counted
        self.worker = Worker(number, f"n.{number}", 0.0, workers.collection.heard)
        self.worker.transport = self  # type: ignore[assignment]
        self.metrics = SharedMetrics(workers.clock, self.families)
        self.metrics.tell = self.write
        self.stuck = False
        self.write(b"ready")

    def families(self) -> list[Family]:
        """The worker's own metrics."""
        page = Exposition()
        page.counter("messages_total", "Messages.", {"message": self.counted}, "type")
        page.gauge("people", "People.", 5, common=True)
        page.gauge("workers", "Workers.", 1)
        took = Histogram((1.0,))
        took.observe(self.counted)
        page.histogram("seconds", "Time.", took)
        return page.families

    def write(self, line: bytes) -> None:
        """The worker writes a line to its supervisor."""
        self.worker.childDataReceived(READY, line + b"\n")

    def writeToChild(self, descriptor: int, data: bytes) -> None:  # noqa: N802
        """The supervisor writes a line to the worker."""
        if not self.stuck:
            self.metrics.heard(data.rstrip(b"\n"))

    def page(self) -> dict[str, str]:
        """The answer of this worker to a request for metrics."""
        body: bytes = result_of(self.metrics.collect())
        samples = [line.rpartition(" ") for line in body.decode().splitlines()]
        return {name: value for name, _, value in samples if not name.startswith("#")}


class Workers:
    """A supervisor's workers."""

    def __init__(self, *counted: int) -> None:
        self.clock = StrictClock()
        self.collection = Collection(
            self.clock, lambda: [process.worker for process in self.processes]
        )
        self.processes: list[Process] = []
        for count in counted:
            self.start(count)

    def start(self, counted: int) -> Process:
        """Start one more worker."""
        self.processes.append(Process(self, len(self.processes) + 1, counted))
        return self.processes[-1]

    def end(self, process: Process) -> None:
        """A worker has ended."""
        self.processes.remove(process)
        process.worker.ended.callback("")
        self.collection.ended(process.worker)


MESSAGES = 'messages_total{type="message"}'


def test_every_worker_answers_with_the_sums() -> None:
    """Values that are common to all workers are not summed."""
    workers = Workers(1, 4)
    pages = [process.page() for process in workers.processes]
    assert pages[0] == pages[1]
    assert (pages[0][MESSAGES], pages[0]["people"], pages[0]["workers"]) == ("5", "5", "2")
    buckets = [pages[0][f'seconds_bucket{{le="{bound}"}}'] for bound in ("1.0", "+Inf")]
    assert (buckets, pages[0]["seconds_sum"], pages[0]["seconds_count"]) == (["1", "2"], "5.0", "2")


def test_no_counter_falls_when_a_worker_ends() -> None:
    """Gauges fall; the counters of its successor begin at 0."""
    workers = Workers(1, 4)
    one, two = workers.processes
    one.page()
    workers.end(two)
    assert (one.page()[MESSAGES], one.page()["workers"]) == ("5", "1")
    workers.start(2)
    assert (one.page()[MESSAGES], one.page()["workers"]) == ("7", "2")


def test_a_stuck_worker_counts_with_its_last_answer() -> None:
    """The answer to the other workers is delayed by a second at most."""
    workers = Workers(1, 4)
    one, two = workers.processes
    one.page()
    one.counted, two.stuck = 2, True
    asked = [one.metrics.collect() for _ in range(2)]
    assert not any(answer.called for answer in asked)
    workers.clock.advance(COLLECT_SECONDS)
    for answer in asked:
        assert b'messages_total{type="message"} 6\n' in result_of(answer)


def test_a_worker_that_ends_while_it_is_asked_is_not_waited_for() -> None:
    """Nor is the answer sent to it."""
    workers = Workers(1, 4)
    one, two = workers.processes
    two.stuck = True
    asked = one.metrics.collect()
    two.metrics.collect().addErrback(lambda _: None)
    workers.end(two)
    assert b'messages_total{type="message"} 1\n' in result_of(asked)
    workers.clock.advance(ANSWER_SECONDS)


def test_without_an_answer_of_the_supervisor_there_are_no_metrics() -> None:
    """The metrics of one worker alone would look like falling counters."""
    clock = StrictClock()
    metrics = SharedMetrics(clock, list)
    with pytest.raises(Unavailable, match="is gone"):
        result_of(metrics.collect())
    said: list[Any] = []
    metrics.tell = said.append
    asked = metrics.collect()
    clock.advance(ANSWER_SECONDS)
    with pytest.raises(Unavailable, match="does not answer"):
        result_of(asked)
    assert said == [b"metrics"]
