"""Hosts, targets and headers of a request (`chatd.http.syntax`)."""

from __future__ import annotations

import pytest

from chatd.http.syntax import ONCE

from ..kit.echo import CHUNKED, GET, EchoConnection, assert_refused, raw
from ..kit.http import HttpClient
from ..kit.server import MemoryServer


@raw(
    none=b"GET / HTTP/1.1\r\n\r\n",
    two=GET + b"Host: other.example\r\n\r\n",
    the_same_twice=GET + b"Host: chat.example\r\n\r\n",
    words=b"GET / HTTP/1.1\r\nHost: chat example\r\n\r\n",
    path=b"GET / HTTP/1.1\r\nHost: chat.example/\r\n\r\n",
    user=b"GET / HTTP/1.1\r\nHost: ada@chat.example\r\n\r\n",
    two_in_1_0=b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    port_that_is_none=b"GET / HTTP/1.1\r\nHost: a:http\r\n\r\n",
    two_ports=b"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n",
    half_an_address=b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
    none_in_the_url=b"GET http:///healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    user_in_the_url=b"GET http://ada@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
)
def test_a_request_without_exactly_one_valid_host_is_refused(
    wire: EchoConnection, request_: bytes
) -> None:
    """RFC 9112, section 3.2."""
    assert_refused(wire, request_)


@pytest.mark.parametrize("host", ["", "a", "a:80", "127.0.0.1", "[::1]:8080", "a_b.example", "ä"])
def test_any_valid_host_is_accepted(wire: EchoConnection, host: str) -> None:
    """This layer does not check which host it is; an internationalized name must come in ASCII."""
    status = 200 if host.isascii() else 400
    assert wire.statuses(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()) == [status]


@pytest.mark.parametrize(
    "target",
    ["x", "healthz", "xhealthz", "chat.example:80", "ftp://a/", "?", "*", "/#", "/rooms#x", "#"],
)
def test_a_target_without_a_leading_slash_is_refused(server: MemoryServer, target: str) -> None:
    """RFC 9112, section 3.2.1. Fragments are never sent, and `*` is for OPTIONS only."""
    http = server.http()
    http.send_raw(f"GET {target} HTTP/1.1\r\nHost: chat.example\r\n\r\n".encode())
    assert http.response().refusal == (400, "malformed")


@pytest.mark.parametrize(
    "target", ["http://chat.example/", "HTTP://chat.example:80/", "https://[::1]", "http://a?b"]
)
def test_a_target_may_be_an_absolute_url(wire: EchoConnection, target: str) -> None:
    """RFC 9112, section 3.2.2."""
    assert wire.statuses(f"GET {target} HTTP/1.1\r\nHost: chat.example\r\n\r\n".encode()) == [200]


@pytest.mark.parametrize(
    ("origin", "status"), [("http://chat.example", 200), ("http://evil.example", 403)]
)
def test_the_host_of_an_absolute_url_overrides_the_host_header(
    server: MemoryServer, origin: str, status: int
) -> None:
    """RFC 9112, section 3.2.2."""
    http = server.http()
    asks = f"GET http://chat.example/healthz HTTP/1.1\r\nHost: evil.example\r\nOrigin: {origin}"
    http.send_raw(f"{asks}\r\n\r\n".encode())
    assert http.response().status == status


@pytest.mark.parametrize("name", ONCE)
@pytest.mark.parametrize("method", [b"GET", b"POST", b"DELETE", b"BREW"])
@pytest.mark.parametrize("path", [b"/", b"/nowhere", b"/ws"])
def test_a_repeated_singleton_header_is_refused(
    wire: EchoConnection, name: str, method: bytes, path: bytes
) -> None:
    """One parser would take the first, another the last; even two equal ones are refused."""
    line = f"{name}: 1\r\n".encode()
    request = b"%b %b HTTP/1.1\r\nHost: a\r\n%b%b\r\n" % (method, path, line, line)
    assert wire.statuses(request) == [400]


@pytest.mark.parametrize("name", ["Accept", "Cookie", "X-Forwarded-For", "Connection", "X-Mine"])
def test_a_list_header_may_be_repeated(wire: EchoConnection, name: str) -> None:
    """RFC 9110, section 5.3; cookies from HTTP/2 come so through a proxy."""
    assert wire.statuses(GET + f"{name}: 1\r\n{name}: 1\r\n\r\n".encode()) == [200]


def test_a_chunked_body_in_http_1_0_is_refused(wire: EchoConnection) -> None:
    """RFC 9112, section 6.1: an HTTP/1.0 proxy in between may have misread it."""
    assert wire.statuses(CHUNKED.replace(b"1.1", b"1.0") + b"0\r\n\r\n") == [400]


def test_a_semicolon_does_not_separate_query_parameters(
    server: MemoryServer, http: HttpClient
) -> None:
    """It is part of the value."""
    assert http.get("/events?rooms=lobby;dev&since=0").refusal == (400, "bad-room")
