"""A request whose body's size is checked while it is received."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from twisted.python.failure import Failure
from twisted.web.server import Request

from ..model.errors import ChatError, TooLarge

MAX_CHUNKS = 1000
"""Chunks of a request's body.  A limit of bytes is not enough: a chunk of one byte costs more than
the byte."""


class Refusing(Protocol):
    """The methods of a channel that a `ChatRequest` calls, besides those of `twisted.web`."""

    site: Any

    @property
    def max_body(self) -> int:
        """Bytes that a request's body may have."""

    def refuse(self, status: int, phrase: bytes, error: ChatError) -> None:
        """Answer an incomplete or malformed request with `error`, and close the connection."""

    def complete(self) -> None:
        """The request is complete, and the server begins to answer it."""

    def send_head(self) -> None:
        """Write the head of an answer whose body has not begun."""


class ChatRequest(Request):
    """A request with a limit for its body."""

    channel: Refusing  # type: ignore[assignment]
    _received = 0
    _chunks = 0
    refused = False
    """Whether the request was refused before it was complete, and must not be carried out."""
    conclude: Callable[[], None] | None = None
    """Ends the answer at once, if the request is held; None for other requests."""
    target = b"/"
    """The requested path and query."""
    host_known = True
    """Whether the host is known (`Hosts.knows`); False: only a trusted proxy vouches for it."""

    is_anonymous = False
    """Whether the request is known to show no token."""

    def gotLength(self, length: int | None) -> None:
        """The headers are complete."""
        if length is not None and length > self.channel.max_body:
            # The channel would send "100 Continue" after the refusal.
            self.requestHeaders.removeHeader(b"expect")
            self.too_large()
        # For an unknown length, Twisted would open a temporary file, which takes a descriptor.
        super().gotLength(0)

    def __repr__(self) -> str:
        # Twisted logs the repr of requests, and its own contains the query, which may hold a token.
        return f"<ChatRequest {self.method!r} {getattr(self, 'path', self.target)!r}>"

    def handleContentChunk(self, data: bytes) -> None:
        """Bytes of the body were received."""
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

    def process(self) -> None:
        """Have the site's resource answer the request.  Twisted's own would set a `Server` header,
        and format the date again for each request.
        """
        if self.path == b"*":
            super().process()
            return
        site = self.site = self.channel.site
        self.responseHeaders.setRawHeaders(b"date", [site.date()])
        self.prepath = []
        self.postpath = [*map(unquote_to_bytes, self.path[1:].split(b"/"))]
        try:
            self.render(site.getResourceFor(self))
        except Exception:
            self.processingFailed(Failure())

    def write(self, data: bytes) -> None:
        """Write bytes of the answer; the first ones are written together with its head."""
        begins = not self.startedWriting
        super().write(data)
        if begins:
            self.channel.send_head()

    def too_large(self) -> None:
        """Refuse the request: its body, or its Content-Length, exceeds the limit."""
        if not self.refused:
            self.channel.refuse(
                413,
                b"Content Too Large",
                TooLarge(
                    f"a body has at most {self.channel.max_body} bytes here, in {MAX_CHUNKS} chunks"
                ),
            )
