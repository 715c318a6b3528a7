"""The interface of the fast path: requests answered without being parsed, because a request with
the same bytes was parsed before.

The first packet of a connection is passed to its site's `Openings`, and then by its channel to the
site's `FastPath`.  If the channel gets a `FastRequest`, it passes it each packet that arrives while
no other request is in progress.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.python.failure import Failure


class FastRequest(Protocol):
    """A request that one connection sends again and again, answered past `twisted.web`."""

    @property
    def held(self) -> bool:
        """Whether the request waits for its answer."""

    def take(self, packet: bytes) -> bool:
        """Whether the packet repeats the request; if so, the request is answered or held."""

    def data_received(self, data: bytes) -> None:
        """Handle received bytes in the channel's place, as long as they repeat this request."""

    def come_back(self) -> None:
        """When the request is answered, have the channel handle the input that was put off."""

    def conclude(self) -> None:
        """Answer with the events there are: the server is going down."""

    def unlearn(self) -> None:
        """The channel handles the connection's bytes again."""

    def gone(self) -> None:
        """The client has disconnected."""


class Upgraded(Protocol):
    """A protocol that can take over a connection: an `IProtocol` that supports half-closing."""

    def makeConnection(self, transport: Any) -> None:  # noqa: N802
        """See `IProtocol.makeConnection`."""

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol.dataReceived`."""

    def readConnectionLost(self) -> None:
        """See `IHalfCloseableProtocol.readConnectionLost`."""

    def connectionLost(self, reason: Failure) -> None:
        """See `IProtocol.connectionLost`."""


class Opener(Protocol):
    """A connection whose first packet has come (`chatd.http.awaited`)."""

    site: Any
    """The `ChatSite`."""
    host: str
    """The client's host."""

    @property
    def is_last(self) -> bool:
        """Whether the server goes down, and the connection has to be closed soon."""

    def upgrade(self, accept: bytes, protocol: Upgraded) -> None:
        """Write `accept`, and hand the connection over to `protocol`."""


class Openings(Protocol):
    """The first requests of a site's connections that begin a stream and need not be parsed."""

    def open(self, opener: Opener, packet: bytes) -> bool:
        """Whether the packet begins a known stream; then the connection has been handed over."""


class FastPath(Protocol):
    """The requests of a site that need not be parsed."""

    def recognise(self, channel: Any, packet: bytes) -> FastRequest | None:
        """The known request in a new connection's first packet; None: it has to be parsed."""
