"""How many may come in, from where, and what the others are told."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from chatd.net.connections import (
    MOST_PER_ADDRESS,
    QUIET_SECONDS,
    ConnectionLimiter,
    Connections,
    LogThrottle,
)
from chatd.net.descriptors import RESERVE, for_connections
from chatd.testing.clock import StrictClock

from ..kit.server import MemoryServer

PUBLIC = "93.184.216.34"
LOOPBACK = "127.0.0.1"


def connections(most: int = 1000, per_address: int | None = None) -> Connections:
    return Connections(StrictClock(), most, per_address)


def taken(counted: Connections, host: str, tries: int) -> int:
    """How many of so many are taken."""
    for number in range(tries):
        if counted.refusal(host):
            return number
        counted.add(host)
    return tries


# -- how many --------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [PUBLIC, LOOPBACK, "", "2001:4860::1"])
def test_no_more_are_taken_than_there_is_room_for(host: str) -> None:
    """Wherever they come from; and one more when one has gone."""
    counted = connections(5, 0)
    assert taken(counted, host, 10) == 5
    refusal = counted.refusal("8.8.8.8")
    assert refusal is not None
    assert refusal.code == "unavailable"
    counted.remove(host)
    assert counted.refusal("8.8.8.8") is None


def test_one_address_does_not_take_all_the_room() -> None:
    """The refusal says how many it has; clients of other addresses are accepted."""
    counted = connections(per_address=3)
    assert taken(counted, PUBLIC, 10) == 3
    refusal = counted.refusal(PUBLIC)
    assert refusal is not None
    assert refusal.code == "too-many"
    assert "3 connections" in refusal.message
    assert counted.refusal("8.8.8.8") is None
    counted.remove(PUBLIC)
    assert counted.refusal(PUBLIC) is None


@pytest.mark.parametrize(
    ("host", "most"),
    [
        (PUBLIC, MOST_PER_ADDRESS),
        ("2001:4860::1", MOST_PER_ADDRESS),
        (LOOPBACK, 7500),
        ("::1", 7500),
        ("192.168.1.1", 7500),
        ("fd00::1", 7500),
        ("100.64.0.1", 7500),
        ("", 10_000),
    ],
)
def test_where_many_share_an_address_many_may_come_from_it(host: str, most: int) -> None:
    """A proxy on this machine or a container's gateway speaks for everybody."""
    assert taken(connections(10_000), host, 10_001) == most


def test_where_there_is_room_for_one_this_machine_may_have_it() -> None:
    """Three quarters of one is one."""
    assert taken(connections(1), LOOPBACK, 2) == 1


def test_closed_connections_are_not_counted() -> None:
    """The table has the addresses of open connections only."""
    counted = connections()
    for number in range(100):
        counted.add(f"10.0.0.{number}")
    for number in range(100):
        counted.remove(f"10.0.0.{number}")
    assert counted.count == 0
    assert not counted._from


@pytest.mark.parametrize(
    ("limit", "most"), [(20_000, 20_000 - RESERVE), (1024, 1024 - RESERVE), (64, 32), (1, 1)]
)
def test_some_descriptors_are_kept_in_reserve(limit: int, most: int) -> None:
    """Where there are few, half of them."""
    assert for_connections(limit) == most


# -- what they are told ----------------------------------------------------------------------------


class Crowded:
    """A server for one connection, which is open."""

    def __init__(self, per_address: int | None = None) -> None:
        self.server = MemoryServer()
        self.counted = Connections(
            self.server.chat.clock, 1 if per_address is None else 100, per_address
        )
        self.counted.add("192.168.1.1")  # as a `FakeConnection` has it

    def connect(self, factory: Any) -> Any:
        """A client that comes too late."""
        return self.server.chat.connect(ConnectionLimiter(factory, self.counted))


def test_a_refused_line_client_gets_a_line() -> None:
    """And the connection closes."""
    crowded = Crowded()
    wire = crowded.connect(crowded.server.line_door)
    assert wire.received() == b"!! the server is full; try again in 10 seconds\r\n"
    assert wire.lost


def test_a_refused_http_client_gets_json() -> None:
    """With a status, and when to come again."""
    crowded = Crowded()
    wire = crowded.connect(crowded.server.http_door)
    head, _, body = wire.received().partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    assert status == b"HTTP/1.1 503 Service Unavailable"
    assert {b"Retry-After: 10", b"Connection: close", b"Content-Length: %d" % len(body)} <= set(
        headers
    )
    assert body.startswith(b'{"error":{"code":"unavailable","message":"the server is full')


def test_an_address_with_too_many_connections_is_told_to_close_some() -> None:
    """It is not the server that is full."""
    crowded = Crowded(per_address=1)
    wire = crowded.connect(crowded.server.http_door)
    assert wire.received().startswith(b"HTTP/1.1 429 Too Many Requests\r\n")


@pytest.mark.parametrize("address", [IPv4Address, IPv6Address])
def test_whom_there_is_room_for_meets_the_door_itself(address: Any) -> None:
    """The limiter leaves nothing of itself."""
    server = MemoryServer()
    limiter = ConnectionLimiter(server.line_door, connections())
    own: IAddress = address("TCP", "::1", 1)
    assert type(limiter.buildProtocol(own)) is type(server.line_door.buildProtocol(own))
    assert limiter.buildProtocol(UNIXAddress(None)) is not None


def test_over_tls_a_door_offers_its_own_protocols() -> None:
    """HTTP names its version; lines have no name."""
    server = MemoryServer()
    assert ConnectionLimiter(server.http_door, connections()).acceptableProtocols() == [b"http/1.1"]
    assert ConnectionLimiter(server.line_door, connections()).acceptableProtocols() == []


def test_the_log_tells_of_a_flood_once_a_minute() -> None:
    """With how many there were."""
    clock = StrictClock()
    told: list[tuple[int, str]] = []
    flood = LogThrottle(clock, lambda times, last: told.append((times, last)))
    for number in range(1000):
        flood.happened(f"{number}")
    assert told == [(1, "0")]
    clock.advance(QUIET_SECONDS)
    assert told == [(1, "0"), (999, "999")]
    clock.advance(QUIET_SECONDS)
    flood.happened("later")
    assert told[2:] == [(1, "later")]
