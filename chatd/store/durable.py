"""Rows of the SQLite file: reading and changing cells, and undoing a group.

All functions take a connection; those that change something need an open transaction.  They raise
`sqlite3.Error`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ..model.units import ROOMS, Cell, Change
from .wordindex import drop_blocks, drop_room, reindex, unindex

SLICE = 500
"""Events that retention removes in one transaction; an append waits for one slice at most."""

Row = tuple[str, str, int, bytes | None]
"""A cell: table, key, version, value; None: absent."""


class Doubtful(NamedTuple):
    """A group whose COMMIT has failed, and which may be in the file all the same."""

    first: int
    last: int
    """Its lowest and its highest id."""
    before: Sequence[Row]
    """The cells that it changed, before the change."""
    redacted: Sequence[tuple[int, int, str]] = ()
    """The events that it redacted, before the change: ids, numbers of their rooms, JSON."""


def undo(connection: sqlite3.Connection, doubtful: Doubtful) -> None:
    """Remove a group that was refused, but is in the file."""
    ids = doubtful.first, doubtful.last
    connection.execute("DELETE FROM events WHERE id BETWEEN ? AND ?", ids)
    connection.execute("DELETE FROM marks WHERE id BETWEEN ? AND ?", ids)
    write_cells(connection, doubtful.before)
    connection.executemany(
        "UPDATE events SET event = ? WHERE id = ?",
        [(event, id_) for id_, _, event in doubtful.redacted],
    )
    reindex(connection, doubtful.redacted)


def read_cells(
    connection: sqlite3.Connection, table: str, keys: Collection[str] | None = None
) -> dict[str, Cell]:
    """The cells of a table, or those with these keys."""
    if keys is None:
        rows = connection.execute("SELECT key, version, value FROM cells WHERE tbl = ?", (table,))
        return {key: Cell(version, value) for key, version, value in rows}
    found = {}
    for key in keys:
        for row in connection.execute(
            "SELECT version, value FROM cells WHERE tbl = ? AND key = ?", (table, key)
        ):
            found[key] = Cell(*row)
    return found


def span(
    connection: sqlite3.Connection, table: str, place: str | None, limit: int, *, down: bool
) -> list[tuple[str, Cell]]:
    """See `chatd.store.Store.cells`; the table's primary key is in that order."""
    behind = "" if place is None else f" AND key {'<' if down else '>'} ?"
    rows = connection.execute(
        f"SELECT key, version, value FROM cells WHERE tbl = ?{behind}"
        f" ORDER BY key {'DESC' if down else 'ASC'} LIMIT ?",
        (table, limit) if place is None else (table, place, limit),
    )
    return [(key, Cell(version, value)) for key, version, value in rows]


def write_cells(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Give cells these versions and values."""
    for table, key, version, value in rows:
        if value is None:
            connection.execute("DELETE FROM cells WHERE tbl = ? AND key = ?", (table, key))
        else:
            connection.execute(
                "REPLACE INTO cells VALUES (?, ?, ?, ?)", (table, key, version, value)
            )


def change_cells(connection: sqlite3.Connection, rows: Sequence[Row]) -> list[Row]:
    """Give cells these versions and values.  Returns the cells before that."""
    before: list[Row] = []
    for table, key, _, _ in rows:
        old = read_cells(connection, table, (key,)).get(key)
        before.append((table, key, *old) if old else (table, key, 0, None))
    write_cells(connection, rows)
    return before


def redact_events(
    connection: sqlite3.Connection, rows: Sequence[tuple[int, str, str]]
) -> list[tuple[int, int, str]]:
    """Overwrite events, given with id, room and JSON; answers them as they were before, with the
    numbers of their rooms.  An event that is not there, or is in another room, is left alone.
    """
    before = []
    for id_, room, event in rows:
        found = connection.execute(
            "SELECT room, event FROM events"
            " WHERE id = ? AND room = (SELECT number FROM rooms WHERE name = ?)",
            (id_, room),
        ).fetchone()
        if found:
            before.append((id_, *found))
            connection.execute("UPDATE events SET event = ? WHERE id = ?", (event, id_))
    unindex(connection, before)
    return before


def room_versions(connection: sqlite3.Connection) -> dict[str, int]:
    """The versions of all cells of the table `rooms`."""
    return dict(connection.execute("SELECT key, version FROM cells WHERE tbl = ?", (ROOMS,)))


def restate_rooms(
    connection: sqlite3.Connection, known: Mapping[str, int], id_: int
) -> list[Change]:
    """Give the version `id_` to the cells of `rooms` whose versions differ from those `known`.
    Returns the differences.
    """
    cells = read_cells(connection, ROOMS)
    changes = [Change(ROOMS, key, None) for key in known if key not in cells]
    for key, (version, value) in cells.items():
        if known.get(key) != version:
            changes.append(Change(ROOMS, key, value))
            write_cells(connection, [(ROOMS, key, id_, value)])
    return changes


def oldest_events(connection: sqlite3.Connection, before: int, count: int) -> list[tuple[int, int]]:
    """Ids and rooms of the oldest events, oldest first, at most `SLICE`: those below the id
    `before`, and at least `count`.
    """
    oldest = connection.execute("SELECT id, room FROM events ORDER BY id LIMIT ?", (SLICE,))
    return [
        (id_, room) for place, (id_, room) in enumerate(oldest) if id_ < before or place < count
    ]


def delete_events(connection: sqlite3.Connection, old: Sequence[tuple[int, int]]) -> set[str]:
    """Delete the oldest events; answers the rooms that they were in."""
    if not old:
        return set()
    newest = old[-1][0]
    rooms = {number for _, number in old}
    for number in rooms:
        drop_blocks(connection, number, newest)
    connection.execute("DELETE FROM events WHERE id <= ?", (newest,))
    connection.execute("UPDATE state SET floor = max(floor, ?)", (newest,))
    names: set[str] = set()
    for number in rooms:
        names.update(*connection.execute("SELECT name FROM rooms WHERE number = ?", (number,)))
    return names


def delete_room(connection: sqlite3.Connection, room: str) -> int:
    """Delete the oldest events of a room, at most `SLICE`; answers how many."""
    old = connection.execute(
        "SELECT id, room FROM events"
        " WHERE room = (SELECT number FROM rooms WHERE name = ?) ORDER BY id LIMIT ?",
        (room, SLICE),
    ).fetchall()
    if old:
        newest, number = old[-1]
        drop_blocks(connection, number, newest)
        connection.execute("DELETE FROM events WHERE room = ? AND id <= ?", (number, newest))
    return len(old)


def first_event(connection: sqlite3.Connection, room: str) -> int | None:
    """The id of a room's oldest event; a room without events loses its number."""
    (first,) = connection.execute(
        "SELECT min(id) FROM events WHERE room = (SELECT number FROM rooms WHERE name = ?)", (room,)
    ).fetchone()
    if first is None:
        for (number,) in connection.execute("SELECT number FROM rooms WHERE name = ?", (room,)):
            drop_room(connection, number)
        connection.execute("DELETE FROM rooms WHERE name = ?", (room,))
        return None
    return int(first)
