"""A server that runs out of file descriptors: it refuses clients, does not spin, and recovers."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest

from chatd.net.connections import LINGER_SECONDS, MOST_LINGERING

from ..kit.processes import PATIENCE, Daemon

FEW = 64
"""Descriptors that the server may have; half of them are for connections."""


class FewDescriptors(Daemon):
    """A server with a low limit of descriptors, and at first a soft limit of half of it."""

    def __init__(self, directory: Path, *options: str) -> None:
        limit = ("prlimit", f"--nofile={FEW // 2}:{FEW}")
        # The files of a SQLite store would take a third of the small reserve.
        super().__init__(directory, "--store", "memory:", *options, prefix=limit)

    def cpu(self) -> float:
        """Seconds of processor time that the server has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def allow(self, files: int) -> None:
        """Set the server's soft limit of descriptors."""
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (files, FEW))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FewDescriptors]:
    server = FewDescriptors(tmp_path, "--max-connections-per-address", "0")
    yield server
    server.kill()


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """Sockets that are closed after the test."""
    opened: list[socket.socket] = []
    yield opened
    for client in opened:
        client.close()


def connected(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), PATIENCE)
    client.settimeout(PATIENCE)
    return client


def first_line(client: socket.socket) -> bytes:
    """The first line received, empty if the connection is closed without one."""
    data = b""
    try:
        while b"\n" not in data and (more := client.recv(4096)):
            data += more
    except ConnectionResetError:
        pass
    return data.partition(b"\n")[0].strip()


def fill(server: FewDescriptors, opened: list[socket.socket]) -> None:
    """Connect until the server is full."""
    while first_line(client := connected(server.line)).startswith(b"=="):
        opened.append(client)
        assert len(opened) < FEW
    client.close()


def test_a_full_server_refuses_clients_at_every_door(
    server: FewDescriptors, sockets: list[socket.socket]
) -> None:
    """Again and again, without exceeding its descriptors; a client that leaves makes room."""
    fill(server, sockets)
    assert len(sockets) == FEW // 2
    for _ in range(100):
        with connected(server.line) as line, connected(server.http) as http:
            assert first_line(line).startswith(b"!! the server is full")
            assert first_line(http).startswith(b"HTTP/1.1 503 ")
        assert server.files() <= FEW
    sockets.pop(0).close()
    while not first_line(client := connected(server.line)).startswith(b"== welcome"):
        client.close()
    client.close()
    server.signal(15)
    server.wait()
    assert server.output.count("refused 1 connection ") == 1
    assert "EMFILE" not in server.output
    assert "Traceback" not in server.output


def test_refused_connections_do_not_exhaust_the_reserve(
    server: FewDescriptors, sockets: list[socket.socket]
) -> None:
    """However many and however long they stay open; they can read the refusal, although their input
    was never read.
    """
    fill(server, sockets)
    for _ in range(MOST_LINGERING):
        sockets.append(connected(server.http))
        sockets[-1].sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert first_line(sockets[-1]).startswith(b"HTTP/1.1 503 ")
    for _ in range(FEW):
        sockets.append(connected(server.http))
        assert first_line(sockets[-1]).startswith(b"HTTP/1.1 503 ")
        assert server.files() <= FEW
    while server.files() > FEW // 2 + FEW // 4:
        select([], [], [], LINGER_SECONDS / 10)
    server.signal(15)
    server.wait()
    assert "EMFILE" not in server.output


def test_a_server_without_descriptors_does_not_spin(
    server: FewDescriptors, sockets: list[socket.socket]
) -> None:
    """If something else has used the reserve, new connections are closed and the log says so once;
    with descriptors again, they are accepted.
    """
    sockets.append(connected(server.line))
    assert first_line(sockets[0]).startswith(b"== welcome")
    server.allow(server.files())
    for _ in range(50):
        with connected(server.line) as client:
            assert first_line(client) == b""
    before = server.cpu()
    time.sleep(1)  # the idle second whose processor time is measured
    assert server.cpu() - before < 0.2
    server.allow(FEW)
    with connected(server.line) as client:
        assert first_line(client).startswith(b"== welcome")
    server.signal(15)
    server.wait()
    assert server.output.count("cannot accept connections") == 1
    assert server.output.count("EMFILE") == 1
    assert "Traceback" not in server.output


def test_a_server_that_cannot_even_accept_does_not_spin(
    server: FewDescriptors, sockets: list[socket.socket]
) -> None:
    """New connections wait in the kernel's queue, and are accepted when there are descriptors
    again.
    """
    server.allow(3)
    waiting = connected(server.line)
    sockets.append(waiting)
    before = server.cpu()
    time.sleep(1)  # the idle second whose processor time is measured
    assert server.cpu() - before < 0.2
    server.allow(FEW)
    with connected(server.line) as client:
        assert first_line(client).startswith(b"== welcome")
