"""Stopping a server: promptly and in order, whatever its clients do."""

from __future__ import annotations

import signal
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ..kit.processes import HERE, PATIENCE, TWISTD, Daemon
from .conftest import Start

SHUTDOWN_SECONDS = 5.0
"""Seconds within which the shutdown must end."""


def connected(port: int, request: bytes = b"") -> socket.socket:
    """Connect, send a request, and begin to read."""
    client = socket.create_connection(("127.0.0.1", port), PATIENCE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(request)
    if request or port:
        client.recv(16)
    return client


def get(headers: str = "") -> bytes:
    """A request for the lobby's events."""
    return f"GET /rooms/lobby/events?wait=0 HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()


def wait_for_line(log: Path, text: str) -> None:
    """Wait until a log, which may not be there yet, has this text."""
    deadline = monotonic() + PATIENCE
    while not log.exists() or text not in log.read_text():
        assert monotonic() < deadline, log.read_text()
        Event().wait(0.05)


def test_shutdown_over_tls_says_goodbye(tmp_path: Path, start: Start) -> None:
    """A line client over TLS is greeted, told, and closed."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    self_signed(key, certificate)
    endpoint = f"ssl:0:privateKey={key}:certKey={certificate}:{HERE}"
    server = start(
        TWISTD, "--nodaemon", "--pidfile=", "chatd", "--http", "none", "--line", endpoint
    )  # fmt: skip
    port = int(server.expect(r"line door listening on 127\.0\.0\.1:(\d+)")[1])
    trusting = ssl.create_default_context(cafile=certificate)
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
    silent = socket.create_connection(("127.0.0.1", port), PATIENCE)
    with trusting.wrap_socket(plain, server_hostname="localhost") as client, silent:
        lines = client.makefile("rb")
        assert lines.readline().startswith(b"== welcome")
        client.sendall(b"hello\n")
        while lines.readline() != b"<guest-0001> hello\r\n":
            pass
        began = monotonic()
        server.signal(signal.SIGTERM)
        assert lines.readline().startswith(b"!! the server is going down")
        assert lines.readline() == b""
    assert server.wait() == 0
    assert monotonic() - began < SHUTDOWN_SECONDS
    assert "Traceback" not in server.output


def self_signed(key: Path, certificate: Path) -> None:
    """Make a self-signed certificate for localhost."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def test_a_second_sigterm_ends_the_shutdown_at_once(daemon: Daemon) -> None:
    """With exit status 0."""
    with connected(daemon.http, get()):
        daemon.signal(signal.SIGTERM)
        daemon.expect("graceful shutdown: draining 1 connection")
        daemon.signal(signal.SIGTERM)
        daemon.expect("shutting down at once")
        assert daemon.wait() == 0
    assert "Traceback" not in daemon.output


def test_a_second_sigint_ends_the_shutdown_at_once(daemon: Daemon) -> None:
    """The process ends as one that SIGINT has killed."""
    with connected(daemon.http, get()):
        daemon.signal(signal.SIGINT)
        daemon.expect("graceful shutdown: draining 1 connection")
        daemon.signal(signal.SIGINT)
        assert daemon.wait() == -signal.SIGINT
    assert "Traceback" not in daemon.output


@pytest.mark.parametrize("daemon", [("--message-rate", "0")], ids=["unlimited"], indirect=True)
def test_no_client_can_delay_shutdown(daemon: Daemon) -> None:
    """Clients with full buffers at every door, unfinished requests, idle clients, and one that
    keeps sending.
    """
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    clients = [
        connected(daemon.line),
        connected(daemon.http, get("Accept: text/event-stream\r\n")),
        connected(daemon.http, get(f"Upgrade: websocket\r\nConnection: Upgrade\r\n{key}")),
        connected(daemon.http, get()),
        connected(daemon.http, get() + b"POST /rooms/lobby/messages HTTP/1.1\r\nHost: localhost"),
        talker := connected(daemon.line),
    ]
    talker.settimeout(1)
    try:
        while True:  # until all buffers are full, its own too
            talker.sendall(b"x" * 4000 + b"\n")
    except TimeoutError:
        pass
    began = monotonic()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    assert monotonic() - began < SHUTDOWN_SECONDS
    assert "Traceback" not in daemon.output
    for client in clients:
        client.close()


def test_sighup_and_sigusr1_do_not_stop_the_server(daemon: Daemon) -> None:
    """They reopen the log if it is a file. SIGTERM then says goodbye as usual."""
    client = connected(daemon.line)
    for number in (signal.SIGHUP, signal.SIGUSR1):
        daemon.signal(number)
        daemon.expect("not reopening the log: this process does not write it to a file itself")
    client.sendall(b"still here\n")
    daemon.signal(signal.SIGTERM)
    assert daemon.wait() == 0
    told = b""
    while chunk := client.recv(4096):
        told += chunk
    client.close()
    assert b"<guest-0001> still here\r\n" in told
    assert b"!! the server is going down" in told
    assert "Traceback" not in daemon.output


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_a_rotated_log_is_reopened_by_a_signal(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    """As `logrotate` does: move the file, then send the signal."""
    log = tmp_path / "log"
    server = start(
        TWISTD, "--nodaemon", "--pidfile=", "--logfile=log", "chatd",
        "--store", "memory:", "--line", "unix:door", "--http", "none",
    )  # fmt: skip
    wait_for_line(log, "line door listening")
    log.rename(tmp_path / "log.1")
    server.signal(number)
    wait_for_line(log, "log reopened")
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert "Server Shut Down" in log.read_text()
