"""Connection limits, per server and per address, and the refusals."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from chatd.model.metrics import RARE
from chatd.net.connections import (
    LINGER_SECONDS,
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


def accepted_of(counted: Connections, host: str, tries: int) -> int:
    """How many of `tries` connections from a host are accepted."""
    for number in range(tries):
        if counted.refusal(host):
            return number
        counted.add(host)
    return tries


# -- limits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [PUBLIC, LOOPBACK, "", "2001:4860::1"])
def test_connections_beyond_the_limit_are_refused(host: str) -> None:
    """From any address; when one connection closes, another is accepted."""
    counted = connections(5, 0)
    assert accepted_of(counted, host, 10) == 5
    refusal = counted.refusal("8.8.8.8")
    assert refusal is not None
    assert refusal.code == "unavailable"
    counted.remove(host)
    assert counted.refusal("8.8.8.8") is None


def test_connections_are_counted_by_door() -> None:
    """Refused ones are counted by the codes of their errors."""
    counted = connections(3)
    before = RARE.refused_connections["unavailable"]
    for door in ("line", "http", "http"):
        counted.add(PUBLIC, door)
    counted.remove(PUBLIC, "http")
    assert counted.by_door == {"line": 1, "http": 1}
    counted.add(PUBLIC, "http")
    assert counted.refusal(PUBLIC) is not None
    assert RARE.refused_connections["unavailable"] == before + 1


def test_connections_per_address_are_limited() -> None:
    """The refusal names the limit; clients of other addresses are accepted."""
    counted = connections(per_address=3)
    assert accepted_of(counted, PUBLIC, 10) == 3
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
def test_private_and_loopback_addresses_have_a_higher_limit(host: str, most: int) -> None:
    """A proxy on this machine, or a container's gateway, carries many clients."""
    assert accepted_of(connections(10_000), host, 10_001) == most


def test_loopback_may_use_the_only_connection() -> None:
    """The share of three quarters is rounded up."""
    assert accepted_of(connections(1), LOOPBACK, 2) == 1


def test_closed_connections_are_not_counted() -> None:
    """The table holds only addresses of open connections."""
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
def test_file_descriptors_are_kept_in_reserve(limit: int, most: int) -> None:
    """`RESERVE` of them, or half if there are few."""
    assert for_connections(limit) == most


# -- refusals --------------------------------------------------------------------------------------


class FullServer:
    """A server that has reached its connection limit with one connection."""

    def __init__(self, per_address: int | None = None) -> None:
        self.server = MemoryServer()
        self.counted = Connections(
            self.server.chat.clock, 1 if per_address is None else 100, per_address
        )
        self.counted.add("192.168.1.1")  # the address of a `FakeConnection`

    def connect(self, factory: Any) -> Any:
        """Connect a client beyond the limit."""
        return self.server.chat.connect(ConnectionLimiter(factory, self.counted))


def test_a_refused_line_client_gets_an_error_line() -> None:
    """Then the connection is closed, at the latest after `LINGER_SECONDS`."""
    full = FullServer()
    wire = full.connect(full.server.line_door)
    assert wire.received() == b"!! the server is full; try again in 10 seconds\r\n"
    full.server.chat.clock.advance(LINGER_SECONDS)
    assert wire.lost


def test_a_refused_http_client_gets_503_with_json() -> None:
    """With `Retry-After`."""
    full = FullServer()
    wire = full.connect(full.server.http_door)
    head, _, body = wire.received().partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    assert status == b"HTTP/1.1 503 Service Unavailable"
    assert {b"Retry-After: 10", b"Connection: close", b"Content-Length: %d" % len(body)} <= set(
        headers
    )
    assert body.startswith(b'{"error":{"code":"unavailable","message":"the server is full')


def test_an_address_with_too_many_connections_gets_429() -> None:
    """The server itself is not full, so 503 would be wrong."""
    full = FullServer(per_address=1)
    wire = full.connect(full.server.http_door)
    assert wire.received().startswith(b"HTTP/1.1 429 Too Many Requests\r\n")


@pytest.mark.parametrize("address", [IPv4Address, IPv6Address])
def test_an_accepted_connection_gets_the_door_s_own_protocol(address: Any) -> None:
    """The limiter wraps nothing, so it costs nothing later."""
    server = MemoryServer()
    limiter = ConnectionLimiter(server.line_door, connections())
    own: IAddress = address("TCP", "::1", 1)
    assert type(limiter.buildProtocol(own)) is type(server.line_door.buildProtocol(own))
    assert limiter.buildProtocol(UNIXAddress(None)) is not None


def test_a_limited_door_offers_its_own_alpn_protocols() -> None:
    """HTTP offers `http/1.1`; the line door offers none."""
    server = MemoryServer()
    assert ConnectionLimiter(server.http_door, connections()).acceptableProtocols() == [b"http/1.1"]
    assert ConnectionLimiter(server.line_door, connections()).acceptableProtocols() == []


def test_a_flood_is_logged_once_per_interval() -> None:
    """The message says how many refusals there were since the last one."""
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
