"""The interface of the fast path: requests answered without being parsed, because a request with
the same bytes was parsed before.

A channel passes the first packet of a connection to its site's `Openings`, and then to its site's
`FastPath`.  If it gets a
`FastRequest`, the channel passes it each packet that arrives while no other request is in progress.
"""

from __future__ import annotations

from typing import Any, Protocol


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


class Openings(Protocol):
    """The first requests of a site's connections that begin a stream and need not be parsed."""

    def open(self, channel: Any, packet: bytes) -> bool:
        """Whether the packet begins a known stream; then the connection has been handed over."""


class FastPath(Protocol):
    """The requests of a site that need not be parsed."""

    def recognise(self, channel: Any, packet: bytes) -> FastRequest | None:
        """The known request in a new connection's first packet; None: it has to be parsed."""
