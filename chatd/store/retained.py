"""How much of the history is kept."""

from __future__ import annotations

from dataclasses import dataclass

TIDY_SECONDS = 60.0
"""Seconds between two looks for what may be forgotten."""
DAY = 86_400_000_000
"""Microseconds."""


@dataclass(frozen=True)
class Retention:
    """How much is kept; None: all."""

    days: float | None = None
    events: int | None = None
    """Of all rooms together."""


FOR_EVER = Retention()
