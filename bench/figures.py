"""What was measured, and what is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Connected:
    """What it took the server to take its connections."""

    cpu: float
    """Seconds of the server's CPU time."""
    seconds: float
    """Seconds until the last was accepted by the kernel."""
    kilobytes: int
    """Growth of the server's resident memory."""
    errors: int = 0


@dataclass(frozen=True)
class Measured:
    """What happened while the server was under load."""

    seconds: float
    cpu: float
    """Seconds of the server's CPU time."""
    said: int
    delivered: int
    answers: int
    """Answers to polls and posts."""
    accepted: int
    """Messages of speakers that were told, or shown, that theirs was taken."""
    lost: int
    """Deliveries that never came; more came than were due if it is negative."""
    errors: int
    """Connections that closed, and answers that were not of the status 2xx."""
    latencies: Sequence[tuple[int, int]]
    """Nanoseconds from saying to hearing, rising, and how many took as long: of all that was said
    meanwhile, though it came later."""

    @property
    def events_per_cpu_second(self) -> float:
        """Deliveries for a second of the server's CPU time."""
        return self.delivered / self.cpu if self.cpu else 0.0

    def latency(self, share: float) -> float | None:
        """Milliseconds within which this share of the deliveries came: 0.5 is the median, 1 the
        longest; None if none came.
        """
        return percentile(self.latencies, share) / 1e6 if self.latencies else None


def percentile(buckets: Sequence[tuple[int, int]], share: float) -> int:
    """The least value with at least `share` of the counted values at or below it; 0 of none.

    The nearest-rank method, on (value, count) in rising order.
    """
    rank = share * sum(count for _, count in buckets)
    seen = 0
    for value, count in buckets:
        seen += count
        if seen >= rank:
            return value
    return 0


def middle(values: Sequence[float]) -> float | None:
    """The median; None of nothing, such as of a server that never started."""
    return median(values) if values else None


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """How many times theirs ours is; None if either was not measured."""
    return ours / theirs if ours and theirs else None
