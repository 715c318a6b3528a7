"""A stream of JSON lines, for programs: `curl -N -H 'Accept: application/x-ndjson' … | jq`."""

from __future__ import annotations

from twisted.web.server import Request

from ..codecs.ndjson import CHUNKED_NDJSON, NDJSON
from .push import Streams
from .reading import Reading


def open_ndjson(streams: Streams, request: Request, reading: Reading) -> int:
    """Answer with what lies after the cursor, and then with all that comes."""
    return streams.open(request, reading, NDJSON, CHUNKED_NDJSON)
