"""Flow control of a connection (`chatd.net.flow`)."""

from __future__ import annotations

from twisted.internet.protocol import Factory

from chatd.net.flow import FlowControlled
from chatd.net.peers import Peers
from chatd.net.stalls import LAST_SECONDS, STALL_SECONDS
from chatd.testing import FakeConnection
from chatd.testing.clock import StrictClock


class Writes(FlowControlled):
    """A connection that notes when it is full."""

    def __init__(self, peers: Peers) -> None:
        super().__init__(peers)
        self.noted: list[str] = []

    def filled(self) -> None:
        self.noted.append("filled")

    def drained(self) -> None:
        self.noted.append("drained")


def connect(clock: StrictClock) -> tuple[FakeConnection, Writes, Peers]:
    peers = Peers(clock)
    connection = Writes(peers)
    wire = FakeConnection(Factory.forProtocol(lambda: connection))
    return wire, connection, peers


def test_a_connection_is_among_the_peers_until_it_is_lost() -> None:
    """So it can be drained."""
    wire, connection, peers = connect(StrictClock())
    assert list(peers) == [connection]
    wire.hang_up()
    assert len(peers) == 0


def test_a_full_connection_tells_its_subclass_and_so_does_an_empty_one() -> None:
    """Once each."""
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


def test_a_connection_hangs_up_once() -> None:
    """A second reason to close changes nothing."""
    wire, connection, _ = connect(StrictClock())
    connection.drain()
    connection.disconnect()
    assert wire.lost
    assert wire.producer is None
