"""Measurements of the journal: how many commands it stores, and how long that takes.

They cost two readings of the clock per batch, and one increment per command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ..model.events import Event
from ..model.metrics import SECONDS, SIZES, Histogram


class JournalMetrics:
    """Counts the outcomes of one journal's batches."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` tells seconds that never run backwards."""
        self.now = now
        self.stored: Counter[type[Event]] = Counter()
        """Commands that were stored and shown, by the type of their first event."""
        self.judged_again = 0
        """Commands that were judged again, because another unit had changed what they expected."""
        self.failed_appends = 0
        """Appends that the store refused, or whose outcome is in doubt."""
        self.batches = Histogram(SIZES)
        """Units in an append."""
        self.append_seconds = Histogram(SECONDS)
        """Seconds from handing a batch to the store to its answer."""
        self.shown_seconds = Histogram(SECONDS)
        """Seconds from accepting the first command of a batch to showing the batch, once for each
        command."""

    def batch_stored(self, units: int, accepted: float, appended: float) -> None:
        """The store has taken a batch; `accepted` and `appended` are times of `now`."""
        now = self.now()
        self.batches.observe(units)
        self.append_seconds.observe(now - appended)
        self.shown_seconds.observe(now - accepted, units)
