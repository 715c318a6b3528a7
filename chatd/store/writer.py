"""The one who writes to the SQLite file.

1. A group of batches is one transaction: when `store` returns it is in the file, and when `store`
   raises nothing of it is.
2. After a failure the connection is given up: SQLite goes on committing after an fsync has failed,
   as though nothing had happened.  The next one looks first whether the file holds what was
   acknowledged, and takes out what was refused.
3. A file that is deleted while it is open is not lost yet: it is written out anew.
4. Nothing is changed in a file that is not chatd's, or is a later chatd's, or is broken; and one
   server at a time has it.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

import msgspec
from twisted.logger import Logger

from ..errors import Unavailable
from ..events import Event, RoomEvent, TopicSet
from ..limits import REMEMBERED_SECONDS
from . import Marks, Past
from .database import APPLICATION, COMPANIONS, MIGRATIONS, Database, Inode, inode
from .private import close_to_others, make_private, open_private

CHECKED_BYTES = 1 << 30
"""The largest file that is read through at the start: in a few seconds."""
NEEDED_BYTES = 64 * 1024
"""Bytes of the disk without which a file is not opened, small as it may be: SQLite's `-shm` alone
has half of that."""
SLICE = 500
"""Events forgotten in one transaction: whoever has something to store waits for it."""
NEVER = 10**17
"""An id that no file has come to: that of the year 5138."""
MOST_MARKS = 100_000
"""Marks kept at most: with the clock set back, those of before would be young for long."""

_MICRO = 1_000_000
_encode = msgspec.json.Encoder().encode


class Forgotten(NamedTuple):
    """What became of the rooms whose oldest events were forgotten."""

    firsts: dict[str, int | None]
    """The oldest entries that are left; None: the room has none any more."""
    more: bool
    """Whether there is more to forget."""


class Doubtful(NamedTuple):
    """A group whose COMMIT has failed, and may be in the file all the same."""

    first: int
    last: int
    """Its lowest and its highest id."""
    topics: Sequence[tuple[str, int]]
    """The topics that it changed, as they were before, and the numbers of their rooms."""


class Writer(Database):
    """The file, opened to be written to."""

    _log = Logger()

    def __init__(
        self, path: Path, history: int, now: Callable[[], float], synchronous: str = "FULL"
    ) -> None:
        """`now` is the wall clock, in seconds since the Unix epoch; `synchronous` is SQLite's
        pragma of that name.
        """
        super().__init__(path, history)
        self._now = now
        self._synchronous = synchronous
        self._numbers: dict[str, int] = {}
        self._count: int | None = None
        self._unchecked = True
        self._doubtful: Doubtful | None = None
        self._lock: IO[bytes] | None = None
        self.id = ""
        """The store's own id."""
        self.last = 0
        """The highest id ever given."""

    # -- opening ---------------------------------------------------------------------------------

    def check(self) -> None:
        """Look whether the file could be used; one that is not there yet is not made.

        Raises `Unavailable`, which says why it could not.
        """
        if os.path.lexists(self.path):
            self.begin()
            self.end()
        elif not os.access(self.path.parent, os.W_OK | os.X_OK):
            raise Unavailable(f"cannot use {self.path}: its directory cannot be written to")

    def begin(self) -> tuple[dict[str, Past], dict[bytes, int]]:
        """Take the file, which is made if there is none: its rooms and its marks.

        Raises `Unavailable`, which says why it cannot be used.
        """
        try:
            if self.path.exists():
                if not self.path.is_file():
                    raise OSError("it is no file")  # a pipe would be waited for
                if not os.access(self.path, os.W_OK):
                    raise OSError("it cannot be written to")  # SQLite would only read it
            self._lock = _locked(self.path)
            connection = self._connection()
            rooms = connection.execute(
                "SELECT name, topic, (SELECT min(id) FROM events WHERE room = number),"
                " (SELECT max(id) FROM events WHERE room = number) FROM rooms"
            )
            kept = {name: Past(*past) for name, *past in rooms if past[1] is not None}
            (self.id,) = connection.execute("SELECT id FROM state").fetchone()
            marks = connection.execute(
                "SELECT mark, id FROM marks WHERE id > ? ORDER BY id", (self._expired,)
            )
            return kept, dict(marks)
        except (sqlite3.Error, OSError) as problem:
            self.end()
            raise Unavailable(f"cannot use {self.path}: {self._reason(problem)}") from None

    def _reason(self, problem: Exception) -> object:
        """What is wrong, as people say it."""
        if getattr(problem, "sqlite_errorname", "").startswith("SQLITE_IOERR"):
            # So it is called when there is no room for what belongs to the file.
            with suppress(OSError):
                disk = os.statvfs(self.path.parent)
                if disk.f_bavail * disk.f_frsize < NEEDED_BYTES:
                    return "the disk is full"
        return getattr(problem, "strerror", None) or problem

    def end(self) -> None:
        """Let go of the file, which is to be whole and in order, and of the lock on it."""
        try:
            if self._current or self._doubtful:
                self._connection()
        except (Unavailable, sqlite3.Error) as problem:
            self._log.error("{path}: {problem}", path=self.path, problem=problem)
        self.close()
        if self._lock:
            self._lock.close()
            self._lock = None

    def close(self) -> None:
        """See `Database.close`."""
        super().close()
        self._numbers.clear()
        self._count = None

    # -- writing ---------------------------------------------------------------------------------

    def store(self, group: Sequence[tuple[Sequence[Event], Marks]]) -> list[list[int]]:
        """Number the events of these batches and keep them all, with their marks.

        Answers the ids of each batch.  Raises `Unavailable`: then nothing was stored.
        """
        answers: list[list[int]] = []
        rows: list[tuple[int, int, str]] = []
        noted: list[tuple[int, bytes]] = []
        topics: dict[int, str] = {}
        with self._transaction() as connection:
            last = before = max(self.last, int(self._now() * _MICRO) - 1)
            for batch, marks in group:
                ids = list(range(last + 1, last + 1 + len(batch)))
                answers.append(ids)
                last += len(batch)
                noted += [(ids[place], mark) for place, mark in marks.items()]
                for id_, event in zip(ids, batch, strict=True):
                    if isinstance(event, RoomEvent):
                        number = self._number(connection, event.room)
                        rows.append((id_, number, _encode(event).decode()))
                        if isinstance(event, TopicSet):
                            topics[number] = event.text
            connection.executemany("INSERT INTO events VALUES (?, ?, ?)", rows)
            connection.executemany("INSERT INTO marks VALUES (?, ?)", noted)
            old = _set_topics(connection, topics)
            connection.execute("UPDATE state SET last = ?", (last,))
            self._doubtful = Doubtful(before + 1, last, old)
        self._doubtful = None
        self.last = last
        if self._count is not None:
            self._count += len(rows)
        return answers

    def probe(self) -> None:
        """Write to the file, and change nothing.  Raises `Unavailable`."""
        with self._transaction() as connection:
            # What is the same already would not be written.
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def public(self, problem: object) -> str:
        """What went wrong, without saying where the file is."""
        return str(problem).replace(f"{self.path}", "the database")

    def forget(self, before: int, most: int | None) -> Forgotten:
        """Forget some of the oldest events: those below the id `before`, and as many as there are
        more than `most`.  Raises `Unavailable`.
        """
        firsts: dict[str, int | None] = {}
        with self._transaction() as connection:
            old = self._old(connection, before, most)
            if old:
                newest = old[-1][0]
                connection.execute("DELETE FROM events WHERE id <= ?", (newest,))
                connection.execute("UPDATE state SET floor = max(floor, ?)", (newest,))
            for number in {number for _, number in old}:
                name, first = connection.execute(
                    "SELECT name, (SELECT min(id) FROM events WHERE room = number)"
                    " FROM rooms WHERE number = ?",
                    (number,),
                ).fetchone()
                firsts[name] = first
                if first is None:
                    connection.execute("DELETE FROM rooms WHERE number = ?", (number,))
                    self._numbers.pop(name, None)
        if self._count is not None:
            self._count -= len(old)
        return Forgotten(firsts, more=len(old) == SLICE)

    def forget_marks(self) -> None:
        """Forget the marks that count no more.  Raises `Unavailable`."""
        with self._transaction() as connection:
            connection.execute(
                "DELETE FROM marks WHERE id <= ?"
                " OR id <= (SELECT id FROM marks ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (self._expired, MOST_MARKS),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection on which everything is done, or nothing.  Raises `Unavailable`."""
        with self._used() as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self.close()
                raise

    def _old(
        self, connection: sqlite3.Connection, before: int, most: int | None
    ) -> list[tuple[int, int]]:
        """Ids and rooms of the next events to forget, oldest first."""
        limit = 0
        if most is not None:
            if self._count is None:
                (self._count,) = connection.execute("SELECT count(*) FROM events").fetchone()
            limit = min(max(self._count - most, 0), SLICE)
        oldest = connection.execute("SELECT id, room FROM events ORDER BY id LIMIT ?", (SLICE,))
        return [
            (id_, room) for place, (id_, room) in enumerate(oldest) if id_ < before or place < limit
        ]

    def _number(self, connection: sqlite3.Connection, room: str) -> int:
        number = self._numbers.get(room)
        if number is None:
            connection.execute("INSERT OR IGNORE INTO rooms (name) VALUES (?)", (room,))
            found = connection.execute("SELECT number FROM rooms WHERE name = ?", (room,))
            number = self._numbers[room] = int(found.fetchone()[0])
        return number

    @property
    def _expired(self) -> int:
        """The newest id of a mark that counts no more."""
        return int((self._now() - REMEMBERED_SECONDS) * _MICRO)

    # -- the file --------------------------------------------------------------------------------

    @property
    def _companions(self) -> list[Path]:
        return [Path(f"{self.path}{suffix}") for suffix in COMPANIONS]

    def _connection(self) -> sqlite3.Connection:
        """See `Database._connection`.

        Raises `Unavailable` when a file that is no longer whole cannot be saved.
        """
        self._guard()
        return super()._connection()

    def _connect(self, mode: str = "rwc") -> sqlite3.Connection:
        """See `Database._connect`."""
        if self._unchecked and self.path.exists():
            # Whoever may write would, on closing, put the -wal into a file that is refused.
            try:
                with closing(super()._connect("ro")) as examined:
                    self._examine(examined)
            except sqlite3.OperationalError as problem:
                if problem.sqlite_errorname != "SQLITE_READONLY_ROLLBACK":
                    raise
                # A crash, as in the very first moment of a file, has left it half written: SQLite
                # takes that back when it may write, and it is examined then.
        make_private(self.path)
        connection = super()._connect(mode)
        try:
            self._examine(connection)
            close_to_others(self.path, *self._companions)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            _migrate(connection)
            self._settle(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _examine(self, connection: sqlite3.Connection) -> None:
        """Raise `sqlite3.DatabaseError` if the file is not one to write to."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != APPLICATION:
            raise sqlite3.DatabaseError("it is a database, but not of chatd's")
        if version > len(MIGRATIONS):
            raise sqlite3.DatabaseError(
                f"a later chatd wrote it, in version {version}; "
                f"this one knows versions up to {len(MIGRATIONS)}"
            )
        if self._unchecked and self.path.stat().st_size <= CHECKED_BYTES:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(f"it is broken: {verdict.splitlines()[-1]}")
        self._unchecked = False

    def _settle(self, connection: sqlite3.Connection) -> None:
        """Compare what the file holds with what was acknowledged and refused."""
        connection.execute("BEGIN IMMEDIATE")
        state = connection.execute("SELECT last, floor FROM state").fetchone()
        if not state or not all(isinstance(id_, int) and 0 <= id_ < NEVER for id_ in state):
            raise sqlite3.DatabaseError("it is broken: it does not say how far it goes")
        if connection.execute(
            "SELECT 1 FROM rooms WHERE typeof(name) <> 'text' OR typeof(topic) <> 'text'"
        ).fetchone():
            raise sqlite3.DatabaseError("it is broken: a room has no name")
        last = state[0]
        given = self.last or last or int(self._now() * _MICRO)
        if last < given:
            connection.execute("UPDATE state SET last = ?, floor = ?", (given, given))
        if self._doubtful and self._doubtful.last == last:
            refused = self._doubtful[:2]
            connection.execute("DELETE FROM events WHERE id BETWEEN ? AND ?", refused)
            connection.execute("DELETE FROM marks WHERE id BETWEEN ? AND ?", refused)
            connection.executemany(
                "UPDATE rooms SET topic = ? WHERE number = ?", self._doubtful.topics
            )
        connection.execute("COMMIT")
        self._doubtful = None
        if last < self.last:
            self._log.error(
                "{path} ends at the id {last}, but was written up to {given}: what is missing is"
                " lost",
                path=self.path,
                last=last,
                given=given,
            )
        self.last = max(given, last)

    def _guard(self) -> None:
        """See to it that the file is whole: itself, and what belongs to it.

        Raises `Unavailable` when it is not, and cannot be saved.
        """
        was, now = self._identity, self._look()
        if not was or now == was:
            return
        if self._current and now[0] in (None, was[0]):
            self._save(self._current)
            self.close()
        elif now[0] != was[0]:
            # Somebody has put another file here, or will get a fresh one.
            self._log.warn("{path} is another file now; it is used from here on", path=self.path)
            self.close()
            self._clear_away(was)

    def _clear_away(self, was: Sequence[Inode | None]) -> None:
        """What belonged to the file that was here would break another."""
        for suffix, old in zip(COMPANIONS, was[1:], strict=True):
            companion = f"{self.path}{suffix}"
            if old and inode(companion) == old:
                os.unlink(companion)

    def _save(self, connection: sqlite3.Connection) -> None:
        """Write out anew what was deleted, or has lost what belongs to it, but is still open."""
        copy = self.path.with_name(f"{self.path.name}-saved")
        try:
            copy.unlink(missing_ok=True)
            make_private(copy)
            connection.execute("VACUUM INTO ?", (str(copy),))
            _sync(copy)
            for companion in self._companions:
                companion.unlink(missing_ok=True)
            os.replace(copy, self.path)
            _sync(self.path.parent)
        except (sqlite3.Error, OSError) as problem:
            with suppress(OSError):
                copy.unlink(missing_ok=True)
            raise Unavailable(
                f"{self.path} is not whole any more, and cannot be written out anew: {problem}"
            ) from None
        self._log.warn("{path} was deleted, or part of it; it is written out anew", path=self.path)


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest version.  Raises `sqlite3.Error`."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, migration in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {migration}; PRAGMA user_version = {number}; COMMIT"
        )


def _set_topics(
    connection: sqlite3.Connection, topics: dict[int, str]
) -> Sequence[tuple[str, int]]:
    """Set the topics of rooms by their numbers; answers what they were."""
    old = []
    for number, topic in topics.items():
        found = connection.execute("SELECT topic FROM rooms WHERE number = ?", (number,))
        old.append((found.fetchone()[0], number))
        connection.execute("UPDATE rooms SET topic = ? WHERE number = ?", (topic, number))
    return old


def _sync(path: Path) -> None:
    """Have the disk hold a file, or what a directory lists.  Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _locked(path: Path) -> IO[bytes]:
    """The lock on a file, as long as it is open.  Raises `OSError`."""
    # Not the file itself: closing any descriptor of it would drop SQLite's own locks.
    lock = open_private(path.with_name(f"{path.name}-lock"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        lock.close()
        raise OSError(problem.errno, "another server has it") from None
    return lock
