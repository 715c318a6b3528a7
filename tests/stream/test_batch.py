"""Batches: events of several sources merged in id order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chatd.model.events import Said
from chatd.stream.batch import Batch, Gap, Stretch, Tell, merge
from chatd.stream.eventlog import Entry

from ..kit.stream import ID_CODEC, ids_in


def stretch(
    name: str, ids: list[int], floor: int | None = None, until: int | None = None
) -> Stretch:
    entries = [Entry(id_, Said(name, "ada", "hi")) for id_ in ids]
    return Stretch(name, ID_CODEC, entries, floor, until)


def test_forms_of_a_batch_are_cached() -> None:
    """A thousand polls share one response body."""
    batch = Batch(b"1 ", 1, 1)
    made: list[Batch] = []

    def make(batch: Batch) -> bytes:
        made.append(batch)
        return b"body"

    assert [batch.cached("poll", make), batch.cached("poll", make)] == [b"body"] * 2
    assert made == [batch]
    assert batch.cached("frame", lambda batch: b"frame") == b"frame"
    assert batch.cached("poll", lambda batch: b"later", age=1) == b"later"


@given(
    st.dictionaries(st.integers(1, 40), st.integers(0, 2), max_size=30),
    st.lists(st.none() | st.integers(1, 45), min_size=3, max_size=3),
    st.integers(1, 10),
    st.sets(st.integers(1, 40)),
)
def test_a_merged_batch_is_a_complete_prefix_in_id_order(
    rooms: dict[int, int], until: list[int | None], limit: int, skip: set[int]
) -> None:
    """It ends at the lowest cursor up to which every source is known."""
    ids = [sorted(id_ for id_ in rooms if rooms[id_] == room) for room in range(3)]
    stretches = [stretch(f"r{n}", ids[n], until=until[n]) for n in range(3)]
    batch = merge(stretches, 0, limit, skip)
    known = min([cursor for cursor in until if cursor is not None], default=None)
    owed = [i for i in sorted(rooms) if i not in skip and (known is None or i <= known)]
    assert ids_in(batch) == owed[:limit]
    assert batch.end == (known is None and len(owed) <= limit)
    assert known is None or batch.cursor <= known
    if len(owed) <= limit:
        assert batch.cursor == (max(rooms, default=0) if known is None else known)
    assert not [id_ for id_ in owed[limit:] if id_ <= batch.cursor], "a hole"


def test_a_gap_is_reported_by_the_batch_in_which_it_ends() -> None:
    """Also by a batch without events if no event is left."""
    one, other = stretch("one", [3, 9]), stretch("other", [8], floor=7)
    first = merge([one, other], 0, limit=1)
    assert (ids_in(first), first.gaps) == ([3], ())
    second = merge([stretch("one", [9]), other], first.cursor, limit=2)
    assert (ids_in(second), second.gaps) == ([8, 9], (Gap("other", None),))
    alone = merge([stretch("other", [], floor=7)], 0, limit=1)
    assert (alone.count, alone.cursor, alone.gaps) == (0, 7, (Gap("other", None),))


def test_a_gap_beyond_the_known_range_is_reported_later() -> None:
    """Another source's page ends before the gap."""
    batch = merge([stretch("one", [2], until=5), stretch("other", [8], floor=7)], 0, limit=9)
    assert (ids_in(batch), batch.cursor, batch.gaps) == ([2], 5, ())


def test_a_gap_may_be_reported_early_or_suppressed() -> None:
    """`Tell.NOW` does not move the cursor past the gap; `Tell.NEVER` passes it silently."""
    now = replace(stretch("other", [8], floor=7), tell=Tell.NOW)
    batch = merge([stretch("one", [3]), now], 0, limit=1)
    assert (ids_in(batch), batch.cursor, batch.gaps) == ([3], 3, (Gap("other", None),))
    told = replace(now, entries=[], tell=Tell.NEVER)
    batch = merge([told], 3, limit=1)
    assert (batch.cursor, batch.gaps) == (7, ())
