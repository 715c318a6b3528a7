"""Codecs of doors that push: their messages beside events, and HTTP's chunked encoding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from ..model.errors import ChatError, Unavailable
from ..stream.eventlog import Codec, Entry


class PushCodec(Codec, Protocol):
    """Encodes the events that a door pushes, and its messages between them."""

    @property
    def gap(self) -> bytes:
        """Reports that events are missing here."""

    @property
    def heartbeat(self) -> bytes:
        """Sent on idle connections to keep them open; empty: the door sends no heartbeats."""

    def ready(self, cursor: int, /) -> bytes:
        """Reports that all events stored before the reader began have been sent, up to `cursor`."""

    def removed(self, room: str, error: ChatError, /) -> bytes:
        """Reports that the reader has lost a room; an empty name means private messages."""

    def marked(self, room: str, id: int, /) -> bytes:
        """Reports that the reader's account has read a room up to the event `id`."""


class ClosingCodec(PushCodec, Protocol):
    """A codec that can also encode why a connection closes."""

    def farewell(self, code: str, why: str, seconds: float, /) -> bytes:
        """Reports why the connection closes, and after how many seconds to reconnect."""

    def revoked(self, error: ChatError, /) -> bytes:
        """Reports why the gate has ended the reader, or why the connection was refused."""

    @property
    def end(self) -> bytes:
        """The last bytes before the connection closes, if there are any."""


class StreamCodec(ClosingCodec, Protocol):
    """Encodes events as a response that does not end."""

    @property
    def content_type(self) -> bytes:
        """The media type of the response."""

    @property
    def opening(self) -> bytes:
        """The first bytes of the response."""


class PlainCodec:
    """Base class of a `ClosingCodec` for people: a subclass has `name`, `encode`, `gap`, `refuse`.

    `name` is the key under which encoded bytes are shared.  A codec with a parameter must have the
    parameter in its name; otherwise its readers get the bytes of a codec with another parameter.
    """

    name: str
    gap: bytes
    heartbeat = b""
    end = b""

    def encode(self, entry: Entry) -> bytes:
        """One event; empty if the door does not show it."""
        raise NotImplementedError

    def refuse(self, error: ChatError) -> bytes:
        """A refusal.  It contains the error's message unchanged."""
        raise NotImplementedError

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The events, one after another."""
        return b"".join(chunks)

    def ready(self, cursor: int) -> bytes:
        """Nothing: people need no such message."""
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
    """A stream codec with HTTP/1.1's chunked transfer encoding (RFC 9112, section 7.1).

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
        # Made once for the readers that begin at the same cursor, as all do after a restart.
        self._ready = lru_cache(maxsize=8)(lambda cursor: chunk(codec.ready(cursor)))

    def encode(self, entry: Entry) -> bytes:
        """One event, not in a chunk yet."""
        return entry.encoded(self._codec)

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The events in one chunk."""
        return chunk(self._codec.join(chunks))

    def ready(self, cursor: int) -> bytes:
        """See `StreamCodec.ready`."""
        return self._ready(cursor)

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
