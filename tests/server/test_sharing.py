"""Listening sockets that a supervisor binds and workers adopt."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor

from chatd.server.ports import CannotOpen
from chatd.server.sharing import (
    CLOSED,
    WORKER,
    Adopting,
    Binding,
    Bound,
    Place,
    bind,
    own_place,
    signal_ready,
)

FREE = "tcp:0:interface=127.0.0.1"


class AdoptingReactor(MemoryReactor):
    """Notes what it adopts."""

    def __init__(self) -> None:
        super().__init__()
        self.adopted: list[tuple[int, int, Any]] = []

    def adoptStreamPort(self, descriptor: int, family: int, factory: Any) -> None:  # noqa: N802
        """Note it."""
        self.adopted.append((descriptor, family, factory))


def sockets_of(bound: Bound) -> list[socket.socket]:
    """All of them."""
    return [one for one in bound.sockets if one is not None]


def test_connections_wait_in_a_bound_socket_until_somebody_accepts_them() -> None:
    """So nobody is turned away while workers start."""
    bound, other = sockets_of(bind(MemoryReactor(), [(FREE, False), (FREE, False)]))
    with bound, other, socket.create_connection(bound.getsockname()) as client:
        accepted, _ = bound.accept()
        with accepted:
            assert accepted.getpeername() == client.getsockname()
        assert bound.getsockname() != other.getsockname()


def test_if_one_endpoint_cannot_be_bound_none_is() -> None:
    """The error names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotOpen, match=f"{port}.*in use"):
            bind(MemoryReactor(), [(FREE, False), (f"tcp:{port}:interface=127.0.0.1", False)])


def test_a_door_that_yields_stays_closed_if_its_port_is_taken() -> None:
    """Its place is empty in every worker."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = f"tcp:{port}:interface=127.0.0.1"
        bound = bind(MemoryReactor(), [(FREE, False), (text, True), (FREE, False)])
    places, inherited = bound.inherited(4)
    assert places == (4, CLOSED, 5)
    assert inherited == {n: one.fileno() for n, one in enumerate(sockets_of(bound), 4)}
    assert str(port) in bound.closed[0]
    bound.close()
    assert [one.fileno() for one in sockets_of(bound)] == [-1, -1]


def test_workers_share_tcp_ports_only() -> None:
    """The error says so; systemd passes its sockets to one process."""
    with pytest.raises(CannotOpen, match="TCP ports"):
        bind(MemoryReactor(), [("unix:/nowhere/door", False)])
    with pytest.raises(CannotListenError, match="TCP ports"):
        Binding(MemoryReactor()).adoptStreamPort(3, socket.AF_INET, None)


@pytest.mark.parametrize(
    ("endpoint", "family"),
    [(FREE, socket.AF_INET), (r"tcp:0:interface=\:\:1", socket.AF_INET6)],
)
def test_a_worker_listens_on_the_socket_that_it_inherits(endpoint: str, family: int) -> None:
    """Whatever port the endpoint names."""
    reactor = AdoptingReactor()
    factory = Factory()
    serverFromString(Adopting(reactor, 7), endpoint).listen(factory)
    assert reactor.adopted == [(7, family, factory)]


def test_a_worker_is_told_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its environment; it says when it is ready."""
    monkeypatch.delenv(WORKER, raising=False)
    assert own_place() is None
    reading, writing = os.pipe()
    place = Place(2, "n.2a", (4, CLOSED, 5), writing, True)
    monkeypatch.setenv(WORKER, place.written())
    assert own_place() == place
    signal_ready(place)
    assert os.read(reading, 100)
    assert os.read(reading, 100) == b""
    os.close(reading)
