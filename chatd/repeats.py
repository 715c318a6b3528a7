"""Requests that may be sent again without being carried out again: `Idempotency-Key`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

REMEMBERED_SECONDS = 300.0
"""How long a repeat is recognised."""
MOST_REMEMBERED = 100_000
"""Repeats recognised at a time; beyond that the oldest are forgotten first."""


class Repeats:
    """What was carried out lately, by its key, and with which id."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` tells seconds that never run backwards."""
        self._now = now
        self._done: OrderedDict[Hashable, tuple[float, int | None, list[Deferred[int | None]]]] = (
            OrderedDict()
        )

    def once(
        self, key: Hashable, perform: Callable[[], Deferred[int | None]]
    ) -> Deferred[int | None]:
        """Do it, or answer what doing it answered the first time; what failed may be tried
        again.
        """
        now = self._now()
        while self._done:
            began = next(iter(self._done.values()))[0]
            if now - began < REMEMBERED_SECONDS and len(self._done) < MOST_REMEMBERED:
                break
            self._done.popitem(last=False)
        if key in self._done:
            _, id_, waiting = self._done[key]
            if id_ is not None:
                return succeed(id_)
            repeat: Deferred[int | None] = Deferred()
            waiting.append(repeat)
            return repeat
        outcome = perform()
        followers: list[Deferred[int | None]] = []
        self._done[key] = (now, None, followers)

        def stored(id_: int | None) -> int | None:
            if key in self._done:
                self._done[key] = (now, id_, [])
            for follower in followers:
                follower.callback(id_)
            return id_

        def refused(failure: Failure) -> Failure:
            self._done.pop(key, None)
            for follower in followers:
                follower.errback(failure)
            return failure

        return outcome.addCallbacks(stored, refused)
