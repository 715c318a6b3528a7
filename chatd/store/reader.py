"""The reading side of the SQLite file: pages of events.

1. A page is one range scan, because the index by room has the ids in order.
2. A page and the floor are read in one transaction, so that retention, which runs concurrently,
   cannot change one without the other.
3. Nothing above `until` is read: no client may see what is stored and not yet shown.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from ..model.events import MESSAGES, Kept
from ..model.units import Cell
from ..stream.eventlog import Entry, Page
from .database import Database
from .durable import span
from .paging import take

UPWARD = (
    "SELECT id, CAST(event AS BLOB) FROM events"
    " WHERE room = (SELECT number FROM rooms WHERE name = ?) AND id > ? AND id <= ?"
    " ORDER BY id LIMIT ?"
)
"""The first events of a room after one id, up to another."""
DOWNWARD = UPWARD.replace("ORDER BY id", "ORDER BY id DESC")
"""The last events of that range, newest first."""

_TAGS = [f'{{"type":"{kind.__struct_config__.tag}"' for kind in MESSAGES]
"""How the JSON of a message begins: an event is written with its type first."""
_SAID = " OR ".join(f"substr(event, 1, {len(tag)}) = '{tag}'" for tag in _TAGS)
COUNT = (
    "SELECT count(*) FROM (SELECT 1 FROM events"
    " WHERE room = (SELECT number FROM rooms WHERE name = ?) AND id > ? AND id <= ?"
    f" AND ({_SAID})"
    " LIMIT ?)"
)
"""How many messages a room has behind one id, up to another."""

_decode = msgspec.json.Decoder(Kept).decode


class Reader(Database):
    """The file, opened for reading."""

    def tail(self, room: str, until: int, history: int) -> tuple[list[Entry], int]:
        """The last `history` events of a room up to the id `until`, oldest first, and the lowest
        cursor after which they are complete.  Raises `Unavailable`.
        """
        with self._snapshot() as (connection, floor):
            rows = connection.execute(DOWNWARD, (room, 0, until, history + 1))
            entries = [entry for entry, _ in _entries(rows)]
        if len(entries) > history:
            floor = max(floor, entries.pop().id)
        entries.reverse()
        return entries, min(floor, until)

    def page(
        self, room: str, after: int | None, before: int | None, until: int, limit: int, size: int
    ) -> Page:
        """See `Store.read`; `until` is the highest id that may be read.  Raises `Unavailable`."""
        lowest = 0 if after is None else min(max(after, 0), until)  # SQLite takes 64 bits
        highest = until if before is None else min(max(before, 1) - 1, until)
        query = DOWNWARD if after is None else UPWARD
        with self._snapshot() as (connection, floor):
            rows = connection.execute(query, (room, lowest, highest, limit + 1))
            entries, more = take(_entries(rows), limit, size)
            rows.close()
        if after is None:
            entries.reverse()
        return Page(entries, min(floor, until), more)

    def count(self, room: str, after: int, until: int, most: int) -> int:
        """See `Store.count`; `until` is the highest id that may be read.  Raises `Unavailable`."""
        lowest = min(max(after, 0), until)
        with self._snapshot() as (connection, _):
            (found,) = connection.execute(COUNT, (room, lowest, until, most)).fetchone()
        return int(found)

    def cells(
        self, table: str, place: str | None, limit: int, *, down: bool
    ) -> list[tuple[str, Cell]]:
        """See `Store.cells`.  Raises `Unavailable`."""
        with self._snapshot() as (connection, _):
            return span(connection, table, place, limit, down=down)

    def table_size(self, table: str) -> int:
        """See `Store.size`.  Raises `Unavailable`."""
        with self._snapshot() as (connection, _):
            counted = connection.execute("SELECT count(*) FROM cells WHERE tbl = ?", (table,))
            (found,) = counted.fetchone()
        return int(found)

    @contextmanager
    def _snapshot(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """The connection, in a transaction for reading, and the file's floor."""
        with self._used() as connection:
            connection.execute("BEGIN")
            try:
                (floor,) = connection.execute("SELECT floor FROM state").fetchone()
                yield connection, floor
            finally:
                connection.execute("ROLLBACK")


def _entries(rows: sqlite3.Cursor) -> Iterator[tuple[Entry, int]]:
    """Entries, each with its size in bytes.  Raises `sqlite3.DatabaseError`."""
    for id_, event in rows:
        try:
            yield Entry(id_, _decode(event)), len(event)
        except msgspec.DecodeError as problem:
            raise sqlite3.DatabaseError(f"an event in it is not understood: {problem}") from None
