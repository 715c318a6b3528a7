"""Events as Server-Sent Events (WHATWG HTML, section 9.2).

`id:` is the event's id, and so, as a browser's `Last-Event-ID`, the cursor to resume from; `event:`
its type; `data:` its JSON, which is on one line.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..eventlog import Entry
from ..subscriber import Batch
from .json import JSON

RETRY_MILLISECONDS = 2000
"""After how long a browser comes back when the stream breaks."""

BEGIN = b"retry: %d\n\n" % RETRY_MILLISECONDS
"""What a stream begins with, so that its client knows at once that it is open."""
HEARTBEAT = b":\n\n"
"""A comment: it keeps the stream, and whatever lies between, from being taken for dead."""
GAP = b"event: gap\ndata: {}\n\n"
"""Events are missing here."""


class SseCodec:
    """Events as a `text/event-stream`."""

    name = "sse"

    def encode(self, entry: Entry) -> bytes:
        """One event."""
        type_ = str(entry.event.__struct_config__.tag)
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.id, type_.encode(), entry.encoded(JSON))

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """Events after events."""
        return b"".join(chunks)


SSE = SseCodec()


def told(batch: Batch) -> bytes:
    """A batch, its gap first."""
    return GAP + batch.chunk if batch.gaps else batch.chunk


def chunked(batch: Batch) -> bytes:
    """A batch as one chunk of a chunked body (RFC 9112, section 7.1)."""
    return chunk(told(batch))


def chunk(data: bytes) -> bytes:
    """Some bytes as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
