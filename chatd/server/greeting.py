"""The greeting: a notice that says how to connect, made from the ports that really listen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.application.service import Service
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger

from .startup import Door, written_place

EVERYWHERE = {"0.0.0.0", "::"}
LOOPBACK = {"127.0.0.1", "::1"}


class Greeting(Service):
    """Logs how to connect; started after the last door."""

    _log = Logger()

    def __init__(self, doors: Sequence[Door], page_url: str) -> None:
        """`page_url` is the URL of the page if the operator has configured one, otherwise empty."""
        self._doors = doors
        self._page_url = page_url

    def startService(self) -> None:
        """Log the greeting."""
        super().startService()
        ways = " · ".join(ways_in(self._doors, self._page_url))
        if ways:
            self._log.info("{ways}", ways=ways, log_notice=True)


def ways_in(doors: Sequence[Door], page_url: str) -> list[str]:
    """For each kind of door, the URL or command by which a person on this machine connects."""
    found: dict[str, str] = {}
    for door in doors:
        if door.port is not None and door.door in WAYS and door.door not in found:
            found[door.door] = WAYS[door.door](door, door.port.getHost())
    if page_url and "http" in found:
        found["http"] = f"open {page_url}"
    return [found[name] for name in WAYS if name in found]


def _page(door: Door, address: IAddress) -> str:
    if path := _path(address):
        return f"curl --unix-socket {path} http://localhost/"
    return f"open {door.scheme}://{here(address)}"


def _line(door: Door, address: IAddress) -> str:
    if path := _path(address):
        return f"rlwrap nc -U {path}"
    host, _, port = here(address).rpartition(":")
    if door.tls:
        return f"openssl s_client -quiet -connect {host}:{port}"
    return f"rlwrap nc {host.strip('[]')} {port}"


def _irc(door: Door, address: IAddress) -> str:
    if path := _path(address):
        return f"irc at {path}"
    return f"{'ircs' if door.tls else 'irc'}://{here(address)}"


WAYS: dict[str, Callable[[Door, IAddress], str]] = {"http": _page, "line": _line, "irc": _irc}


def _path(address: IAddress) -> str:
    """The path of a UNIX socket, or nothing."""
    return "" if hasattr(address, "host") else written_place(address)


def here(address: IAddress) -> str:
    """Host and port of an address, for clients on this machine."""
    host: str = getattr(address, "host", "")
    if host in EVERYWHERE | LOOPBACK:
        # `localhost` may resolve to IPv4 only, so a door that listens on IPv6 is shown by address.
        host = "::1" if ":" in host else "localhost"
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"  # type: ignore[attr-defined]
