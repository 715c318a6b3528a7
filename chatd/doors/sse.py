"""Server-sent events.

A browser's `EventSource` reconnects when a response ends, but gives up for good on any status other
than 200.  So if a stream is refused for now (429, 503), the response has the status 200, contains
the time after which to reconnect, and ends.
"""

from __future__ import annotations

from twisted.web.server import Request

from ..codecs.sse import CHUNKED_SSE, SSE
from .event_streams import Streams
from .reading import ReadQuery


def open_sse(streams: Streams, request: Request, query: ReadQuery) -> int:
    """Open a stream of server-sent events: see `Streams.open`."""
    return streams.open(request, query, SSE, CHUNKED_SSE)
