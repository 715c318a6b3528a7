"""A file without room or access: what does not fit is refused, and the rest goes on."""

from __future__ import annotations

import sqlite3

import pytest

from chatd.model.errors import Unavailable
from chatd.store.writer import Writer

from ..kit.desk import Desk, refused
from ..kit.file_faults import locked, room_for
from ..kit.stores import said


def test_a_full_disk_refuses_and_recovers(desk: Desk) -> None:
    """What was stored before is there, and what fitted not is not."""
    desk.store(said("one"))
    with room_for(4096):
        for _ in range(3):
            refused(desk, *(said("x" * 1000) for _ in range(20)))
        assert desk.texts() == ["one"]
    desk.store(said("two"))
    assert desk.texts() == ["one", "two"]


@pytest.mark.parametrize("size", range(5_000, 120_000, 11_500))
def test_wherever_the_disk_becomes_full_a_group_is_there_or_not(desk: Desk, size: int) -> None:
    """Whole, and what was acknowledged is there."""
    desk.store(said("first"))
    acknowledged = ["first"]
    with room_for(size):
        for n in range(30):
            texts = [f"{n}.{place} {'x' * 200}" for place in range(5)]
            try:
                desk.store(*map(said, texts))
            except Unavailable:
                continue
            acknowledged += texts
    desk.store(said("last"))
    assert desk.texts() == [*acknowledged, "last"]
    desk.again()
    assert desk.texts() == [*acknowledged, "last"]


def test_a_file_that_may_not_grow_refuses(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own word for a full disk."""
    desk.store(said("one"))
    with monkeypatch.context() as patch:
        connect = Writer._connect

        def small(self: Writer, mode: str = "rwc") -> sqlite3.Connection:
            connection = connect(self, mode)
            connection.execute("PRAGMA max_page_count = 1")
            return connection

        patch.setattr(Writer, "_connect", small)
        desk.writer.close()
        assert "full" in refused(desk, *(said("x" * 1000) for _ in range(50)))
    desk.writer.close()
    desk.store(said("two"))
    assert desk.texts() == ["one", "two"]


@pytest.mark.usefixtures("impatient")
def test_a_locked_file_refuses_and_is_read_all_the_same(desk: Desk) -> None:
    """Until the other program has done."""
    desk.writer.close()
    desk.store(said("one"))
    with locked(desk.path):
        assert "locked" in refused(desk, said("two"))
        assert desk.texts() == ["one"]
    desk.store(said("three"))
    assert desk.texts() == ["one", "three"]
