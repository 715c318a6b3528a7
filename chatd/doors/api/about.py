"""`/about`: the facts about the server that a client needs before its user signs in."""

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
from ...store.kernelclock import is_kept

TOLD = ("line", "irc")
"""The doors whose ports are published: people connect to them without a browser."""


class Place(NamedTuple):
    """Where a door listens."""

    door: str
    address: IAddress
    tls: bool = False


class AboutResource(ApiResource):
    """`/about`: the ports of the doors, how long a text may be, and the clock."""

    isLeaf = True

    def __init__(self, service: ChatService, places: Callable[[], Iterable[Place]]) -> None:
        """`places` returns the places where the server listens at present."""
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
        service = self._service
        clock = {
            "now": int(service.wall() * 1_000_000),
            "kept": is_kept(),
            "store": round(service.behind_store, 3),
        }
        return answer(request, {"doors": doors, "text": text, "clock": clock})


def is_local(address: IPv4Address | IPv6Address) -> bool:
    """Whether only clients on this machine can connect to a door at that address."""
    return ip_address(address.host.partition("%")[0]).is_loopback
