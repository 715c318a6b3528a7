"""Older files are upgraded, after a copy of them was made."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from twisted.logger import capturedLogs, formatEvent

from chatd.model.errors import Unavailable
from chatd.store import upgrade
from chatd.store.database import MIGRATIONS
from chatd.store.file import OwnFile

ROOM = "INSERT INTO rooms VALUES (1, 'lobby'); INSERT INTO events VALUES (7, 1, '{\"text\":\"x\"}')"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of the last version but one, with an event."""
    path = tmp_path / "chat.sqlite"
    old = len(MIGRATIONS) - 1
    with closing(sqlite3.connect(path)) as file:
        for migration in MIGRATIONS[:old]:
            file.executescript(migration)
        file.executescript(f"{ROOM}; PRAGMA user_version = {old}")
    return path


def opened(path: Path) -> list[str]:
    """Open and close the file as a server does; returns what was logged."""
    own = OwnFile(path)
    with capturedLogs() as logs:
        own.take()
    own.release()
    return [formatEvent(event) or "" for event in logs]


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as file:
        found: int = file.execute("PRAGMA user_version").fetchone()[0]
        assert file.execute("SELECT id FROM events").fetchall() == [(7,)]
        return found


def copy_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-v{len(MIGRATIONS) - 1}")


def test_an_older_file_is_copied_before_it_is_migrated(path: Path) -> None:
    """The copy is what the older chatd wrote, readable by its owner only; the log names the copy
    and the seconds.
    """
    told = opened(path)
    assert version(path) == len(MIGRATIONS)
    assert version(copy_of(path)) == len(MIGRATIONS) - 1
    assert copy_of(path).stat().st_mode & 0o077 == 0
    assert f"a copy of it is {copy_of(path)}" in told[0]
    assert "seconds" in told[1]
    assert opened(path) == []


def test_a_new_file_has_no_copy(tmp_path: Path) -> None:
    """And nothing is logged."""
    assert opened(tmp_path / "new.sqlite") == []
    assert [file.name for file in tmp_path.iterdir() if "-v" in file.name] == []


def test_the_copy_of_the_first_attempt_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that fails leaves the file and its copy as they were."""
    wrong = (*MIGRATIONS[:-1], "CREATE TABLE x (n); SELECT no_such_function()")
    with monkeypatch.context() as patch:
        patch.setattr("chatd.store.file.MIGRATIONS", wrong)
        with pytest.raises(Unavailable):
            OwnFile(path).take()
    first = copy_of(path).stat()
    assert version(path) == len(MIGRATIONS) - 1
    opened(path)
    assert version(path) == len(MIGRATIONS)
    assert copy_of(path).stat().st_ino == first.st_ino


def test_without_room_for_the_copy_the_file_stays_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start fails, and says how much space is needed; no unfinished copy is left."""

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(upgrade, "sync", full)
        with pytest.raises(Unavailable, match=r"must be copied to .*No space left.*MiB"):
            OwnFile(path).take()
    assert version(path) == len(MIGRATIONS) - 1
    assert [file.name for file in path.parent.iterdir() if "-v" in file.name] == []
