"""The site of an HTTP door: the factory of its channels, with their limits and resource tree."""

from __future__ import annotations

from http import HTTPStatus
from time import time
from typing import Any

from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.web.http import Request as HTTPRequest
from twisted.web.http import datetimeToString
from twisted.web.resource import IResource
from twisted.web.server import Site

from ..model.errors import ChatError
from ..net.peers import Peers
from ..net.timeouts import Timeouts
from .bounds import LATE_SECONDS, USUAL, Bounds
from .channel import ChatChannel
from .fastpath import FastPath, Openings
from .hosts import Hosts
from .paced import last_answer
from .request import ChatRequest
from .resource import STATUS
from .unparsed import UnparsedConnection


class ChatSite(Site):
    """An HTTP site with limits for requests, without an access log, for HTTP/1.1 only."""

    noisy = False
    protocol = ChatChannel  # type: ignore[assignment]  # no wrapper that would switch to HTTP/2
    requestFactory = ChatRequest
    _second = 0
    """The second of which `_date` tells."""
    _date = b""

    def __init__(
        self,
        root: IResource,
        reactor: IReactorTime,
        bounds: Bounds = USUAL,
        peers: Peers | None = None,
        fast_path: FastPath | None = None,
        hosts: Hosts | None = None,
        openings: Openings | None = None,
    ) -> None:
        self.hosts = hosts
        """The host names that requests may send; None: any."""
        self.openings = openings
        """The streams whose beginning need not be parsed; None: all are."""
        self.fast_path = fast_path
        """The requests that need not be parsed; None: all are parsed."""
        self.limit(bounds)
        self.first_bytes = Timeouts(reactor, UnparsedConnection.time_is_up)
        """The connections from which nothing has come yet."""
        self.last_answers = Timeouts(reactor, UnparsedConnection.time_is_up)
        """The connections without a channel that have a request held and whose input is over."""
        self.peers = Peers(reactor) if peers is None else peers
        super().__init__(
            root, reactor=reactor, timeout=bounds.idle_seconds, parsePOSTFormSubmission=False
        )

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A new connection."""
        return UnparsedConnection(self, getattr(addr, "host", ""))

    def channel(self) -> ChatChannel:
        """A channel for a connection that needs one.  It has no idle timeout until it has parsed
        some bytes, because on the fast path it needs none.
        """
        channel: Any = super().buildProtocol(None)
        made: ChatChannel = channel
        made.timeOut = None
        return made

    def limit(self, bounds: Bounds) -> None:
        """Use these limits for all requests that begin from now on."""
        self.max_body = bounds.body
        self.request_seconds = bounds.request_seconds
        self.idle_seconds = bounds.idle_seconds
        self.kept_seconds = bounds.idle_seconds + LATE_SECONDS
        self.timeOut = bounds.idle_seconds

    def log(self, request: HTTPRequest) -> None:
        """Write no access log: long-polls would fill it with identical lines."""

    def date(self) -> bytes:
        """The present moment as the value of a `Date` header (RFC 9110, section 6.6.1)."""
        second = int(time())
        if second != self._second:
            self._second, self._date = second, datetimeToString(second)
        return self._date

    def rejection(self, error: ChatError) -> bytes:
        """The response to a client whose connection is refused."""
        status = HTTPStatus(STATUS[type(error)])
        return last_answer(status, status.phrase.encode(), error)

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/1.1 only: Twisted's HTTP/2 ends held requests at the idle timeout."""
        return [b"http/1.1"]
