"""Streams in chunks, and codecs for people."""

from __future__ import annotations

import pytest

from chatd.codecs.ndjson import NDJSON
from chatd.codecs.sse import SSE
from chatd.codecs.streams import Chunked, PlainCodec, StreamCodec, chunk
from chatd.model.errors import ChatError, NotAllowed
from chatd.model.events import Said
from chatd.stream.eventlog import Entry


def unchunked(data: bytes) -> bytes:
    """The body in some chunks, by RFC 9112, section 7.1."""
    body = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        assert length, "an empty chunk would end the body"
        body, data = body + rest[:length], rest[length + 2 :]
    return body


@pytest.mark.parametrize("codec", [SSE, NDJSON], ids=["sse", "ndjson"])
def test_chunks_contain_the_codec_s_bytes(codec: StreamCodec) -> None:
    """Batches, and everything between the events."""
    chunked, error = Chunked(codec), NotAllowed("no")
    entries = [Entry(7, Said("dev", "ada", "hi")), Entry(8, Said("dev", "bob", "hello"))]
    parts = [chunked.encode(entry) for entry in entries]
    assert unchunked(chunked.join(parts)) == codec.join([codec.encode(entry) for entry in entries])
    for made, plain in (
        (chunked.opening, codec.opening),
        (chunked.gap, codec.gap),
        (chunked.heartbeat, codec.heartbeat),
        (chunked.ready(8), codec.ready(8)),
        (chunked.farewell("x", "y", 2.0), codec.farewell("x", "y", 2.0)),
        (chunked.revoked(error), codec.revoked(error)),
        (chunked.removed("dev", error), codec.removed("dev", error)),
        (chunked.marked("dev", 8), codec.marked("dev", 8)),
    ):
        assert unchunked(made) == plain
    assert chunked.end == b"0\r\n\r\n"
    assert chunked.name != codec.name, "readers of the two must not share bytes"


def test_empty_bytes_make_no_chunk() -> None:
    """An empty chunk would end the response."""
    assert chunk(b"") == b""


class Bracketed(PlainCodec):
    """A codec that writes refusals in brackets."""

    name = "bracketed"
    gap = b"(gap)"

    def refuse(self, error: ChatError) -> bytes:
        """See `PlainCodec.refuse`."""
        return f"({error.message})".encode()


def test_plain_codecs_write_every_reason_as_a_refusal() -> None:
    """Of a close, of a reader's end, and of a room's end."""
    codec, error = Bracketed(), NotAllowed("no")
    assert codec.farewell("x", "later", 2.0) == b"(later)"
    assert codec.revoked(error) == codec.removed("dev", error) == b"(no)"
    assert codec.ready(7) == codec.marked("dev", 7) == b"", "which is for programs"
