"""Backup of a SQLite file, while a server writes to it.

1. The copy is a snapshot of one moment, in one file without `-wal` and `-shm`.  The copy is checked
   before it is renamed to `target`, so a file of that name is always a whole backup.
2. A connection of its own reads the file, in one read transaction: in WAL mode (SQLite, "WAL") a
   reader does not block the writer.
3. Copying takes at most a quarter of the time, in steps of a few hundred microseconds, and the copy
   is flushed every megabyte.  Otherwise the server's own flushes would wait until the whole copy is
   flushed.
4. Only its owner may read the copy.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import mkstemp
from typing import NamedTuple

from ..model.errors import Unavailable
from .database import APPLICATION, COMPANIONS
from .private import MODE

PAGES = 32
"""Pages in one step of copying: 128 kB."""
RESTS = 3
"""Pauses after a step or a flush, each as long as that took."""
FLUSHED_PAGES = 256
"""Pages after which the copy is flushed to the disk."""
LOCKED = "-lock"


class BackedUp(NamedTuple):
    """What a backup holds."""

    size: int
    """Its size in bytes."""
    events: int
    last: int
    """The id of the newest event; 0 if there is none."""


Progress = Callable[[str, float], None]
"""Called with the present task, and the completed fraction of that task, from 0 to 1."""


def back_up(
    source: Path,
    target: Path,
    progress: Progress,
    *,
    replace: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> BackedUp:
    """Copy a SQLite file to `target`; with `replace`, instead of a file that is there.

    Raises `Unavailable`; then there is no copy, and a file that was there is as it was.
    """
    _check_target(source, target, replace)
    try:
        descriptor, name = mkstemp(prefix=f"{target.name}.", suffix=".partial", dir=target.parent)
    except OSError as problem:
        raise Unavailable(f"cannot write {target}: {problem.strerror}") from None
    partial = Path(name)
    try:
        os.fchmod(descriptor, MODE)
        _copy(source, partial, descriptor, progress, sleep)
        done = _examine(partial, progress)
        os.fsync(descriptor)
        _name(partial, target, replace)
        return done
    except sqlite3.Error as problem:
        raise Unavailable(f"cannot back up {source}: {problem}") from None
    except OSError as problem:
        raise Unavailable(f"cannot write {target}: {problem.strerror or problem}") from None
    finally:
        os.close(descriptor)
        for left in (partial, *_companions(partial)):
            with suppress(OSError):
                left.unlink()


def _companions(path: Path) -> list[Path]:
    return [Path(f"{path}{suffix}") for suffix in (*COMPANIONS, "-journal")]


def _check_target(source: Path, target: Path, replace: bool) -> None:
    """Raise `Unavailable` if there is nothing to copy, or the copy must not be put there."""
    if not source.is_file():
        raise Unavailable(f"there is no database at {source}; --store or --config says where it is")
    own = [source, *_companions(source), Path(f"{source}{LOCKED}")]
    if any(target.exists() and one.exists() and target.samefile(one) for one in own):
        raise Unavailable(f"{target} belongs to the server; name another file")
    if target.is_dir():
        raise Unavailable(f"{target} is a directory; name a file in it")
    if os.path.lexists(target) and not replace:
        raise Unavailable(f"{target} exists already; --force replaces it")


def _opened(path: Path, mode: str) -> closing[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return closing(sqlite3.connect(uri, uri=True, isolation_level=None))


def _copy(
    source: Path,
    partial: Path,
    descriptor: int,
    progress: Progress,
    sleep: Callable[[float], None],
) -> None:
    began = time.monotonic()
    flushed = 0

    def step(_: int, left: int, whole: int) -> None:
        nonlocal began, flushed
        if whole - left - flushed >= FLUSHED_PAGES:
            flushed = whole - left
            os.fsync(descriptor)
        progress("copying", (whole - left) / max(whole, 1))
        sleep(RESTS * (time.monotonic() - began))
        began = time.monotonic()

    with _opened(source, "ro") as old, _opened(partial, "rw") as new:
        (application,) = old.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION:
            raise Unavailable(f"{source} is a database, but not of chatd's")
        new.execute("PRAGMA journal_mode = OFF")  # a copy that fails is thrown away
        new.execute("PRAGMA synchronous = OFF")  # `step` flushes it
        # Without a transaction SQLite would restart the copy whenever the server writes.
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        old.backup(new, pages=PAGES, progress=step)
        old.execute("COMMIT")
    with _opened(partial, "rw") as new:
        new.execute("PRAGMA journal_mode = DELETE")  # one file, without -wal and -shm


def _examine(partial: Path, progress: Progress) -> BackedUp:
    """Check the copy.  Raises `Unavailable` if it is broken."""
    progress("checking", 0)
    with _opened(partial, "ro") as copy:
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise Unavailable(f"the copy is broken, and so may be the file: {verdict}")
        events, last = copy.execute("SELECT count(*), coalesce(max(id), 0) FROM events").fetchone()
    progress("checking", 1)
    return BackedUp(partial.stat().st_size, events, last)


def _name(partial: Path, target: Path, replace: bool) -> None:
    """Rename the copy, and flush its directory.  Raises `Unavailable` and `OSError`."""
    if replace:
        partial.replace(target)
    else:
        try:
            os.link(partial, target)  # unlike a rename, it replaces nothing
        except FileExistsError:
            raise Unavailable(f"{target} exists already; --force replaces it") from None
        except OSError:  # a file system without links
            partial.replace(target)
    directory = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
