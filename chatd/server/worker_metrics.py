"""The metrics of all workers, added up by their supervisor.

1. A worker that gets a request for metrics asks its supervisor, which collects the metrics of all
   workers and returns the sums.  For a worker that does not answer within `COLLECT_SECONDS`, the
   supervisor uses its last answer.
2. The counters of a worker that has ended stay in the sums, as they were when last collected, so
   that no counter falls while the supervisor runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall

from ..codecs.prometheus import Exposition, Family, added
from ..model.errors import Unavailable
from .worker_process import Worker

COLLECT_SECONDS = 1.0
"""Seconds that the supervisor waits for the metrics of a worker."""
ANSWER_SECONDS = 3.0
"""Seconds that a worker waits for its supervisor's answer."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Family]).decode


class Collection:
    """The supervisor's part: collects the metrics of the workers."""

    def __init__(self, reactor: Any, workers: Callable[[], Iterable[Worker]]) -> None:
        """`workers` returns the workers that have not ended."""
        self._reactor = reactor
        self._workers = workers
        self._known: dict[Worker, list[Family]] = {}
        """The last answer of each worker."""
        self._gone: list[Family] = []
        """The sums of the counters of workers that have ended."""
        self._number = 0
        self._awaited: set[Worker] = set()
        self._asking: list[Worker] = []
        self._timer: IDelayedCall | None = None

    def heard(self, worker: Worker, line: bytes) -> None:
        """A worker has written a line."""
        word, _, rest = line.partition(b" ")
        if word == b"metrics":
            self._asking.append(worker)
            if len(self._asking) == 1:
                self._collect()
        elif word == b"collected":
            number, _, families = rest.partition(b" ")
            self._known[worker] = _decode(families)
            if int(number) == self._number:
                self._answered(worker)

    def ended(self, worker: Worker) -> None:
        """A worker has ended."""
        counted = [one for one in self._known.pop(worker, []) if one.kind != "gauge"]
        self._gone = added([self._gone, counted])
        if worker in self._asking:
            self._asking.remove(worker)
        self._answered(worker)

    def stop(self) -> None:
        """The supervisor ends: collect no more."""
        self._asking.clear()
        self._awaited.clear()
        self._cancel()

    def _collect(self) -> None:
        self._number += 1
        serving = [worker for worker in self._workers() if worker.serves]
        self._awaited = set(serving)
        self._timer = self._reactor.callLater(COLLECT_SECONDS, self._tell)
        for worker in serving:
            worker.tell(b"collect %d" % self._number)

    def _answered(self, worker: Worker) -> None:
        if worker in self._awaited:
            self._awaited.discard(worker)
            if not self._awaited:
                self._cancel()
                self._tell()

    def _cancel(self) -> None:
        if self._timer and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def _tell(self) -> None:
        """Send the sums to the workers that asked for them."""
        self._timer = None
        self._awaited = set()
        # `added` keeps the order of the first page, so the sums of ended workers come last.
        sums = b"metrics " + _encode(added([*self._known.values(), self._gone]))
        asking, self._asking = self._asking, []
        for worker in asking:
            worker.tell(sums)


class SharedMetrics:
    """A worker's part: answers its supervisor, and asks it for the sums."""

    def __init__(self, reactor: Any, own: Callable[[], list[Family]]) -> None:
        """`own` reads the metrics of this process."""
        self._reactor = reactor
        self._own = own
        self.tell: Callable[[bytes], object] | None = None
        """Writes a line to the supervisor."""
        self._waiting: list[Deferred[bytes]] = []
        self._timer: IDelayedCall | None = None

    def collect(self) -> Deferred[bytes]:
        """The metrics of all workers, in Prometheus' text format.  Fails with `Unavailable`."""
        if self.tell is None:
            return fail(Unavailable("the supervisor of the workers is gone; the server ends"))
        answer: Deferred[bytes] = Deferred()
        self._waiting.append(answer)
        if len(self._waiting) == 1:
            self._timer = self._reactor.callLater(ANSWER_SECONDS, self._late)
            self.tell(b"metrics")
        return answer

    def heard(self, line: bytes) -> None:
        """The supervisor has written a line."""
        word, _, rest = line.partition(b" ")
        if word == b"collect" and self.tell is not None:
            self.tell(b"collected %b %b" % (rest, _encode(self._own())))
        elif word == b"metrics":
            page = Exposition(_decode(rest)).encode()
            for answer in self._done():
                answer.callback(page)

    def _late(self) -> None:
        for answer in self._done():
            answer.errback(Unavailable("the supervisor of the workers does not answer; try again"))

    def _done(self) -> list[Deferred[bytes]]:
        if self._timer and self._timer.active():
            self._timer.cancel()
        self._timer = None
        waiting, self._waiting = self._waiting, []
        return waiting
