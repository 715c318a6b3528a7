"""Listening sockets that a supervisor binds and workers adopt."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.endpoints import AdoptedStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor

from chatd.server.ports import CannotOpen
from chatd.server.sharing import (
    CLOSED,
    WORKER,
    Binding,
    Bound,
    Place,
    adopted_endpoint,
    bind,
    own_place,
)

FREE = "tcp:0:interface=127.0.0.1"


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory with a short path, because a UNIX socket's path has about a hundred bytes."""
    with tempfile.TemporaryDirectory(prefix="chatd-") as name:
        yield Path(name)


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


def test_a_unix_socket_is_bound_with_its_mode_and_removed_in_the_end(short: Path) -> None:
    """The socket of a killed server is replaced; any other file is not."""
    path = short / "door"
    text = f"unix:{path}:mode=600"
    bind(MemoryReactor(), [(text, False)]).sockets[0].close()  # type: ignore[union-attr]
    bound = bind(MemoryReactor(), [(text, False)])
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CannotOpen, match="another server listens"):
        bind(MemoryReactor(), [(text, False)])
    bound.close()
    assert not path.exists()


def test_a_socket_of_systemd_is_passed_on(short: Path) -> None:
    """The socket's file stays, because systemd owns it."""
    path = short / "door"
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(path))
        theirs.listen()
        binding = Binding(MemoryReactor())
        AdoptedStreamServerEndpoint(binding, os.dup(theirs.fileno()), socket.AF_UNIX).listen(
            Factory()
        )
        (ours,) = sockets_of(Bound(binding.sockets, [], binding.files))
        assert ours.getsockname() == str(path)
        Bound(binding.sockets, [], binding.files).close()
        assert path.exists()


def test_a_worker_listens_on_a_socket_of_systemd() -> None:
    """The supervisor passes the socket, which Twisted's own parser would not find."""
    reactor = AdoptingReactor()
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        endpoint = adopted_endpoint(reactor, "systemd:domain=INET:index=0", os.dup(theirs.fileno()))
        endpoint.listen(factory := Factory())
    ((_, family, adopted),) = reactor.adopted
    assert (family, adopted) == (socket.AF_INET, factory)


@pytest.mark.parametrize(
    ("endpoint", "family"),
    [(FREE, socket.AF_INET), (r"tcp:0:interface=\:\:1", socket.AF_INET6)],
)
def test_a_worker_listens_on_the_socket_that_it_inherits(endpoint: str, family: int) -> None:
    """Whatever port the endpoint names."""
    reactor = AdoptingReactor()
    factory = Factory()
    adopted_endpoint(reactor, endpoint, 7).listen(factory)
    assert reactor.adopted == [(7, family, factory)]


def test_a_worker_is_told_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its environment."""
    monkeypatch.delenv(WORKER, raising=False)
    assert own_place() is None
    place = Place(2, "n.2a", (4, CLOSED, 5), 6, 3, True)
    monkeypatch.setenv(WORKER, place.written())
    assert own_place() == place
