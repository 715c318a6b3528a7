"""Heartbeats: one timer for all connections."""

from __future__ import annotations

import pytest

from chatd.net.heartbeat import Heartbeat
from chatd.testing.clock import StrictClock

PERIOD = 4


class Connection:
    """A connection that records the times of its heartbeats."""

    beat_part = -1

    def __init__(self, clock: StrictClock) -> None:
        self._clock = clock
        self.beats: list[float] = []

    def beat(self) -> None:
        """Record the time."""
        self.beats.append(self._clock.seconds())


@pytest.fixture
def clock() -> StrictClock:
    return StrictClock()


@pytest.fixture
def heartbeat(clock: StrictClock) -> Heartbeat:
    return Heartbeat(clock, PERIOD)


def test_each_connection_beats_once_a_period(clock: StrictClock, heartbeat: Heartbeat) -> None:
    """The first time one period after it was added."""
    connections = []
    for _ in range(PERIOD):
        connections.append(Connection(clock))
        heartbeat.add(connections[-1])
        clock.advance(1)
    clock.pump([1] * 3 * PERIOD)
    for number, connection in enumerate(connections):
        first = number + PERIOD
        assert connection.beats == list(range(first, int(clock.seconds()) + 1, PERIOD))


def test_heartbeats_are_spread_over_the_period(clock: StrictClock, heartbeat: Heartbeat) -> None:
    """Ten thousand connections are not written to in one turn."""
    connections = [Connection(clock) for _ in range(PERIOD)]
    for connection in connections:
        heartbeat.add(connection)
        clock.advance(1)
    clock.pump([1] * PERIOD)
    times = {time for connection in connections for time in connection.beats}
    assert len(times) >= PERIOD


def test_there_is_no_timer_without_connections(clock: StrictClock, heartbeat: Heartbeat) -> None:
    """Removing a connection twice is no error."""
    one, other = Connection(clock), Connection(clock)
    assert not clock.getDelayedCalls()
    heartbeat.add(one)
    heartbeat.add(other)
    assert len(clock.getDelayedCalls()) == 1
    heartbeat.discard(one)
    heartbeat.discard(one)
    clock.pump([1] * PERIOD)
    assert (one.beats, len(other.beats)) == ([], 1)
    heartbeat.discard(other)
    assert not clock.getDelayedCalls()
    heartbeat.add(one)
    clock.pump([1] * PERIOD)
    assert len(one.beats) == 1
    heartbeat.discard(one)


def test_a_connection_may_be_discarded_during_its_heartbeat(
    clock: StrictClock, heartbeat: Heartbeat
) -> None:
    """As happens when the heartbeat finds that the client is gone."""

    class Going(Connection):
        def beat(self) -> None:
            super().beat()
            heartbeat.discard(self)

    going = [Going(clock), Going(clock)]
    for connection in going:
        heartbeat.add(connection)
    clock.pump([1] * 3 * PERIOD)
    assert [len(connection.beats) for connection in going] == [1, 1]
    assert not clock.getDelayedCalls()
