"""Where somebody comes from, as far as limits are concerned.

An IPv4 address is one place.  An IPv6 address counts by its first 64 bits: the rest is the choice
of whoever lives there (RFC 4291, section 2.5.1), who would otherwise be as many as they like.
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
"""What counts as one place: an IPv4 address, an IPv6 network of 64 bits, or `LOCAL`."""
LOCAL = Address("local")
"""Whoever has no network address: all who come over UNIX sockets, and parts of this process."""

_HOST_BITS = 64


@lru_cache(maxsize=10_000)
def address_of(host: str | None) -> Address:
    """Where a host counts; None is a peer that has no host, as over a UNIX socket.

    Raises `ValueError` if it is the address of none.
    """
    if not host:
        return LOCAL
    ip = parse_host(host)
    if isinstance(ip, IPv4Address):
        return Address(str(ip))
    return Address(f"{IPv6Address(int(ip) >> _HOST_BITS << _HOST_BITS)}/{_HOST_BITS}")


@lru_cache(maxsize=10_000)
def is_public(address: Address) -> bool:
    """Whether it is one of the Internet, and not of this machine or of a private network."""
    return address != LOCAL and ip_network(address).network_address.is_global


def parse_host(host: str) -> IPv4Address | IPv6Address:
    """A host as a number; IPv4 in the clothes of IPv6 is IPv4 (RFC 4291, section 2.5.5.2).

    Raises `ValueError`.
    """
    ip = ip_address(host)
    return (isinstance(ip, IPv6Address) and ip.ipv4_mapped) or ip


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """A network in the notation of RFC 4632, section 3.1, or a single host.

    Raises `ValueError`, which says what is wrong.
    """
    return ip_network(text)
