"""Content negotiation: the media type that a request prefers (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted.web.server import Request

from ..model.errors import Malformed
from .fields import header

EVENT_STREAM = "text/event-stream"


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The media type in `offered` that an Accept header prefers.

    The default is the first in `offered`: for a wildcard, an empty header, and a header that lists
    none of them.
    """
    best, quality = offered[0], 0.0
    for part in accept.split(","):
        media, *parameters = (word.strip().lower() for word in part.split(";"))
        q = next((word[2:] for word in parameters if word.startswith("q=")), "1")
        weight = float(q) if re.fullmatch(r"[01](\.\d{0,3})?", q) else 0.0
        if media in offered and weight > quality:
            best, quality = media, weight
    return best


def wants_event_stream(request: Request) -> bool:
    """Whether a request asks for server-sent events, as those of an `EventSource` do.

    Does not raise, because refusals depend on it: an `Accept` header that is too long is ignored.
    """
    if request.method != b"GET":
        return False
    try:
        accept = header(request, "accept") or ""
    except Malformed:
        return False
    return preferred(accept, ("*/*", EVENT_STREAM)) == EVENT_STREAM
