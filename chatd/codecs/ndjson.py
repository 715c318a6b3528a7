"""Events as newline-delimited JSON: one object per line, for programs that read line by line.

Lines that are not events have other values of `type`, as on a WebSocket.  A blank line is a
heartbeat.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.errors import ChatError
from ..stream.eventlog import Entry
from .json import JSON, encode, marker, removal
from .streams import Chunked


class NdjsonCodec:
    """Events as `application/x-ndjson`."""

    name = "ndjson"
    content_type = b"application/x-ndjson"
    opening = b""
    gap = b'{"type":"gap"}\n'
    heartbeat = b"\n"
    end = b""

    def encode(self, entry: Entry) -> bytes:
        """One event, whose JSON has no line breaks."""
        return entry.encoded(JSON) + b"\n"

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The lines, one after another."""
        return b"".join(chunks)

    def ready(self, cursor: int) -> bytes:
        """As on a WebSocket."""
        return b'{"type":"ready","next":%d}\n' % cursor

    def farewell(self, code: str, why: str, seconds: float) -> bytes:
        """An error as on a WebSocket, with `retry`: milliseconds after which to reconnect."""
        told = {"type": "error", "code": code, "message": why, "retry": round(seconds * 1000)}
        return encode(told) + b"\n"

    def revoked(self, error: ChatError) -> bytes:
        """An error as on a WebSocket."""
        return encode({"type": "error", "code": error.code, "message": error.message}) + b"\n"

    def removed(self, room: str, error: ChatError) -> bytes:
        """As on a WebSocket."""
        return removal(room, error) + b"\n"

    def marked(self, room: str, id: int) -> bytes:
        """See `PushCodec.marked`; it has no id."""
        return marker(room, id) + b"\n"


NDJSON = NdjsonCodec()
CHUNKED_NDJSON = Chunked(NDJSON)
