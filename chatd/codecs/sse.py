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

HEARTBEAT = b":\n\n"
"""A comment: it keeps the stream, and whatever lies between, from being taken for dead."""


LAST_CHUNK = b"0\r\n\r\n"
"""The end of a chunked body."""


def begin(cursor: int) -> bytes:
    """What a stream begins with: that it is open, and where it goes on if it breaks at once."""
    return b"id: %d\nretry: %d\n\n" % (cursor, RETRY_MILLISECONDS)


def end(why: str, seconds: float) -> bytes:
    """What a stream ends with: why, in a comment for people who look, and after how long to come
    back.
    """
    return b": %b\nretry: %d\n\n" % (why.encode(), seconds * 1000)


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
    return (b"event: gap\ndata: {}\n\n" if batch.gaps else b"") + batch.chunk


def chunked(batch: Batch) -> bytes:
    """A batch as one chunk of a chunked body (RFC 9112, section 7.1)."""
    return chunk(told(batch))


def chunk(data: bytes) -> bytes:
    """Some bytes as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)
