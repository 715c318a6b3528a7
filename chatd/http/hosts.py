"""Which hosts a request may name: the server's defence against DNS rebinding.

A hostile web page can make its own host name resolve to this server's address.  Its browser then
takes the server for the page's own origin, and `Origin` equals `Host`.  The page cannot choose what
its browser sends as `Host`, though: that is the page's own name.  So a request is served only if
its host is known:

1. An IP address, `localhost`, and this machine's own names are known, and the names that the
   operator gives.  Ports do not matter.
2. A trusted proxy (`chatd.http.proxies`) is responsible for the hosts that it passes on.
3. A request without a host (HTTP/1.0) comes from no browser, and is served.

The host is checked when the head of a request is complete, before anything else of it is used.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger

from ..model.errors import WrongHost
from ..net.connections import LogThrottle
from .proxies import NO_PROXIES, Proxies

MAX_NAME = 253
"""Characters of a host name (RFC 1035, section 2.3.4); a longer one is not looked at."""


class Hosts:
    """The host names under which a server may be asked."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        names: Iterable[str] = (),
        proxies: Proxies = NO_PROXIES,
    ) -> None:
        """`names` are known besides this machine's own; `proxies` may pass on any other."""
        self._names = {"localhost", *machine_names(), *map(str.lower, names)}
        self._proxies = proxies
        self._refused = LogThrottle(clock, self._tell)

    def add(self, name: str) -> None:
        """One more name is known from here on."""
        self._names.add(name.lower())

    def knows(self, host: str) -> bool:
        """Whether a `Host` header names this server, whichever peer sends it."""
        name = without_port(host)
        return not name or name in self._names or _is_address(name)

    def check(self, host: str, peer: IAddress) -> bool:
        """Whether `knows` holds, or only the peer, a trusted proxy, vouches for the host.

        Raises `WrongHost` if neither is so.
        """
        if self.knows(host):
            return True
        if self._proxies.trusts(peer):
            return False
        name = without_port(host)[:MAX_NAME]
        self._refused.happened(name)
        raise WrongHost(
            f'this server is not known as "{name}": start chatd with --host {name}, '
            "or with --trust-proxy if a proxy has passed this request on"
        )

    def _tell(self, times: int, last: str) -> None:
        self._log.warn(
            "requests refused because of their Host: {times}; the last named {last}; "
            "see --host and --trust-proxy",
            times=times,
            last=last,
        )


def machine_names() -> set[str]:
    """This machine's names, as far as they are known without asking the network: its host name,
    and how multicast DNS announces that.
    """
    name = socket.gethostname().lower()
    first = name.partition(".")[0]
    return {name, first, f"{first}.local"} if first else set()


def hosts_of(origins: Iterable[str]) -> list[str]:
    """The host names in some origins (`https://chat.example:8443`)."""
    return [host for origin in origins if (host := urlsplit(origin).hostname)]


def host_name(text: str) -> str:
    """A host name as an operator gives it, in ASCII and lower case.

    Raises `ValueError` if it is none, or has a scheme, a port, or a path.
    """
    name = text.removesuffix(".").encode("idna").decode().lower()
    if not name or not all(c.isalnum() or c in "-_." for c in name):
        raise ValueError(f"{text!r} is no host name")
    return name


def without_port(host: str) -> str:
    """The name in a `Host` header, in lower case and without the root's dot."""
    name, colon, port = host.rpartition(":")
    if not colon or "]" in port:  # [::1]
        name = host
    return name.lower().removesuffix(".")


def _is_address(name: str) -> bool:
    try:
        if name.startswith("[") and name.endswith("]"):
            IPv6Address(name[1:-1])
        else:
            IPv4Address(name)
    except ValueError:
        return False
    return True
