"""HTTP Strict Transport Security (HSTS, RFC 6797): tells browsers that have used TLS with this
server not to use plain HTTP with it any more.
"""

from __future__ import annotations

from twisted.web.server import Request


class StrictTransport:
    """Sets the header `Strict-Transport-Security`."""

    def __init__(self, seconds: int = 0) -> None:
        """`seconds` is the header's `max-age`; 0: the header is not sent."""
        self.seconds = seconds

    def dress(self, request: Request, secure: bool) -> None:
        """Set the header if the client uses TLS; over plain HTTP it must not be sent."""
        if secure:
            request.setHeader(b"strict-transport-security", b"max-age=%d" % self.seconds)
