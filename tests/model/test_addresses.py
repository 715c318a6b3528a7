"""Client addresses as bans and limits count them."""

import pytest

from chatd.model.addresses import LOCAL, address_of, parse_host, parse_network


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:DB8:1:3::7", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, LOCAL),
        ("", LOCAL),
    ],
)
def test_ipv4_counts_per_host_and_ipv6_per_64_bit_network(host: str | None, address: str) -> None:
    """A client with one IPv6 network has 2**64 addresses, which count as one."""
    assert address_of(host) == address


@pytest.mark.parametrize(
    "text", ["chat.example", "192.0.2", "192.0.2.07", "1.2.3.4%x", "[::1]", " "]
)
def test_an_invalid_host_raises_value_error(text: str) -> None:
    """So a client cannot invent an address in a forwarded header."""
    with pytest.raises(ValueError, match="address"):
        parse_host(text)


def test_a_single_host_is_a_valid_network() -> None:
    """Most proxies are configured as a single address."""
    assert parse_host("127.0.0.1") in parse_network("127.0.0.1")
    assert parse_host("127.0.0.2") not in parse_network("127.0.0.1")
    assert parse_host("fd12::1") in parse_network("fd00::/8")
