"""Requests to push services over HTTP.

1. Redirects are not followed, and answers are not read beyond their headers.
2. No cookies are kept, unlike by `treq`, and each request has a connection of its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol as Body
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

from .internet import InternetEndpoints


class Reply(NamedTuple):
    """The answer of a push service."""

    status: int
    retry_after: str = ""
    """The header of that name; empty: there is none."""


class Post(Protocol):
    """Sends a request with the method POST."""

    def __call__(self, url: str, headers: dict[bytes, list[bytes]], body: bytes) -> Deferred[Reply]:
        """Fires with the answer; fails if there is none."""


class AgentPost:
    """Sends requests with Twisted's HTTP client, to hosts of the Internet only."""

    def __init__(self, reactor: Any, endpoints: InternetEndpoints | None = None) -> None:
        factory = endpoints or InternetEndpoints(reactor)
        self._agent = Agent.usingEndpointFactory(reactor, factory)

    def __call__(self, url: str, headers: dict[bytes, list[bytes]], body: bytes) -> Deferred[Reply]:
        """See `Post`."""
        asking: Deferred[Any] = self._agent.request(
            b"POST", url.encode("ascii"), Headers(headers), _Whole(body)
        )
        return asking.addCallback(_reply)


@implementer(IBodyProducer)
class _Whole:
    """A short body, written at once."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See `IBodyProducer`."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """See `IBodyProducer`: it is written already."""

    def resumeProducing(self) -> None:
        """See `IBodyProducer`."""

    def stopProducing(self) -> None:
        """See `IBodyProducer`."""


def _reply(response: IResponse) -> Reply:
    (retry_after, *_) = response.headers.getRawHeaders(b"retry-after") or [b""]
    response.deliverBody(_Unread())
    return Reply(response.code, retry_after.decode("ascii", "replace").strip())


class _Unread(Body):
    """Discards the body of an answer."""

    def dataReceived(self, data: bytes) -> None:
        """See `twisted.internet.protocol.Protocol`."""
        if self.transport is not None:
            self.transport.loseConnection()
