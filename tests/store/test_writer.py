"""What stands in the file, whatever happens to it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from chatd.errors import Unavailable
from chatd.events import Event, Said, Told, TopicSet
from chatd.limits import REMEMBERED_SECONDS
from chatd.store import NO_MARKS, Marks, Past, database, writer
from chatd.store.database import Database
from chatd.store.writer import SLICE, Writer
from chatd.testing import START

from .faults import UNUSABLE, Fragile, locked, newer, remains, room_for

YEAR = 365 * 24 * 3600.0
LATEST = 1 << 62


class Desk:
    """A writer at a file, on a wall clock that anybody may set."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wall = START
        self.reader = Database(path, 10)
        self._begin()

    def again(self) -> None:
        """The process ends, and another begins."""
        self.end()
        self._begin()

    def end(self) -> None:
        """The process ends."""
        self.writer.end()
        self.reader.close()

    def store(self, *events: Event, marks: Marks = NO_MARKS) -> list[int]:
        """Store a batch."""
        (ids,) = self.writer.store([(events, marks)])
        return ids

    def texts(self, room: str = "lobby") -> list[str]:
        """What a reader, who has a connection of its own, finds in a room."""
        page = self.reader.page(room, LATEST, 10_000)
        return [entry.event.text for entry in page]  # type: ignore[attr-defined]

    def floor(self, room: str = "lobby") -> int:
        """The floor of the room's log."""
        return self.reader.recall(room, LATEST).floor

    def _begin(self) -> None:
        self.writer = Writer(self.path, 10, lambda: self.wall, "NORMAL")
        self.rooms, self.marks = self.writer.begin()
        self.reader.open()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "here" / "chat.db"


@pytest.fixture
def desk(path: Path) -> Iterator[Desk]:
    path.parent.mkdir()
    desk = Desk(path)
    yield desk
    desk.end()


@pytest.fixture
def fates(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What the next COMMITs meet."""
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Fragile))
    yield Fragile.fates
    Fragile.fates.clear()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a lock."""
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.0)


def said(text: str, room: str = "lobby") -> Said:
    return Said(room, "ada", text)


def refused(desk: Desk, *events: Event, marks: Marks = NO_MARKS) -> str:
    """Store what cannot be stored; answers what is said of it."""
    with pytest.raises(Unavailable) as refusal:
        desk.store(*events, marks=marks)
    assert str(desk.path) in refusal.value.message
    return refusal.value.message


# -- a file that cannot be used ------------------------------------------------------------------


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
    desk.rooms, _ = desk.writer.begin()
    desk.store(said("hi"))
    desk.end()
    assert list(Path().iterdir()) == []


# -- versions ------------------------------------------------------------------------------------


def test_an_older_file_is_brought_forward(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the steps that it has not been through; what it held is there."""
    desk.store(said("hi"))
    step = "CREATE TABLE second (n INTEGER); INSERT INTO second VALUES (1)"
    steps = (*database.MIGRATIONS, step)
    monkeypatch.setattr(database, "MIGRATIONS", steps)
    monkeypatch.setattr(writer, "MIGRATIONS", steps)
    for _ in range(2):
        desk.again()
        assert desk.texts() == ["hi"]
        assert queried(desk.path, "PRAGMA user_version") == [(len(steps),)]
        assert queried(desk.path, "SELECT n FROM second") == [(1,)]


def test_a_file_has_an_id_of_its_own(desk: Desk, path: Path, tmp_path: Path) -> None:
    """Which it keeps; one of the first version, which had none, is given one."""
    own = desk.writer.id
    assert own.isalnum()
    desk.again()
    assert desk.writer.id == own
    first = tmp_path / "first.db"
    with closing(sqlite3.connect(first)) as connection:
        connection.executescript(f"{database.MIGRATIONS[0]}; PRAGMA user_version = 1")
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
        patch.setattr(writer, "MIGRATIONS", steps)
        with pytest.raises(Unavailable, match="no_such_function"):
            desk.again()
    desk.again()
    desk.store(said("ho"))
    assert desk.texts() == ["hi", "ho"]
    assert queried(desk.path, "PRAGMA user_version") == [(len(database.MIGRATIONS),)]
    assert queried(desk.path, "SELECT * FROM sqlite_master WHERE name = 'second'") == []


def queried(path: Path, query: str) -> Sequence[object]:
    """What another program reads in the file."""
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


# -- ids and rooms over a restart ----------------------------------------------------------------


def test_ids_go_on_above_the_highest_ever_given(desk: Desk) -> None:
    """With the clock set back a year, and though the highest was a private message's."""
    desk.store(said("hi"))
    (private,) = desk.store(Told("ada", "bob", "psst"))
    desk.wall -= YEAR
    desk.again()
    assert desk.writer.last == private
    assert desk.store(said("ho")) == [private + 1]


def test_ids_go_on_though_nothing_is_left(desk: Desk) -> None:
    """A number never means two events, not even one that is forgotten."""
    *_, last = desk.store(*(said(str(n)) for n in range(5)))
    desk.writer.forget(LATEST, None)
    desk.wall -= YEAR
    desk.again()
    assert (desk.rooms, desk.texts()) == ({}, [])
    assert desk.store(said("ho")) == [last + 1]


def test_rooms_and_topics_survive(desk: Desk) -> None:
    """With the oldest and the newest id in each."""
    ids = desk.store(said("one"), TopicSet("dev", "ada", "code"), said("two"), said("x", "dev"))
    desk.again()
    assert desk.rooms == {"lobby": Past("", ids[0], ids[2]), "dev": Past("code", ids[1], ids[3])}


# -- marks ---------------------------------------------------------------------------------------


def test_marks_survive_for_as_long_as_repeats_are_recognised(desk: Desk) -> None:
    """Then they are nobody's business any more, and are taken out of the file."""
    (id_,) = desk.store(said("hi"), marks={0: b"first"})
    desk.wall += REMEMBERED_SECONDS - 1
    (later,) = desk.store(Told("ada", "bob", "psst"), marks={0: b"second"})
    desk.again()
    assert desk.marks == {b"first": id_, b"second": later}
    desk.wall += 1.1
    desk.again()
    assert desk.marks == {b"second": later}
    desk.writer.forget_marks()
    assert queried(desk.path, "SELECT mark FROM marks") == [(b"second",)]


def test_a_mark_that_is_set_again_is_the_later_event_s(desk: Desk) -> None:
    """The first was too old to be recognised."""
    desk.store(said("hi"), marks={0: b"mark"})
    (second,) = desk.store(said("hi"), marks={0: b"mark"})
    desk.again()
    assert desk.marks == {b"mark": second}


def test_marks_do_not_pile_up_when_the_clock_is_set_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By it they would be young for a year."""
    monkeypatch.setattr(writer, "MOST_MARKS", 3)
    desk.store(said("hi"))
    desk.wall -= YEAR
    for n in range(5):
        desk.store(said("hi"), marks={0: b"%d" % n})
    desk.writer.forget_marks()
    assert queried(desk.path, "SELECT mark FROM marks ORDER BY id") == [(b"2",), (b"3",), (b"4",)]


# -- a COMMIT that fails -------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["lost", "kept"])
def test_what_was_refused_is_not_in_the_file(desk: Desk, fates: list[str], fate: str) -> None:
    """Not even if the disk had taken it: neither event, nor mark, nor topic; and what comes next
    is stored, under an id that nothing ever had.
    """
    desk.again()  # with a connection that may fail
    first, _ = desk.store(said("one"), TopicSet("lobby", "ada", "old"), marks={0: b"first"})
    fates.append(fate)
    lost = [said("two"), TopicSet("lobby", "ada", "new"), TopicSet("dev", "ada", "x")]
    assert "disk I/O error" in refused(desk, *lost, marks={0: b"second"})
    (third,) = desk.store(TopicSet("lobby", "bob", "old"))
    assert desk.texts() == ["one", "old", "old"]
    assert third > first + 1 + (3 if fate == "kept" else 0)
    desk.again()
    assert desk.rooms == {"lobby": Past("old", first, third)}
    assert desk.marks == {b"first": first}


def test_a_topic_that_was_refused_is_not_the_room_s(desk: Desk, fates: list[str]) -> None:
    """The one before is again."""
    desk.again()
    ids = desk.store(TopicSet("lobby", "ada", "old"))
    fates.append("kept")
    refused(desk, TopicSet("lobby", "ada", "newer"), TopicSet("lobby", "ada", "newest"))
    ids += desk.store(said("hi"))
    desk.again()
    assert desk.rooms == {"lobby": Past("old", ids[0], ids[1])}


def test_what_was_refused_is_taken_out_as_soon_as_it_can_be(desk: Desk, fates: list[str]) -> None:
    """Also when that fails at first."""
    desk.again()
    desk.store(said("one"))
    fates += ["kept", "lost"]
    refused(desk, said("two"))
    refused(desk, said("three"))
    desk.store(said("four"))
    assert desk.texts() == ["one", "four"]


def test_what_was_refused_last_is_taken_out_at_the_end(desk: Desk, fates: list[str]) -> None:
    """Nothing else was stored in between."""
    desk.again()
    desk.store(said("one"))
    fates.append("kept")
    refused(desk, said("two"))
    desk.again()
    assert desk.texts() == ["one"]


def test_a_failure_that_is_not_the_file_s_stores_nothing_either(desk: Desk) -> None:
    """What comes next is stored: no transaction is left half-done."""
    with pytest.raises(UnicodeEncodeError):
        desk.store(said("one"), said("\ud800"))
    desk.store(said("two"))
    assert desk.texts() == ["two"]


# -- no room, no access --------------------------------------------------------------------------


def test_a_full_disk_refuses_and_recovers(desk: Desk) -> None:
    """What was stored before is there, and what fitted not is not."""
    desk.store(said("one"))
    with room_for(4096):
        for _ in range(3):
            refused(desk, *(said("x" * 1000) for _ in range(20)))
        assert desk.texts() == ["one"]
    desk.store(said("two"))
    assert desk.texts() == ["one", "two"]


@pytest.mark.parametrize("size", range(5_000, 120_000, 11_500))
def test_wherever_the_disk_becomes_full_a_group_is_there_or_not(desk: Desk, size: int) -> None:
    """Whole, and what was acknowledged is there."""
    desk.store(said("first"))
    acknowledged = ["first"]
    with room_for(size):
        for n in range(30):
            texts = [f"{n}.{place} {'x' * 200}" for place in range(5)]
            try:
                desk.store(*map(said, texts))
            except Unavailable:
                continue
            acknowledged += texts
    desk.store(said("last"))
    assert desk.texts() == [*acknowledged, "last"]
    desk.again()
    assert desk.texts() == [*acknowledged, "last"]


def test_a_file_that_may_not_grow_refuses(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own word for a full disk."""
    desk.store(said("one"))
    with monkeypatch.context() as patch:
        connect = Writer._connect

        def small(self: Writer, mode: str = "rwc") -> sqlite3.Connection:
            connection = connect(self, mode)
            connection.execute("PRAGMA max_page_count = 1")
            return connection

        patch.setattr(Writer, "_connect", small)
        desk.writer.close()
        assert "full" in refused(desk, *(said("x" * 1000) for _ in range(50)))
    desk.writer.close()
    desk.store(said("two"))
    assert desk.texts() == ["one", "two"]


@pytest.mark.usefixtures("impatient")
def test_a_locked_file_refuses_and_is_read_all_the_same(desk: Desk) -> None:
    """Until the other program has done."""
    desk.writer.close()
    desk.store(said("one"))
    with locked(desk.path):
        assert "locked" in refused(desk, said("two"))
        assert desk.texts() == ["one"]
    desk.store(said("three"))
    assert desk.texts() == ["one", "three"]


# -- a file that is taken away -------------------------------------------------------------------


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
    assert desk.rooms == {"lobby": Past("", ids[0], ids[-1])}
    assert not Path(f"{desk.path}-saved").exists()


def test_a_file_that_is_deleted_is_there_again_after_the_end(desk: Desk) -> None:
    """Though nothing was said in between."""
    desk.store(said("one"))
    desk.path.unlink()
    desk.again()
    assert desk.texts() == ["one"]


def test_a_reader_goes_on_while_the_file_is_away(desk: Desk) -> None:
    """With what it has open, then with what is written out anew."""
    desk.store(said("one"))
    for text in ("two", "three"):
        assert [entry.event for entry in desk.reader.page("lobby", LATEST, 1)] != [said(text)]
        desk.path.unlink()
        Path(f"{desk.path}-wal").unlink()
        assert len(desk.reader.page("lobby", LATEST, 10)) == (1 if text == "two" else 2)
        desk.store(said(text))
        assert [entry.event for entry in desk.reader.page("lobby", LATEST, 1)] == [said(text)]


def test_a_directory_that_is_away_refuses_until_it_is_back(
    desk: Desk, logged_errors: list[str]
) -> None:
    """The file is in it again, with everything."""
    desk.store(said("one"))
    shutil.rmtree(desk.path.parent)
    for _ in range(2):
        assert "not whole" in refused(desk, said("two"))
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
    assert desk.reader.page("lobby", LATEST, 1)
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
    assert (first, desk.floor()) == (last + 1, last)
    assert ["lost" in error for error in logged_errors] == [True]
    logged_errors.clear()


# -- forgetting ----------------------------------------------------------------------------------


def test_the_oldest_are_forgotten_by_their_age(desk: Desk) -> None:
    """Of every room; the floor says from where on all is there."""
    old = desk.store(said("one"), said("two", "dev"))
    desk.wall += 10
    new = desk.store(said("three"))
    assert desk.writer.forget(new[0], None) == ({"lobby": new[0], "dev": None}, False)
    assert (desk.texts(), desk.texts("dev")) == (["three"], [])
    assert desk.floor() == old[-1]


def test_the_oldest_are_forgotten_by_their_number(desk: Desk) -> None:
    """As many as there are too many, of all rooms together; counted right over failures."""
    desk.store(*(said(str(n), "dev" if n % 2 else "lobby") for n in range(10)))
    desk.writer.forget(0, 6)
    assert (desk.texts(), desk.texts("dev")) == (["4", "6", "8"], ["5", "7", "9"])
    desk.store(said("10"), Told("ada", "bob", "psst"))
    desk.writer.forget(0, 6)
    desk.writer.close()
    desk.store(said("11", "dev"))
    desk.writer.forget(0, 6)
    assert (desk.texts(), desk.texts("dev")) == (["6", "8", "10"], ["7", "9", "11"])


def test_forgetting_goes_by_slices(desk: Desk) -> None:
    """Whoever has something to store waits for one at most."""
    desk.store(*(said(str(n)) for n in range(2 * SLICE + 10)))
    more = [desk.writer.forget(LATEST, None).more for _ in range(3)]
    assert more == [True, True, False]
    assert desk.texts() == []


def test_a_room_that_was_emptied_comes_back(desk: Desk) -> None:
    """When somebody speaks there."""
    desk.store(said("one"), TopicSet("dev", "ada", "code"), said("two", "dev"))
    desk.writer.forget(LATEST, None)
    (id_,) = desk.store(said("three", "dev"))
    assert desk.texts("dev") == ["three"]
    desk.again()
    assert desk.rooms == {"dev": Past("", id_, id_)}


def test_forgetting_that_fails_forgets_nothing(desk: Desk, fates: list[str]) -> None:
    """It is done the next time."""
    desk.again()
    desk.store(said("one"), said("two"))
    fates.append("lost")
    with pytest.raises(Unavailable):
        desk.writer.forget(LATEST, None)
    assert desk.texts() == ["one", "two"]
    desk.writer.forget(LATEST, None)
    assert desk.texts() == []
