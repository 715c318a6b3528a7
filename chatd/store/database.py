"""One SQLite file: what is in it, how it is opened, and how it is read.

1. `events` has a row for each event, its key the id; `rooms` has a row for each room in which
   something is kept; `state` has the highest id ever given, the floor (whatever lies at or below
   it may have been forgotten), and the store's own id; `marks` says by which requests the last
   events came.
2. `PRAGMA user_version` counts the migrations that a file has been through.  They only go forward.
3. A `Database` is used by one thread at a time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path

import msgspec

from ..errors import Unavailable
from ..eventlog import Entry
from ..events import Kept
from ..pages import MOST_BYTES
from . import Recalled

APPLICATION = 0x63686174
"""What marks a file as chatd's (`PRAGMA application_id`): "chat" in ASCII."""
MIGRATIONS = (
    f"""
    PRAGMA application_id = {APPLICATION};
    CREATE TABLE state (last INTEGER NOT NULL, floor INTEGER NOT NULL);
    INSERT INTO state VALUES (0, 0);
    CREATE TABLE rooms (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE events (id INTEGER PRIMARY KEY, room INTEGER NOT NULL, event TEXT NOT NULL);
    CREATE INDEX events_by_room ON events (room);
    CREATE TABLE marks (id INTEGER PRIMARY KEY, mark BLOB NOT NULL);
    """,
    """
    ALTER TABLE state ADD COLUMN id TEXT NOT NULL DEFAULT '';
    UPDATE state SET id = lower(hex(randomblob(5)));
    """,
)
"""What makes each version of the file out of the one before, the first out of nothing."""
LOCK_SECONDS = 2.0
"""Seconds to wait for another program that is writing to the file."""
COMPANIONS = ("-wal", "-shm")
"""What SQLite keeps beside a file, and a connection to it holds open: without them it is not whole,
and with those of another it is broken."""

Inode = tuple[int, int]

_decode = msgspec.json.Decoder(Kept).decode


class Database:
    """A connection to the file, made anew when another has taken its place."""

    def __init__(self, path: Path, history: int) -> None:
        """`history` is how many events of a room are wanted back."""
        self.path = path.absolute()  # a daemon changes its directory
        self._history = history
        self._current: sqlite3.Connection | None = None
        self._identity: list[Inode | None] = []

    def open(self) -> None:
        """Open the file now: on a full disk it could not be.  Raises `Unavailable`."""
        with self._used():
            pass

    def close(self) -> None:
        """Let go of the file; it is opened again when it is needed."""
        connection, self._current = self._current, None
        if connection:
            connection.close()

    def recall(self, room: str, until: int) -> Recalled:
        """See `Store.recall`.  Raises `Unavailable`."""
        with self._used() as connection:
            entries = _entries(connection, room, until, self._history + 1)
            # After the entries: what is forgotten in between is below it.
            (floor,) = connection.execute("SELECT floor FROM state").fetchone()
        if len(entries) > self._history:
            floor = max(floor, entries.pop().id)
        return Recalled(entries[::-1], min(floor, until))

    def page(self, room: str, until: int, limit: int) -> list[Entry]:
        """The last `limit` entries of a room up to the id `until`, oldest first; fewer, if that is
        more than one answer holds.

        Raises `Unavailable`.
        """
        with self._used() as connection:
            return _entries(connection, room, until, limit, MOST_BYTES)[::-1]

    @contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        """The connection, which is given up when anything goes wrong: it may not be in order.

        Raises `Unavailable`, which says what went wrong.
        """
        try:
            yield self._connection()
        except sqlite3.Error as problem:
            self.close()
            raise Unavailable(f"{self.path}: {problem}") from None

    def _connection(self) -> sqlite3.Connection:
        """The connection to what is at the path now; if that is not whole, to what was there.

        Raises `sqlite3.Error`.
        """
        if self._current is None or all(
            now and now != was for now, was in zip(self._look(), self._identity, strict=True)
        ):
            self.close()
            self._current = self._connect()
            self._identity = self._look()
        return self._current

    def _connect(self, mode: str = "rw") -> sqlite3.Connection:
        """A fresh connection.  Raises `sqlite3.Error`."""
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}",
            uri=True,
            timeout=LOCK_SECONDS,
            isolation_level=None,  # transactions begin where they are begun
            check_same_thread=False,
        )
        try:
            # SQLite opens nothing before it has to.
            connection.execute("PRAGMA user_version")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _look(self) -> list[Inode | None]:
        """Which file is at the path, and which are its companions."""
        return [inode(f"{self.path}{suffix}") for suffix in ("", *COMPANIONS)]


def inode(path: str) -> Inode | None:
    """Which file is at a path."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _entries(
    connection: sqlite3.Connection, room: str, until: int, limit: int, most: float = inf
) -> list[Entry]:
    """The last entries of a room up to an id, newest first, at most about `most` bytes of them.

    Raises `sqlite3.Error`.
    """
    rows = connection.execute(
        "SELECT id, event FROM events"
        " WHERE room = (SELECT number FROM rooms WHERE name = ?) AND id <= ?"
        " ORDER BY id DESC LIMIT ?",
        (room, until, limit),
    )
    entries: list[Entry] = []
    size = 0
    try:
        for id_, event in rows:
            entries.append(Entry(id_, _decode(event)))
            size += len(event)
            if size > most:
                break
    except msgspec.DecodeError as problem:
        raise sqlite3.DatabaseError(f"an event in it is not understood: {problem}") from None
    return entries
