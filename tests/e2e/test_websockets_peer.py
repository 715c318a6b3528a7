"""The `websockets` package, a strict client, at real servers: the echo, and the chat over TLS."""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from ..kit.processes import HERE, PATIENCE, TWISTD
from .conftest import Start

HANDSHAKE = (
    b"GET /events?rooms=lobby HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture
def echo_url(start: Start) -> str:
    """Where the echo is."""
    server = start(sys.executable, "-m", "chatd.testing", "conformance", "0")
    port = server.expect(r"conformance door listening on 127\.0\.0\.1:(\d+)")[1]
    return f"ws://127.0.0.1:{port}/ws"


@pytest.fixture
def echo(echo_url: str) -> Iterator[ClientConnection]:
    """A WebSocket to the echo."""
    with connect(echo_url, close_timeout=PATIENCE) as websocket:
        yield websocket


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and its self-signed certificate for localhost, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, SHA256())
    )
    file = tmp_path / "localhost.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + signed.public_bytes(Encoding.PEM))
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """A client that trusts that certificate and no other."""
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def secure_port(start: Start, certificate: Path) -> int:
    """The port of a chat's HTTP door over TLS."""
    endpoint = f"ssl:0:{HERE}:privateKey={certificate}:certKey={certificate}"
    server = start(
        TWISTD, "--nodaemon", "--pidfile=", "chatd", "--line", "none", "--http", endpoint
    )  # fmt: skip
    return int(server.expect(r"http door listening on 127\.0\.0\.1:(\d+)")[1])


@pytest.fixture
def secure_url(secure_port: int) -> str:
    """Where the lobby is read and spoken in, over TLS."""
    return f"wss://localhost:{secure_port}/rooms/lobby/events"


def test_messages_of_any_size_come_back(echo: ClientConnection) -> None:
    """As text and as bytes, whole and in fragments."""
    for size in (0, 1, 125, 126, 65535, 65536):
        for message in ("x" * size, b"\xff" * size):
            echo.send(message)
            assert echo.recv(PATIENCE) == message
        echo.send(["x" * (size // 2), "", "x" * (size - size // 2)])
        assert echo.recv(PATIENCE) == "x" * size


def test_a_ping_is_answered(echo: ClientConnection) -> None:
    """Between two messages that come back in order."""
    echo.send("one")
    pong = echo.ping(b"\0\xff" * 60)
    echo.send("two")
    assert pong.wait(PATIENCE)
    assert [echo.recv(PATIENCE), echo.recv(PATIENCE)] == ["one", "two"]


def test_a_close_is_clean(echo_url: str) -> None:
    """With the same code and reason from the server, which then closes the connection."""
    for code in (1000, 1001, 3000, 4999):
        with connect(echo_url, close_timeout=PATIENCE) as websocket:
            websocket.close(code, "bye ☃")
            with pytest.raises(ConnectionClosed) as closed:
                websocket.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, "bye ☃")


def test_a_message_that_is_too_big_is_refused_cleanly(echo: ClientConnection) -> None:
    """The client gets to read why."""
    echo.send("x" * 65537)
    with pytest.raises(ConnectionClosed) as closed:
        echo.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_over_tls_one_chats_and_closes_cleanly(secure_url: str, tls: ssl.SSLContext) -> None:
    """What is said is acknowledged and comes back, and the close is answered."""
    with connect(secure_url, ssl=tls, close_timeout=PATIENCE) as websocket:
        assert json.loads(websocket.recv(PATIENCE))["type"] == "ready"
        websocket.send('{"type":"say","text":"hello","ref":"a1"}')
        answers = [json.loads(websocket.recv(PATIENCE)) for _ in range(2)]
        assert sorted(answer["type"] for answer in answers) == ["ack", "message"]
        websocket.close(4000, "bye")
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4000


def test_over_tls_the_server_closes_cleanly(secure_url: str, tls: ssl.SSLContext) -> None:
    """A client that sends bytes where only text is understood gets to read why."""
    with connect(secure_url, ssl=tls, close_timeout=PATIENCE) as websocket:
        assert json.loads(websocket.recv(PATIENCE))["type"] == "ready"
        websocket.send(b"bytes")
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1003


@pytest.mark.parametrize(
    "frame",
    [b"\x88\x80\0\0\0\0", b"\x88\x82\0\0\0\0\x03\xe8", b"\x81\x05hello"],
    ids=["close", "close-1000", "no-mask"],
)
def test_over_tls_the_connection_ends_as_tls_wants_it(
    secure_port: int, tls: ssl.SSLContext, frame: bytes
) -> None:
    """With its own closing alert: else nobody could tell the end from a cut."""
    with (
        socket.create_connection(("127.0.0.1", secure_port), PATIENCE) as plain,
        tls.wrap_socket(
            plain, server_hostname="localhost", suppress_ragged_eofs=False
        ) as connection,
    ):
        connection.sendall(HANDSHAKE + frame)
        received = b""
        while data := connection.recv(65536):
            received += data
    head, _, frames = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    assert re.fullmatch(rb'\x81.\{"type":"ready","next":\d+\}\x88.*', frames, re.DOTALL)


def test_over_tls_a_request_that_is_no_http_is_told_so(
    secure_port: int, tls: ssl.SSLContext
) -> None:
    """The refusal arrives, and the connection ends cleanly."""
    with (
        socket.create_connection(("127.0.0.1", secure_port), PATIENCE) as plain,
        tls.wrap_socket(
            plain, server_hostname="localhost", suppress_ragged_eofs=False
        ) as connection,
    ):
        connection.sendall(b"nonsense\r\n\r\n")
        received = b""
        while data := connection.recv(65536):
            received += data
    assert received.startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_over_tls_a_foreign_page_is_refused(secure_url: str, tls: ssl.SSLContext) -> None:
    """And this server's own is not."""
    with (
        pytest.raises(InvalidStatus) as refusal,
        connect(secure_url, ssl=tls, origin=Origin("https://evil.example")),
    ):
        pass
    assert refusal.value.response.status_code == 403
    own = secure_url.replace("wss", "https").removesuffix("/rooms/lobby/events")
    with connect(secure_url, ssl=tls, origin=Origin(own)):
        pass
