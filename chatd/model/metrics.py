"""Measurements of this process: histograms, and counts of rare occurrences.

1. Whatever happens for every message is measured once per batch, by the part that handles batches.
2. `RARE` counts what happens seldom, such as refusals: for the whole process, because it is counted
   in places that have no object in common.  Nothing in it says which person or room was concerned.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from .errors import ChatError

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of durations, in seconds."""
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Upper bounds of the buckets of sizes."""


class Histogram:
    """Counts observed values in buckets."""

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` are the upper bounds of the buckets, rising; one more bucket has no bound."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        """The sum of all observed values."""

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value that was observed so many times.  A bound belongs to its bucket."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.sum += value * times


class Rare:
    """Counts of rare occurrences."""

    def __init__(self) -> None:
        self.refusals: Counter[str] = Counter()
        """Refusals that were sent to clients, by the codes of their errors; those that only IRC
        has, as `irc-403`, by the number of the reply."""
        self.refused_connections: Counter[str] = Counter()
        """Connections over a limit, which were refused, by the codes of their errors."""
        self.gaps = 0
        """Gaps that were reported to readers."""
        self.stalled = 0
        """Connections that were closed because their clients did not read."""

    def refused(self, error: ChatError) -> None:
        """A command or request was refused."""
        self.refusals[error.code] += 1


RARE = Rare()
"""The counts of this process."""
