"""Requests that may be sent again without being carried out again: `Idempotency-Key`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from .limits import REMEMBERED_SECONDS

T = TypeVar("T")

MOST_REMEMBERED = 100_000
"""Repeats recognised at a time; beyond that the oldest are forgotten first."""


class Repeats(Generic[T]):
    """What was carried out lately, by its key, and what came of it."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` tells seconds that never run backwards."""
        self._now = now
        self._done: OrderedDict[Hashable, _Done[T]] = OrderedDict()

    def once(self, key: Hashable, perform: Callable[[], Deferred[T]]) -> Deferred[T]:
        """Do it, or answer what it answered the first time; what failed may be tried again."""
        self._forget_the_old()
        done = self._done.get(key)
        if done is None:
            outcome = perform()
            done = self._done[key] = _Done(self._now())
            return outcome.addCallbacks(done.succeeded, self._failed, errbackArgs=(key, done))
        repeat: Deferred[T] = Deferred()
        done.tell(repeat)
        return repeat

    def _failed(self, failure: Failure, key: Hashable, done: _Done[T]) -> Failure:
        if self._done.get(key) is done:
            del self._done[key]
        return done.failed(failure)

    def _forget_the_old(self) -> None:
        oldest = self._now() - REMEMBERED_SECONDS
        while self._done:
            key, done = next(iter(self._done.items()))
            if done.began > oldest and len(self._done) < MOST_REMEMBERED:
                break
            del self._done[key]


class _Done(Generic[T]):
    """Something that is being done, or has succeeded."""

    def __init__(self, began: float) -> None:
        self.began = began
        self._results: list[T] = []
        self._waiting: list[Deferred[T]] = []

    def tell(self, repeat: Deferred[T]) -> None:
        """Tell a repeat what came of it, now or when it is known."""
        if self._results:
            repeat.callback(self._results[0])
        else:
            self._waiting.append(repeat)

    def succeeded(self, result: T) -> T:
        self._results.append(result)
        for repeat in self._waiting:
            repeat.callback(result)
        return result

    def failed(self, failure: Failure) -> Failure:
        for repeat in self._waiting:
            repeat.errback(failure)
        return failure
