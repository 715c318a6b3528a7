"""The open connections, and when their clients come back."""

from __future__ import annotations

from chatd.net.peers import SPREAD_SECONDS, spread


def test_clients_that_are_sent_away_come_back_at_different_times() -> None:
    """Not before the time, and spread over `SPREAD_SECONDS`."""
    times = [spread(2.0) for _ in range(50)]
    assert all(2 <= time <= 2 + SPREAD_SECONDS for time in times)
    assert len(set(times)) > 40
