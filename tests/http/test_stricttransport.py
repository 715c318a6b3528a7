"""HTTP Strict Transport Security: only clients over TLS get the header."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from chatd.http.proxies import Proxies

from ..kit.http import HttpClient, Response
from ..kit.server import MemoryServer

HEADER = "strict-transport-security"
POLL = "/rooms/lobby/events?since=0&wait=0"


@pytest.fixture
def server() -> MemoryServer:
    """A server behind a proxy that speaks TLS to some of its clients."""
    server = MemoryServer(proxies=Proxies([ip_network("10.0.0.1")]))
    server.strict.seconds = 31_536_000
    return server


@pytest.fixture
def proxy(server: MemoryServer) -> HttpClient:
    """A connection of that proxy's."""
    return server.http("10.0.0.1")


def over(proxy: HttpClient, scheme: str, target: str, method: str = "GET") -> Response:
    """A request of a client that speaks that scheme to the proxy."""
    return proxy.request(method, target, headers={"X-Forwarded-Proto": scheme})


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/page.js"),
        ("GET", "/rooms"),
        ("GET", "/nowhere"),
        ("PUT", "/session"),
    ],
)
def test_a_client_over_tls_gets_the_header(proxy: HttpClient, method: str, target: str) -> None:
    """With every answer, also with refusals."""
    told = over(proxy, "https", target, method).headers
    assert told[HEADER] == "max-age=31536000"
    assert HEADER not in over(proxy, "http", target, method).headers


def test_a_client_without_tls_gets_no_header(server: MemoryServer, http: HttpClient) -> None:
    """RFC 6797, section 7.2; also if the client claims `https` in a forwarding header."""
    assert HEADER not in over(http, "https", "/").headers


def test_a_learned_poll_sends_no_header_to_clients_without_tls(server: MemoryServer) -> None:
    """Identical polls share the head of their answers, so only the first one has the header."""
    first, second = server.http("10.0.0.1"), server.http("10.0.0.1")
    assert HEADER in over(first, "https", POLL).headers
    over(first, "https", POLL)
    for client in (first, second):
        assert HEADER not in over(client, "http", POLL).headers


def test_by_default_no_client_gets_the_header(server: MemoryServer, proxy: HttpClient) -> None:
    """Only the operator knows whether the host will keep TLS for that long."""
    server.strict.seconds = 0
    assert HEADER not in over(proxy, "https", "/").headers
