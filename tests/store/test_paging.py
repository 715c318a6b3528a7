"""Pages: limited by the number of entries, and by the bytes of one response."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatd.store.paging import take
from chatd.stream.eventlog import Entry

from ..kit.stores import said


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 25), st.integers(0, 200))
def test_a_page_is_as_long_as_its_limits_allow(sizes: list[int], limit: int, size: int) -> None:
    """At least one entry, so that reading makes progress, and as many as fit."""
    entries = [Entry(id_, said(f"{id_}")) for id_ in range(1, len(sizes) + 1)]
    found, more = take(zip(entries, sizes, strict=True), limit, size)
    count = len(found)
    assert found == entries[:count]
    assert more == (count < len(entries))
    assert count >= min(1, len(entries))
    assert count <= limit
    assert count <= 1 or sum(sizes[:count]) <= size
    if more:
        assert count == limit or sum(sizes[: count + 1]) > size
