"""Workers of a store without a thread, on a test's clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime

from chatd.testing.clock import StrictClock

T = TypeVar("T")


class FakeWorker:
    """A worker without a thread: it does each job in the next turn."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.stopped = False
        self._jobs = 0

    @property
    def idle(self) -> bool:
        """See `chatd.store.worker.Worker.idle`."""
        return not self._jobs

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """See `chatd.store.worker.Worker.do`."""
        assert not self.stopped
        return self._do_later(job, 0)

    def _do_later(self, job: Callable[[], T], seconds: float) -> Deferred[T]:
        self._jobs += 1
        done: Deferred[Any] = Deferred()
        self._clock.callLater(seconds, lambda: maybeDeferred(job).chainDeferred(done))
        return done.addBoth(self._done)

    def _done(self, result: Any) -> Any:
        self._jobs -= 1
        return result

    def stop(self) -> None:
        """See `chatd.store.worker.Worker.stop`."""
        self.stopped = True


class SlowWorker(FakeWorker):
    """A worker that takes some seconds for each job, one after another; the job is done at the end
    of that time.
    """

    def __init__(self, clock: StrictClock, seconds: float) -> None:
        super().__init__(clock)
        self._seconds = seconds
        self._free = clock.seconds()
        self.begun = 0

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """See `chatd.store.worker.Worker.do`."""
        self.begun += 1
        now = self._clock.seconds()
        self._free = max(now, self._free) + self._seconds
        return self._do_later(job, self._free - now)
