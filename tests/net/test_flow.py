"""Flow control of a connection (`chatd.net.flow`)."""

from __future__ import annotations

from twisted.internet.protocol import Factory

from chatd.net.flow import FlowControlled
from chatd.net.peers import Peers
from chatd.net.stalls import LAST_SECONDS, STALL_SECONDS
from chatd.testing import FakeConnection
from chatd.testing.clock import StrictClock


class RecordingConnection(FlowControlled):
    """A connection that records when its buffer fills and drains."""

    def __init__(self, peers: Peers) -> None:
        super().__init__(peers)
        self.noted: list[str] = []

    def filled(self) -> None:
        self.noted.append("filled")

    def drained(self) -> None:
        self.noted.append("drained")


def connect(clock: StrictClock) -> tuple[FakeConnection, RecordingConnection, Peers]:
    peers = Peers(clock)
    connection = RecordingConnection(peers)
    wire = FakeConnection(Factory.forProtocol(lambda: connection))
    return wire, connection, peers


def test_a_connection_is_among_the_peers_until_it_is_lost() -> None:
    """So the server can drain it."""
    wire, connection, peers = connect(StrictClock())
    assert list(peers) == [connection]
    wire.hang_up()
    assert len(peers) == 0


def test_filled_and_drained_are_called_once_each() -> None:
    """By the transport's backpressure."""
    wire, connection, _ = connect(StrictClock())
    wire.fill()
    assert connection.full
    wire.drain()
    assert not connection.full
    assert connection.noted == ["filled", "drained"]


def test_a_connection_that_stays_full_is_closed_at_the_stall_timeout() -> None:
    """Its client reads nothing."""
    clock = StrictClock()
    wire, _, peers = connect(clock)
    wire.fill()
    clock.pump([1] * int(STALL_SECONDS + LAST_SECONDS + 5))
    assert wire.lost
    assert len(peers) == 0
    assert not clock.getDelayedCalls()


def test_disconnecting_a_drained_connection_changes_nothing() -> None:
    """A second reason to close has no effect."""
    wire, connection, _ = connect(StrictClock())
    connection.drain()
    connection.disconnect()
    assert wire.lost
    assert wire.producer is None
