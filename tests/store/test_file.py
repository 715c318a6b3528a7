"""The file of a store: begun, taken, brought forward, and written out anew where it is gone."""

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
from ..kit.file_faults import UNUSABLE, newer, remains, room_for
from ..kit.stores import claim, said, saying

VERSION = len(database.MIGRATIONS)


# -- a file that cannot be used --------------------------------------------------------------------


@pytest.mark.parametrize("spoil", UNUSABLE, ids=lambda spoil: spoil.__name__)
def test_a_file_that_cannot_be_used_is_refused_and_left_as_it_was(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """In one line that names it."""
    path = tmp_path / "chat.db"
    spoil(path)
    before = remains(path)
    with pytest.raises(Unavailable) as refusal:
        Desk(path)
    assert refusal.value.message.startswith(f"cannot use {path}: ")
    assert "\n" not in refusal.value.message
    assert remains(path) == before
    assert {entry.name for entry in tmp_path.iterdir()} <= {"chat.db", "chat.db-lock"}


def test_what_a_later_chatd_left_in_its_log_is_left_there(tmp_path: Path) -> None:
    """Killed, it had not put all into the file itself; that is not for this one to do."""
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


def test_a_file_that_may_only_be_read_is_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or everybody would be told later that nothing can be stored."""
    desk.end()
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (desk.path, os.W_OK))
    with pytest.raises(Unavailable, match=r"cannot use .*: it cannot be written to"):
        desk.again()
    monkeypatch.undo()
    desk.again()


@pytest.mark.parametrize(("left", "told"), [(0, "the disk is full"), (10**9, "disk I/O error")])
def test_a_disk_that_is_too_full_to_begin_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int, told: str
) -> None:
    """SQLite calls it an I/O error, as it does what is one."""
    monkeypatch.setattr(
        os, "statvfs", lambda _: os.statvfs_result((1, 1, left, left, left, 0, 0, 0, 0, 255))
    )
    with room_for(0), pytest.raises(Unavailable, match=f"cannot use .*: {told}$"):
        Desk(tmp_path / "chat.db")


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    """It is not made: a typing error would be."""
    with pytest.raises(Unavailable, match="No such file or directory"):
        Desk(tmp_path / "nowhere" / "chat.db")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_begun(tmp_path: Path) -> None:
    """As `touch` and `mktemp` make it."""
    (tmp_path / "chat.db").touch()
    desk = Desk(tmp_path / "chat.db")
    desk.store(said("hi"))
    assert desk.texts() == ["hi"]
    desk.end()


def test_a_file_whose_first_moment_was_cut_short_is_begun_anew(tmp_path: Path) -> None:
    """Killed while making it, a server leaves a journal, which takes back what is half written."""
    other, path = tmp_path / "other.db", tmp_path / "chat.db"
    with closing(sqlite3.connect(other, isolation_level=None)) as making:
        making.execute("PRAGMA cache_size = 1")  # so that it is in the file before it is done
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


def test_one_server_at_a_time_has_a_file(desk: Desk) -> None:
    """The second is told so, and the first goes on; when it has ended another may begin."""
    with pytest.raises(Unavailable, match="another server has it"):
        Desk(desk.path)
    desk.store(said("hi"))
    desk.again()
    assert desk.texts() == ["hi"]


def test_a_relative_path_stays_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A daemon changes its directory after it has looked at the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    desk = Desk(Path("chat.db"))
    desk.end()
    monkeypatch.chdir("elsewhere")
    desk.writer.begin()
    desk.store(said("hi"))
    desk.end()
    assert list(Path().iterdir()) == []


def test_a_file_that_was_only_looked_at_is_taken_as_it_is_then(desk: Desk) -> None:
    """Another server may have had it between the look before the start and the start."""
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


# -- versions --------------------------------------------------------------------------------------


def test_an_older_file_is_brought_forward(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the steps that it has not been through; what it held is there."""
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


def test_a_file_has_an_id_of_its_own(desk: Desk, path: Path, tmp_path: Path) -> None:
    """It keeps that; a file of the first version, which had none, is given one."""
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


def test_a_step_forward_that_fails_leaves_the_file_as_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Usable by the chatd that wrote it."""
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


# -- the version before ----------------------------------------------------------------------------


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


def test_a_file_of_the_version_before_opens_with_everything_in_it(tmp_path: Path) -> None:
    """Events, ids, request keys; a topic is the room's cell now, with the version of its last
    event, and a room without one has an empty cell.
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
def test_a_broken_file_of_the_version_before_is_left_as_it_was(tmp_path: Path, harm: str) -> None:
    """It is looked through before it is brought forward."""
    path = tmp_path / "chat.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript(OLD_FILE)
        old.execute(f"UPDATE {harm}" + (" WHERE number = 1" if "name" in harm else ""))
    before = path.read_bytes()
    with pytest.raises(Unavailable, match="it is broken"):
        Desk(path)
    assert path.read_bytes() == before


# -- a file that is taken away ---------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["", "-wal", "-shm"])
def test_a_file_that_is_deleted_is_written_out_anew(desk: Desk, lost: str) -> None:
    """With all that was acknowledged, and all that comes; also if what was deleted only belongs to
    it.
    """
    ids = [desk.store(said(str(n)))[0] for n in range(3)]
    os.unlink(f"{desk.path}{lost}")
    ids += desk.store(said("3"))
    ids += desk.store(said("4"))
    assert desk.texts() == ["0", "1", "2", "3", "4"]
    desk.again()
    assert desk.texts() == ["0", "1", "2", "3", "4"]
    assert desk.rooms == {"lobby": RoomSummary(ids[0], ids[-1])}
    assert not Path(f"{desk.path}-saved").exists()


def test_a_file_that_is_deleted_is_there_again_after_the_end(desk: Desk) -> None:
    """Though nothing was said in between."""
    desk.store(said("one"))
    desk.path.unlink()
    desk.again()
    assert desk.texts() == ["one"]


def test_a_directory_that_is_away_refuses_until_it_is_back(
    desk: Desk, logged_errors: list[str]
) -> None:
    """The file is in it again, with everything."""
    desk.store(said("one"))
    shutil.rmtree(desk.path.parent)
    for _ in range(2):
        assert "is incomplete" in refused(desk, said("two"))
    desk.path.parent.mkdir()
    desk.store(said("three"))
    assert desk.texts() == ["one", "three"]


def test_an_end_without_a_directory_says_what_is_lost(desk: Desk, logged_errors: list[str]) -> None:
    """In the log; nothing hangs."""
    desk.store(said("one"))
    shutil.rmtree(desk.path.parent)
    desk.end()
    assert len(logged_errors) == 1
    logged_errors.clear()


def test_another_file_in_its_place_is_used_from_there_on(
    desk: Desk, tmp_path: Path, logged_errors: list[str]
) -> None:
    """It is not broken by what was left of the old one, ids rise, and that something is missing
    is told, in the log and to readers.
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


def test_a_file_that_is_gone_for_good_is_begun_anew(
    desk: Desk, fates: list[str], logged_errors: list[str]
) -> None:
    """Whoever stands before it is told of the gap, and the operator in the log."""
    desk.again()
    (last,) = desk.store(said("one"))
    fates.append("lost")
    refused(desk, said("two"))  # and nothing is open any more
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
