"""Rehearsing the doors: what cannot be opened is known before one is."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.endpoints import SSL4ServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.python.lockfile import FilesystemLock

from chatd.server.ports import CannotOpen, Rehearsal, rehearse
from chatd.testing import result_of

FREE = "tcp:0:interface=127.0.0.1"


@pytest.fixture
def reactor() -> MemoryReactor:
    """Whose doors stay closed."""
    return MemoryReactor()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield int(listening.getsockname()[1])


@pytest.fixture
def free() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_what_can_be_opened_is_let_be(reactor: MemoryReactor, tmp_path: Path, free: int) -> None:
    """Nothing listens, and no file is made; as often as it is tried."""
    endpoints = [FREE, FREE, f"tcp:{free}:interface=127.0.0.1", f"unix:{tmp_path}/door"]
    for _ in range(2):
        rehearse(reactor, endpoints)
    assert not reactor.tcpServers
    assert not reactor.unixServers
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ("tcp:{taken}:interface=127.0.0.1", "in use"),
        ("tcp:0:interface=192.0.2.1", "assign"),
        ("tcp:99999", "0-65535"),
        (r"tcp:0:interface=2001\:db8\:\:1", "assign"),
        ("unix:{here}/no/door", "no such directory"),
        ("unix:{here}/locked", "another process"),
    ],
)
def test_what_cannot_be_opened_is_named(
    reactor: MemoryReactor, tmp_path: Path, taken: int, endpoint: str, problem: str
) -> None:
    """With the reason."""
    lock = FilesystemLock(f"{tmp_path}/locked.lock")
    assert lock.lock()
    text = endpoint.format(taken=taken, here=tmp_path)
    with pytest.raises(CannotOpen) as caught:
        rehearse(reactor, [FREE, text])
    assert str(caught.value).startswith(f"cannot listen on {text}: ")
    assert problem in str(caught.value)
    lock.unlock()


@pytest.mark.parametrize("other", ["127.0.0.1", "0.0.0.0"])
def test_two_doors_in_one_place_are_found(reactor: MemoryReactor, free: int, other: str) -> None:
    """Though as long as none of them listens, the system would let them be."""
    with pytest.raises(CannotOpen, match=f"interface={other}: .*in use"):
        rehearse(reactor, [f"tcp:{free}:interface=127.0.0.1", f"tcp:{free}:interface={other}"])


def test_a_door_of_tls_is_tried_like_any_other(reactor: MemoryReactor, taken: int) -> None:
    """Without a word being encrypted."""
    with ExitStack() as bound:
        rehearsal: Any = Rehearsal(reactor, bound)
        free = SSL4ServerEndpoint(rehearsal, 0, None, interface="127.0.0.1")
        result_of(free.listen(Factory()))
        in_use = SSL4ServerEndpoint(rehearsal, taken, None, interface="127.0.0.1")
        with pytest.raises(CannotListenError, match="in use"):
            result_of(in_use.listen(Factory()))


def test_one_port_on_two_addresses_is_no_conflict(reactor: MemoryReactor, free: int) -> None:
    """They are two places."""
    places = ["127.0.0.1", "127.0.0.2"]
    rehearse(reactor, [f"tcp:{free}:interface={place}" for place in places])


def test_what_trying_would_use_up_is_not_tried(reactor: MemoryReactor) -> None:
    """A socket of systemd's can be listened on once."""
    rehearse(reactor, ["systemd:domain=INET:index=0", "fd:3"])


def test_a_rehearsed_door_opens(reactor: MemoryReactor) -> None:
    """The rehearsal takes nothing away."""
    rehearse(reactor, [FREE])
    serverFromString(reactor, FREE).listen(Factory())
    assert len(reactor.tcpServers) == 1
