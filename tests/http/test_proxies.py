"""Proxies: trusted ones may name the client that they forward, all others may not."""

from __future__ import annotations

import pytest

from chatd.http.proxies import Proxies
from chatd.model.addresses import LOCAL, address_of, parse_network

from ..kit.http import HttpClient
from ..kit.server import MemoryServer

PROXY = "10.0.0.1"
NETWORKS = [parse_network("10.0.0.0/8"), parse_network("fd00::/8")]
MESSAGES = "/rooms/lobby/messages?name=ada"


@pytest.fixture
def server() -> MemoryServer:
    """A server behind proxies, where an address may send four messages at once."""
    return MemoryServer(proxies=Proxies(NETWORKS), message_rate=1)


def accepted(http: HttpClient, *forwarded: str) -> bool:
    """Whether a message is accepted from the client that the headers name."""
    lines = b"".join(b"X-Forwarded-For: %b\r\n" % line.encode() for line in forwarded)
    target = MESSAGES.encode()
    http.send_raw(
        b"POST %b HTTP/1.1\r\nHost: chat.example\r\nContent-Type: text/plain\r\n"
        b"%bContent-Length: 2\r\n\r\nhi" % (target, lines),
        "POST",
    )
    http._chat.settle()
    response = http.response()
    assert response.status == 201 or response.refusal == (429, "rate-limited")
    return response.status == 201


def exhaust(http: HttpClient, *forwarded: str) -> None:
    """Use up the rate limit of a client."""
    assert [accepted(http, *forwarded) for _ in range(5)] == [True] * 4 + [False]


@pytest.mark.parametrize(
    "forwarded",
    [
        ["192.0.2.7"],
        [" 192.0.2.7 "],
        ["192.0.2.7:5123"],
        ["::ffff:192.0.2.7"],
        ["192.0.2.9, 192.0.2.7"],
        ["forged", "192.0.2.7"],
        ["192.0.2.7, 10.1.1.1"],
        ["192.0.2.9,192.0.2.7", "10.1.1.1,fd00::1", "[fd00::2]:80"],
    ],
    ids=", ".join,
)
def test_x_forwarded_for_of_a_trusted_proxy_names_the_client(
    server: MemoryServer, forwarded: list[str]
) -> None:
    """The client is the last address that is no proxy; it may have invented those before it."""
    exhaust(server.http(PROXY), "192.0.2.7")
    assert not accepted(server.http(PROXY), *forwarded)
    assert accepted(server.http("fd00::5"), "192.0.2.8")
    assert accepted(server.http(PROXY))


@pytest.mark.parametrize("host", ["192.0.2.1", "::1", "unix", "11.0.0.1"])
def test_x_forwarded_for_of_an_untrusted_client_is_ignored(server: MemoryServer, host: str) -> None:
    """Otherwise one client could pretend to be many, and escape its rate limit."""
    exhaust(server.http(host), "192.0.2.7")
    for name in ("192.0.2.8", "10.0.0.1", "forged"):
        assert not accepted(server.http(host), name)
    assert accepted(server.http(PROXY), "192.0.2.7")


@pytest.mark.parametrize(
    "forwarded",
    [
        [],
        [""],
        ["192.0.2.7,"],
        ["unknown"],
        ["192.0.2.7, chat.example"],
        ["192.0.2.7, 10.0.0.2, x"],
        ["192.0.2.7.8"],
        ["192.0.2.7%x"],
        ["[192.0.2.7"],
        ["2001:db8::1:99999"],
        ["é"],
    ],
    ids=repr,
)
def test_a_malformed_x_forwarded_for_counts_as_the_proxy(
    server: MemoryServer, forwarded: list[str]
) -> None:
    """And is rate limited as such."""
    exhaust(server.http(PROXY))
    assert not accepted(server.http(PROXY), *forwarded)


def test_if_all_addresses_are_proxies_the_first_is_the_client(server: MemoryServer) -> None:
    """A machine in the operator's network may be a client."""
    exhaust(server.http(PROXY), "10.7.7.7, 10.1.1.1")
    assert not accepted(server.http(PROXY), "10.7.7.7")
    assert accepted(server.http(PROXY), "10.8.8.8, 10.1.1.1")


@pytest.mark.parametrize("trusted", [True, False])
def test_a_unix_socket_may_be_a_trusted_proxy(trusted: bool) -> None:
    """If the operator says so; otherwise all its clients share one address."""
    server = MemoryServer(proxies=Proxies(sockets=trusted), message_rate=1)
    exhaust(server.http("unix"), "192.0.2.7")
    assert accepted(server.http("unix"), "192.0.2.8") is trusted
    assert not accepted(server.http("unix"), "192.0.2.7")


def test_an_ipv6_network_of_64_bits_is_one_client(server: MemoryServer) -> None:
    """Its owner has more addresses than any rate limit could count."""
    exhaust(server.http("2001:db8:1:2::1"))
    assert not accepted(server.http("2001:db8:1:2:3:4:5:6"))
    assert not accepted(server.http(PROXY), "2001:db8:1:2::7")
    assert accepted(server.http("2001:db8:1:3::1"))


# -- scheme and host -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "told", "secure"),
    [
        (PROXY, "https", True),
        (PROXY, "HTTPS, http", True),
        (PROXY, "http", False),
        (PROXY, "wss", False),
        ("192.0.2.1", "https", False),
    ],
)
def test_the_cookie_is_secure_if_the_client_uses_tls(
    server: MemoryServer, host: str, told: str, secure: bool
) -> None:
    """As the first trusted proxy says in X-Forwarded-Proto."""
    headers = {"X-Forwarded-Proto": told}
    response = server.http(host).request("POST", "/session", headers=headers)
    assert response.status == 201
    assert ("Secure" in response.headers["set-cookie"].split("; ")) is secure


@pytest.mark.parametrize(
    ("host", "headers", "own"),
    [
        (PROXY, {"X-Forwarded-Host": "talk.example:8443"}, True),
        (PROXY, {"X-Forwarded-Host": "talk.example:8443, inner.example"}, True),
        (PROXY, {"X-Forwarded-Host": "talk.example"}, False),
        (PROXY, {}, False),
        (PROXY, {"Host": "talk.example:8443"}, True),
        ("192.0.2.1", {"X-Forwarded-Host": "talk.example:8443"}, False),
    ],
)
def test_the_own_origin_is_the_host_that_the_client_requested(
    server: MemoryServer, host: str, headers: dict[str, str], own: bool
) -> None:
    """X-Forwarded-Host of a trusted proxy, or else Host."""
    page = {"Origin": "https://talk.example:8443"}
    response = server.http(host).request("GET", "/rooms", headers={**page, **headers})
    assert response.status == (200 if own else 403)


@pytest.mark.parametrize(
    ("host", "told", "welcome"),
    [(PROXY, "https", False), (PROXY, "http", True), ("192.0.2.1", "https", True)],
)
def test_an_http_page_is_foreign_to_an_https_site(
    server: MemoryServer, host: str, told: str, welcome: bool
) -> None:
    """Anyone on the network could have changed such a page; an https page is accepted by both."""
    for scheme, status in (("http", 200 if welcome else 403), ("https", 200)):
        headers = {"Origin": f"{scheme}://chat.example", "X-Forwarded-Proto": told}
        assert server.http(host).request("GET", "/rooms", headers=headers).status == status


@pytest.mark.parametrize(
    ("host", "shared"),
    [("8.8.8.8", True), ("8.8.4.4", False), ("2001:db8::9", True), ("2001:db9::9", False)],
)
def test_trusted_proxies_are_recognized_by_address(host: str, shared: bool) -> None:
    """Such an address is not one person's; an IPv6 address counts as its network."""
    proxies = Proxies([parse_network("8.8.8.8"), parse_network("2001:db8::5")])
    assert proxies.trusts_address(address_of(host)) is shared
    assert not proxies.trusts_address(LOCAL)
    assert not Proxies([]).trusts_address(address_of(host))
