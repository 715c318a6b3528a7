"""Disk faults: what cannot be written is refused, and reading goes on."""

from __future__ import annotations

import sqlite3

import pytest

from chatd.model.errors import Unavailable
from chatd.store.writer import Writer

from ..kit.desk import Desk, refused
from ..kit.file_faults import locked, room_for
from ..kit.stores import said


def test_a_full_disk_refuses_writes_and_recovers(desk: Desk) -> None:
    """Earlier events are kept, and no refused event is."""
    desk.store(said("one"))
    with room_for(4096):
        for _ in range(3):
            refused(desk, *(said("x" * 1000) for _ in range(20)))
        assert desk.texts() == ["one"]
    desk.store(said("two"))
    assert desk.texts() == ["one", "two"]


@pytest.mark.parametrize("size", range(5_000, 120_000, 11_500))
def test_a_commit_on_a_full_disk_is_all_or_nothing(desk: Desk, size: int) -> None:
    """Wherever the disk becomes full; every acknowledged event is kept."""
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


def test_sqlite_s_page_limit_refuses_writes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite reports it as a full disk."""
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


@pytest.mark.usefixtures("no_lock_wait")
def test_a_locked_file_refuses_writes_and_can_be_read(desk: Desk) -> None:
    """Until the other program releases its lock."""
    desk.writer.close()
    desk.store(said("one"))
    with locked(desk.path):
        assert "locked" in refused(desk, said("two"))
        assert desk.texts() == ["one"]
    desk.store(said("three"))
    assert desk.texts() == ["one", "three"]
