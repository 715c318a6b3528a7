"""What can go wrong with a file, done to it on purpose."""

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
    """A connection whose next COMMITs meet the fates that were laid down for them."""

    fates: ClassVar[list[str]] = []
    """`lost`: it fails.  `kept`: it fails, but what it was to store is in the file."""

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
    """Meanwhile nothing can be written behind so many bytes of a file."""
    limit, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    # It holds for every file of the process; none of the others is written to.
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, most))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Meanwhile another program is writing to the file."""
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
    finally:
        other.close()


def garbage(path: Path) -> None:
    """A file of something else."""
    path.write_bytes(b"# Shopping\n\n- milk\n- bread\n" * 200)


def foreign(path: Path) -> None:
    """Another program's database."""
    _made(path, "CREATE TABLE bookmarks (url TEXT)", "INSERT INTO bookmarks VALUES ('x')")


def newer(path: Path) -> None:
    """A file that a later chatd wrote."""
    _made(
        path,
        "CREATE TABLE events (id INTEGER PRIMARY KEY)",
        "PRAGMA application_id = 0x63686174",
        "PRAGMA user_version = 1000",
    )


def broken(path: Path) -> None:
    """A file of chatd's, with a page that was overwritten."""
    _made(
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
    """A file of chatd's, of which the second half is missing."""
    broken(path)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 8192 * 4096)


def timeless(path: Path) -> None:
    """A file of chatd's that goes to where nothing goes."""
    _meddled(path, "UPDATE state SET last = 'yesterday'")


def endless(path: Path) -> None:
    """A file of chatd's that goes further than time."""
    _meddled(path, f"UPDATE state SET last = {2**63 - 1}")


def nameless(path: Path) -> None:
    """A file of chatd's with a room whose name is no text any more."""
    _meddled(
        path,
        "INSERT INTO rooms (name) VALUES (x'ff')",
        "INSERT INTO events SELECT 1, number, '' FROM rooms",
    )


def pipe(path: Path) -> None:
    """Something that is waited for when it is opened."""
    os.mkfifo(path)


def directory(path: Path) -> None:
    """No file at all."""
    path.mkdir()


def unopenable(path: Path) -> None:
    """A name that leads nowhere, for anybody; permissions do not stop everybody."""
    path.symlink_to(path.name)


def stateless(path: Path) -> None:
    """A file of chatd's that does not say how far it goes."""
    _meddled(path, "DELETE FROM state")


def _meddled(path: Path, *statements: str) -> None:
    writer = Writer(path, lambda: 0.0, RequestKeys(lambda: 0.0), Cells())
    writer.begin()
    writer.end()
    _made(path, *statements)
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


def remains(path: Path) -> object:
    """What is at the path, byte for byte."""
    if path.is_symlink():
        return path.readlink()
    if path.is_fifo():
        return "a pipe"
    return sorted(path.iterdir()) if path.is_dir() else path.read_bytes()


def _made(path: Path, *statements: str) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        database.execute(statement)
    database.close()
