"""A writer of a database file with a reader beside it, without a thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from chatd.model.errors import Unavailable
from chatd.model.events import Event
from chatd.model.units import (
    ROOMS,
    Cell,
    Stale,
    Unit,
    is_kept,
)
from chatd.store import RoomSummary, Shown
from chatd.store.cells import Cells
from chatd.store.reader import Reader
from chatd.store.requests import RequestKeys
from chatd.store.writer import Writer
from chatd.testing import START

from .stores import change, texts

BEFORE = int(START * 1_000_000)
"""The lowest id that a store gives in these tests."""
YEAR = 365 * 24 * 3600.0
LATEST = 1 << 62
"""Above every id."""


class Desk:
    """A writer of a database file, on a wall clock that a test may set."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wall = START
        self.reader = Reader(path)
        self._begin()

    def again(self) -> None:
        """End the process, and begin another."""
        self.end()
        self._begin()

    def killed(self) -> None:
        """Kill the process, and begin another."""
        self.writer.release()
        self._begin()

    def end(self) -> None:
        """End the process."""
        self.writer.end()
        self.reader.close()

    def append(self, *units: Unit) -> list[int | Stale]:
        """Append units, and show them; returns the answers."""
        store = self.writer.store if any(map(is_kept, units)) else self.writer.store_in_memory
        stored = store([units], self.shown)
        self.restated += stored.restated
        (judged,) = stored.appends
        self.show(judged.batch)
        return judged.answers

    def show(self, batch: Sequence[Shown]) -> None:
        """Show these units to the follower."""
        for shown in batch:
            self.shown = shown.id
            for table, key, value in shown.changes:
                self.presence.set(table, key, shown.id, value)

    def store(self, *events: Event, **unit: Any) -> list[int]:
        """Store a unit; returns the ids of its events."""
        (first,) = self.append(Unit(events, **unit))
        assert isinstance(first, int)
        return [*range(first, first + len(events))]

    def set(self, key: str, value: bytes | None, table: str = ROOMS) -> int:
        """Change a cell; returns its version."""
        (version,) = self.append(change(table, key, value))
        assert isinstance(version, int)
        return version

    def cells(self, table: str = ROOMS) -> dict[str, Cell]:
        """The cells of a table in the file."""
        return self.writer.cells(table, None)

    def texts(self, room: str = "lobby") -> list[str]:
        """The texts of a room that a reader with a connection of its own finds."""
        return texts(self.reader.page(room, None, None, LATEST, 100_000, 1 << 30).entries)

    def floor(self, room: str = "lobby") -> int:
        """The floor of the room's log."""
        return self.reader.tail(room, LATEST, 10)[1]

    def _begin(self) -> None:
        self.presence = Cells()
        self.restated: list[Shown] = []
        keys = RequestKeys(lambda: self.wall)
        self.writer = Writer(self.path, lambda: self.wall, keys, self.presence, "NORMAL")
        self.opened = self.writer.begin()
        self.shown = self.opened.last
        self.reader.open()

    @property
    def rooms(self) -> Mapping[str, RoomSummary]:
        """The rooms that had events in the file at the start."""
        return self.opened.rooms


def refused(desk: Desk, *events: Event, **unit: Any) -> str:
    """Try to store a unit that cannot be stored; returns the message of the refusal."""
    with pytest.raises(Unavailable) as refusal:
        desk.store(*events, **unit)
    assert str(desk.path) in refusal.value.message
    return refusal.value.message


def queried(path: Path, query: str) -> Sequence[object]:
    """The rows that another program reads from the file."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()
