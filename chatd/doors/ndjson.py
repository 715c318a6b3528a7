"""A stream of JSON lines, for programs: `curl -N -H 'Accept: application/x-ndjson' … | jq`."""

from __future__ import annotations

from twisted.web.server import Request

from ..codecs.ndjson import CHUNKED_NDJSON, NDJSON
from .event_streams import Streams
from .reading import ReadQuery


def open_ndjson(streams: Streams, request: Request, query: ReadQuery) -> int:
    """Open a stream of JSON lines: see `Streams.open`."""
    return streams.open(request, query, NDJSON, CHUNKED_NDJSON)
