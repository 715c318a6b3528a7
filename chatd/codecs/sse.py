"""Events as Server-Sent Events (WHATWG HTML, section 9.2).

1. `id:` is the event's id, and so, as a browser's `Last-Event-ID`, the cursor to resume from;
   `event:` its type; `data:` its JSON, which is on one line.
2. Every block has `event:` and `data:`.  A browser ignores a block without data, but many client
   libraries pass it on as an event, which their callers cannot parse.  So everything else is a line
   without a blank line after it: a comment, or a field of the next block.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.errors import ChatError
from ..stream.eventlog import Entry
from .json import JSON, encode, marker, removal
from .streams import Chunked

RETRY_MILLISECONDS = 2000
"""Milliseconds after which a browser reconnects when the stream breaks."""


class SseCodec:
    """Events as `text/event-stream`."""

    name = "sse"
    content_type = b"text/event-stream; charset=utf-8"
    opening = b"retry: %d\n" % RETRY_MILLISECONDS
    """A field of the first block."""
    gap = b"event: gap\ndata: {}\n\n"
    heartbeat = b":\n"
    """A comment, which shows the client and proxies that the stream is alive."""
    end = b""

    def encode(self, entry: Entry) -> bytes:
        """One event."""
        type_ = str(entry.event.__struct_config__.tag)
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.id, type_.encode(), entry.encoded(JSON))

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The events, one after another."""
        return b"".join(chunks)

    def ready(self, cursor: int) -> bytes:
        """An `event: ready` whose id is the reader's cursor."""
        return b'id: %d\nevent: ready\ndata: {"next":%d}\n\n' % (cursor, cursor)

    def farewell(self, code: str, why: str, seconds: float) -> bytes:
        """The reason in a comment, and the time after which to reconnect in `retry:`."""
        return b": %b\nretry: %d\n" % (why.encode(), seconds * 1000)

    def revoked(self, error: ChatError) -> bytes:
        """An `event: end` without an id."""
        told = encode({"code": error.code, "message": error.message})
        return b"event: end\ndata: %b\n\n" % told

    def removed(self, room: str, error: ChatError) -> bytes:
        """An `event: removed` without an id."""
        return b"event: removed\ndata: %b\n\n" % removal(room, error)

    def marked(self, room: str, id: int) -> bytes:
        """See `PushCodec.marked`: an `event: marker` without an id."""
        return b"event: marker\ndata: %b\n\n" % marker(room, id)


SSE = SseCodec()
CHUNKED_SSE = Chunked(SSE)
