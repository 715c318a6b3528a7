"""How much a client of HTTP may send, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

MAX_BODY = 64 * 1024
"""Bytes in a request's body, if nothing else is asked for: twice the longest message, every byte of
it escaped."""
REQUEST_SECONDS = 20.0
"""Seconds from a request's first byte to its last, if nothing else is asked for: a body of 64 KiB
needs no more over an old modem."""
IDLE_SECONDS = 75.0
"""Seconds that a connection may be kept without a request, if nothing else is asked for: longer
than the 60 and 65 of proxies, so that it is the proxy that closes, which knows what it has sent."""
LATE_SECONDS = 10.0
"""Seconds beyond that for which a request is still answered."""


@dataclass(frozen=True)
class Bounds:
    """How much a client may send, and how long it may take."""

    body: int | None = None
    """Bytes in a request's body; None: what the door finds enough."""
    request_seconds: float = REQUEST_SECONDS
    """Seconds from a request's first byte to its last."""
    idle_seconds: float = IDLE_SECONDS
    """Seconds that a connection may be kept without a request."""


USUAL = Bounds()
"""If nothing else is asked for."""
