"""Proxies that may say for whom they ask, and everybody else, who may not."""

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
    """A chat behind proxies, where an address may say four things at once."""
    return MemoryServer(proxies=Proxies(NETWORKS), message_rate=1)


def taken(http: HttpClient, *forwarded: str) -> bool:
    """Whether a message is taken from whoever the headers say."""
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
    """Say all that may be said."""
    assert [taken(http, *forwarded) for _ in range(5)] == [True] * 4 + [False]


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
def test_a_proxy_is_believed_whom_it_asks_for(server: MemoryServer, forwarded: list[str]) -> None:
    """It is the last who is no proxy: what stands before it, that one may have made up."""
    exhaust(server.http(PROXY), "192.0.2.7")
    assert not taken(server.http(PROXY), *forwarded)
    assert taken(server.http("fd00::5"), "192.0.2.8")
    assert taken(server.http(PROXY))


@pytest.mark.parametrize("host", ["192.0.2.1", "::1", "unix", "11.0.0.1"])
def test_nobody_else_is_believed(server: MemoryServer, host: str) -> None:
    """Whoever wants to speak for an army of others speaks for themselves."""
    exhaust(server.http(host), "192.0.2.7")
    for name in ("192.0.2.8", "10.0.0.1", "forged"):
        assert not taken(server.http(host), name)
    assert taken(server.http(PROXY), "192.0.2.7")


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
def test_what_makes_no_sense_counts_as_the_proxy_s_own(
    server: MemoryServer, forwarded: list[str]
) -> None:
    """And is measured all the same."""
    exhaust(server.http(PROXY))
    assert not taken(server.http(PROXY), *forwarded)


def test_who_asks_through_proxies_only_is_the_first_of_them(server: MemoryServer) -> None:
    """A machine of the operator's network is a client too."""
    exhaust(server.http(PROXY), "10.7.7.7, 10.1.1.1")
    assert not taken(server.http(PROXY), "10.7.7.7")
    assert taken(server.http(PROXY), "10.8.8.8, 10.1.1.1")


@pytest.mark.parametrize("trusted", [True, False])
def test_a_proxy_may_come_over_a_unix_socket(trusted: bool) -> None:
    """If the operator says so; otherwise all who do are one address."""
    server = MemoryServer(proxies=Proxies(sockets=trusted), message_rate=1)
    exhaust(server.http("unix"), "192.0.2.7")
    assert taken(server.http("unix"), "192.0.2.8") is trusted
    assert not taken(server.http("unix"), "192.0.2.7")


def test_one_ipv6_network_is_one_address(server: MemoryServer) -> None:
    """Whoever has one has more hosts than there are messages."""
    exhaust(server.http("2001:db8:1:2::1"))
    assert not taken(server.http("2001:db8:1:2:3:4:5:6"))
    assert not taken(server.http(PROXY), "2001:db8:1:2::7")
    assert taken(server.http("2001:db8:1:3::1"))


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
def test_the_cookie_stays_on_tls_where_the_client_speaks_it(
    server: MemoryServer, host: str, told: str, secure: bool
) -> None:
    """As the first proxy says, if it is one."""
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
def test_the_page_s_own_origin_is_the_one_that_the_client_asked(
    server: MemoryServer, host: str, headers: dict[str, str], own: bool
) -> None:
    """Proxies that cannot pass on Host say it in a header of their own."""
    page = {"Origin": "https://talk.example:8443"}
    response = server.http(host).request("GET", "/rooms", headers={**page, **headers})
    assert response.status == (200 if own else 403)


@pytest.mark.parametrize(
    ("host", "told", "welcome"),
    [(PROXY, "https", False), (PROXY, "http", True), ("192.0.2.1", "https", True)],
)
def test_a_page_in_the_clear_is_a_stranger_to_a_site_on_tls(
    server: MemoryServer, host: str, told: str, welcome: bool
) -> None:
    """Whoever sits on the wire could have written it; a page over TLS is always at home."""
    for scheme, status in (("http", 200 if welcome else 403), ("https", 200)):
        headers = {"Origin": f"{scheme}://chat.example", "X-Forwarded-Proto": told}
        assert server.http(host).request("GET", "/rooms", headers=headers).status == status


@pytest.mark.parametrize(
    ("host", "shared"),
    [("8.8.8.8", True), ("8.8.4.4", False), ("2001:db8::9", True), ("2001:db9::9", False)],
)
def test_it_is_known_which_addresses_are_those_of_proxies(host: str, shared: bool) -> None:
    """Such an address is not one person's; an IPv6 address counts as its network."""
    proxies = Proxies([parse_network("8.8.8.8"), parse_network("2001:db8::5")])
    assert proxies.trusts_address(address_of(host)) is shared
    assert not proxies.trusts_address(LOCAL)
    assert not Proxies([]).trusts_address(address_of(host))
