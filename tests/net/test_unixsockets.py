"""UNIX sockets that one process binds, and from which other processes accept."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol

from chatd.net.unixsockets import MOST_PATH, AdoptedUnixPort, bind_unix, clear_away


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="chatd-") as name:
        yield Path(name) / "socket"


def test_the_mode_of_a_socket_is_set(path: Path) -> None:
    """Before a client can connect: the socket does not listen until its mode is set."""
    with bind_unix(path, 0o600):
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_socket_of_a_killed_server_is_removed(path: Path) -> None:
    """The socket of a running server and other files are not removed."""
    bind_unix(path, 0o600).close()
    clear_away(path)
    assert not path.exists()
    clear_away(path)
    with bind_unix(path, 0o600), pytest.raises(OSError, match="another server listens"):
        clear_away(path)
    path.unlink()
    path.write_text("mine")
    with pytest.raises(OSError, match="another file"):
        clear_away(path)
    assert path.read_text() == "mine"


def test_a_path_that_is_too_long_is_refused(path: Path) -> None:
    """The error names the limit."""
    with pytest.raises(OSError, match=str(MOST_PATH)):
        bind_unix(path / ("x" * MOST_PATH), 0o600)


class Answering(Protocol):
    """Says one line and hangs up."""

    def connectionMade(self) -> None:
        """Say it."""
        assert self.transport
        self.transport.write(b"hello")
        self.transport.loseConnection()


class Hearing(Protocol):
    """Keeps what it hears until the end."""

    def __init__(self) -> None:
        self.heard = b""
        self.over: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """Keep it."""
        self.heard += data

    def connectionLost(self, reason: object = None) -> None:
        """All is heard."""
        self.over.callback(self.heard)


@pytest_twisted.inlineCallbacks
def test_a_port_that_adopts_a_socket_leaves_its_file_as_it_is(
    path: Path,
) -> Generator[Deferred[Any], Any, None]:
    """The file keeps its mode; when one process closes the socket, the others still accept."""
    with bind_unix(path, 0o600) as bound:
        factory: Factory[Any] = Factory.forProtocol(Answering)
        factory.noisy = False
        ports = [AdoptedUnixPort(reactor, bound.fileno(), factory) for _ in range(2)]
        for port in ports:
            port.startListening()
            assert port.getHost().name == str(path).encode()
        for port in ports:
            hearing: Factory[Any] = Factory.forProtocol(Hearing)
            hearing.noisy = False
            client = yield UNIXClientEndpoint(reactor, str(path)).connect(hearing)
            assert (yield client.over) == b"hello"
            assert path.stat().st_mode & 0o777 == 0o600
            yield port.stopListening()
        with socket.socket(socket.AF_UNIX) as waiting:
            waiting.connect(str(path))
