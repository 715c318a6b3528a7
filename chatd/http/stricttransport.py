"""Strict transport security: browsers that have used TLS here are told to use nothing else
(RFC 6797).
"""

from __future__ import annotations

from twisted.web.server import Request


class StrictTransport:
    """The header `Strict-Transport-Security`, and for how long it binds."""

    def __init__(self, seconds: int = 0) -> None:
        """`seconds` is the header's `max-age`; 0: the header is not sent."""
        self.seconds = seconds

    def dress(self, request: Request, secure: bool) -> None:
        """Set the header if the client uses TLS; over plain HTTP it must not be sent."""
        if secure:
            request.setHeader(b"strict-transport-security", b"max-age=%d" % self.seconds)
