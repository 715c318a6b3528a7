"""The file of a store: created, locked, migrated, and restored if it is deleted."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chatd.model.errors import Unavailable
from chatd.model.roomstate import RoomState, decode_state, encode_state
from chatd.model.units import (
    ROOMS,
    Expect,
)
from chatd.store import RoomSummary, database, file
from chatd.store.cells import Cells
from chatd.store.requests import RequestKeys
from chatd.store.writer import Writer

from ..kit.desk import BEFORE, Desk, queried, refused
from ..kit.file_faults import UNUSABLE, contents, newer, room_for
from ..kit.stores import claim, said, saying

VERSION = len(database.MIGRATIONS)


# -- unusable files --------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", UNUSABLE, ids=lambda spoil: spoil.__name__)
def test_an_unusable_file_is_refused_and_not_changed(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """With a one-line error that names it."""
    path = tmp_path / "chat.db"
    spoil(path)
    before = contents(path)
    with pytest.raises(Unavailable) as refusal:
        Desk(path)
    assert refusal.value.message.startswith(f"cannot use {path}: ")
    assert "\n" not in refusal.value.message
    assert contents(path) == before
    assert {entry.name for entry in tmp_path.iterdir()} <= {"chat.db", "chat.db-lock"}


def test_the_wal_of_a_newer_version_is_not_checkpointed(tmp_path: Path) -> None:
    """It was killed before it could checkpoint, and an older version must not do it."""
    path, wal = tmp_path / "chat.db", tmp_path / "chat.db-wal"
    newer(tmp_path / "theirs.db")
    theirs = sqlite3.connect(tmp_path / "theirs.db", isolation_level=None)
    theirs.execute("PRAGMA journal_mode = WAL")
    theirs.execute("INSERT INTO events VALUES (1)")
    shutil.copy(tmp_path / "theirs.db", path)
    shutil.copy(tmp_path / "theirs.db-wal", wal)
    theirs.close()
    before = path.read_bytes(), wal.read_bytes()
    with pytest.raises(Unavailable, match="a later chatd wrote it"):
        Desk(path)
    assert (path.read_bytes(), wal.read_bytes()) == before


def test_a_read_only_file_is_refused_at_startup(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise every message would be refused later."""
    desk.end()
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (desk.path, os.W_OK))
    with pytest.raises(Unavailable, match=r"cannot use .*: it cannot be written to"):
        desk.again()
    monkeypatch.undo()
    desk.again()


@pytest.mark.parametrize(("left", "reason"), [(0, "the disk is full"), (10**9, "disk I/O error")])
def test_a_full_disk_at_startup_is_told_from_an_io_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int, reason: str
) -> None:
    """SQLite reports both as an I/O error."""
    monkeypatch.setattr(
        os, "statvfs", lambda _: os.statvfs_result((1, 1, left, left, left, 0, 0, 0, 0, 255))
    )
    with room_for(0), pytest.raises(Unavailable, match=f"cannot use .*: {reason}$"):
        Desk(tmp_path / "chat.db")


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    """It is not created, because the path may be mistyped."""
    with pytest.raises(Unavailable, match=r"its directory .*/nowhere does not exist"):
        Desk(tmp_path / "nowhere" / "chat.db")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """As `touch` and `mktemp` create one."""
    (tmp_path / "chat.db").touch()
    desk = Desk(tmp_path / "chat.db")
    desk.store(said("hi"))
    assert desk.texts() == ["hi"]
    desk.end()


def test_a_file_whose_creation_was_interrupted_becomes_a_store(tmp_path: Path) -> None:
    """SQLite's rollback journal undoes what a killed server had half written."""
    other, path = tmp_path / "other.db", tmp_path / "chat.db"
    with closing(sqlite3.connect(other, isolation_level=None)) as making:
        making.execute("PRAGMA cache_size = 1")  # so that pages are written before the commit
        making.execute("BEGIN")
        making.execute("CREATE TABLE half (made)")
        making.executemany("INSERT INTO half VALUES (?)", [(b"x" * 3000,)] * 100)
        for suffix in ("", "-journal"):
            shutil.copy(f"{other}{suffix}", f"{path}{suffix}")
    assert path.stat().st_size
    desk = Desk(path)
    desk.store(said("hello"))
    assert desk.texts() == ["hello"]
    desk.end()


def test_a_file_is_locked_by_one_server_at_a_time(desk: Desk) -> None:
    """The second is refused; when the first has ended, another may start."""
    with pytest.raises(Unavailable, match="another server has it"):
        Desk(desk.path)
    desk.store(said("hi"))
    desk.again()
    assert desk.texts() == ["hi"]


def test_a_relative_path_stays_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon changes its directory after it has checked the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    desk = Desk(Path("chat.db"))
    desk.end()
    monkeypatch.chdir("elsewhere")
    desk.writer.begin()
    desk.store(said("hi"))
    desk.end()
    assert list(Path().iterdir()) == []


def test_begin_reads_the_file_as_it_is_then_and_not_as_checked(desk: Desk) -> None:
    """Another server may have used it between the check and the start."""
    desk.set("lobby", b"one")
    desk.end()
    keys = RequestKeys(lambda: desk.wall)
    later = Writer(desk.path, lambda: desk.wall, keys, Cells())
    later.check()
    desk._begin()
    version = desk.set("lobby", b"two")
    desk.end()
    later.begin()
    units = [claim(ROOMS, "lobby", b"three", version)]
    restated, (judged,) = later.store([units], later.last)
    assert (restated, isinstance(judged.answers[0], int)) == ([], True)
    later.end()
    desk._begin()


# -- migrations ------------------------------------------------------------------------------------


def test_an_older_file_is_migrated(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the migrations that it lacks; its events are kept."""
    desk.store(said("hi"))
    step = "CREATE TABLE second (n INTEGER); INSERT INTO second VALUES (1)"
    steps = (*database.MIGRATIONS, step)
    monkeypatch.setattr(database, "MIGRATIONS", steps)
    monkeypatch.setattr(file, "MIGRATIONS", steps)
    for _ in range(2):
        desk.again()
        assert desk.texts() == ["hi"]
        assert queried(desk.path, "PRAGMA user_version") == [(VERSION + 1,)]
        assert queried(desk.path, "SELECT n FROM second") == [(1,)]


def test_a_file_keeps_its_own_id(desk: Desk, path: Path, tmp_path: Path) -> None:
    """A file of the first version, which had none, gets one."""
    own = desk.writer.id
    assert own.isalnum()
    desk.again()
    assert desk.writer.id == own
    desk.path.unlink()
    desk.store(said("written out anew"))
    desk.again()
    assert desk.writer.id == own
    first = tmp_path / "first.db"
    with closing(sqlite3.connect(first)) as old:
        old.executescript(OLD_FILE)
    ids = set()
    for _ in range(2):
        other = Desk(first)
        ids.add(other.writer.id)
        other.end()
    assert len(ids) == 1
    assert own not in ids


def test_a_failed_migration_leaves_the_file_unchanged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Usable by the version that wrote it."""
    desk.store(said("hi"))
    with monkeypatch.context() as patch:
        steps = (*database.MIGRATIONS, "CREATE TABLE second (n INTEGER); SELECT no_such_function()")
        patch.setattr(file, "MIGRATIONS", steps)
        with pytest.raises(Unavailable, match="no_such_function"):
            desk.again()
    desk.again()
    desk.store(said("ho"))
    assert desk.texts() == ["hi", "ho"]
    assert queried(desk.path, "PRAGMA user_version") == [(VERSION,)]
    assert queried(desk.path, "SELECT * FROM sqlite_master WHERE name = 'second'") == []


# -- the first version -----------------------------------------------------------------------------


OLD_FILE = f"""
    {database.MIGRATIONS[0]}
    PRAGMA user_version = 1;
    UPDATE state SET last = {BEFORE + 9}, floor = {BEFORE};
    INSERT INTO rooms (number, name, topic) VALUES
        (1, 'lobby', ''), (2, 'dev', 'say "code"\\ 😀'), (3, 'refused', 'never said');
    INSERT INTO events VALUES
        ({BEFORE + 1}, 1, '{{"type":"message","room":"lobby","from":"ada","text":"hi"}}'),
        ({BEFORE + 2}, 2, '{{"type":"topic","room":"dev","from":"ada","text":"say"}}'),
        ({BEFORE + 5}, 2, '{{"type":"message","room":"dev","from":"bob","text":"ho"}}'),
        ({BEFORE + 6}, 1, '{{"type":"join","room":"lobby","from":"bob"}}');
    INSERT INTO marks VALUES ({BEFORE + 5}, x'00ff'), ({BEFORE + 7}, x'01');
"""


def test_a_file_of_the_first_version_is_migrated_with_everything_in_it(tmp_path: Path) -> None:
    """Events, ids and request keys. A topic becomes the room's cell, with the version of its last
    event; a room without one gets an empty cell.
    """
    with closing(sqlite3.connect(tmp_path / "chat.db")) as old:
        old.executescript(OLD_FILE)
    desk = Desk(tmp_path / "chat.db")
    assert desk.opened.rooms == {
        "lobby": RoomSummary(BEFORE + 1, BEFORE + 6),
        "dev": RoomSummary(BEFORE + 2, BEFORE + 5),
    }
    assert desk.opened.request_keys == {b"\x00\xff": BEFORE + 5, b"\x01": BEFORE + 7}
    assert desk.floor() == BEFORE
    cells = desk.cells()
    assert {key: cell.version for key, cell in cells.items()} == {
        "lobby": BEFORE + 6,
        "dev": BEFORE + 5,
    }
    assert cells["lobby"].value == encode_state(RoomState()) == b"{}"
    assert decode_state(cells["dev"].value) == RoomState('say "code"\\ 😀')
    assert desk.append(saying("again", request_key=b"\x01")) == [BEFORE + 7]
    expects = [Expect(ROOMS, "dev", BEFORE + 5)]
    (id_,) = desk.store(said("new", "dev"), expects=expects)
    assert id_ > BEFORE + 9
    assert desk.texts("dev") == ["say", "ho", "new"]
    assert queried(desk.path, "PRAGMA user_version") == [(VERSION,)]
    desk.again()
    assert desk.cells() == cells
    desk.end()


@pytest.mark.parametrize("harm", ["rooms SET name = x'ff'", "state SET last = 'yesterday'"])
def test_a_broken_file_of_the_first_version_is_not_changed(tmp_path: Path, harm: str) -> None:
    """It is checked before it is migrated."""
    path = tmp_path / "chat.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript(OLD_FILE)
        old.execute(f"UPDATE {harm}" + (" WHERE number = 1" if "name" in harm else ""))
    before = path.read_bytes()
    with pytest.raises(Unavailable, match="it is broken"):
        Desk(path)
    assert path.read_bytes() == before


# -- deleted files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["", "-wal", "-shm"])
def test_a_deleted_file_is_restored_by_the_next_commit(desk: Desk, lost: str) -> None:
    """With every acknowledged event; also if only its WAL or shared-memory file was deleted."""
    ids = [desk.store(said(str(n)))[0] for n in range(3)]
    os.unlink(f"{desk.path}{lost}")
    ids += desk.store(said("3"))
    ids += desk.store(said("4"))
    assert desk.texts() == ["0", "1", "2", "3", "4"]
    desk.again()
    assert desk.texts() == ["0", "1", "2", "3", "4"]
    assert desk.rooms == {"lobby": RoomSummary(ids[0], ids[-1])}
    assert not Path(f"{desk.path}-saved").exists()


def test_a_deleted_file_is_restored_when_the_store_closes(desk: Desk) -> None:
    """If no commit came in between."""
    desk.store(said("one"))
    desk.path.unlink()
    desk.again()
    assert desk.texts() == ["one"]


def test_a_deleted_directory_refuses_writes_until_it_is_back(
    desk: Desk, logged_errors: list[str]
) -> None:
    """Then the file is restored in it, with everything."""
    desk.store(said("one"))
    shutil.rmtree(desk.path.parent)
    for _ in range(2):
        assert "is incomplete" in refused(desk, said("two"))
    desk.path.parent.mkdir()
    desk.store(said("three"))
    assert desk.texts() == ["one", "three"]


def test_closing_without_the_directory_logs_the_loss(desk: Desk, logged_errors: list[str]) -> None:
    """And does not hang."""
    desk.store(said("one"))
    shutil.rmtree(desk.path.parent)
    desk.end()
    assert len(logged_errors) == 1
    logged_errors.clear()


def test_a_replaced_file_is_used_from_then_on(
    desk: Desk, tmp_path: Path, logged_errors: list[str]
) -> None:
    """It is not corrupted by the old file's WAL, ids keep rising, and the loss is shown in the log
    and as a gap.
    """
    spare = Desk(tmp_path / "spare.db")
    spare.store(*(said(f"other {n} {'x' * 500}") for n in range(50)))
    spare.end()
    *_, last = desk.store(said("one"), said("two"), *(said("y" * 500) for _ in range(100)))
    assert desk.texts()
    os.replace(spare.path, desk.path)
    (first,) = desk.store(said("new"))
    assert first == last + 1
    assert [text[:7] for text in desk.texts()] == [*(f"other {n}"[:7] for n in range(50)), "new"]
    assert desk.floor() == last
    assert queried(desk.path, "PRAGMA integrity_check") == [("ok",)]
    assert logged_errors == [logged_errors[0]]
    assert "lost" in logged_errors[0]
    logged_errors.clear()


def test_a_file_that_cannot_be_restored_is_created_anew(
    desk: Desk, fates: list[str], logged_errors: list[str]
) -> None:
    """Readers are told the gap, and the log says what is lost."""
    desk.again()
    (last,) = desk.store(said("one"))
    fates.append("lost")
    refused(desk, said("two"))  # which closes the connection
    desk.path.unlink()
    (first,) = desk.store(said("three"))
    assert (first, desk.floor()) == (last + 2, last), "the id that was refused is not given again"
    assert ["lost" in error for error in logged_errors] == [True]
    logged_errors.clear()


def test_what_accounts_had_joined_is_known_by_room(tmp_path: Path) -> None:
    """Also if it was joined before rooms had a table of those who did; an account is named as it
    is written.
    """
    with closing(sqlite3.connect(tmp_path / "chat.db")) as old:
        for number, migration in enumerate(database.MIGRATIONS[:3], 1):
            old.executescript(f"{migration}; PRAGMA user_version = {number}")
        old.execute("UPDATE state SET last = ?, floor = ?", (BEFORE + 9, BEFORE))
        old.executemany(
            "INSERT INTO cells VALUES (?, ?, ?, ?)",
            [
                ("accounts", "ada", BEFORE + 1, b'{"name":"Ada","admin":true}'),
                ("accounts", "bob", BEFORE + 2, b'{"name":"bob"}'),
                ("joined:ada", "dev", BEFORE + 3, b""),
                ("joined:bob", "dev", BEFORE + 4, b""),
                ("joiners:dev", "bob", BEFORE + 4, b"bob"),
                ("joined:gone", "dev", BEFORE + 5, b""),
            ],
        )
        old.commit()
    desk = Desk(tmp_path / "chat.db")
    found = desk.cells("joiners:dev")
    desk.end()
    assert {key: (cell.version, cell.value) for key, cell in found.items()} == {
        "ada": (BEFORE + 3, b"Ada"),
        "bob": (BEFORE + 4, b"bob"),
    }
