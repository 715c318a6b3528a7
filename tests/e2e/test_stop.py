"""Stopping: promptly, in order, whatever clients do."""

from __future__ import annotations

import signal
import socket
from time import monotonic

import pytest

from chatd.transports.drain import GOODBYE_SECONDS

from .processes import PATIENCE, Daemon

IN_ALL = 5.0
"""Seconds within which it is over."""


def connected(port: int, request: bytes = b"") -> socket.socket:
    """A client that has sent something, and has begun to read what comes."""
    client = socket.create_connection(("127.0.0.1", port), PATIENCE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(request)
    if request or port:
        client.recv(16)
    return client


def get(headers: str = "") -> bytes:
    """A request for the lobby's events."""
    return f"GET /rooms/lobby/events?wait=0 HTTP/1.1\r\nHost: chat\r\n{headers}\r\n".encode()


def test_a_second_signal_cuts_it_short(daemon: Daemon) -> None:
    """Nobody is waited for any more; it is no error."""
    with connected(daemon.http, get()):
        daemon.signal(signal.SIGTERM)
        daemon.expect("going down; 1 are connected")
        began = monotonic()
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 0
        assert monotonic() - began < GOODBYE_SECONDS
    assert "Traceback" not in daemon.output


def test_a_second_interrupt_cuts_it_short(daemon: Daemon) -> None:
    """Likewise; and it ends as what was interrupted ends."""
    with connected(daemon.http, get()):
        daemon.signal(signal.SIGINT)
        daemon.expect("going down; 1 are connected")
        daemon.signal(signal.SIGINT)
        assert daemon.wait() == -signal.SIGINT
    assert "Traceback" not in daemon.output


@pytest.mark.parametrize("daemon", [("--message-rate", "0")], ids=["unlimited"], indirect=True)
def test_nobody_can_hold_it_up(daemon: Daemon) -> None:
    """Clients that never read, at every door, with full buffers; that never finish a request; that
    say nothing; that go on talking.
    """
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    clients = [
        connected(daemon.line),
        connected(daemon.http, get("Accept: text/event-stream\r\n")),
        connected(daemon.http, get(f"Upgrade: websocket\r\nConnection: Upgrade\r\n{key}")),
        connected(daemon.http, get()),
        connected(daemon.http, get() + b"POST /rooms/lobby/messages HTTP/1.1\r\nHost: c"),
        talker := connected(daemon.line),
    ]
    talker.settimeout(1)
    try:
        while True:  # until everybody's buffers are full, its own too
            talker.sendall(b"x" * 4000 + b"\n")
    except TimeoutError:
        pass
    began = monotonic()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert monotonic() - began < IN_ALL
    assert "Traceback" not in daemon.output
    for client in clients:
        client.close()
