"""How much one participant may do: token buckets."""

from __future__ import annotations

from collections.abc import Callable

BURST = 4
"""Seconds' worth of messages that may come at once: somebody pastes, then reads."""
_NEARLY = 1 - 1e-6
"""A token, for whoever has waited for one: seconds are floats, and their sums are not exact."""


class TokenBucket:
    """`rate` things a second in the long run, and `BURST` times as many at once.  A rate of 0 is no
    limit.
    """

    __slots__ = ("_filled", "_most", "_now", "_rate", "_tokens")

    def __init__(self, rate: float, now: Callable[[], float]) -> None:
        """`now` tells seconds that never run backwards."""
        self._rate = rate
        self._now = now
        self._most = max(1.0, rate * BURST)
        self._tokens = self._most
        self._filled = now()

    def take(self) -> float:
        """Take one token and answer 0; or take none and answer the seconds until there is one."""
        if not self._rate:
            return 0.0
        now = self._now()
        self._tokens = min(self._most, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens >= _NEARLY:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate

    @property
    def full(self) -> bool:
        """Whether nothing was taken lately, so that a new bucket would be just like this one."""
        return self._tokens + (self._now() - self._filled) * self._rate >= self._most
