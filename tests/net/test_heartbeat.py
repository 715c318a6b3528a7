"""Heartbeats: one timer for all connections."""

from __future__ import annotations

import pytest

from chatd.net.heartbeat import Heartbeat
from chatd.testing.clock import StrictClock

ROUND = 4


class Connection:
    """A connection that notes when it gave a sign of life."""

    def __init__(self, clock: StrictClock) -> None:
        self._clock = clock
        self.beats: list[float] = []

    def beat(self) -> None:
        """Note it."""
        self.beats.append(self._clock.seconds())


@pytest.fixture
def clock() -> StrictClock:
    return StrictClock()


@pytest.fixture
def heartbeat(clock: StrictClock) -> Heartbeat:
    return Heartbeat(clock, ROUND)


def test_each_connection_beats_once_a_round(clock: StrictClock, heartbeat: Heartbeat) -> None:
    """From a round after it came, whenever that was."""
    connections = []
    for _ in range(ROUND):
        connections.append(Connection(clock))
        heartbeat.add(connections[-1])
        clock.advance(1)
    clock.pump([1] * 3 * ROUND)
    for number, connection in enumerate(connections):
        first = number + ROUND
        assert connection.beats == list(range(first, int(clock.seconds()) + 1, ROUND))


def test_connections_that_came_at_different_times_beat_at_different_times(
    clock: StrictClock, heartbeat: Heartbeat
) -> None:
    """Ten thousand are not written to in one go."""
    connections = [Connection(clock) for _ in range(ROUND)]
    for connection in connections:
        heartbeat.add(connection)
        clock.advance(1)
    clock.pump([1] * ROUND)
    times = {time for connection in connections for time in connection.beats}
    assert len(times) >= ROUND


def test_there_is_no_timer_without_connections(clock: StrictClock, heartbeat: Heartbeat) -> None:
    """One that goes twice, or was never there, is no mistake."""
    one, other = Connection(clock), Connection(clock)
    assert not clock.getDelayedCalls()
    heartbeat.add(one)
    heartbeat.add(other)
    assert len(clock.getDelayedCalls()) == 1
    heartbeat.discard(one)
    heartbeat.discard(one)
    clock.pump([1] * ROUND)
    assert (one.beats, len(other.beats)) == ([], 1)
    heartbeat.discard(other)
    assert not clock.getDelayedCalls()
    heartbeat.add(one)
    clock.pump([1] * ROUND)
    assert len(one.beats) == 1
    heartbeat.discard(one)


def test_a_connection_may_go_while_it_beats(clock: StrictClock, heartbeat: Heartbeat) -> None:
    """As one does that finds its client gone."""

    class Going(Connection):
        def beat(self) -> None:
            super().beat()
            heartbeat.discard(self)

    going = [Going(clock), Going(clock)]
    for connection in going:
        heartbeat.add(connection)
    clock.pump([1] * 3 * ROUND)
    assert [len(connection.beats) for connection in going] == [1, 1]
    assert not clock.getDelayedCalls()
