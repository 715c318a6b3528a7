"""The decoder of chunked bodies, at any packet boundaries."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.http.chunked import MAX_LINE, Chunks
from chatd.model.errors import Malformed


def read(*packets: bytes) -> tuple[bytes, bytes | None]:
    """The body in these packets, and the bytes after it, or None if it has not ended."""
    body: list[bytes] = []
    rest: list[bytes] = []
    chunks = Chunks(body.append, rest.append)
    for packet in packets:
        chunks.dataReceived(packet)
    return b"".join(body), rest[0] if rest else None


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=5),
    extension=st.sampled_from([b"", b";a", b' ; a = "b;\\""']),
    trailer=st.sampled_from([b"", b"X: y\r\n", b"X:\r\nY: \xff\r\n"]),
    cuts=st.lists(st.integers(1, 30), max_size=10),
)
def test_a_chunked_body_is_decoded_at_any_packet_boundaries(
    pieces: list[bytes], extension: bytes, trailer: bytes, cuts: list[int]
) -> None:
    """Whatever its bytes, extensions and trailers."""
    chunks = b"".join(b"%x%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in pieces)
    data = chunks + b"0\r\n" + trailer + b"\r\n"
    packets = []
    for cut in cuts:
        packets.append(data[:cut])
        data = data[cut:]
    assert read(*packets, *([data] if data else [])) == (b"".join(pieces), b"")


def test_bytes_after_the_last_chunk_are_not_part_of_the_body() -> None:
    """They belong to the next request."""
    assert read(b"1\r\nx\r\n0\r\n\r\nGET /") == (b"x", b"GET /")


@given(st.binary(max_size=60))
def test_any_bytes_are_decoded_or_malformed(data: bytes) -> None:
    """At once and byte by byte, with the same result."""

    def outcome(*packets: bytes) -> object:
        try:
            return read(*packets)
        except Malformed:
            return None

    whole = outcome(data)
    if whole is None or not isinstance(whole, tuple) or whole[1] is None:
        assert outcome(*(bytes([byte]) for byte in data)) == whole


def test_a_chunk_line_without_an_end_is_refused() -> None:
    """It is buffered only up to a limit."""
    with pytest.raises(Malformed, match="too long"):
        read(*[b"1"] * (MAX_LINE + 1))
