"""Request coalescing: callers that ask for the same work while it is under way share its result."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Coalesced(Generic[K, T]):
    """Runs one piece of work per key at a time."""

    def __init__(self) -> None:
        self._waiting: dict[K, list[Deferred[T]]] = {}

    def __contains__(self, key: K) -> bool:
        """Whether work with that key is under way."""
        return key in self._waiting

    def run(self, key: K, begin: Callable[[], Deferred[T]]) -> Deferred[T]:
        """The result of the work with that key, which `begin` begins if it is not under way.

        `begin` must not raise; its Deferred's failure reaches all callers.
        """
        result: Deferred[T] = Deferred()
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.append(result)
            return result
        self._waiting[key] = [result]
        begin().addBoth(self._done, key)
        return result

    def _done(self, outcome: T | Failure, key: K) -> None:
        for waiting in self._waiting.pop(key):
            if isinstance(outcome, Failure):
                waiting.errback(outcome)
            else:
                waiting.callback(outcome)
