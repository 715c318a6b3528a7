"""A thread that does one thing after another."""

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
    """Somebody who does one thing after another, and does not keep the reactor waiting."""

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """Have a function called; the Deferred fires in the reactor's thread with its result."""

    def stop(self) -> None:
        """There is nothing more to do."""


class ThreadWorker:
    """A worker with a thread of its own."""

    def __init__(self, reactor: Any, name: str) -> None:
        """`reactor` is an `IReactorFromThreads`."""
        self._reactor = reactor
        self._pool = ThreadPool(1, 1, name)
        # A disk that does not answer is not to keep the process from ending.
        self._pool.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]
        self._pool.start()

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """See `Worker.do`."""
        done: Deferred[T] = deferToThreadPool(self._reactor, self._pool, job)
        return done

    def stop(self) -> None:
        """See `Worker.stop`."""
        self._pool.stop()
