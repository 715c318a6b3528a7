"""One SQLite file: its schema, and how a connection to it is made.

1. The table `events` has a row for each event, whose key is its id.  `rooms` has a number for each
   room with events.  `cells` has the durable cells.  `state` has the highest id given when it was
   last written, the floor (events at or below it may have been forgotten), and the store's own id.
   `marks` has the request keys, each with the id that it answers.  `search_blocks` and
   `search_words` are the word index.
2. `PRAGMA user_version` counts the migrations that were applied to the file.  They only go forward.
   A change of the data needs a migration if an earlier chatd would misread the data, or would drop
   a part of a value when it writes that value anew.
3. A `Database` is used by one thread at a time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..model.errors import Unavailable

APPLICATION = 0x63686174
"""The mark of chatd's files (`PRAGMA application_id`): "chat" in ASCII."""
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
    # Topics become cells (`chatd.model.roomstate`).
    """
    CREATE TABLE cells (
        tbl TEXT NOT NULL,
        key TEXT NOT NULL,
        version INTEGER NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (tbl, key)
    ) WITHOUT ROWID;
    INSERT INTO cells
        SELECT 'rooms', name, last, CAST(
            CASE topic WHEN '' THEN '{}' ELSE json_object('topic', topic) END AS BLOB
        )
        FROM (
            SELECT name, topic, (SELECT max(id) FROM events WHERE room = number) AS last FROM rooms
        )
        WHERE last IS NOT NULL;
    CREATE TABLE numbered (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    INSERT INTO numbered SELECT number, name FROM rooms;
    DROP TABLE rooms;
    ALTER TABLE numbered RENAME TO rooms;
    """,
    """
    ALTER TABLE state ADD COLUMN id TEXT NOT NULL DEFAULT '';
    UPDATE state SET id = lower(hex(randomblob(5)));
    """,
    # What accounts had joined before each room had a table of those who did.
    """
    INSERT OR IGNORE INTO cells
        SELECT 'joiners:' || joined.key, accounts.key, joined.version,
            CAST(json_extract(CAST(accounts.value AS TEXT), '$.name') AS BLOB)
        FROM cells AS joined JOIN cells AS accounts
        ON accounts.tbl = 'accounts' AND accounts.key = substr(joined.tbl, length('joined:') + 1)
        WHERE joined.tbl > 'joined:' AND joined.tbl < 'joined;';
    """,
    # The word index (`chatd.store.wordindex`), which the server fills while it runs.
    """
    CREATE TABLE search_blocks (
        room INTEGER NOT NULL,
        block INTEGER NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        ids BLOB NOT NULL,
        PRIMARY KEY (room, block)
    ) WITHOUT ROWID;
    CREATE INDEX search_blocks_by_last ON search_blocks (room, last);
    CREATE TABLE search_words (
        room INTEGER NOT NULL,
        block INTEGER NOT NULL,
        bucket INTEGER NOT NULL,
        words BLOB NOT NULL,
        PRIMARY KEY (room, block, bucket)
    ) WITHOUT ROWID;
    ALTER TABLE state ADD COLUMN words TEXT NOT NULL DEFAULT '';
    """,
)
"""The script that makes each version of the file from the one before, the first from nothing."""
LOCK_SECONDS = 2.0
"""Seconds to wait for another program that is writing to the file."""
COMPANIONS = ("-wal", "-shm")
"""The files beside a database that belong to SQLite and that a connection holds open.  A database
without its own is incomplete; with those of another database it is corrupt."""

Inode = tuple[int, int]


class Database:
    """A connection to the file, which is opened again if another file has replaced it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()  # a daemon changes its directory
        self._current: sqlite3.Connection | None = None
        self._identity: list[Inode | None] = []

    def open(self) -> None:
        """Open the file now: later the disk may be too full for that.  Raises `Unavailable`."""
        with self._used():
            pass

    def close(self) -> None:
        """Close the connection; the next use opens a new one."""
        connection, self._current = self._current, None
        if connection:
            connection.close()

    @contextmanager
    def _used(self) -> Iterator[sqlite3.Connection]:
        """The connection, which is closed after any error, because its state is then unknown.

        Raises `Unavailable`, whose message says what went wrong.
        """
        try:
            yield self._connection()
        except sqlite3.Error as problem:
            self.close()
            raise Unavailable(f"{self.path}: {problem}") from None

    def _connection(self) -> sqlite3.Connection:
        """The connection to the file at the path; if that is not whole, to the one that was there.

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
