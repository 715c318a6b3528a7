"""Which media type a request prefers (RFC 9110, section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted.web.server import Request

from ..model.errors import Malformed
from .fields import header

EVENT_STREAM = "text/event-stream"


def preferred(accept: str, offered: Sequence[str]) -> str:
    """Which of the media types offered an Accept header prefers.

    The first offered is the answer to everything vague: a wildcard, nothing, or a browser's taste
    for HTML.
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
    """Whether a request is to be answered with server-sent events, as an `EventSource`'s is.

    Refusals are built with this, so it raises nothing: an `Accept` that is too long counts as none.
    """
    if request.method != b"GET":
        return False
    try:
        accept = header(request, "accept") or ""
    except Malformed:
        return False
    return preferred(accept, ("*/*", EVENT_STREAM)) == EVENT_STREAM
