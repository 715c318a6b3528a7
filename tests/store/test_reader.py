"""Pages of a room, read beside the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from chatd.store.reader import DOWNWARD, UPWARD
from chatd.stream.eventlog import Entry

from ..kit.desk import LATEST, Desk
from ..kit.stores import said


@pytest.mark.parametrize("query", [UPWARD, DOWNWARD])
def test_a_page_is_one_range_scan(desk: Desk, query: str) -> None:
    """Over the index by room, in the order of the ids: nothing is sorted, nothing skipped."""
    desk.store(said("one"))
    with closing(sqlite3.connect(desk.path)) as other:
        plan = other.execute(f"EXPLAIN QUERY PLAN {query}", ("lobby", 0, LATEST, 10)).fetchall()
    steps = [step for *_, step in plan]
    assert steps[0] == ("SEARCH events USING INDEX events_by_room (room=? AND rowid>? AND rowid<?)")
    assert not any("SCAN" in step or "TEMP B-TREE" in step for step in steps)


def test_a_reader_goes_on_while_the_file_is_away(desk: Desk) -> None:
    """With what it has open, then with what is written out anew."""
    desk.store(said("one"))

    def page(limit: int) -> Sequence[Entry]:
        return desk.reader.page("lobby", None, None, LATEST, limit, 1 << 30).entries

    for text in ("two", "three"):
        assert [entry.event for entry in page(1)] != [said(text)]
        desk.path.unlink()
        Path(f"{desk.path}-wal").unlink()
        assert len(page(10)) == (1 if text == "two" else 2)
        desk.store(said(text))
        assert [entry.event for entry in page(1)] == [said(text)]
