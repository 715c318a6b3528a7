"""Measured values, and statistics of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Connected:
    """The cost of connecting the readers."""

    cpu: float
    """Seconds of the server's CPU time."""
    seconds: float
    """Seconds until the kernel had accepted the last connection."""
    kilobytes: int
    """Growth of the server's resident memory."""
    errors: int = 0
    resumed: int = 0
    """Connections over TLS that resumed a session."""


@dataclass(frozen=True)
class Storm:
    """The outcome of one reconnect storm."""

    seconds: float
    """Real time from the first connection until the last client was caught up."""
    cpu: float
    """Seconds of the server's CPU time."""
    own: float
    """Seconds of the load's CPU time."""
    caught_up: int
    """Clients that got all that they had missed."""
    resumed: int
    """Clients that resumed a session of TLS."""


@dataclass(frozen=True)
class Measured:
    """The outcome of one measurement under load."""

    seconds: float
    cpu: float
    """Seconds of the server's CPU time."""
    said: int
    delivered: int
    answers: int
    """Answers to polls and posts."""
    accepted: int
    """Messages that were acknowledged to their speakers, by an answer or an echo."""
    lost: int
    """Deliveries that are missing; negative if there were more than expected."""
    errors: int
    """Closed connections, and answers with another status than 2xx."""
    latencies: Sequence[tuple[int, int]]
    """Histogram of latencies: nanoseconds from sending to receiving, rising, and the number of
    deliveries.  It covers all messages sent during the measurement, even if received later."""

    @property
    def events_per_cpu_second(self) -> float:
        """Deliveries per second of the server's CPU time."""
        return self.delivered / self.cpu if self.cpu else 0.0

    def latency(self, share: float) -> float | None:
        """The latency in milliseconds that this share of the deliveries did not exceed: 0.5 is the
        median, 1 the maximum.  None without deliveries.
        """
        return percentile(self.latencies, share) / 1e6 if self.latencies else None


def percentile(buckets: Sequence[tuple[int, int]], share: float) -> int:
    """The least value with at least `share` of the counted values at or below it; 0 without values.

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
    """The median; None without values."""
    return median(values) if values else None


def ratio(ours: float | None, theirs: float | None) -> float | None:
    """The ratio of ours to theirs; None if either was not measured."""
    return ours / theirs if ours and theirs else None
