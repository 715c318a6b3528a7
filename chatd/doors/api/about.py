"""`/about`: what a client has to know of the server before anybody signs in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import NamedTuple

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress
from twisted.web.server import Request

from ...chat.service import ChatService
from ...http.resource import ApiResource, answer
from ...model.text import MAX_LINE_BREAKS

TOLD = ("line", "irc")
"""The doors whose ports are public: those that people connect to without a browser."""


class Place(NamedTuple):
    """Where a door listens."""

    door: str
    address: IAddress
    tls: bool = False


class AboutResource(ApiResource):
    """`/about`: the ports of the doors, and how long a text may be."""

    isLeaf = True

    def __init__(self, service: ChatService, places: Callable[[], Iterable[Place]]) -> None:
        """`places` are the places at which the server listens by now."""
        super().__init__()
        self._service = service
        self._places = places

    def render_GET(self, request: Request) -> bytes:
        """The doors in the order in which they were opened."""
        doors = [
            {"door": door, "port": address.port, "tls": tls, "local": is_local(address)}
            for door, address, tls in self._places()
            if door in TOLD and isinstance(address, IPv4Address | IPv6Address)
        ]
        text = {"bytes": self._service.max_text, "breaks": MAX_LINE_BREAKS}
        return answer(request, {"doors": doors, "text": text})


def is_local(address: IPv4Address | IPv6Address) -> bool:
    """Whether only this machine's own clients reach a door that listens there."""
    return ip_address(address.host.partition("%")[0]).is_loopback
