"""Pages of a room, read while the writer writes."""

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
    """Over the index by room, in id order, without sorting or scanning."""
    desk.store(said("one"))
    with closing(sqlite3.connect(desk.path)) as other:
        plan = other.execute(f"EXPLAIN QUERY PLAN {query}", ("lobby", 0, LATEST, 10)).fetchall()
    steps = [step for *_, step in plan]
    assert steps[0] == ("SEARCH events USING INDEX events_by_room (room=? AND rowid>? AND rowid<?)")
    assert not any("SCAN" in step or "TEMP B-TREE" in step for step in steps)


def test_a_reader_keeps_reading_while_the_file_is_deleted(desk: Desk) -> None:
    """First from its open file, then from the restored one."""
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
