"""What a stream over HTTP sends beside events, and any such stream with chunked encoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..model.errors import ChatError, Unavailable
from ..stream.eventlog import Codec, Entry


class PushCodec(Codec, Protocol):
    """Events as bytes that are pushed, and what else is written between them."""

    @property
    def gap(self) -> bytes:
        """Tells that events are missing here."""

    @property
    def heartbeat(self) -> bytes:
        """Keeps an idle connection open; empty: nothing does."""

    def ready(self, cursor: int, /) -> bytes:
        """Tells that all events stored before the reader came have been sent, up to `cursor`."""

    def removed(self, room: str, error: ChatError, /) -> bytes:
        """Tells that the reader goes on without a room; an empty name means private messages."""

    def marked(self, room: str, id: int, /) -> bytes:
        """Tells that the reader's account has read that room up to that event."""


class ClosingCodec(PushCodec, Protocol):
    """A codec that also tells why the connection closes."""

    def farewell(self, code: str, why: str, seconds: float, /) -> bytes:
        """Tells why the connection closes, and after how many seconds to come back."""

    def revoked(self, error: ChatError, /) -> bytes:
        """Tells why the gate has ended the reader, or why the connection was refused."""

    @property
    def end(self) -> bytes:
        """The last bytes before the connection closes, if there are any."""


class StreamCodec(ClosingCodec, Protocol):
    """Events as a response without an end."""

    @property
    def content_type(self) -> bytes:
        """The media type of the response."""

    @property
    def opening(self) -> bytes:
        """The first bytes of the response."""


class PlainCodec:
    """A `ClosingCodec` for people: a subclass gives `name`, `encode`, `gap` and `refuse`.

    `name` is the key under which encoded bytes are shared.  A codec with a parameter has the
    parameter in its name, or readers get the bytes of another one.
    """

    name: str
    gap: bytes
    heartbeat = b""
    end = b""

    def encode(self, entry: Entry) -> bytes:
        """One event; empty: the door does not show it."""
        raise NotImplementedError

    def refuse(self, error: ChatError) -> bytes:
        """A refusal.  It contains the error's message unchanged."""
        raise NotImplementedError

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The events, one after another."""
        return b"".join(chunks)

    def ready(self, cursor: int) -> bytes:
        """Nothing: people see that nothing more comes."""
        return b""

    def farewell(self, code: str, why: str, seconds: float) -> bytes:
        """The reason, as a refusal."""
        return self.refuse(Unavailable(why, seconds))

    def revoked(self, error: ChatError) -> bytes:
        """The reason, as a refusal."""
        return self.refuse(error)

    def removed(self, room: str, error: ChatError) -> bytes:
        """The reason, as a refusal."""
        return self.refuse(error)

    def marked(self, room: str, id: int) -> bytes:
        """Nothing: read markers are for programs."""
        return b""


class Chunked:
    """A stream with HTTP/1.1's chunked transfer encoding (RFC 9112, section 7.1).

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
        """One event, not in a chunk yet."""
        return entry.encoded(self._codec)

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The events in one chunk."""
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

    def marked(self, room: str, id: int) -> bytes:
        """See `PushCodec.marked`."""
        return chunk(self._codec.marked(room, id))


def chunk(data: bytes) -> bytes:
    """The bytes as one chunk; no bytes give no chunk, because an empty chunk ends the response."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
