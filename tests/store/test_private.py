"""Files that only their owner may read."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chatd.model.events import Said
from chatd.store.private import close_to_others, make_private, open_private

from ..kit.stores import StoreUnderTest, sqlite_store


@pytest.fixture(autouse=True)
def _no_umask() -> Iterator[None]:
    """Set a umask that removes no permission."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


def modes(path: Path) -> dict[str, int]:
    return {
        file.name.removeprefix(path.name): stat.S_IMODE(file.stat().st_mode)
        for file in path.parent.iterdir()
    }


PRIVATE = {"": 0o600, "-wal": 0o600, "-shm": 0o600, "-lock": 0o600}


def kept_at(path: Path) -> StoreUnderTest:
    return StoreUnderTest(lambda *clocks: sqlite_store(path, *clocks))


def test_a_database_and_its_side_files_are_private_to_their_owner(path: Path) -> None:
    """Also under `--nodaemon`, where the umask is that of the shell."""
    with kept_at(path) as kept:
        kept.stored(Said("lobby", "ada", "hello"))
        assert modes(path) == PRIVATE


def test_a_database_readable_by_others_is_made_private(path: Path) -> None:
    """An older chatd created it with the permissions of the umask."""
    with kept_at(path) as kept:
        kept.stored(Said("lobby", "ada", "hello"))
        for file in path.parent.iterdir():
            file.chmod(0o644)
    path.chmod(0o644)
    with kept_at(path) as kept:
        kept.stored(Said("lobby", "ada", "hello"))
        assert modes(path) == PRIVATE


def test_a_restored_database_is_private(path: Path) -> None:
    """A deleted file comes back with private permissions."""
    with kept_at(path) as kept:
        kept.stored(Said("lobby", "ada", "hello"))
        path.unlink()
        kept.stored(Said("lobby", "ada", "hello again"))
        assert modes(path) == PRIVATE
        assert len(kept.read("lobby").entries) == 2


def test_the_temporary_copy_of_a_restore_is_private(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its first byte on."""
    seen: list[int] = []
    replace = os.replace

    def look(source: Path, target: Path) -> None:
        seen.append(stat.S_IMODE(source.stat().st_mode))
        replace(source, target)

    monkeypatch.setattr(os, "replace", look)
    with kept_at(path) as kept:
        kept.stored(Said("lobby", "ada", "hello"))
        path.unlink()
        kept.stored(Said("lobby", "ada", "hello again"))
    assert seen == [0o600]


def test_the_mode_of_a_foreign_file_is_not_changed(path: Path) -> None:
    """It is refused."""
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE t (x)")
    path.chmod(0o644)
    with pytest.raises(Exception, match="not of chatd"):
        kept_at(path)
    assert modes(path)[""] == 0o644


def test_a_narrower_mode_is_kept(path: Path) -> None:
    """No permission is added."""
    make_private(path)
    path.chmod(0o440)
    close_to_others(path, path.with_name("missing"))
    assert modes(path) == {"": 0o400}


def test_make_private_ignores_a_file_that_cannot_be_created(path: Path) -> None:
    """Opening it reports the error."""
    make_private(path / "in no directory")
    with pytest.raises(OSError, match="No such file"):
        open_private(path / "in no directory")
