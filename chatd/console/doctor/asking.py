"""HTTP requests of the doctor: blocking, each over a connection of its own, with a deadline."""

from __future__ import annotations

import ssl
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from socket import socket
from typing import NamedTuple
from urllib.parse import urlsplit

ANSWER_SECONDS = 10.0
"""Seconds to wait for the answer to a request that the server does not hold."""


class Address(NamedTuple):
    """The parsed URL of the server."""

    scheme: str
    host: str
    port: int
    path: str
    """The prefix of all paths: empty, or for example `/chat`."""
    origin: str
    """The origin of the page at this URL (RFC 6454)."""

    @property
    def secure(self) -> bool:
        """Whether requests go over TLS."""
        return self.scheme == "https"


def address_of(url: str) -> Address:
    """Parse a URL.  Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise ValueError(f"{url!r} is no server's URL; one is https://chat.example.org")
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    host = parts.hostname
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2].lower()}"
    return Address(parts.scheme, host, port, parts.path.rstrip("/"), origin)


class Exchange(NamedTuple):
    """A connection, and the response whose head was received on it."""

    connection: HTTPConnection
    answer: HTTPResponse
    stream: socket
    """The connection's socket: `HTTPConnection` drops it if the response has no length."""

    def timeout(self, seconds: float) -> None:
        """Wait at most `seconds` for further bytes."""
        self.stream.settimeout(seconds)

    def close(self) -> None:
        """Close the response and the connection."""
        self.answer.close()
        self.connection.close()


def connect(address: Address, seconds: float) -> HTTPConnection:
    """A connection that waits at most `seconds` for anything.

    Certificates are not verified here, because `examine_tls` does that.
    """
    if not address.secure:
        return HTTPConnection(address.host, address.port, timeout=seconds)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return HTTPSConnection(address.host, address.port, timeout=seconds, context=context)


def ask(
    address: Address,
    path: str,
    headers: dict[str, str] | None = None,
    *,
    method: str = "GET",
    body: bytes | None = None,
    seconds: float = ANSWER_SECONDS,
) -> Exchange:
    """Send a request, and wait for the head of the response.  Raises `OSError`, `HTTPException`."""
    connection = connect(address, seconds)
    try:
        connection.request(method, f"{address.path}{path}", body, headers or {})
        stream = connection.sock
        return Exchange(connection, connection.getresponse(), stream)
    except BaseException:
        connection.close()
        raise
