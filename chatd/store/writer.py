"""The writing side of the SQLite file: groups of appends are judged and stored.

1. A group of appends is one transaction: when `store` returns, the group is in the file; when it
   raises, no part of the group is (`chatd.store.settling`).
2. A group with nothing to keep (presence; private messages of guests whose sessions are not stored)
   does not touch the file, although it takes ids.  The next commit, `tidy` or `end` writes the
   highest id given.  The time of a start is not written, because the clock may be wrong then.
3. Units are judged here, in the order of the groups, by versions in memory: those of `rooms`, which
   nearly every unit expects, and those of the presence tables.  Others are read from the file, and
   the latest of them are remembered until the connection is closed.
4. Presence as it was *shown* is in `Cells` that the reactor's thread changes.  Changes that were
   stored since are in `_unshown`, until a later group tells that they have been shown.  All other
   state of the writer changes only after a COMMIT.
5. A writer is used by one thread at a time.  That is the writing thread, but while it has no work,
   the reactor's thread may call `store_in_memory` (rule 5 of `chatd.store.sqlite`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..model.errors import Unavailable
from ..model.events import RoomEvent
from ..model.units import (
    REMEMBERED_SECONDS,
    ROOMS,
    Cell,
    Redaction,
    Unit,
    is_presence,
)
from . import Opened, RoomSummary, Shown
from .cells import Cells
from .database import LOCK_SECONDS, MIGRATIONS
from .durable import (
    SLICE,
    Doubtful,
    change_cells,
    delete_events,
    delete_room,
    first_event,
    oldest_events,
    read_cells,
    redact_events,
    write_cells,
)
from .judging import Judged, Judging
from .requests import MOST_KEYS, RequestKeys
from .settling import SettledFile
from .wordindex import add_block, begin_anew, is_current

CLEAR_MILLISECONDS = 10
"""Milliseconds to wait for readers of the file before the write-ahead log is truncated."""
MOST_VERSIONS = 10_000
"""Versions of cells that are remembered, besides those of rooms."""
_encode = msgspec.json.Encoder().encode


class Stored(NamedTuple):
    """The outcome of a group."""

    restated: Sequence[Shown]
    """Changes by another file that has replaced ours, to be shown before the group."""
    appends: Sequence[Judged]


class Forgotten(NamedTuple):
    """The outcome of one slice of retention, or of a room that is erased."""

    firsts: dict[str, int | None]
    """The id of the oldest event left, by room; None: no event is left."""
    more: bool
    """Whether more events have to be removed."""


def judged_by_presence(group: Sequence[Sequence[Unit]]) -> bool:
    """Whether all that these appends expect is presence, whose versions are in memory."""
    return all(is_presence(e.table) for units in group for unit in units for e in unit.expects)


class Writer(SettledFile):
    """The file, and the versions by which units are judged."""

    def __init__(
        self,
        path: Path,
        now: Callable[[], float],
        request_keys: RequestKeys,
        presence: Cells,
        synchronous: str = "FULL",
    ) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch; `presence` has the presence
        tables as they were shown; `synchronous` is SQLite's pragma of that name.
        """
        super().__init__(path, now, synchronous)
        self._request_keys = request_keys
        self._presence = presence
        self._unshown: dict[tuple[str, str], tuple[int, bytes | None]] = {}
        self._numbers: dict[str, int] = {}
        self._versions: dict[tuple[str, str], int] = {}
        """Versions of cells as they stand in the file, 0 for absent ones."""
        self._count: int | None = None
        self._grown: set[int] | None = None
        """Numbers of rooms with new events since the last check for a block to index; None: all."""
        self._untold: set[str] = set()
        self._spill = False
        """Whether the write-ahead log may hold the text of events that were redacted or erased."""
        self._ahead = False
        """Whether ids above `written` have been given."""
        self.id = ""
        """The store's own id."""

    def begin(self) -> Opened:
        """Lock and open the file; a missing file is created.

        Raises `Unavailable`, whose message says why it cannot be used.
        """
        self.take()
        self.last = max(self.written, self._micros)
        try:
            with self._used() as connection:
                rooms = connection.execute(
                    "SELECT name, (SELECT min(id) FROM events WHERE room = number),"
                    " (SELECT max(id) FROM events WHERE room = number) FROM rooms"
                )
                kept = {name: RoomSummary(*ends) for name, *ends in rooms if ends[0] is not None}
                marks = connection.execute(
                    "SELECT mark, id FROM marks WHERE id > ? ORDER BY id", (self._expired,)
                )
                self._request_keys.add(dict(marks))
                (self.id,) = connection.execute("SELECT id FROM state").fetchone()
        except Unavailable:
            self.release()
            raise
        return Opened(self.last, kept, self._request_keys.answers())

    def end(self) -> None:
        """Write what is outstanding, and release the file."""
        try:
            if self._lock and (self._current or self._doubtful or self._ahead):
                with self._transaction() as connection:
                    if self._ahead:
                        connection.execute("UPDATE state SET last = ?", (self.last,))
        except Unavailable as problem:
            self._log.error("{problem}", problem=problem)
        self.release()

    def close(self) -> None:
        """See `Database.close`."""
        super().close()
        self._numbers.clear()
        self._versions.clear()
        self._count = self._grown = None

    # -- storing ---------------------------------------------------------------------------------

    def store(self, group: Sequence[Sequence[Unit]], shown: int) -> Stored:
        """Judge the units of these appends in order, and write what has to be kept: something has.

        `shown` is the highest id that the follower was shown.  Raises `Unavailable` if nothing was
        stored.
        """
        self._forget_shown(shown)
        with self._transaction() as connection:
            judging = self._judging(connection)
            appends = self._judge(judging, group)
            count = self._keep(connection, judging, appends)
        if self._doubtful:
            self._spill |= bool(self._doubtful.redacted)
            self.written = self._doubtful.last
            self._doubtful, self._ahead = None, False
        if self._count is not None:
            self._count += count
        self._apply(judging)
        self._clear_log()
        return self._stored(appends)

    def store_in_memory(self, group: Sequence[Sequence[Unit]], shown: int) -> Stored:
        """Like `store`, for a group of which nothing is kept.  If it is `judged_by_presence`, the
        file is not used, so any thread may call this while no other uses the writer.
        """
        self._forget_shown(shown)
        judging = self._judging(None)
        appends = self._judge(judging, group)
        self._unshown.update(judging.changes)
        return self._stored(appends)

    def _forget_shown(self, shown: int) -> None:
        """Presence up to the id `shown` is in the tables as they were shown."""
        if shown >= self.last:
            self._unshown.clear()
        else:
            self._unshown = {cell: new for cell, new in self._unshown.items() if new[0] > shown}

    def _stored(self, appends: Sequence[Judged]) -> Stored:
        restated, self._restated = self._restated, []
        return Stored(restated, appends)

    def note(self, notes: Mapping[tuple[str, str], bytes | None]) -> None:
        """Give cells of noted tables these values; None: absent.  Raises `Unavailable`."""
        with self._transaction() as connection:
            write_cells(connection, [(*cell, self.last, value) for cell, value in notes.items()])
        for cell in notes:
            self._versions.pop(cell, None)

    def _clear_log(self) -> None:
        """Truncate the write-ahead log, which may still contain the text of redacted events.  That
        may be impossible while another thread reads the file; then the next commit tries again,
        and so does `tidy`, every minute.
        """
        if not self._spill:
            return
        try:
            with self._used() as connection:
                # With the usual timeout the checkpoint, and all messages, would wait for a backup.
                connection.execute(f"PRAGMA busy_timeout = {CLEAR_MILLISECONDS}")
                (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                connection.execute(f"PRAGMA busy_timeout = {round(LOCK_SECONDS * 1000)}")
                self._spill = bool(busy)
        except Unavailable as problem:
            self._log.error(
                "redacted texts are still in the write-ahead log; the next commit tries again:"
                " {problem}",
                problem=problem,
            )

    def probe(self) -> None:
        """Write to the file without changing its contents.  Raises `Unavailable`."""
        with self._transaction() as connection:
            # SQLite writes the value although it is the same.
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _judging(self, connection: sqlite3.Connection | None) -> Judging:
        last = max(self.last, self._micros - 1)
        return Judging(last, partial(self._version, connection), self._request_keys.get)

    def _judge(self, judging: Judging, group: Sequence[Sequence[Unit]]) -> list[Judged]:
        appends = [judging.judge(units) for units in group]
        self.last = judging.last  # whether or not they can be kept: no id is given twice
        self._ahead = True
        return appends

    def _version(self, connection: sqlite3.Connection | None, table: str, key: str) -> int:
        """The version of a stored cell; 0 if it is absent."""
        if table == ROOMS and self._rooms is not None:
            return self._rooms.get(key, 0)
        if is_presence(table):
            unshown = self._unshown.get((table, key))
            if unshown:
                return 0 if unshown[1] is None else unshown[0]
            return self._presence.version(table, key)
        version = self._versions.get((table, key))
        if version is None:
            found = read_cells(connection, table, [key]) if connection else self.cells(table, [key])
            version = found[key].version if found else 0
            self._remember(table, key, version)
        return version

    def _remember(self, table: str, key: str, version: int) -> None:
        if len(self._versions) >= MOST_VERSIONS:
            self._versions.clear()
        self._versions[table, key] = version

    def _keep(
        self, connection: sqlite3.Connection, judging: Judging, appends: Sequence[Judged]
    ) -> int:
        """Write the events, cells and keys of a group.  Returns the number of its events."""
        rows = []
        redacts: list[Redaction] = []
        numbers = self._numbers
        for judged in appends:
            for shown in judged.batch:
                redacts += shown.redacts
                for entry in shown.entries:
                    event = entry.event
                    if isinstance(event, RoomEvent):
                        room = event.room
                        number = numbers.get(room) or self._number(connection, room)
                        rows.append((entry.id, number, _encode(event).decode()))
        if self._grown is not None:
            self._grown.update(number for _, number, _ in rows)
        changes = [
            (table, key, version, value)
            for (table, key), (version, value) in judging.changes.items()
            if not is_presence(table)
        ]
        if not (rows or changes or judging.request_keys or redacts):
            return 0  # all units were stale or known
        connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
        if judging.request_keys:
            marks = judging.request_keys.items()
            connection.executemany("INSERT INTO marks (mark, id) VALUES (?, ?)", marks)
        before = change_cells(connection, changes) if changes else []
        redacted = redact_events(
            connection, [(it.id, it.event.room, _encode(it.event).decode()) for it in redacts]
        )
        connection.execute("UPDATE state SET last = ?", (judging.last,))
        self._doubtful = Doubtful(judging.first, judging.last, before, redacted)
        return len(rows)

    def _apply(self, judging: Judging) -> None:
        """The group is stored: judge further units by its versions."""
        for (table, key), (version, value) in judging.changes.items():
            if is_presence(table):
                self._unshown[table, key] = version, value
            elif table == ROOMS and self._rooms is not None:
                if value is None:
                    self._rooms.pop(key, None)
                else:
                    self._rooms[key] = version
            else:
                self._remember(table, key, 0 if value is None else version)
        if judging.request_keys:
            self._request_keys.add(judging.request_keys)

    def _number(self, connection: sqlite3.Connection, room: str) -> int:
        connection.execute("INSERT OR IGNORE INTO rooms (name) VALUES (?)", (room,))
        found = connection.execute("SELECT number FROM rooms WHERE name = ?", (room,))
        number = self._numbers[room] = int(found.fetchone()[0])
        return number

    # -- reading, and forgetting -----------------------------------------------------------------

    def cells(self, table: str, keys: Collection[str] | None) -> dict[str, Cell]:
        """The cells of a table that the file keeps, or those with these keys.

        Raises `Unavailable`.
        """
        with self._used() as connection:
            return read_cells(connection, table, keys)

    def tables(self, tables: Sequence[str]) -> list[dict[str, Cell]]:
        """The cells of several tables that the file keeps.  Raises `Unavailable`."""
        with self._used() as connection:
            return [read_cells(connection, table) for table in tables]

    def having(self, tables: Collection[str], key: str) -> list[str]:
        """See `chatd.store.Store.having`.  Raises `Unavailable`."""
        with self._used() as connection:
            return [table for table in tables if read_cells(connection, table, [key])]

    def forget(self, before: int, most: int | None) -> Forgotten:
        """Remove a slice of the oldest events: of those below the id `before`, and of those in
        excess of `most` events.  Raises `Unavailable`.
        """
        with self._transaction() as connection:
            if most is not None and self._count is None:
                (self._count,) = connection.execute("SELECT count(*) FROM events").fetchone()
            excess = 0 if most is None else (self._count or 0) - most
            old = oldest_events(connection, before, excess)
            # If the COMMIT fails they may be removed all the same: they are reported the next time.
            self._untold |= delete_events(connection, old)
            firsts = self._firsts(connection)
        return self._removed(firsts, len(old))

    def erase(self, room: str) -> Forgotten:
        """Remove a slice of a room's events, for good.  Raises `Unavailable`."""
        with self._transaction() as connection:
            self._untold.add(room)
            count = delete_room(connection, room)
            firsts = self._firsts(connection)
        self._spill = True
        self._clear_log()
        return self._removed(firsts, count)

    def _firsts(self, connection: sqlite3.Connection) -> dict[str, int | None]:
        return {name: first_event(connection, name) for name in self._untold}

    def _removed(self, firsts: dict[str, int | None], count: int) -> Forgotten:
        """Record that `count` events were removed."""
        self._untold.clear()
        for name, first in firsts.items():
            if first is None:
                self._numbers.pop(name, None)
        if self._count is not None:
            self._count -= count
        return Forgotten(firsts, more=count == SLICE)

    def index(self) -> bool:
        """Index a block of one room that has enough new events, after checking at most `SLICE`
        rooms.  Returns whether another block may be due.  Raises `Unavailable`.
        """
        if self._grown is not None and not self._grown:
            return False
        with self._transaction() as connection:
            if not is_current(connection):
                begin_anew(connection)
            if self._grown is None:
                self._grown = {
                    number for (number,) in connection.execute("SELECT number FROM rooms")
                }
            for _ in range(min(SLICE, len(self._grown))):
                number = self._grown.pop()
                if add_block(connection, number):
                    self._grown.add(number)
                    break
        return bool(self._grown)

    def tidy(self) -> None:
        """Forget the request keys that are too old or too many, and write the highest id given.

        Raises `Unavailable`.
        """
        self._request_keys.forget()
        self._clear_log()
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM marks WHERE id <= ?"
                " OR id <= (SELECT id FROM marks ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (self._expired, MOST_KEYS),
            )
            if self._ahead:
                connection.execute("UPDATE state SET last = ?", (self.last,))
        if self._ahead:
            self.written, self._ahead = self.last, False

    @property
    def _expired(self) -> int:
        """The newest id of a request key in the file that is too old."""
        return self._micros - int(REMEMBERED_SECONDS * 1_000_000)
