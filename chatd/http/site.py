"""The site of a door: what `twisted.web` asks of the factory of its channels."""

from __future__ import annotations

from http import HTTPStatus

from twisted.internet.interfaces import IReactorTime
from twisted.web.http import Request as HTTPRequest
from twisted.web.resource import IResource
from twisted.web.server import Site

from ..model.errors import ChatError
from ..net.peers import Peers
from .bounds import LATE_SECONDS, MAX_BODY, USUAL, Bounds
from .channel import ChatChannel
from .fastpath import FastPath
from .hosts import Hosts
from .paced import last_answer
from .request import ChatRequest
from .resource import STATUS


class ChatSite(Site):
    """A site of chatd's: bounded, without an access log, HTTP/1.1 only."""

    noisy = False
    protocol = ChatChannel  # type: ignore[assignment]  # no wrapper that would switch to HTTP/2
    requestFactory = ChatRequest

    def __init__(
        self,
        root: IResource,
        reactor: IReactorTime,
        bounds: Bounds = USUAL,
        peers: Peers | None = None,
        fast_path: FastPath | None = None,
        hosts: Hosts | None = None,
    ) -> None:
        self.hosts = hosts
        """Under which names it may be asked; None: under any."""
        self.fast_path = fast_path
        """Knows requests that need not be parsed; None: all are parsed."""
        self.max_body = MAX_BODY if bounds.body is None else bounds.body
        self.request_seconds = bounds.request_seconds
        self.idle_seconds = bounds.idle_seconds
        self.kept_seconds = bounds.idle_seconds + LATE_SECONDS
        self.peers = Peers(reactor) if peers is None else peers
        super().__init__(
            root, reactor=reactor, timeout=bounds.idle_seconds, parsePOSTFormSubmission=False
        )

    def log(self, request: HTTPRequest) -> None:
        """Write nothing: a long-poller would fill the log with the same line all day."""

    def turn_away(self, error: ChatError) -> bytes:
        """What a client is told that is not let in."""
        status = HTTPStatus(STATUS[type(error)])
        return last_answer(status, status.phrase.encode(), error)

    def acceptableProtocols(self) -> list[bytes]:
        """No HTTP/2: in Twisted it ends held requests at the idle timeout."""
        return [b"http/1.1"]
