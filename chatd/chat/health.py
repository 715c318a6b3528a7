"""Health: whether the store takes events."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from ..model.errors import Unavailable

FRESH_SECONDS = 2.0
"""Seconds for which the result of a probe is cached: a probe writes to the disk, and any client
may ask for one."""
PROBE_SECONDS = 5.0
"""Seconds after which a store that has not answered a probe is reported as failed."""


class Health:
    """Probes the store on demand, and caches the result for `FRESH_SECONDS`."""

    def __init__(self, clock: IReactorTime, probe: Callable[[], Deferred[None]]) -> None:
        """`probe` is that of a `Store`."""
        self._clock = clock
        self._probe = probe
        self._probing = False
        self._known_at = -FRESH_SECONDS
        self._error: Unavailable | None = None
        self._waiting: list[Deferred[None]] = []
        self._timer: IDelayedCall | None = None

    def check(self) -> Deferred[None]:
        """Fires if the store takes events; fails with `Unavailable`, which says why it does not."""
        fresh = self._clock.seconds() - self._known_at < FRESH_SECONDS
        # If a probe is under way and no request waits for it, the probe has hung: `_hung` has
        # answered all requests.
        if fresh or (self._probing and not self._waiting):
            return fail(self._error) if self._error else succeed(None)
        answer: Deferred[None] = Deferred()
        self._waiting.append(answer)
        if not self._probing:
            self._probing = True
            self._timer = self._clock.callLater(PROBE_SECONDS, self._hung)
            self._probe().addCallbacks(self._succeeded, self._failed).addBoth(self._finished)
        return answer

    def _hung(self) -> None:
        self._timer = None
        self._answer(Unavailable(f"the store has not answered for {PROBE_SECONDS:g} seconds"))

    def _succeeded(self, _: None) -> None:
        self._answer(None)

    def _failed(self, failure: Failure) -> None:
        problem = failure.value
        known = isinstance(problem, Unavailable)
        self._answer(problem if known else Unavailable(f"the store is out of order: {problem!r}"))  # type: ignore[arg-type]

    def _finished(self, _: object) -> None:
        self._probing = False
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _answer(self, error: Unavailable | None) -> None:
        self._error, self._known_at = error, self._clock.seconds()
        waiting, self._waiting = self._waiting, []
        for answer in waiting:
            if error:
                answer.errback(error)
            else:
                answer.callback(None)
