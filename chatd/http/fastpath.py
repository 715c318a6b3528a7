"""Requests that are answered without being parsed, because the same bytes came before.

A channel asks its site's `FastPath` about the first packet of a connection, and from then on the
`FastRequest` that it got about each packet that comes while nothing else is under way.
"""

from __future__ import annotations

from typing import Any, Protocol


class FastRequest(Protocol):
    """A request that one connection sends again and again, answered past `twisted.web`."""

    @property
    def held(self) -> bool:
        """Whether it waits for its answer."""

    def take(self, packet: bytes) -> bool:
        """Whether the packet is that request again; if so, it is answered or held."""

    def data_received(self, data: bytes) -> None:
        """In the channel's place, while nothing but this request comes."""

    def come_back(self) -> None:
        """Let the channel go on when the request is answered."""

    def conclude(self) -> None:
        """Answer with what there is: the server is going down."""

    def unlearn(self) -> None:
        """The connection is the channel's again."""

    def gone(self) -> None:
        """The client has gone."""


class FastPath(Protocol):
    """Knows requests that need not be parsed."""

    def recognise(self, channel: Any, packet: bytes) -> FastRequest | None:
        """The request that a new connection's first packet is, None if it has to be parsed."""
