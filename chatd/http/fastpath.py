"""The interface of the fast path: requests answered without being parsed, because a request with
the same bytes was parsed before, or because they are plain.

Each packet of a connection that has no channel (`chatd.http.unparsed`) is passed to its site's
`FastPath` and `Openings`.  If the connection gets a `FastRequest`, it passes it each packet that
arrives while no other request is in progress.  So does a channel: `FastRequest`s outlive the change
from a connection without a channel to one with a channel.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.python.failure import Failure


class FastConnection(Protocol):
    """The connection of a `FastRequest`: an `UnparsedConnection`, or a `ChatChannel`."""

    site: Any
    """The `ChatSite`."""
    transport: Any
    full: bool
    """Whether the client does not read, so that no further request is answered."""

    @property
    def host(self) -> str:
        """The client's host; empty if it has none."""

    @property
    def is_secure(self) -> bool:
        """Whether the connection is encrypted."""

    @property
    def early(self) -> bytes:
        """The bytes that were put off with `defer`."""

    def receive_other(self, data: bytes) -> None:
        """Handle bytes that do not repeat the request, while no request is in progress."""

    def parse(self, data: bytes) -> None:
        """Have `twisted.web` parse bytes with which a request begins."""

    def defer(self, data: bytes) -> None:
        """Put off bytes that were received while the request is held."""

    def replay_soon(self) -> None:
        """The request is answered: handle the bytes, or the end of the input, that came before."""

    def close_idle(self) -> None:
        """Close the connection, because no request has come for a while."""

    def loseConnection(self) -> None:
        """Close the connection once the client has read what was sent."""


class FastRequest(Protocol):
    """A request that one connection sends again and again, the same or one of its kind, answered
    past `twisted.web`.
    """

    connection: FastConnection

    @property
    def held(self) -> bool:
        """Whether the request waits for its answer."""

    @property
    def owed(self) -> bool:
        """Whether it waits for the outcome of a command: see `Connected.owed`."""

    @property
    def begun(self) -> bytes:
        """The bytes of a request that is incomplete; empty: there is none."""

    def take(self, packet: bytes) -> bool:
        """Whether the packet repeats the request; if so, the request is answered or held, or the
        rest of it is waited for.
        """

    def data_received(self, data: bytes) -> None:
        """Handle received bytes in the connection's place, as long as they repeat this request."""

    def come_back(self) -> None:
        """When the request is answered, have the connection handle the input that was put off."""

    def conclude(self) -> None:
        """The server is going down: answer a request that is held as soon as possible, at once
        unless it is `owed`, and close the connection then.
        """

    def unlearn(self) -> None:
        """The connection handles its bytes itself again."""

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


class Opener(FastConnection, Protocol):
    """A connection without a channel, of which a packet has come (`chatd.http.unparsed`)."""

    def upgrade(self, accept: bytes, protocol: Upgraded) -> None:
        """Write `accept`, and hand the connection over to `protocol`."""


class Openings(Protocol):
    """The requests of a site that begin a stream and need not be parsed."""

    def open(self, opener: Opener, packet: bytes) -> bool:
        """Whether the packet begins a known stream; then the connection has been handed over."""


class FastPath(Protocol):
    """The other requests of a site that need not be parsed."""

    def recognise(self, connection: FastConnection, packet: bytes) -> FastRequest | None:
        """The request in a packet of a connection on which no request is in progress, if its bytes
        are known, or if it is plain; None: it has to be parsed.
        """
