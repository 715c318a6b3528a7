"""Client addresses as bans and limits count them."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.model.addresses import (
    LOCAL,
    address_of,
    is_on_internet,
    parse_host,
    parse_network,
)


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


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:a00:1::",
        "2002:7f00:1::",
        "fc00::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ],
)
def test_addresses_of_no_single_host_of_the_internet_are_told(host: str) -> None:
    """This machine's, private ones, those with a special meaning; also inside of IPv6."""
    assert not is_on_internet(host)


@pytest.mark.parametrize(
    "host", ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_addresses_of_the_internet_are_told(host: str) -> None:
    """IPv4, IPv6, and IPv4 through IPv6."""
    assert is_on_internet(host)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_wrapping(ip: IPv4Address) -> None:
    """Mapped, through NAT64, and through 6to4."""
    plain = is_on_internet(str(ip))
    assert is_on_internet(f"::ffff:{ip}") == plain
    assert is_on_internet(str(IPv6Address((0x64FF9B << 96) | int(ip)))) == plain
    assert is_on_internet(str(IPv6Address((0x2002 << 112) | int(ip) << 80))) == plain
    if plain:
        assert ip.is_global
        assert not ip.is_multicast
