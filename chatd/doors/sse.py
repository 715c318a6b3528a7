"""Server-Sent Events, and what an `EventSource` is told in place of a refusal.

A browser's `EventSource` comes back when an answer ends, and gives up for good on any status but
200.  So a stream that is refused because there is too much of something now (429, 503) is an answer
of status 200 that says when to come back, and ends.
"""

from __future__ import annotations

from twisted.web.server import Request

from ..codecs.sse import CHUNKED_SSE, SSE
from .push import Streams
from .reading import ReadQuery


def open_sse(streams: Streams, request: Request, query: ReadQuery) -> int:
    """Answer with what lies behind the cursor, and then with all that follows."""
    return streams.open(request, query, SSE, CHUNKED_SSE)
