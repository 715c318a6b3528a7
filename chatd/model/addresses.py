"""Addresses of clients, as limits count them.

An IPv4 address counts as itself.  An IPv6 address counts as its network of 64 bits, because a
client can choose the other 64 bits itself (RFC 4291, section 2.5.1).
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import NewType

Address = NewType("Address", str)
"""What limits count as one: an IPv4 address, an IPv6 network of 64 bits, or `LOCAL`."""
LOCAL = Address("local")
"""The address of clients without one: all clients of UNIX sockets, and parts of this process."""

_HOST_BITS = 64
_LOOPBACK_6 = f"::/{_HOST_BITS}"
"""What `::1` counts as."""


@lru_cache(maxsize=10_000)
def address_of(host: str | None) -> Address:
    """The address that a host counts as; None is a peer without a host, as over a UNIX socket.

    Raises `ValueError` if `host` is no IP address.
    """
    if not host:
        return LOCAL
    ip = parse_host(host)
    if isinstance(ip, IPv4Address):
        return Address(str(ip))
    return Address(f"{IPv6Address(int(ip) >> _HOST_BITS << _HOST_BITS)}/{_HOST_BITS}")


@lru_cache(maxsize=10_000)
def is_public(address: Address) -> bool:
    """Whether the address belongs to the Internet, not to this machine or a private network."""
    return address != LOCAL and ip_network(address).network_address.is_global


_INTERNET_6 = ip_network("2000::/3")
"""The part of IPv6 from which addresses of the Internet are given (RFC 4291, section 2.4)."""
_NAT64 = ip_network("64:ff9b::/96")
"""IPv4 addresses as networks of IPv6 only reach them (RFC 6052); the last 32 bits are the
address."""
_SPECIAL_4 = (ip_network("192.0.0.0/24"), ip_network("192.88.99.0/24"))
"""Networks for protocols (RFC 6890), which not every Python knows as such."""


def is_on_internet(host: str) -> bool:
    """Whether an IP address is a single host's on the Internet.  False for this machine, private,
    link-local, shared, reserved and multicast addresses, also where IPv6 wraps one of them.

    Raises `ValueError` if `host` is no IP address.
    """
    ip = parse_host(host)
    if isinstance(ip, IPv6Address):
        if ip in _NAT64:
            ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
        elif ip.sixtofour is not None:
            ip = ip.sixtofour
        else:
            return ip in _INTERNET_6 and ip.is_global
    special = ip.is_multicast or ip.is_reserved or any(ip in network for network in _SPECIAL_4)
    return ip.is_global and not special


def is_own_machine(address: Address) -> bool:
    """Whether the address is this machine's own, so that no network carries its bytes."""
    return address in (LOCAL, _LOOPBACK_6) or address.startswith("127.")


def parse_host(host: str) -> IPv4Address | IPv6Address:
    """A host's IP address; an IPv4-mapped IPv6 address is IPv4 (RFC 4291, section 2.5.5.2).

    Raises `ValueError`.
    """
    ip = ip_address(host)
    return (isinstance(ip, IPv6Address) and ip.ipv4_mapped) or ip


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """A network in CIDR notation (RFC 4632, section 3.1), or a single host.

    Raises `ValueError`, whose text says what is wrong.
    """
    return ip_network(text)
