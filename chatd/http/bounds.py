"""Limits of one HTTP client: bytes of a request's body, and timeouts."""

from __future__ import annotations

from dataclasses import dataclass

MAX_BODY = 64 * 1024
"""Bytes in a request's body, by default: twice the longest message with every byte escaped."""
REQUEST_SECONDS = 20.0
"""Seconds from a request's first byte to its last, by default: enough for a body of 64 KiB over a
slow modem."""
IDLE_SECONDS = 75.0
"""Seconds that a connection may be kept without a request, by default.  Proxies close idle
connections after 60 or 65 seconds; the proxy should close first, because it knows whether it has
sent a request."""
LATE_SECONDS = 10.0
"""Seconds after the idle timeout during which one more request is answered."""


@dataclass(frozen=True)
class Bounds:
    """Limits of one HTTP client: bytes of a request's body, and timeouts."""

    body: int = MAX_BODY
    """Bytes in a request's body, or in a WebSocket's message."""
    request_seconds: float = REQUEST_SECONDS
    """Seconds from a request's first byte to its last."""
    idle_seconds: float = IDLE_SECONDS
    """Seconds that a connection may be kept without a request."""


def most_body(given: int | None, max_text: int) -> int:
    r"""Bytes in a body: as many as are `given`, or else what the longest text may need, as JSON may
    escape each of its bytes as six (`\u0041`).
    """
    return given or max(MAX_BODY, 6 * max_text + 1024)


USUAL = Bounds()
"""The default limits."""
