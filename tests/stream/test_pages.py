"""Portions: the part of a log that one response holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from chatd.model.events import Said
from chatd.stream.eventlog import Codec, Entry
from chatd.stream.pages import MOST_BYTES, MOST_ENTRIES, Portion, newest, oldest_first


class SizedCodec:
    """A codec that encodes an entry as many bytes as its text says."""

    name = "sized"

    def encode(self, entry: Entry) -> bytes:
        assert isinstance(entry.event, Said)
        return b"." * int(entry.event.text)

    def join(self, chunks: Sequence[bytes]) -> bytes:
        return b",".join(chunks)


SIZED = SizedCodec()
sizes = st.lists(st.integers(1, MOST_BYTES + 2) | st.integers(1, 9000), max_size=80)
limits = st.integers(1, MOST_ENTRIES)


def entries_of(sizes: Sequence[int]) -> list[Entry]:
    return [Entry(id_, Said("lobby", "ada", f"{size}")) for id_, size in enumerate(sizes, 1)]


def ids(portion: Portion) -> list[int]:
    return [entry.id for entry in portion.entries]


def portions(
    cut: Callable[[Sequence[Entry], Codec, int], Portion],
    entries: Sequence[Entry],
    rest: Callable[[Sequence[Entry], Portion], Sequence[Entry]],
    limit: int,
) -> list[Portion]:
    """Cut all entries into portions, one after the other."""
    found = []
    while entries:
        portion = cut(entries, SIZED, limit)
        assert portion.entries, "a portion holds at least one entry"
        assert portion.whole is (len(portion.entries) == len(entries))
        found.append(portion)
        entries = rest(entries, portion)
    return found


@given(sizes, limits)
def test_a_portion_is_bounded_in_entries_and_bytes(sizes: list[int], limit: int) -> None:
    """A single entry above the byte limit is a portion of its own."""
    for cut in (oldest_first, newest):
        portion = cut(entries_of(sizes), SIZED, limit)
        assert len(portion.entries) <= limit
        assert len(portion.chunk) <= MOST_BYTES or len(portion.entries) == 1


@given(sizes, limits)
def test_paging_forwards_reads_every_entry_once(sizes: list[int], limit: int) -> None:
    """In id order."""
    entries = entries_of(sizes)
    read = portions(oldest_first, entries, lambda all_, one: all_[len(one.entries) :], limit)
    assert [id_ for portion in read for id_ in ids(portion)] == [entry.id for entry in entries]


@given(sizes, limits)
def test_paging_backwards_reads_every_entry_once(sizes: list[int], limit: int) -> None:
    """Back to the first entry, and each portion in id order."""
    entries = entries_of(sizes)
    read = portions(newest, entries, lambda all_, one: all_[: -len(one.entries)], limit)
    assert [id_ for portion in read[::-1] for id_ in ids(portion)] == [e.id for e in entries]
