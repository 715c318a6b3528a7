"""The SQLite file is compared with what was acknowledged, on every new connection.

1. After a failure the connection is closed, because SQLite goes on committing after a failed fsync
   as though nothing had happened.  The next connection first checks whether the file contains what
   was acknowledged, and removes what was refused.
2. `state.last` may be lower than the highest id given, because a group with nothing to keep does
   not touch the file; `Writer.tidy` writes it later.  Still no id is given twice: ids come from the
   clock, and a start continues from the present.  Only a clock that is set back after a crash could
   repeat ids, and only those of units of which nothing was kept.
3. If the cells of `rooms` in the file differ from those that were stored, because another file has
   replaced it, they get a new version, and the follower is shown the differences (`_restated`).
   Otherwise every unit that expects them would be stale for ever.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from . import Shown
from .durable import Doubtful, restate_rooms, room_versions, undo
from .file import OwnFile


class SettledFile(OwnFile):
    """The file, with everything that was acknowledged and nothing that was refused."""

    def __init__(self, path: Path, now: Callable[[], float], synchronous: str = "FULL") -> None:
        """`now` is the wall clock, in seconds since the Unix epoch; `synchronous` is SQLite's
        pragma of that name.
        """
        super().__init__(path, synchronous)
        self._now = now
        self._rooms: dict[str, int] | None = None
        """The versions of the cells of the table `rooms`."""
        self._doubtful: Doubtful | None = None
        self._restated: list[Shown] = []
        self.written = 0
        """The value of `state.last` in the file."""
        self.last = 0
        """The highest id ever given, or the time of the start."""

    def release(self) -> None:
        """See `OwnFile.release`; the contents of the file are unknown from here on."""
        super().release()
        self._rooms, self._doubtful, self.written = None, None, 0
        self._restated.clear()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection with a transaction, which is committed at the end.  Raises `Unavailable`."""
        with self._used() as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self.close()
                raise

    def _settle(self, connection: sqlite3.Connection) -> None:
        """See `OwnFile._settle`."""
        connection.execute("BEGIN IMMEDIATE")
        (last,) = found = connection.execute("SELECT last FROM state").fetchone()
        written = self.written or last or self._micros  # a fresh file begins now
        if self._doubtful and self._doubtful.last == last:
            undo(connection, self._doubtful)
        if last < written:
            last = max(written, self.last)
            connection.execute("UPDATE state SET last = ?, floor = ?", (last, written))
        rooms = room_versions(connection)
        restated = []
        if self._rooms is not None and rooms != self._rooms:
            last = max(last, self.last) + 1
            changes = restate_rooms(connection, self._rooms, last)
            connection.execute("UPDATE state SET last = ?", (last,))
            rooms = room_versions(connection)
            restated.append(Shown(last, (), changes, None))
        connection.execute("COMMIT")
        self._doubtful = None
        self._rooms = rooms
        self._restated += restated
        if found[0] < self.written:
            self._log.error(
                "{path} ends at the id {last}, but was written up to {written}: the events between"
                " the two are lost",
                path=self.path,
                last=found[0],
                written=written,
            )
        self.written = last
        self.last = max(self.last, last)

    @property
    def _micros(self) -> int:
        """The present: microseconds since the Unix epoch."""
        return int(self._now() * 1_000_000)
