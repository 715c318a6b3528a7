"""The `websockets` package, a strict client, at real servers: the echo server, and the
chat over TLS.

Over TLS its asyncio client is used.  Its sync client reads in a thread of its own while another one
writes, and OpenSSL's connections must not be used by two threads at once: about one in a thousand
handshakes got no answer, with chatd and with the package's own server.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import sys
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from websockets.asyncio.client import ClientConnection as Connection
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from ..kit.certificates import write_certificate
from ..kit.processes import HERE, PATIENCE, TWISTD
from .conftest import Start

T = TypeVar("T")
HANDSHAKE = (
    b"GET /events?rooms=lobby HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture
def echo_url(start: Start) -> str:
    """The URL of the echo server's WebSocket."""
    server = start(sys.executable, "-m", "chatd.testing", "conformance", "0")
    port = server.expect(r"conformance door listening on 127\.0\.0\.1:(\d+)")[1]
    return f"ws://127.0.0.1:{port}/ws"


@pytest.fixture
def echo(echo_url: str) -> Iterator[ClientConnection]:
    """A WebSocket to the echo server."""
    with connect(echo_url, close_timeout=PATIENCE) as websocket:
        yield websocket


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and its self-signed certificate for localhost, in one file."""
    signed, key = write_certificate(tmp_path, "127.0.0.1", "localhost")
    file = tmp_path / "localhost.pem"
    file.write_bytes(key.read_bytes() + signed.read_bytes())
    return file


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """A TLS client context that trusts only that certificate."""
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
    """The URL of the lobby's WebSocket over TLS."""
    return f"wss://localhost:{secure_port}/rooms/lobby/events"


def test_messages_of_any_size_are_echoed(echo: ClientConnection) -> None:
    """As text and as bytes, whole and in fragments."""
    for size in (0, 1, 125, 126, 65535, 65536):
        for message in ("x" * size, b"\xff" * size):
            echo.send(message)
            assert echo.recv(PATIENCE) == message
        echo.send(["x" * (size // 2), "", "x" * (size - size // 2)])
        assert echo.recv(PATIENCE) == "x" * size


def test_a_ping_is_answered(echo: ClientConnection) -> None:
    """Between two messages that are echoed in order."""
    echo.send("one")
    pong = echo.ping(b"\0\xff" * 60)
    echo.send("two")
    assert pong.wait(PATIENCE)
    assert [echo.recv(PATIENCE), echo.recv(PATIENCE)] == ["one", "two"]


def test_a_close_is_answered_with_the_same_code(echo_url: str) -> None:
    """Then the server closes the connection."""
    for code in (1000, 1001, 3000, 4999):
        with connect(echo_url, close_timeout=PATIENCE) as websocket:
            websocket.close(code, "bye ☃")
            with pytest.raises(ConnectionClosed) as closed:
                websocket.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (code, "bye ☃")


def test_a_too_big_message_is_refused_with_1009(echo: ClientConnection) -> None:
    """The client can read the close frame."""
    echo.send("x" * 65537)
    with pytest.raises(ConnectionClosed) as closed:
        echo.recv(PATIENCE)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def connect_tls(
    url: str, tls: ssl.SSLContext, origin: str | None = None
) -> AbstractAsyncContextManager[Connection]:
    """A WebSocket over TLS."""
    allowed = None if origin is None else Origin(origin)
    return connect_async(
        url, ssl=tls, origin=allowed, open_timeout=PATIENCE, close_timeout=PATIENCE
    )


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread of its own: Playwright leaves a running loop in the tests'."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def receive(websocket: Connection) -> dict[str, Any]:
    """The next event of a WebSocket."""
    event: dict[str, Any] = json.loads(await asyncio.wait_for(websocket.recv(), PATIENCE))
    return event


def test_a_chat_over_tls_closes_cleanly(secure_url: str, tls: ssl.SSLContext) -> None:
    """A message is acknowledged and echoed, and the close answered."""

    async def chat() -> int | None:
        async with connect_tls(secure_url, tls) as websocket:
            assert (await receive(websocket))["type"] == "ready"
            await websocket.send('{"type":"say","text":"hello","ref":"a1"}')
            answers = [await receive(websocket) for _ in range(2)]
            assert sorted(answer["type"] for answer in answers) == ["ack", "message"]
            await websocket.close(4000, "bye")
            with pytest.raises(ConnectionClosed) as closed:
                await receive(websocket)
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code

    assert run(chat()) == 4000


def test_a_close_by_the_server_over_tls_can_be_read(secure_url: str, tls: ssl.SSLContext) -> None:
    """A client that sends bytes instead of text gets close code 1003."""

    async def chat() -> int | None:
        async with connect_tls(secure_url, tls) as websocket:
            assert (await receive(websocket))["type"] == "ready"
            await websocket.send(b"bytes")
            with pytest.raises(ConnectionClosed) as closed:
                await receive(websocket)
        assert closed.value.rcvd is not None
        return closed.value.rcvd.code

    assert run(chat()) == 1003


@pytest.mark.parametrize(
    "frame",
    [b"\x88\x80\0\0\0\0", b"\x88\x82\0\0\0\0\x03\xe8", b"\x81\x05hello"],
    ids=["close", "close-1000", "no-mask"],
)
def test_a_tls_connection_ends_with_close_notify(
    secure_port: int, tls: ssl.SSLContext, frame: bytes
) -> None:
    """Without it a client could not tell the end from a cut."""
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


def test_malformed_http_over_tls_is_answered_with_400(
    secure_port: int, tls: ssl.SSLContext
) -> None:
    """The response arrives, and the connection ends cleanly."""
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


def test_a_foreign_origin_over_tls_is_refused(secure_url: str, tls: ssl.SSLContext) -> None:
    """The server's own origin is accepted."""

    async def come_from(origin: str) -> None:
        async with connect_tls(secure_url, tls, origin):
            pass

    with pytest.raises(InvalidStatus) as refusal:
        run(come_from("https://evil.example"))
    assert refusal.value.response.status_code == 403
    run(come_from(secure_url.replace("wss", "https").removesuffix("/rooms/lobby/events")))
