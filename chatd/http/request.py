"""A request whose body is capped while it comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.web.server import Request

from ..model.errors import ChatError, TooLarge

MAX_CHUNKS = 1000
"""Chunks of a request's body: reading one costs more than reading its byte."""


class Refusing(Protocol):
    """What a request needs of its connection, besides what `twisted.web` does."""

    site: Any

    @property
    def max_body(self) -> int:
        """Bytes that a request's body may have."""

    def refuse(self, status: int, phrase: bytes, error: ChatError) -> None:
        """Answer what is not even a whole request, and close."""

    def complete(self) -> None:
        """The request is complete and being answered."""


class ChatRequest(Request):
    """A request whose body is capped."""

    channel: Refusing  # type: ignore[assignment]
    _received = 0
    _chunks = 0
    refused = False
    """Whether it was answered before it was complete, and is not to be carried out."""
    conclude: Callable[[], None] | None = None
    """How its answer is brought to an end before its time, if it is one that waits."""
    target = b"/"
    """The path and query that are asked for."""
    host_known = True
    """Whether the host that it names is known here, whichever peer names it."""

    def gotLength(self, length: int | None) -> None:
        """The headers are complete."""
        if length is not None and length > self.channel.max_body:
            # The channel would greet an over-long body with "100 Continue" behind the refusal.
            self.requestHeaders.removeHeader(b"expect")
            self.too_large()
        # Of no known length, it would get a file, which takes a descriptor; it is capped as it is.
        super().gotLength(0)

    def __repr__(self) -> str:
        # Twisted's own has the query, which may hold a token, and puts itself into logs.
        return f"<ChatRequest {self.method!r} {getattr(self, 'path', self.target)!r}>"

    def handleContentChunk(self, data: bytes) -> None:
        """Some of the body came in."""
        self._received += len(data)
        self._chunks += 1
        if self._received > self.channel.max_body or self._chunks > MAX_CHUNKS:
            self.too_large()
        if not self.refused:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The request is complete."""
        if self.refused:
            return
        self.channel.complete()
        super().requestReceived(command, self.target, version)

    def too_large(self) -> None:
        """It has, or announces, more body than may be."""
        if not self.refused:
            self.channel.refuse(
                413,
                b"Content Too Large",
                TooLarge(
                    f"a body has at most {self.channel.max_body} bytes here, in {MAX_CHUNKS} chunks"
                ),
            )
