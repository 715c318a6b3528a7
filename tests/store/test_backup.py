"""Backup of the database, while a server writes to it."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chatd.model.errors import Unavailable
from chatd.store.backup import FLUSHED_PAGES, PAGES, back_up

from ..kit.desk import Desk, queried
from ..kit.file_faults import room_for
from ..kit.stores import said


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


def filled(source: Path, count: int) -> Desk:
    """A server that has the file open, and has stored some messages."""
    desk = Desk(source)
    desk.store(*(said(f"message {n} " + "x" * 500) for n in range(count)))
    return desk


def copy(source: Path, target: Path, **options: Any) -> tuple[Any, list[tuple[str, float]]]:
    """Back up without pauses; returns the result, and the reported progress."""
    told: list[tuple[str, float]] = []
    done = back_up(
        source,
        target,
        lambda what, part: told.append((what, part)),
        **{"sleep": lambda seconds: None, **options},
    )
    return done, told


def test_a_copy_holds_what_the_server_has_stored(source: Path, tmp_path: Path) -> None:
    """In one file that only its owner can read, and that a server can open."""
    desk = filled(source, 100)
    target = tmp_path / "backup.db"
    done, told = copy(source, target)
    assert done.events == 100
    assert done.size == target.stat().st_size
    assert [(done.last,)] == queried(target, "SELECT max(id) FROM events")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if "backup" in path.name) == [
        "backup.db"
    ]
    assert told[0][0] == "copying"
    assert told[-1] == ("checking", 1)
    desk.end()
    other = Desk(target)
    other.end()


def test_what_is_said_meanwhile_neither_waits_nor_gets_into_the_copy(
    source: Path, tmp_path: Path
) -> None:
    """The copy is the file at one moment, however long it takes; the server goes on."""
    desk = filled(source, 4000)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        desk.store(said("meanwhile"))

    done, told = copy(source, tmp_path / "backup.db", sleep=wait)
    assert done.events == 4000
    assert len(waits) > FLUSHED_PAGES // PAGES, "it was copied in steps"
    parts = [part for what, part in told if what == "copying"]
    assert parts == sorted(parts), "it never began anew"
    assert parts[-1] == 1
    assert queried(source, "SELECT count(*) FROM events") == [(4000 + len(waits),)]
    desk.end()


def test_a_file_without_a_server_is_copied_too(source: Path, tmp_path: Path) -> None:
    """No `-wal` or `-shm` file is left beside the copy."""
    filled(source, 3).end()
    before = {path.name for path in tmp_path.iterdir()}
    assert copy(source, tmp_path / "backup.db")[0].events == 3
    left = {path.name for path in tmp_path.iterdir()} - before - {"backup.db"}
    assert left <= {"chat.db-wal", "chat.db-shm"}


def no_file(source: Path, target: Path) -> str:
    return "there is no database at"


def another_program_s(source: Path, target: Path) -> str:
    with closing(sqlite3.connect(source)) as other:
        other.execute("CREATE TABLE t (x)")
    return "not of chatd's"


def no_database(source: Path, target: Path) -> str:
    source.write_text("hello " * 1000)
    return "file is not a database"


def target_there(source: Path, target: Path) -> str:
    filled(source, 1).end()
    target.write_text("mine")
    return "exists already; --force replaces it"


def target_directory(source: Path, target: Path) -> str:
    filled(source, 1).end()
    target.mkdir()
    return "is a directory"


@pytest.mark.parametrize(
    "spoil", [no_file, another_program_s, no_database, target_there, target_directory]
)
def test_an_impossible_backup_is_refused_and_leaves_nothing(
    source: Path, tmp_path: Path, spoil: Callable[[Path, Path], str]
) -> None:
    """Existing files stay as they were."""
    target = tmp_path / "backup.db"
    why = spoil(source, target)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(Unavailable, match=why):
        copy(source, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_full_disk_ends_the_backup_and_leaves_nothing(source: Path, tmp_path: Path) -> None:
    """An older backup is not touched."""
    filled(source, 500).end()
    target = tmp_path / "backup.db"
    target.write_text("older")
    with room_for(64 * 1024), pytest.raises(Unavailable, match="cannot back up"):
        copy(source, target, replace=True)
    assert target.read_text() == "older"
    assert not [path for path in tmp_path.iterdir() if "partial" in path.name]


def test_an_older_backup_is_replaced_if_that_is_asked_for(source: Path, tmp_path: Path) -> None:
    """The server's own files are never replaced."""
    desk = filled(source, 2)
    target = tmp_path / "backup.db"
    target.write_text("older")
    target.chmod(0o644)
    assert copy(source, target, replace=True)[0].events == 2
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    for own in ("chat.db", "chat.db-wal", "chat.db-lock"):
        with pytest.raises(Unavailable, match="belongs to the server"):
            copy(source, tmp_path / own, replace=True)
    desk.end()


def test_an_interrupted_backup_leaves_nothing(source: Path, tmp_path: Path) -> None:
    """Interrupted by Ctrl-C."""
    filled(source, 10).end()

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        copy(source, tmp_path / "backup.db", sleep=interrupt)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name not in (
        "chat.db-wal", "chat.db-shm")) == before  # fmt: skip
