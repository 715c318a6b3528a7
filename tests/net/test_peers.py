"""Open connections, and how reconnects are spread."""

from __future__ import annotations

from chatd.net.peers import SPREAD_SECONDS, spread


def test_reconnects_are_spread_over_time() -> None:
    """Not before the given delay, and within `SPREAD_SECONDS` after it."""
    times = [spread(2.0) for _ in range(50)]
    assert all(2 <= time <= 2 + SPREAD_SECONDS for time in times)
    assert len(set(times)) > 40
