"""A server that systemd starts, with inherited sockets and keep-alives to the watchdog."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..kit.processes import PATIENCE, TWISTD, Netcat, Program
from .conftest import Start

AS_SYSTEMD = """
import os, sys
sockets, notify, names = eval(sys.argv[1])
for number, own in enumerate(sockets):
    os.dup2(own, 100 + number)
for number in range(len(sockets)):
    os.dup2(100 + number, 3 + number)
os.environ.update(
    LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(sockets)), LISTEN_FDNAMES=names,
    NOTIFY_SOCKET=notify, WATCHDOG_USEC="200000", WATCHDOG_PID=str(os.getpid()),
)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Starts a program as systemd does, with sockets from the descriptor 3 on."""


class Unit:
    """A service with two sockets, which stay open while it is restarted."""

    def __init__(self, directory: Path, start: Start) -> None:
        self._start = start
        self.path = directory / "http.socket"
        self.line = socket.create_server(("127.0.0.1", 0))
        self.http = socket.socket(socket.AF_UNIX)
        self.http.bind(str(self.path))
        self.http.listen()
        self._notify = directory / "notify"
        self._heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._heard.bind(str(self._notify))
        self._heard.settimeout(PATIENCE)

    def start(self, *options: str, names: str = "line:http") -> Program:
        """Start the service."""
        sockets = (self.line.fileno(), self.http.fileno())
        return self._start(
            *(sys.executable, "-c", AS_SYSTEMD, repr((sockets, str(self._notify), names))),
            *(TWISTD, "--nodaemon", "--pidfile=", "chatd", "--store", "memory:", "--irc", "none"),
            *options,
            files=sockets,
        )

    def hear(self, state: str) -> None:
        """Wait until the service has sent this notification."""
        while state not in self._heard.recv(4096).decode().split("\n"):
            pass

    def get(self, path: str) -> bytes:
        """The answer of the HTTP door."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(PATIENCE)
            client.connect(str(self.path))
            client.sendall(
                b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % path.encode()
            )
            return client.makefile("rb").read()

    def close(self) -> None:
        """Close its sockets."""
        for one in (self.line, self.http, self._heard):
            one.close()


@pytest.fixture
def unit(tmp_path: Path, start: Start) -> Iterator[Unit]:
    """A unit that is not started yet."""
    unit = Unit(tmp_path, start)
    yield unit
    unit.close()


def test_a_service_lives_and_reloads_and_stops_as_systemd_expects(unit: Unit) -> None:
    """The doors listen on systemd's sockets, and the event loop sends keep-alives."""
    server = unit.start()
    unit.hear("READY=1")
    port = unit.line.getsockname()[1]
    assert f"line door listening on 127.0.0.1:{port}" in server.expect(r"line door.*")[0]
    client = Netcat(port)
    client.hear("== welcome")
    assert unit.get("/healthz").startswith(b"HTTP/1.1 200")
    for _ in range(3):
        unit.hear("WATCHDOG=1")
    server.signal(signal.SIGHUP)
    unit.hear("RELOADING=1")
    unit.hear("READY=1")
    server.signal(signal.SIGTERM)
    unit.hear("STOPPING=1")
    client.hear("!! the server is going down")
    client.close()
    assert server.wait() == 0


def test_clients_that_connect_during_a_restart_wait_for_the_next_server(unit: Unit) -> None:
    """No connection is refused: the sockets are systemd's, and so is the path."""
    server = unit.start()
    unit.hear("READY=1")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    client = Netcat(unit.line.getsockname()[1])
    unit.start()
    client.hear("== welcome")
    client.close()
    assert unit.get("/healthz").startswith(b"HTTP/1.1 200")


def test_a_socket_for_no_door_ends_the_start(unit: Unit) -> None:
    """With one line, which says what to write into the unit."""
    server = unit.start(names="line:chatd.socket")
    assert server.wait() == 1
    (line,) = [line for line in server.output.splitlines() if line.startswith("chatd: ")]
    assert "'chatd.socket' is for no door: set FileDescriptorName=" in line
    assert "Traceback" not in server.output
