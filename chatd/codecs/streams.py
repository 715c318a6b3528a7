"""What a stream over HTTP says beside events; and any such stream in chunks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model.errors import ChatError
from ..stream.eventlog import Codec, Entry


class StreamCodec(Codec, Protocol):
    """Events as an answer that does not end, and what else such an answer says."""

    @property
    def content_type(self) -> bytes:
        """Its media type."""

    @property
    def opening(self) -> bytes:
        """What it begins with."""

    @property
    def gap(self) -> bytes:
        """Events are missing here."""

    @property
    def heartbeat(self) -> bytes:
        """There is nothing to say."""

    def ready(self, cursor: int, /) -> bytes:
        """All that was stored when the reader came has been sent; it stands at that cursor."""

    def farewell(self, code: str, why: str, seconds: float, /) -> bytes:
        """The last words: why the stream ends, and after how long to come back."""

    def revoked(self, error: ChatError, /) -> bytes:
        """The last words of a stream that the gate has ended."""

    def removed(self, room: str, error: ChatError, /) -> bytes:
        """The gate has taken a room from the stream, which goes on; an empty name means the private
        messages.
        """

    @property
    def end(self) -> bytes:
        """The end of the answer, as far as it has one."""


class Chunked:
    """A stream in an answer that is chunked (RFC 9112, section 7.1): HTTP/1.1's.

    A batch is one chunk, which is made once and shared like the batch.
    """

    def __init__(self, codec: StreamCodec) -> None:
        self._codec = codec
        self.name = f"{codec.name} in chunks"
        self.content_type = codec.content_type
        self.opening = chunk(codec.opening)
        self.gap = chunk(codec.gap)
        self.heartbeat = chunk(codec.heartbeat)
        self.end = b"0\r\n\r\n"

    def encode(self, entry: Entry) -> bytes:
        """One event, as one that is not in a chunk yet."""
        return entry.encoded(self._codec)

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """Events after events, in one chunk."""
        return chunk(self._codec.join(chunks))

    def ready(self, cursor: int) -> bytes:
        """See `StreamCodec.ready`."""
        return chunk(self._codec.ready(cursor))

    def farewell(self, code: str, why: str, seconds: float) -> bytes:
        """See `StreamCodec.farewell`."""
        return chunk(self._codec.farewell(code, why, seconds))

    def revoked(self, error: ChatError) -> bytes:
        """See `StreamCodec.revoked`."""
        return chunk(self._codec.revoked(error))

    def removed(self, room: str, error: ChatError) -> bytes:
        """See `StreamCodec.removed`."""
        return chunk(self._codec.removed(room, error))


def chunk(data: bytes) -> bytes:
    """The bytes as one chunk; none if there are none, for an empty chunk is the last one."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
