"""The SQLite file of the server that writes to it: locked, checked, guarded.

1. One server at a time may open a file; it holds the lock file beside it.
2. A file that is not chatd's, was written by a later chatd, or is corrupt, is left unchanged.
3. A file that is deleted while it is open is written anew.
4. A file that was put in its place is used from then on, and companions of the old file, which
   would corrupt it, are removed.
5. Only its owner may read the file and its companions (`chatd.store.private`).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import IO

from twisted.logger import Logger

from ..model.errors import Unavailable
from .database import APPLICATION, COMPANIONS, MIGRATIONS, Database, Inode, inode
from .private import close_to_others, make_private, open_private
from .upgrade import migrate, sync

CHECKED_BYTES = 1 << 30
"""The largest file that is checked completely at the start, which takes a few seconds."""
NEEDED_BYTES = 64 * 1024
"""Free bytes of the disk without which SQLite cannot open even a small file: its `-shm` alone takes
half of that."""
NEVER = 10**17
"""An id that no file can have reached: that of the year 5138."""


class OwnFile(Database):
    """The file, opened for writing."""

    _log = Logger()

    def __init__(self, path: Path, synchronous: str = "FULL") -> None:
        """`synchronous` is SQLite's pragma of that name."""
        super().__init__(path)
        self._synchronous = synchronous
        self._unchecked = True
        self._lock: IO[bytes] | None = None

    def check(self) -> None:
        """Check whether the file could be used; a missing file is not created.

        Raises `Unavailable`, whose message says why it could not.
        """
        if os.path.lexists(self.path):
            self.take()
            self.release()
        else:
            self.inspect()

    def inspect(self) -> None:
        """Check what can be seen of the file without opening it, which another server may have
        done.  Raises `Unavailable`.
        """
        problem = _unusable(self.path)
        if problem:
            raise Unavailable(f"cannot use {self.path}: {problem}")

    def take(self) -> None:
        """Lock the file and open it; a missing file is created.

        Raises `Unavailable`, whose message says why it cannot be used.
        """
        try:
            if problem := _unusable(self.path):
                raise OSError(problem)
            self._lock = _locked(self.path)
            self._connection()
        except (sqlite3.Error, OSError) as problem:
            self.release()
            raise Unavailable(f"cannot use {self.path}: {self._reason(problem)}") from None

    def release(self) -> None:
        """Close the file, and release the lock on it."""
        self.close()
        if self._lock:
            self._lock.close()
            self._lock = None

    def public(self, problem: object) -> str:
        """A problem's message without the path of the file, for clients."""
        return str(problem).replace(str(self.path), "the database")

    def _reason(self, problem: Exception) -> object:
        """The reason for a problem, in an operator's words."""
        if getattr(problem, "sqlite_errorname", "").startswith("SQLITE_IOERR"):
            # SQLite's name for a disk without room for the companions of the file.
            with suppress(OSError):
                disk = os.statvfs(self.path.parent)
                if disk.f_bavail * disk.f_frsize < NEEDED_BYTES:
                    return "the disk is full"
        return getattr(problem, "strerror", None) or problem

    # -- connecting ------------------------------------------------------------------------------

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
            # A connection that may write would, on closing, put the -wal into a file that is
            # refused.
            try:
                with closing(super()._connect("ro")) as examined:
                    self._examine(examined)
            except sqlite3.OperationalError as problem:
                if problem.sqlite_errorname != "SQLITE_READONLY_ROLLBACK":
                    raise
                # A crash, such as just after the file was created, has left a half-written file:
                # SQLite rolls that back when it may write, and the file is checked then.
        make_private(self.path)
        connection = super()._connect(mode)
        try:
            self._examine(connection)
            _look_through(connection)
            close_to_others(self.path, *self._companions)
            connection.execute("PRAGMA journal_mode = WAL")
            # What is deleted or overwritten is overwritten with zeros in its page too.
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
            migrate(connection, self.path, MIGRATIONS)
            self._settle(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _settle(self, connection: sqlite3.Connection) -> None:
        """Compare the file's contents with what was acknowledged.  Raises `sqlite3.Error`."""

    def _examine(self, connection: sqlite3.Connection) -> None:
        """Raise `sqlite3.DatabaseError` if the file must not be written to."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and application != APPLICATION:
            raise sqlite3.DatabaseError("it is a database, but not of chatd's")
        if version > len(MIGRATIONS):
            raise sqlite3.DatabaseError(
                f"a later chatd wrote it, in version {version}; this one knows versions up to "
                f"{len(MIGRATIONS)}: install that chatd again, or restore a copy of the file"
            )
        if self._unchecked and self.path.stat().st_size <= CHECKED_BYTES:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(f"it is broken: {verdict.splitlines()[-1]}")
        self._unchecked = False

    # -- guarding --------------------------------------------------------------------------------

    def _guard(self) -> None:
        """Make sure that the file and its companions are complete.

        Raises `Unavailable` if they are not, and cannot be restored.
        """
        was, now = self._identity, self._look()
        if not was or now == was:
            return
        if self._current and now[0] in (None, was[0]):
            self._save(self._current)
            self.close()
        elif now[0] != was[0]:
            # Another program has put another file here, or SQLite will make a fresh one.
            self._log.warn(
                "{path} was replaced by another file, which is used from now on", path=self.path
            )
            self.close()
            self._clear_away(was)

    def _clear_away(self, was: Sequence[Inode | None]) -> None:
        """Remove the companions of the file that was here, which would corrupt another file."""
        for suffix, old in zip(COMPANIONS, was[1:], strict=True):
            companion = f"{self.path}{suffix}"
            if old and inode(companion) == old:
                os.unlink(companion)

    def _save(self, connection: sqlite3.Connection) -> None:
        """Write a file anew that was deleted, or has lost a companion, but is still open."""
        copy = self.path.with_name(f"{self.path.name}-saved")
        try:
            copy.unlink(missing_ok=True)
            make_private(copy)
            connection.execute("VACUUM INTO ?", (str(copy),))
            sync(copy)
            for companion in self._companions:
                companion.unlink(missing_ok=True)
            os.replace(copy, self.path)
            sync(self.path.parent)
        except (sqlite3.Error, OSError) as problem:
            with suppress(OSError):
                copy.unlink(missing_ok=True)
            raise Unavailable(
                f"{self.path} is incomplete, and cannot be written anew: {problem}"
            ) from None
        self._log.warn("{path} was deleted, or a part of it; it was written anew", path=self.path)


def _look_through(connection: sqlite3.Connection) -> None:
    """Raise `sqlite3.DatabaseError` if the contents that every version has are invalid."""
    if not connection.execute("PRAGMA user_version").fetchone()[0]:
        return  # it is new
    state = connection.execute("SELECT last, floor FROM state").fetchone()
    if not state or not all(isinstance(id_, int) and 0 <= id_ < NEVER for id_ in state):
        raise sqlite3.DatabaseError("it is broken: its last id or floor is invalid")
    if connection.execute("SELECT 1 FROM rooms WHERE typeof(name) <> 'text'").fetchone():
        raise sqlite3.DatabaseError("it is broken: a room has no name")


def _locked(path: Path) -> IO[bytes]:
    """The lock on a file, as long as it is open.  Raises `OSError`."""
    # Not the file itself: closing any descriptor of it would drop SQLite's own locks.
    lock = open_private(_lock_of(path))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        lock.close()
        raise OSError(problem.errno, "another server has it") from None
    return lock


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-lock")


def _unusable(path: Path) -> str:
    """Why a path cannot be a database's, by its kind and permissions; empty if it can be."""
    made = os.path.exists(path)  # `Path.exists` raises some errors
    if made and not path.is_file():
        return "it is no file"  # a pipe would be waited for
    if made and not os.access(path, os.W_OK):
        return "it cannot be written to"  # SQLite would only read it
    if not os.path.isdir(path.parent):
        return f"its directory {path.parent} does not exist"
    if not (made and os.path.exists(_lock_of(path))) and not os.access(
        path.parent, os.W_OK | os.X_OK
    ):
        return "its directory cannot be written to"
    return ""
