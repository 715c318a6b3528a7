"""HTTP/1.1 read more strictly than `twisted.web` reads it.

What two readers of HTTP could take for two different things is refused where Twisted would take it
for one of them (`chatd.http.syntax`), and as soon as it shows: a bad head is answered before its
body comes.  Twisted has no public hooks for this.  The class overrides what `HTTPChannel` calls for
each line, each header, the complete head, the body, and the answer's head, with the reason beside
each.  What is private of Twisted stands in `chatd.net.private`.
"""

from __future__ import annotations

from typing import Any

from twisted.web.http import Request as HTTPRequest
from twisted.web.http_headers import Headers

from ..model.errors import ChatError, Malformed, TooLarge, WrongHost
from ..net.private import OpenChannel
from .chunked import Chunks
from .request import ChatRequest
from .syntax import check_field, check_headers, read_target

MAX_HEADERS = 100
"""Headers of a request: browsers and proxies send thirty, and each costs more than its bytes."""


class StrictChannel(OpenChannel):
    """A connection whose requests are judged by RFC 9112 before they are carried out."""

    maxHeaders = MAX_HEADERS  # noqa: N815
    site: Any
    """The `ChatSite`."""

    def refuse(self, status: int, phrase: bytes, error: ChatError) -> None:
        """Answer what is not even a whole request, and close."""
        raise NotImplementedError

    @property
    def is_last(self) -> bool:
        """Whether the request under way is the last that is answered on this connection."""
        raise NotImplementedError

    def read_strictly(self, data: bytes) -> None:
        """Have Twisted read bytes, and refuse what it would overlook or wait for."""
        super().dataReceived(data)
        if self.chunk_length > self.site.max_body:
            self.requests[-1].too_large()
        if self.line_mode and b"\n" in self.unparsed and b"\r\n" not in self.unparsed:
            # Twisted would wait for ever for a CR (RFC 9112, section 2.2).
            self.bad_request("a line of HTTP ends with CR LF")

    def lineReceived(self, line: bytes) -> None:
        """A line of a request's head came in."""
        # Twisted would put it behind the line before; others would not (RFC 9112, section 5.2).
        if line.startswith((b" ", b"\t")):
            self.bad_request("no line of a request's head begins with a space")
        else:
            super().lineReceived(line)

    def headerReceived(self, line: bytes) -> bool:
        """A header came in; answers whether it will do."""
        try:
            check_field(line)
        except Malformed as error:
            return self.bad_request(error.message)
        try:
            line.decode()
        except UnicodeDecodeError:  # RFC 9110, section 5.5; and Twisted decodes UTF-8 or raises
            line = line.decode("latin-1").encode()
        good: bool = super().headerReceived(line)
        return good

    def allHeadersReceived(self) -> None:
        """A request's head is complete: judge it before its body comes."""
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
                # Twisted's own decoder takes what is no chunk.
                handle = request.handleContentChunk
                self.decode_body_with(lambda finish: Chunks(handle, finish))
            super().allHeadersReceived()

    def rawDataReceived(self, data: bytes) -> None:
        """Bytes of a body came in, or of what comes behind it."""
        try:
            super().rawDataReceived(data)
        except Malformed as error:
            self.bad_request(error.message)

    def writeHeaders(  # noqa: N802
        self, version: bytes, code: bytes, reason: bytes, headers: Headers
    ) -> None:
        """Write an answer's head.  It does not say by which version of what it was made."""
        headers.removeHeader(b"server")
        if code in (b"204", b"304"):
            # RFC 9110, section 8.6: not of an answer that has no body by its status.
            headers.removeHeader(b"content-length")
        super().writeHeaders(version, code, reason, headers)

    def checkPersistence(  # noqa: N802
        self, request: HTTPRequest, version: bytes
    ) -> bool:
        """Whether the connection goes on behind this request."""
        # Twisted overlooks a "close" with others in the list (RFC 9112, section 9.6).
        listed = b",".join(request.requestHeaders.getRawHeaders(b"connection", []))
        words = [word.strip() for word in listed.lower().split(b",")]
        if b"close" in words or self.is_last:
            request.requestHeaders.setRawHeaders(b"connection", [b"close"])
        persistent: bool = super().checkPersistence(request, version)
        return persistent

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line of the request's head is longer than anybody's should be."""
        error = TooLarge(f"a line of a request has at most {self.MAX_LENGTH} bytes here")
        self.refuse(431, b"Request Header Fields Too Large", error)

    def refused_by_twisted(self) -> None:
        """Whatever Twisted itself refuses, as it calls this: it would tell no reason, and close
        before the client has read that.
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
        """Refuse; returns False: the request is not good."""
        self.refuse(400, b"Bad Request", Malformed(message))
        return False
