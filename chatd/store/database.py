"""One SQLite file: what is in it, how it is opened, and how it is read.

1. `events` has a row for each event, its key the id; `rooms` has a row for each room in which
   something is kept; `state` has the highest id ever given, and the floor: whatever lies at or
   below it may have been forgotten.
2. `PRAGMA user_version` counts the migrations that a file has been through.  They only go forward.
3. A `Database` is used by one thread at a time.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from ..errors import Unavailable
from ..eventlog import Entry
from ..events import Kept
from . import Recalled

APPLICATION = 0x63686174
"""What marks a file as chatd's (`PRAGMA application_id`): "chat" in ASCII."""
MIGRATIONS = (
    f"""
    PRAGMA application_id = {APPLICATION};
    CREATE TABLE state (last INTEGER NOT NULL, floor INTEGER NOT NULL);
    CREATE TABLE rooms (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE events (id INTEGER PRIMARY KEY, room INTEGER NOT NULL, event TEXT NOT NULL);
    CREATE INDEX events_by_room ON events (room);
    CREATE TABLE marks (mark BLOB PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
    """,
)
"""What makes each version of the file out of the one before, the first out of nothing."""
LOCK_SECONDS = 2.0
"""Seconds to wait for another program that is writing to the file."""
LARGEST_ID = (1 << 63) - 1
"""What SQLite's integers hold."""

_decode = msgspec.json.Decoder(Kept).decode


class Database:
    """A connection to the file, made anew when another file has taken its place."""

    def __init__(self, path: Path, history: int) -> None:
        """`history` is how many events of a room are wanted back."""
        self.path = path
        self._history = history
        self._current: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    def close(self) -> None:
        """Let go of the file; it is opened again when it is needed."""
        connection, self._current = self._current, None
        if connection:
            connection.close()

    def recall(self, room: str, until: int) -> Recalled:
        """See `Store.recall`.  Raises `Unavailable`."""
        try:
            connection = self._connection()
            entries = _entries(connection, room, until, self._history + 1)
            topic = connection.execute("SELECT topic FROM rooms WHERE name = ?", (room,)).fetchone()
            (floor,) = connection.execute("SELECT floor FROM state").fetchone()
        except sqlite3.Error as problem:
            raise self._failed(problem) from None
        if len(entries) > self._history:
            floor = entries.pop().id
        return Recalled(entries[::-1], floor, topic[0] if topic else "")

    def page(self, room: str, before: int | None, limit: int) -> list[Entry]:
        """See `Store.read`.  Raises `Unavailable`."""
        until = LARGEST_ID if before is None else min(before - 1, LARGEST_ID)
        try:
            return _entries(self._connection(), room, until, limit)[::-1]
        except sqlite3.Error as problem:
            raise self._failed(problem) from None

    def _connection(self) -> sqlite3.Connection:
        """The connection to what is at the path now.  Raises `sqlite3.Error`."""
        identity = self._look()
        if self._current is None or identity != self._identity:
            self.close()
            self._current = self._connect()
            self._identity = self._look()
        return self._current

    def _connect(self, mode: str = "rw") -> sqlite3.Connection:
        """A fresh connection.  Raises `sqlite3.Error`."""
        return sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=LOCK_SECONDS,
            isolation_level=None,  # transactions begin where they are begun
            check_same_thread=False,
        )

    def _failed(self, problem: Exception) -> Unavailable:
        """What went wrong, in words; the connection is given up, for it may not be in order."""
        self.close()
        return Unavailable(f"{self.path}: {problem}")

    def _look(self) -> tuple[int, int] | None:
        """Which file is at the path."""
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino


def _entries(connection: sqlite3.Connection, room: str, until: int, limit: int) -> list[Entry]:
    """The last entries of a room up to an id, newest first.  Raises `sqlite3.Error`."""
    rows = connection.execute(
        "SELECT id, event FROM events"
        " WHERE room = (SELECT number FROM rooms WHERE name = ?) AND id <= ?"
        " ORDER BY id DESC LIMIT ?",
        (room, until, limit),
    )
    try:
        return [Entry(id_, _decode(event)) for id_, event in rows]
    except msgspec.DecodeError as problem:
        raise sqlite3.DatabaseError(f"an event in it is not understood: {problem}") from None
