"""Retention: how much of the history is kept."""

from __future__ import annotations

from dataclasses import dataclass

TIDY_SECONDS = 60.0
"""Seconds between two checks for events to delete."""
DAY = 86_400_000_000
"""Microseconds in a day."""


@dataclass(frozen=True)
class Retention:
    """The limits of the history; None: no limit."""

    days: float | None = None
    events: int | None = None
    """The number of events in all rooms together."""


FOR_EVER = Retention()
