"""Faults of a database file, caused on purpose."""

from __future__ import annotations

import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from chatd.store.cells import Cells
from chatd.store.requests import RequestKeys
from chatd.store.writer import Writer


class FailingConnection(sqlite3.Connection):
    """A connection whose next COMMITs fail as `fates` says."""

    fates: ClassVar[list[str]] = []
    """`lost`: the COMMIT fails.  `kept`: it reports an error, but the file has the changes."""

    def execute(self, sql: str, /, *parameters: Any) -> sqlite3.Cursor:
        """See `sqlite3.Connection.execute`."""
        fate = self.fates.pop(0) if sql == "COMMIT" and self.fates else ""
        if fate == "lost":
            raise sqlite3.OperationalError("disk I/O error")
        done = super().execute(sql, *parameters)
        if fate == "kept":
            raise sqlite3.OperationalError("disk I/O error")
        return done


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """In the block, no file can become longer than `size` bytes."""
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The limit holds for every file of the process; no other one is written to.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """In the block, another program is writing to the file."""
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
    finally:
        other.close()


def garbage(path: Path) -> None:
    """Write a file that is no database."""
    path.write_bytes(b"# Shopping\n\n- milk\n- bread\n" * 200)


def foreign(path: Path) -> None:
    """Write another program's database."""
    _run_sql(path, "CREATE TABLE bookmarks (url TEXT)", "INSERT INTO bookmarks VALUES ('x')")


def newer(path: Path) -> None:
    """Write a file of a later version of chatd."""
    _run_sql(
        path,
        "CREATE TABLE events (id INTEGER PRIMARY KEY)",
        "PRAGMA application_id = 0x63686174",
        "PRAGMA user_version = 1000",
    )


def broken(path: Path) -> None:
    """Write a file of chatd with a damaged page."""
    _run_sql(
        path,
        "PRAGMA application_id = 0x63686174",
        "PRAGMA user_version = 1",
        "CREATE TABLE events (id INTEGER PRIMARY KEY, event TEXT)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)"
        " INSERT INTO events SELECT i, hex(randomblob(20)) FROM n",
    )
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xa5" * 4096)


def cut(path: Path) -> None:
    """Write a file of chatd that lacks its second half."""
    broken(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 8192 * 4096)


def timeless(path: Path) -> None:
    """Write a file of chatd whose last id is no number."""
    _edited_file(path, "UPDATE state SET last = 'yesterday'")


def endless(path: Path) -> None:
    """Write a file of chatd whose last id is the highest number."""
    _edited_file(path, f"UPDATE state SET last = {2**63 - 1}")


def nameless(path: Path) -> None:
    """Write a file of chatd with a room whose name is not UTF-8."""
    _edited_file(
        path,
        "INSERT INTO rooms (name) VALUES (x'ff')",
        "INSERT INTO events SELECT 1, number, '' FROM rooms",
    )


def pipe(path: Path) -> None:
    """Make a pipe, whose opening would wait for a writer."""
    os.mkfifo(path)


def directory(path: Path) -> None:
    """Make a directory."""
    path.mkdir()


def unopenable(path: Path) -> None:
    """Make a symbolic link to itself, which not even root can open."""
    path.symlink_to(path.name)


def stateless(path: Path) -> None:
    """Write a file of chatd without its row of state."""
    _edited_file(path, "DELETE FROM state")


def _edited_file(path: Path, *statements: str) -> None:
    writer = Writer(path, lambda: 0.0, RequestKeys(lambda: 0.0), Cells())
    writer.begin()
    writer.end()
    _run_sql(path, *statements)
    path.with_name(f"{path.name}-lock").unlink()


UNUSABLE = [
    garbage,
    foreign,
    newer,
    broken,
    cut,
    stateless,
    timeless,
    endless,
    nameless,
    directory,
    pipe,
    unopenable,
]


def contents(path: Path) -> object:
    """The content at the path, byte for byte."""
    if path.is_symlink():
        return path.readlink()
    if path.is_fifo():
        return "a pipe"
    return sorted(path.iterdir()) if path.is_dir() else path.read_bytes()


def _run_sql(path: Path, *statements: str) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()
