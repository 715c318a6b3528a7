"""Rehearsal of the doors: an endpoint that cannot be opened is found before any is opened."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.python.lockfile import FilesystemLock

from chatd.server.ports import CannotOpen, rehearse

FREE = "tcp:0:interface=127.0.0.1"


@pytest.fixture
def reactor() -> MemoryReactor:
    """A reactor that opens no real ports."""
    return MemoryReactor()


@pytest.fixture
def port_in_use() -> Iterator[int]:
    """A port that another socket listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


@pytest.fixture
def free_port() -> int:
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_a_rehearsal_leaves_no_port_or_file_behind(
    reactor: MemoryReactor, tmp_path: Path, free_port: int
) -> None:
    """However often it is done."""
    endpoints = [FREE, FREE, f"tcp:{free_port}:interface=127.0.0.1", f"unix:{tmp_path}/door"]
    for _ in range(2):
        rehearse(reactor, endpoints)
    assert not reactor.tcpServers
    assert not reactor.unixServers
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ("tcp:{port_in_use}:interface=127.0.0.1", "in use"),
        ("tcp:0:interface=192.0.2.1", "assign"),
        ("tcp:99999", "0-65535"),
        (r"tcp:0:interface=2001\:db8\:\:1", "assign"),
        ("unix:{here}/no/door", "no such directory"),
        ("unix:{here}/locked", "another process"),
    ],
)
def test_an_endpoint_that_cannot_be_opened_is_named_with_the_reason(
    reactor: MemoryReactor, tmp_path: Path, port_in_use: int, endpoint: str, problem: str
) -> None:
    """`CannotOpen` quotes the endpoint as it was configured."""
    lock = FilesystemLock(f"{tmp_path}/locked.lock")
    assert lock.lock()
    text = endpoint.format(port_in_use=port_in_use, here=tmp_path)
    with pytest.raises(CannotOpen) as caught:
        rehearse(reactor, [FREE, text])
    assert str(caught.value).startswith(f"cannot listen on {text}: ")
    assert problem in str(caught.value)
    lock.unlock()


@pytest.mark.parametrize("other", ["127.0.0.1", "0.0.0.0"])
def test_two_doors_on_one_port_are_a_conflict(
    reactor: MemoryReactor, free_port: int, other: str
) -> None:
    """The system itself reports it only once one of them listens."""
    with pytest.raises(CannotOpen, match=f"interface={other}: .*in use"):
        rehearse(
            reactor, [f"tcp:{free_port}:interface=127.0.0.1", f"tcp:{free_port}:interface={other}"]
        )


@pytest.mark.parametrize("endpoint", ["ssl:{port}", "tls:/nowhere:port={port}"])
def test_a_tls_endpoint_is_rehearsed_like_any_other(
    reactor: MemoryReactor, port_in_use: int, endpoint: str
) -> None:
    """The rehearsal does not need the certificates."""
    text = f"{endpoint}:interface=127.0.0.1"
    rehearse(reactor, [text.format(port=0)])
    with pytest.raises(CannotOpen, match="in use"):
        rehearse(reactor, [text.format(port=port_in_use)])


def test_one_port_on_two_addresses_is_no_conflict(reactor: MemoryReactor, free_port: int) -> None:
    """They are different sockets."""
    addresses = ["127.0.0.1", "127.0.0.2"]
    rehearse(reactor, [f"tcp:{free_port}:interface={address}" for address in addresses])


def test_inherited_sockets_are_not_rehearsed(reactor: MemoryReactor) -> None:
    """A socket from systemd can be listened on only once."""
    rehearse(reactor, ["systemd:domain=INET:index=0", "fd:3"])


def test_a_rehearsed_endpoint_can_be_opened(reactor: MemoryReactor) -> None:
    """The rehearsal releases the port."""
    rehearse(reactor, [FREE])
    serverFromString(reactor, FREE).listen(Factory())
    assert len(reactor.tcpServers) == 1
