"""Events as Server-Sent Events (WHATWG HTML, section 9.2).

`id:` is the event's id, and so, as a browser's `Last-Event-ID`, the cursor to resume from; `event:`
its type; `data:` its JSON, which is on one line.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..stream.eventlog import Entry
from .json import JSON

RETRY_MILLISECONDS = 2000
"""After how long a browser comes back when the stream breaks."""

HEARTBEAT = b":\n\n"
"""A comment: it keeps the stream, and whatever lies between, from being taken for dead."""


def begin(cursor: int) -> bytes:
    """What a stream begins with: that it is open, and where it goes on if it breaks at once."""
    return b"id: %d\nretry: %d\n\n" % (cursor, RETRY_MILLISECONDS)


def farewell(why: str, seconds: float) -> bytes:
    """What a stream ends with: why, in a comment for people who look, and after how long to come
    back.
    """
    return b": %b\nretry: %d\n\n" % (why.encode(), seconds * 1000)


GAP = b"event: gap\ndata: {}\n\n"
"""Something is missing here."""


class SseCodec:
    """Events as a `text/event-stream`."""

    name = "sse"

    def encode(self, entry: Entry) -> bytes:
        """One event."""
        type_ = str(entry.event.__struct_config__.tag)
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (entry.id, type_.encode(), entry.encoded(JSON))

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """Events after events."""
        return self.framed(b"".join(chunks)) if chunks else b""

    def framed(self, text: bytes) -> bytes:
        """A piece of the stream as it goes over the wire."""
        return text

    def end(self) -> bytes:
        """The end of the stream, as far as it has one."""
        return b""


class ChunkedSseCodec(SseCodec):
    """The same in an answer that is chunked (RFC 9112, section 7.1): HTTP/1.1's."""

    name = "sse in chunks"

    def encode(self, entry: Entry) -> bytes:
        """One event, as one that is not in a chunk yet."""
        return entry.encoded(SSE)

    def framed(self, text: bytes) -> bytes:
        """A chunk."""
        return b"%x\r\n%b\r\n" % (len(text), text)

    def end(self) -> bytes:
        """The last chunk."""
        return b"0\r\n\r\n"


SSE = SseCodec()
CHUNKED_SSE = ChunkedSseCodec()
