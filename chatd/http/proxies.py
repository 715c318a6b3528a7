"""Trusted proxies, whose `X-Forwarded-For`, `-Proto` and `-Host` headers are believed.

Any client can send these headers, so they are used only if the peer is one of the operator's
proxies.  Each proxy appends its client's address to `X-Forwarded-For`.  The client is the last
address in the list that is not a proxy's; addresses before it may be forged.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from twisted.internet.interfaces import IAddress
from twisted.web.server import Request

from ..model.addresses import LOCAL, Address, address_of, parse_host
from ..model.errors import ChatError
from .fields import header, header_lines

_WITH_PORT = re.compile(r"\[(.*)\](?::\d+)?|([^:]*):\d+")


class Proxies:
    """The proxies that the operator trusts."""

    def __init__(
        self, networks: Collection[IPv4Network | IPv6Network] = (), *, sockets: bool = False
    ) -> None:
        """Trust peers in `networks` and, if `sockets`, peers on UNIX sockets."""
        self.replace(networks, sockets)

    def replace(
        self, networks: Collection[IPv4Network | IPv6Network], sockets: bool = False
    ) -> None:
        """From now on, trust these peers and no others."""
        self._networks = tuple(networks)
        self._sockets = sockets

    def address(self, request: Request) -> Address:
        """The client's address; the peer's, if the peer is no trusted proxy, or its
        `X-Forwarded-For` is malformed.
        """
        peer = _peer(request)
        if not self._believes(peer):
            return address_of(peer)
        try:
            hosts = ",".join(header_lines(request, "x-forwarded-for")).split(",")
            return address_of(self._client(hosts))
        except (ChatError, ValueError):
            return address_of(peer)

    def secure(self, request: Request) -> bool:
        """Whether the client is known to use TLS, to this server or to the first proxy."""
        return request.isSecure() or self._told(request, "x-forwarded-proto").lower() == "https"

    def host(self, request: Request) -> str:
        """The host, with its port, to which the client sent the request; empty: none is known."""
        return self._told(request, "x-forwarded-host") or header(request, "host") or ""

    def trusts(self, peer: IAddress) -> bool:
        """Whether `peer` is a trusted proxy."""
        return self._believes(_host_of(peer))

    def trusts_address(self, address: Address) -> bool:
        """Whether the address is a trusted proxy's, so that any client of the proxy may have it."""
        if address == LOCAL or not self._networks:
            return False
        asked = ip_network(address)
        return any(
            network.version == asked.version and asked.overlaps(network)
            for network in self._networks
        )

    def _told(self, request: Request, name: str) -> str:
        """The first value of a header, which the first proxy set; empty if the peer is no trusted
        proxy.
        """
        if not self._believes(_peer(request)):
            return ""
        lines = header_lines(request, name) or [""]
        return lines[0].partition(",")[0].strip()

    def _believes(self, peer: str | None) -> bool:
        if peer is None:
            return self._sockets
        return bool(self._networks) and self._trusted(parse_host(peer))

    def _trusted(self, ip: IPv4Address | IPv6Address) -> bool:
        return any(ip in network for network in self._networks)

    def _client(self, hosts: list[str]) -> str:
        """The last host that is not a trusted proxy, or else the first.  Raises `ValueError`."""
        for text in reversed(hosts):
            host = text.strip()
            if ported := _WITH_PORT.fullmatch(host):
                host = ported[1] or ported[2]
            if not self._trusted(parse_host(host)):
                break
        return host


NO_PROXIES = Proxies()
"""No proxy is trusted."""


def _peer(request: Request) -> str | None:
    return _host_of(request.getClientAddress())


def _host_of(address: IAddress) -> str | None:
    """An address's host, None for a UNIX socket."""
    return getattr(address, "host", None)
