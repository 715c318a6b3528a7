"""A server that may open few files: it says no, uses no time, and goes on when there is room."""

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
"""Files that the server may open: half of them are for connections."""


class FewFiles(Daemon):
    """A server that may open few files, and at first only half of them."""

    def __init__(self, directory: Path, *options: str) -> None:
        limit = ("prlimit", f"--nofile={FEW // 2}:{FEW}")
        # A history's files would take a third of the reserve, which is but a small one here.
        super().__init__(directory, "--store", "memory:", *options, prefix=limit)

    def cpu(self) -> float:
        """Seconds of processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def allow(self, files: int) -> None:
        """Let it open so many from now on."""
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (files, FEW))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FewFiles]:
    server = FewFiles(tmp_path, "--max-connections-per-address", "0")
    yield server
    server.kill()


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    """What is closed behind the test."""
    opened: list[socket.socket] = []
    yield opened
    for client in opened:
        client.close()


def connected(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), PATIENCE)
    client.settimeout(PATIENCE)
    return client


def first_line(client: socket.socket) -> bytes:
    """The first line that comes, empty if the connection is closed unheard."""
    data = b""
    try:
        while b"\n" not in data and (more := client.recv(4096)):
            data += more
    except ConnectionResetError:
        pass
    return data.partition(b"\n")[0].strip()


def crowd(server: FewFiles, opened: list[socket.socket]) -> None:
    """Come until there is no more room."""
    while first_line(client := connected(server.line)).startswith(b"=="):
        opened.append(client)
        assert len(opened) < FEW
    client.close()


def test_a_full_server_says_no_on_every_door(
    server: FewFiles, sockets: list[socket.socket]
) -> None:
    """Again and again, without a file too many; whoever goes makes room."""
    crowd(server, sockets)
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
    assert server.output.count("refused 1 connections") == 1
    assert "EMFILE" not in server.output
    assert "Traceback" not in server.output


def test_those_turned_away_do_not_use_up_the_reserve(
    server: FewFiles, sockets: list[socket.socket]
) -> None:
    """However many they are and however long they stay; they get to read why, though what they had
    said before was never read.
    """
    crowd(server, sockets)
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


def test_without_any_descriptor_left_it_waits_without_spinning(
    server: FewFiles, sockets: list[socket.socket]
) -> None:
    """Something else has taken what was kept in reserve: newcomers are closed, the log says so
    once, and with room they are let in again.
    """
    sockets.append(connected(server.line))
    assert first_line(sockets[0]).startswith(b"== welcome")
    server.allow(server.files())
    for _ in range(50):
        with connected(server.line) as client:
            assert first_line(client) == b""
    before = server.cpu()
    time.sleep(1)  # what is measured is a second of doing nothing
    assert server.cpu() - before < 0.2
    server.allow(FEW)
    with connected(server.line) as client:
        assert first_line(client).startswith(b"== welcome")
    server.signal(15)
    server.wait()
    assert server.output.count("cannot accept connections") == 1
    assert server.output.count("EMFILE") == 1
    assert "Traceback" not in server.output


def test_not_even_a_descriptor_to_close_with_does_not_make_it_spin(
    server: FewFiles, sockets: list[socket.socket]
) -> None:
    """Newcomers wait in the system's queue, and are let in when there is room again."""
    server.allow(3)
    waiting = connected(server.line)
    sockets.append(waiting)
    before = server.cpu()
    time.sleep(1)  # what is measured is a second of doing nothing
    assert server.cpu() - before < 0.2
    server.allow(FEW)
    with connected(server.line) as client:
        assert first_line(client).startswith(b"== welcome")
