"""Schema upgrade of an older SQLite file, after a copy of it was made.

1. A file that is not empty is copied whole before the first migration.  If the disk has no space
   for the copy, the file stays as it is, and the start fails.
2. Each migration is one transaction: after a crash the next start continues with the migration
   that was not committed.  It does not replace the copy that the first start made.
3. The copy of a file of version N is called `NAME-vN`; the chatd of that version can open it.
   chatd never removes it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from twisted.logger import Logger

from .private import make_private

_log = Logger()


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Bring the file at the path to the newest version.  Raises `sqlite3.Error`."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    steps = migrations[version:]
    if not steps:
        return
    began, copy = monotonic(), None
    if version:
        copy = copied(connection, path, version)
        _log.info(
            "upgrading {path} from version {version} to {newest}; a copy of it is {copy}",
            path=path,
            version=version,
            copy=copy,
            newest=len(migrations),
        )
    for number, migration in enumerate(steps, version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {migration}; PRAGMA user_version = {number}; COMMIT"
        )
    if copy:
        _log.info(
            "upgraded {path} to version {newest} in {seconds:.1f} seconds",
            path=path,
            newest=len(migrations),
            seconds=monotonic() - began,
        )


def copied(connection: sqlite3.Connection, path: Path, version: int) -> Path:
    """Copy the whole file, unless a copy exists; returns its path.  Raises `sqlite3.Error`."""
    copy = path.with_name(f"{path.name}-v{version}")
    if copy.exists():
        return copy
    unfinished = path.with_name(f"{copy.name}-unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        make_private(unfinished)
        connection.execute("VACUUM INTO ?", (str(unfinished),))
        sync(unfinished)
        os.replace(unfinished, copy)
        sync(path.parent)
    except (sqlite3.Error, OSError) as problem:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise sqlite3.OperationalError(
            f"it has an older version and must be copied to {copy} before the upgrade, but that "
            f"failed ({problem}); the copy needs about {path.stat().st_size >> 20} MiB"
        ) from None
    return copy


def sync(path: Path) -> None:
    """Flush a file, or a directory's entries, to the disk.  Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
