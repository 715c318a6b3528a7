"""Portions: what one answer holds of a log."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from chatd.model.events import Said
from chatd.stream.eventlog import Codec, Entry
from chatd.stream.pages import MOST_BYTES, MOST_ENTRIES, Portion, newest, oldest_first


class Sized:
    """A codec whose bytes of an entry are as many as its text says."""

    name = "sized"

    def encode(self, entry: Entry) -> bytes:
        assert isinstance(entry.event, Said)
        return b"." * int(entry.event.text)

    def join(self, chunks: Sequence[bytes]) -> bytes:
        return b",".join(chunks)


SIZED = Sized()
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
    """All entries, portion by portion."""
    found = []
    while entries:
        portion = cut(entries, SIZED, limit)
        assert portion.entries, "a portion gets on by one entry at least"
        assert portion.whole is (len(portion.entries) == len(entries))
        found.append(portion)
        entries = rest(entries, portion)
    return found


@given(sizes, limits)
def test_no_portion_holds_more_than_one_answer_may(sizes: list[int], limit: int) -> None:
    """Of entries and of bytes; a single entry that is longer comes alone."""
    for cut in (oldest_first, newest):
        portion = cut(entries_of(sizes), SIZED, limit)
        assert len(portion.entries) <= limit
        assert len(portion.chunk) <= MOST_BYTES or len(portion.entries) == 1


@given(sizes, limits)
def test_going_on_behind_each_portion_reads_everything_once(sizes: list[int], limit: int) -> None:
    """In order."""
    entries = entries_of(sizes)
    read = portions(oldest_first, entries, lambda all_, one: all_[len(one.entries) :], limit)
    assert [id_ for portion in read for id_ in ids(portion)] == [entry.id for entry in entries]


@given(sizes, limits)
def test_going_on_before_each_portion_reads_everything_once(sizes: list[int], limit: int) -> None:
    """Back to the first, and each portion in order."""
    entries = entries_of(sizes)
    read = portions(newest, entries, lambda all_, one: all_[: -len(one.entries)], limit)
    assert [id_ for portion in read[::-1] for id_ in ids(portion)] == [e.id for e in entries]
