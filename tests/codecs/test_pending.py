"""Pending lines: received, and not carried out yet."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.codecs.lines import LineDecoder
from chatd.codecs.pending import SLICE, PendingLines

from ..kit.packets import cut, places

LIMIT = 20
streams = st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r\0", b"\0", b"a", b"hello", b"\xff", b"x" * 21])
    | st.binary(max_size=30)
    | st.just(b"ab\n" * SLICE)
).map(b"".join)


def pending_lines(parts: Iterable[bytes], *, ended: bool = False) -> PendingLines:
    lines = PendingLines(LIMIT)
    for part in parts:
        lines.feed(part)
    if ended:
        lines.finish()
    return lines


def drained(lines: PendingLines) -> list[bytes | None]:
    taken = []
    while lines.ready:
        taken.append(lines.pop())
    return taken


@given(streams, places, st.booleans(), st.integers(0, 5))
def test_pending_lines_equal_decoded_lines_and_are_counted(
    stream: bytes, at: list[int], ended: bool, taken: int
) -> None:
    """At any packet boundaries, and whatever was taken before."""
    decoder = LineDecoder(LIMIT)
    expected = decoder.feed(stream) + (decoder.finish() if ended else [])
    lines = pending_lines(cut(stream, at), ended=ended)
    for line in expected[:taken]:
        assert lines.pop() == line
    assert len(lines) == len(expected[taken:])
    assert drained(lines) == expected[taken:]
    assert len(lines) == 0


@given(streams, places, st.integers(0, 5))
def test_line_that_was_cut_off_is_dropped(stream: bytes, at: list[int], taken: int) -> None:
    """Only a last line without an end; the lines before it stay."""
    decoder = LineDecoder(LIMIT)
    expected = decoder.feed(stream)
    lines = pending_lines(cut(stream, at))
    for line in expected[:taken]:
        assert lines.pop() == line
    assert lines.cut_off() == decoder.begun
    assert len(lines) == len(expected[taken:])
    assert drained(lines) == expected[taken:]
    lines.finish()
    assert not lines.ready


def test_a_line_that_is_put_back_comes_first() -> None:
    """Because it was not carried out."""
    lines = pending_lines([b"one\ntwo\n"])
    lines.put_back(lines.pop())
    lines.put_back(b"zero")
    assert len(lines) == 3
    assert drained(lines) == [b"zero", b"one", b"two"]
    with pytest.raises(IndexError):
        lines.pop()


def test_one_piece_of_a_slice_is_cut_at_once() -> None:
    """A second piece is not, nor is a longer one."""
    assert pending_lines([]).all_cut
    assert pending_lines([b"x\n" * (SLICE // 2)]).all_cut
    assert not pending_lines([b"x\n" * SLICE]).all_cut
    assert not pending_lines([b"one\n", b"two\n"]).all_cut


def test_clear_drops_all_pending_lines() -> None:
    """Also an unfinished line."""
    lines = pending_lines([b"one\ntw"], ended=True)
    assert lines.pop() == b"one"
    lines.clear()
    assert not lines.ready
    assert len(lines) == 0


def test_pending_lines_take_little_more_memory_than_their_bytes() -> None:
    """They are not an object each."""
    packet = b"ab\n" * (64 * 1024 // 3)
    tracemalloc.start()
    lines = pending_lines([packet])
    assert lines.pop() == b"ab"
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 2 * len(packet)
