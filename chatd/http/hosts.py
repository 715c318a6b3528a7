"""Allowed `Host` headers: the server's defence against DNS rebinding.

A hostile web page can make its own host name resolve to this server's address.  The browser then
treats the server as the page's own origin, and `Origin` equals `Host`.  But the page cannot choose
the `Host` header, which is always the page's own host name.  So a request is served only if its
host is known:

1. Known hosts are IP addresses, `localhost`, this machine's own names, and the names that the
   operator configures.  Ports are ignored.
2. A trusted proxy (`chatd.http.proxies`) is responsible for the hosts that it passes on.
3. A request without a host (HTTP/1.0) does not come from a browser, and is served.

The host is checked when the head of a request is complete, before the server uses any other part of
the request.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger

from ..model.errors import WrongHost
from ..model.text import plural
from ..net.connections import LogThrottle
from .proxies import NO_PROXIES, Proxies

MAX_NAME = 253
"""Characters of a host name (RFC 1035, section 2.3.4); messages show no more of a refused one."""


class Hosts:
    """The host names that requests may send as `Host`."""

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        names: Iterable[str] = (),
        proxies: Proxies = NO_PROXIES,
    ) -> None:
        """`names` are known in addition to this machine's own; `proxies` may pass on any host."""
        self._machine = {"localhost", *machine_names()}
        self._names = {*self._machine, *map(str.lower, names)}
        self._watching: list[Callable[[], object]] = []
        self._proxies = proxies
        self._refused = LogThrottle(clock, self._tell)

    def add(self, name: str) -> None:
        """Add one of this machine's names."""
        self._machine.add(name.lower())
        self._names.add(name.lower())

    def replace(self, names: Iterable[str]) -> None:
        """From now on, accept these names and this machine's own, and no others."""
        self._names = {*self._machine, *map(str.lower, names)}
        for changed in self._watching:
            changed()

    def watch(self, changed: Callable[[], object]) -> None:
        """Call `changed` whenever `replace` may have removed names."""
        self._watching.append(changed)

    def knows(self, host: str) -> bool:
        """Whether a `Host` header names this server, whichever peer sends it."""
        name = without_port(host)
        return not name or name in self._names or _is_address(name)

    def check(self, host: str, peer: IAddress) -> bool:
        """Whether the host is known; False: it is not, but `peer` is a trusted proxy.

        Raises `WrongHost` if the host is not known and `peer` is not a trusted proxy.
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
            f"refused {{times}} {plural(times, 'request')} with an unknown Host; "
            "the last: {last}; see --host and --trust-proxy",
            times=times,
            last=last,
        )


def machine_names() -> set[str]:
    """This machine's names that are known without a DNS query: its host name, with and without the
    domain, and the name by which multicast DNS announces it.
    """
    name = socket.gethostname().lower()
    first = name.partition(".")[0]
    return {name, first, f"{first}.local"} if first else set()


def hosts_of(origins: Iterable[str]) -> list[str]:
    """The host names in some origins (`https://chat.example:8443`)."""
    return [host for origin in origins if (host := urlsplit(origin).hostname)]


def host_name(text: str) -> str:
    """Convert an operator's spelling of a host name to ASCII (IDNA) and lower case.

    Raises `ValueError` if `text` is not a host name, or has a scheme, a port, or a path.
    """
    name = text.removesuffix(".").encode("idna").decode().lower()
    if not name or not all(c.isalnum() or c in "-_." for c in name):
        raise ValueError(f"{text!r} is no host name")
    return name


@lru_cache(maxsize=200)
def without_port(host: str) -> str:
    """The name in a `Host` header, in lower case and without the root's dot."""
    name, colon, port = host.rpartition(":")
    if not colon or "]" in port:  # [::1]
        name = host
    return name.lower().removesuffix(".")


@lru_cache(maxsize=200)
def _is_address(name: str) -> bool:
    """Cached: a server without a name has the same few addresses in all requests."""
    try:
        if name.startswith("[") and name.endswith("]"):
            IPv6Address(name[1:-1])
        else:
            IPv4Address(name)
    except ValueError:
        return False
    return True
