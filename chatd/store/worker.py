"""Workers: threads that run one job after another."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

T = TypeVar("T")


class Worker(Protocol):
    """Runs one job after another, without blocking the reactor."""

    @property
    def idle(self) -> bool:
        """Whether no job is under way or waits, so that the reactor's thread may do what is the
        worker's.
        """

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """Run a job; the Deferred fires in the reactor's thread with its result."""

    def stop(self) -> None:
        """End the worker; no job follows."""


class ThreadWorker:
    """A worker with a thread of its own."""

    def __init__(self, reactor: Any, name: str) -> None:
        """`reactor` is an `IReactorFromThreads`."""
        self._reactor = reactor
        self._pool = ThreadPool(1, 1, name)
        # A disk that does not answer must not keep the process from ending.
        self._pool.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]
        self._pool.start()
        self._jobs = 0

    @property
    def idle(self) -> bool:
        """See `Worker.idle`."""
        return not self._jobs

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """See `Worker.do`."""
        self._jobs += 1
        done: Deferred[T] = deferToThreadPool(self._reactor, self._pool, job)
        return done.addBoth(self._done)

    def _done(self, result: Any) -> Any:
        self._jobs -= 1
        return result

    def stop(self) -> None:
        """See `Worker.stop`."""
        self._pool.stop()
