"""An HTTP/1.1 parser that is stricter than `twisted.web`'s.

Requests that two HTTP parsers could interpret differently (request smuggling) are refused where
Twisted would accept one interpretation (`chatd.http.syntax`).  They are refused as early as
possible: a malformed head is answered before the body is received.  Twisted has no public hooks for
this, so the class overrides the methods that `HTTPChannel` calls for each line, each header, the
complete head, the body, and the answer's head, with the reason in a comment.  `chatd.net.private`
contains everything that depends on private names of Twisted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.web.http import Request as HTTPRequest
from twisted.web.http_headers import Headers

from ..model.errors import ChatError, Malformed, TooLarge, WrongHost
from ..net.private import OpenChannel
from .chunked import Chunks
from .request import ChatRequest
from .syntax import check_field, check_headers, read_target

MAX_HEADERS = 100
"""Headers of a request: browsers and proxies send about thirty.  A limit of bytes is not enough:
a header costs more than its bytes."""


class StrictChannel(OpenChannel):
    """A connection whose requests are checked against RFC 9112 before they are carried out."""

    maxHeaders = MAX_HEADERS  # noqa: N815
    site: Any
    """The `ChatSite`."""
    _head = b""
    """The head of an answer that has begun, until it is written."""

    def refuse(self, status: int, phrase: bytes, error: ChatError) -> None:
        """Answer an incomplete or malformed request with `error`, and close the connection."""
        raise NotImplementedError

    @property
    def is_last(self) -> bool:
        """Whether the current request is the last that is answered on this connection."""
        raise NotImplementedError

    def read_strictly(self, data: bytes) -> None:
        """Let Twisted parse bytes; refuse a chunk that is too long, and lines without CR."""
        super().dataReceived(data)
        if self.chunk_length > self.site.max_body:
            self.requests[-1].too_large()
        if self.line_mode and b"\n" in self.unparsed and b"\r\n" not in self.unparsed:
            # Twisted would wait for ever for a CR (RFC 9112, section 2.2).
            self.bad_request("a line of HTTP ends with CR LF")

    def lineReceived(self, line: bytes) -> None:
        """Handle a line of a request's head."""
        # Twisted would append it to the previous line; others do not (RFC 9112, section 5.2).
        if line.startswith((b" ", b"\t")):
            self.bad_request("no line of a request's head begins with a space")
        else:
            super().lineReceived(line)

    def headerReceived(self, line: bytes) -> bool:
        """Handle a header; returns whether it is valid."""
        try:
            check_field(line)
        except Malformed as error:
            return self.bad_request(error.message)
        try:
            line.decode()
        except UnicodeDecodeError:  # allowed by RFC 9110, section 5.5; Twisted would raise
            line = line.decode("latin-1").encode()
        good: bool = super().headerReceived(line)
        return good

    def allHeadersReceived(self) -> None:
        """A request's head is complete: check it before the body is received."""
        request: ChatRequest = self.requests[-1]
        headers = request.requestHeaders
        try:
            method, target, version = self.request_line
            check_headers(headers, version)
            request.target = read_target(method, target, version, headers)
            if self.site.hosts:
                host = request.getHeader("host") or ""
                request.host_known = self.site.hosts.check(host, self.getPeer())
        except Malformed as error:
            self.bad_request(error.message)
        except WrongHost as error:
            self.refuse(421, b"Misdirected Request", error)
        else:
            if self.length is None:
                # Twisted's own decoder accepts malformed chunks.
                handle = request.handleContentChunk
                self.decode_body_with(lambda finish: Chunks(handle, finish))
            super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:
        """Handle bytes of a body, or bytes after it."""
        try:
            super().rawDataReceived(data)
        except Malformed as error:
            self.bad_request(error.message)

    def writeHeaders(  # noqa: N802
        self, version: bytes, code: bytes, reason: bytes, headers: Headers
    ) -> None:
        """Keep an answer's head, without a `Server` header, until its body's first bytes."""
        headers.removeHeader(b"server")
        if code in (b"204", b"304"):
            # RFC 9110, section 8.6: a response with this status has no Content-Length.
            headers.removeHeader(b"content-length")
        lines = [b"%b %b %b" % (version, code, reason)]
        for name, values in headers.getAllRawHeaders():
            for value in values:
                lines.append(b"%b: %b" % (name, value))
        self._head = b"\r\n".join([*lines, b"", b""])

    def write(self, data: bytes) -> None:
        """Write bytes of an answer.  Its head goes out with the first bytes of its body: Twisted
        would take two system calls for an answer, and often two packets.
        """
        if self._head:
            data = self._head + data
            self._head = b""
        self.transport.write(data)  # type: ignore[union-attr]

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Write bytes of an answer."""
        self.write(b"".join(iovec))

    def send_head(self) -> None:
        """Write the head of an answer whose body has not begun."""
        if self._head:
            self.write(b"")

    def checkPersistence(  # noqa: N802
        self, request: HTTPRequest, version: bytes
    ) -> bool:
        """Whether the connection stays open after this request."""
        # Twisted overlooks "close" in a list of several options (RFC 9112, section 9.6).
        listed = b",".join(request.requestHeaders.getRawHeaders(b"connection", []))
        words = [word.strip() for word in listed.lower().split(b",")]
        if b"close" in words or self.is_last:
            request.requestHeaders.setRawHeaders(b"connection", [b"close"])
        persistent: bool = super().checkPersistence(request, version)
        return persistent

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a request with a line of more than `MAX_LENGTH` bytes in its head."""
        error = TooLarge(f"a line of a request has at most {self.MAX_LENGTH} bytes here")
        self.refuse(431, b"Request Header Fields Too Large", error)

    def refused_by_twisted(self) -> None:
        """Refuse a request that Twisted itself refuses.  Twisted would give no reason, and would
        close the connection before the client has read the answer.
        """
        if self.too_many_headers:
            error = TooLarge(
                f"a request has at most {self.maxHeaders} headers here, "
                f"of {self.totalHeadersSize} bytes in all"
            )
            self.refuse(431, b"Request Header Fields Too Large", error)
        else:
            self.bad_request("that is not HTTP/1.1 as RFC 9112 has it")

    def bad_request(self, message: str) -> bool:
        """Refuse the request with status 400; returns False, as `headerReceived` should."""
        self.refuse(400, b"Bad Request", Malformed(message))
        return False
