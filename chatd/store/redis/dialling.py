"""Dialling: a connection to the server that a URL names, ready for commands.

1. Everything has a deadline, as a server that is stopped accepts connections and says nothing.
2. With sentinels, the first one that knows the service is believed, and asked anew for each
   connection; whether that server takes writes is seen by its own words (`server.examine`).
   `Dialler.moved` tells whether the sentinels have promoted another server since then.
"""

from __future__ import annotations

from socket import SOCK_STREAM, getaddrinfo
from typing import TYPE_CHECKING, Any

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    wrapClientTLS,
)

from ...model.errors import Unavailable
from .failures import Lost, Refused
from .url import RedisUrl

if TYPE_CHECKING:
    from twisted.internet.interfaces import IStreamClientEndpoint

    from .link import Link

CONNECT_SECONDS = 1.5
"""Seconds for a connection to be made, and for each answer on it."""

Place = tuple[str, int]


class Dialler:
    """Makes connections to the server that a URL names."""

    def __init__(self, reactor: Any, url: RedisUrl) -> None:
        self._reactor = reactor
        self._url = url
        self._place: Place | None = None
        """The server of the last connection."""

    def __call__(self) -> Deferred[Link]:
        """A connection, logged in.  Fails with `Unavailable`, which says why there is none."""
        return Deferred.fromCoroutine(self._dial())

    def moved(self) -> Deferred[bool]:
        """Whether the sentinels name another server than that of the last connection; always False
        without sentinels.  Fails with `Unavailable`.
        """
        return Deferred.fromCoroutine(self._moved())

    async def _moved(self) -> bool:
        return bool(self._url.service) and await self._master() != self._place

    async def _dial(self) -> Link:
        url = self._url
        place = self._place = await self._master() if url.service else url.hosts[0]
        link = await self._connect(place, tls=url.tls)
        try:
            if url.password or url.user:
                login = [url.user, url.password] if url.user else [url.password]
                await self._ask(link, "AUTH", *login)
            if url.database:
                await self._ask(link, "SELECT", url.database)
        except (Lost, Refused) as problem:
            link.abandon()
            raise Unavailable(f"{written(place)}: {problem}") from None
        return link

    async def _master(self) -> Place:
        """The server that the sentinels name.  Raises `Unavailable`."""
        problem = "no sentinel answers"
        for place in self._url.hosts:
            try:
                link = await self._connect(place, tls=False)
            except Unavailable as unreachable:
                problem = unreachable.message
                continue
            try:
                found = await self._ask(
                    link, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._url.service
                )
            except (Lost, Refused) as failed:
                problem = f"{written(place)}: {failed}"
                continue
            finally:
                link.abandon()
            if found:
                return found[0].decode(), int(found[1])
            problem = f"{written(place)} knows no service {self._url.service!r}"
        raise Unavailable(problem)

    async def _connect(self, place: Place, *, tls: bool) -> Link:
        from .link import LinkFactory  # late: it imports the reactor

        host, port = place
        try:
            endpoint = self._endpoint(host, port)
            if tls:
                from twisted.internet.ssl import optionsForClientTLS

                endpoint = wrapClientTLS(optionsForClientTLS(host), endpoint)
            link: Link = await endpoint.connect(LinkFactory(self._reactor))  # type: ignore[assignment]
        except Exception as problem:  # whatever an endpoint fails with: there is no connection
            raise Unavailable(f"{written(place)}: {problem}") from None
        link.transport.setTcpNoDelay(True)  # type: ignore[union-attr]
        return link

    def _endpoint(self, host: str, port: int) -> IStreamClientEndpoint:
        """Where a server is.  Raises `OSError`.

        Names are resolved by threads, which the reactor starts; before it runs, which is at the
        start only, they are resolved here and now.
        """
        if not self._reactor.running:
            host = str(getaddrinfo(host, None, type=SOCK_STREAM)[0][4][0])
        if isIPv6Address(host):
            return TCP6ClientEndpoint(self._reactor, host, port, timeout=CONNECT_SECONDS)
        if isIPAddress(host):
            return TCP4ClientEndpoint(self._reactor, host, port, timeout=CONNECT_SECONDS)
        return HostnameEndpoint(self._reactor, host, port, timeout=CONNECT_SECONDS)

    async def _ask(self, link: Link, *words: str | int) -> Any:
        """What the server answers, in time.  Raises `Lost`, `Refused`."""
        timer = self._reactor.callLater(CONNECT_SECONDS, link.abort)
        try:
            return await link.ask(*words)
        finally:
            if timer.active():
                timer.cancel()


def written(place: Place) -> str:
    """An address as people write it."""
    return f"{place[0]}:{place[1]}"
