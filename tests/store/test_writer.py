"""What stands in the file, whatever happens to it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from chatd.model.errors import Unavailable
from chatd.model.events import Event, Told
from chatd.model.roomstate import RoomState, decode_state, encode_state
from chatd.model.units import (
    MEMBERS,
    NAMES,
    REMEMBERED_SECONDS,
    ROOMS,
    Cell,
    Change,
    Expect,
    Stale,
    Unit,
    room_table,
)
from chatd.store import RoomSummary, Shown, database, file, writer
from chatd.store.cells import Cells
from chatd.store.durable import SLICE
from chatd.store.reader import DOWNWARD, UPWARD, Reader
from chatd.store.requests import RequestKeys
from chatd.store.writer import Writer
from chatd.stream.eventlog import Entry
from chatd.testing import START

from ..kit.file_faults import UNUSABLE, FailingConnection, locked, newer, remains, room_for
from ..kit.stores import change, claim, said, saying, texts

BEFORE = int(START * 1_000_000)
YEAR = 365 * 24 * 3600.0
LATEST = 1 << 62
VERSION = len(database.MIGRATIONS)
LOBBY = room_table(MEMBERS, "lobby")


class Desk:
    """A writer at a file, on a wall clock that a test may set."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wall = START
        self.reader = Reader(path)
        self._begin()

    def again(self) -> None:
        """The process ends, and another begins."""
        self.end()
        self._begin()

    def killed(self) -> None:
        """The process is killed, and another begins."""
        self.writer.release()
        self._begin()

    def end(self) -> None:
        """The process ends."""
        self.writer.end()
        self.reader.close()

    def append(self, *units: Unit) -> list[int | Stale]:
        """Append units, and show them; the answers."""
        stored = self.writer.store([units], self.shown)
        self.restated += stored.restated
        (judged,) = stored.appends
        self.show(judged.batch)
        return judged.answers

    def show(self, batch: Sequence[Shown]) -> None:
        """The follower is shown these units."""
        for id_, _, changes, _ in batch:
            self.shown = id_
            for table, key, value in changes:
                self.presence.set(table, key, id_, value)

    def store(self, *events: Event, **unit: Any) -> list[int]:
        """Store a unit; the ids of its events."""
        (first,) = self.append(Unit(events, **unit))
        assert isinstance(first, int)
        return [*range(first, first + len(events))]

    def set(self, key: str, value: bytes | None, table: str = ROOMS) -> int:
        """Change a cell; its version."""
        (version,) = self.append(change(table, key, value))
        assert isinstance(version, int)
        return version

    def cells(self, table: str = ROOMS) -> dict[str, Cell]:
        """The cells of a table in the file."""
        return self.writer.cells(table, None)

    def texts(self, room: str = "lobby") -> list[str]:
        """What a reader with a connection of its own finds in a room."""
        return texts(self.reader.page(room, None, None, LATEST, 100_000, 1 << 30).entries)

    def floor(self, room: str = "lobby") -> int:
        """The floor of the room's log."""
        return self.reader.tail(room, LATEST, 10)[1]

    def _begin(self) -> None:
        self.presence = Cells()
        self.restated: list[Shown] = []
        keys = RequestKeys(lambda: self.wall)
        self.writer = Writer(self.path, lambda: self.wall, keys, self.presence, "NORMAL")
        self.opened = self.writer.begin()
        self.shown = self.opened.last
        self.reader.open()

    @property
    def rooms(self) -> Mapping[str, RoomSummary]:
        """The rooms of which events were kept at the start."""
        return self.opened.rooms


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
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=FailingConnection))
    yield FailingConnection.fates
    FailingConnection.fates.clear()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the next connections execute."""
    executed: list[str] = []
    connect = sqlite3.connect

    def connected(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **options)
        connection.set_trace_callback(executed.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connected)
    return executed


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No start waits for a lock."""
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.0)


def refused(desk: Desk, *events: Event, **unit: Any) -> str:
    """Store a unit that cannot be stored; the message of the refusal."""
    with pytest.raises(Unavailable) as refusal:
        desk.store(*events, **unit)
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


def test_the_write_ahead_log_of_a_later_chatd_is_left_unchanged(tmp_path: Path) -> None:
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
    """Otherwise all senders would be refused later."""
    desk.end()
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (desk.path, os.W_OK))
    with pytest.raises(Unavailable, match=r"cannot use .*: it cannot be written to"):
        desk.again()
    monkeypatch.undo()
    desk.again()


@pytest.mark.parametrize(("left", "told"), [(0, "the disk is full"), (10**9, "disk I/O error")])
def test_a_disk_that_is_too_full_to_begin_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: int, told: str
) -> None:
    """SQLite calls it an I/O error, as it does what is one."""
    monkeypatch.setattr(
        os, "statvfs", lambda _: os.statvfs_result((1, 1, left, left, left, 0, 0, 0, 0, 255))
    )
    with room_for(0), pytest.raises(Unavailable, match=f"cannot use .*: {told}$"):
        Desk(tmp_path / "chat.db")


def test_a_missing_directory_is_reported(tmp_path: Path) -> None:
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
    """The second start is refused; after the end of the first server another may begin."""
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


# -- versions ------------------------------------------------------------------------------------


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


def test_ids_go_on_above_those_given_before_a_crash(desk: Desk) -> None:
    """Also if nothing of the last units is in the file: a start continues from the present, and a
    cursor behind them is not from the future.
    """
    desk.store(said("hi"))
    desk.wall += 1
    private = [desk.store(Told("ada", "bob", "psst"))[0], desk.set("ada", b"1", NAMES)]
    desk.wall += 1
    desk.killed()
    assert desk.opened.last > max(private)
    assert desk.store(said("ho")) == [desk.opened.last + 1]


def test_ids_go_on_though_nothing_is_left(desk: Desk) -> None:
    """A number never means two events, not even one that is forgotten."""
    *_, last = desk.store(*(said(str(n)) for n in range(5)))
    desk.writer.forget(LATEST, None)
    desk.wall -= YEAR
    desk.again()
    assert (desk.rooms, desk.texts()) == ({}, [])
    assert desk.store(said("ho")) == [last + 1]


def test_rooms_survive(desk: Desk) -> None:
    """With the oldest and the newest id in each."""
    ids = desk.store(said("one"), said("x", "dev"), said("two"), said("y", "dev"))
    desk.again()
    assert desk.rooms == {
        "lobby": RoomSummary(ids[0], ids[2]),
        "dev": RoomSummary(ids[1], ids[3]),
    }


# -- what does not touch the file ----------------------------------------------------------------


def test_presence_is_not_written(desk: Desk, statements: list[str]) -> None:
    """Nor are private messages: not a statement is executed for them, and they keep their place in
    the order.
    """
    desk.again()
    (before,) = desk.store(said("before"))
    statements.clear()
    first = desk.set("ada", b"1", NAMES)
    answers = desk.append(
        claim(NAMES, "ada", b"2", first),
        claim(LOBBY, "ada", b"Ada", 0),
        Unit([Told("ada", "bob", "psst")], expects=[Expect(ROOMS, "lobby", 0)]),
        claim(NAMES, "ada", b"3", first),
    )
    assert statements == []
    assert [first, *answers[:3]] == [before + n for n in (1, 2, 3, 4)]
    assert answers[3] == Stale(Expect(NAMES, "ada", first))
    assert desk.store(said("after")) == [before + 5]
    assert statements != []
    assert queried(desk.path, "SELECT count(*) FROM cells") == [(0,)]
    assert queried(desk.path, "SELECT last FROM state") == [(before + 5,)]


def test_judging_a_message_looks_nothing_up(desk: Desk, statements: list[str]) -> None:
    """Neither its room's cell nor its sender's name is read from the file."""
    version = desk.set("lobby", b"{}")
    name = desk.set("ada", b"1", NAMES)
    desk.again()
    name = desk.set("ada", b"1", NAMES)
    expects = [Expect(ROOMS, "lobby", version), Expect(NAMES, "ada", name)]
    desk.store(said("makes the room"), expects=expects)
    statements.clear()
    desk.store(said("hi"), expects=expects)
    assert [sql.split()[0] for sql in statements] == ["BEGIN", "INSERT", "UPDATE", "COMMIT"]


@pytest.mark.parametrize("fate", [None, "lost", "kept"])
def test_ids_of_presence_are_written_soon(desk: Desk, fates: list[str], fate: str | None) -> None:
    """After a kill and a clock that is set back, cursors of that time are not from the future."""
    desk.again()
    id_ = desk.set("ada", b"1", NAMES)
    if fate:
        fates.append(fate)
        with pytest.raises(Unavailable):
            desk.writer.tidy()
    desk.writer.tidy()
    assert desk.restated == []
    desk.wall -= 3600
    desk.killed()
    assert desk.opened.last == id_
    assert desk.set("ada", b"1", NAMES) == id_ + 1


def test_a_look_at_the_file_writes_nothing_without_need(desk: Desk, statements: list[str]) -> None:
    """It comes once a minute."""
    desk.again()
    desk.set("ada", b"1", NAMES)
    for updates in (1, 0):
        statements.clear()
        desk.writer.tidy()
        assert [sql.split()[0] for sql in statements].count("UPDATE") == updates


def test_presence_goes_on_while_the_file_cannot_be_written(desk: Desk) -> None:
    """What leaves nothing in the file does not need it."""
    version = desk.set("lobby", b"{}")
    desk.writer.close()
    with locked(desk.path):
        (answer,) = desk.append(
            Unit((), [Change(NAMES, "ada", b"1")], [Expect(ROOMS, "lobby", version)])
        )
    assert isinstance(answer, int)


def test_units_are_judged_by_units_that_are_not_shown_yet(desk: Desk) -> None:
    """By the groups before, which a slow reactor has not shown."""
    groups = [
        [claim(NAMES, "ada", b"1", 0)],
        [claim(NAMES, "ada", b"2", 0), claim(NAMES, "bob", b"3", 0)],
        [claim(NAMES, "bob", b"4", 0)],
    ]
    stored = [desk.writer.store([units], desk.shown).appends[0] for units in groups]
    ids = [judged.batch[0].id if judged.batch else None for judged in stored]
    assert [judged.answers for judged in stored] == [
        [ids[0]],
        [Stale(Expect(NAMES, "ada", 0)), ids[1]],
        [Stale(Expect(NAMES, "bob", 0))],
    ]
    (gone,) = desk.writer.store([[claim(NAMES, "ada", None, ids[0] or 0)]], desk.shown).appends
    assert isinstance(gone.answers[0], int)
    for judged in [*stored, gone]:
        desk.show(judged.batch)
    assert isinstance(desk.append(claim(NAMES, "ada", b"5", 0))[0], int)
    assert isinstance(desk.append(claim(NAMES, "bob", b"6", ids[1] or 0))[0], int)


# -- request keys --------------------------------------------------------------------------------


def test_request_keys_survive_for_as_long_as_repeats_are_recognised(desk: Desk) -> None:
    """Then they are taken out of the file."""
    (id_,) = desk.store(said("hi"), request_key=b"first")
    desk.wall += REMEMBERED_SECONDS - 1
    (later,) = desk.store(Told("ada", "bob", "psst"), request_key=b"second")
    desk.again()
    assert desk.opened.request_keys == {b"first": id_, b"second": later}
    desk.wall += 1.1
    desk.again()
    assert desk.opened.request_keys == {b"second": later}
    desk.writer.tidy()
    assert queried(desk.path, "SELECT mark FROM marks") == [(b"second",)]


def test_a_request_key_that_is_stored_again_is_the_later_one_s(desk: Desk) -> None:
    """The first was too old to be recognised."""
    desk.store(said("hi"), request_key=b"key")
    desk.wall += REMEMBERED_SECONDS
    (second,) = desk.store(said("hi"), request_key=b"key")
    desk.again()
    assert desk.opened.request_keys == {b"key": second}


def test_request_keys_do_not_pile_up_when_the_clock_is_set_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By it they would be young for a year."""
    monkeypatch.setattr(writer, "MOST_KEYS", 3)
    desk.store(said("hi"))
    desk.wall -= YEAR
    for n in range(5):
        desk.store(said("hi"), request_key=b"%d" % n)
    desk.writer.tidy()
    assert queried(desk.path, "SELECT mark FROM marks ORDER BY id") == [(b"2",), (b"3",), (b"4",)]


# -- a COMMIT that fails -------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["lost", "kept"])
def test_refused_units_are_not_in_the_file(desk: Desk, fates: list[str], fate: str) -> None:
    """Not even if the disk had taken it: neither event, nor request key, nor cell; and what comes
    next is stored, under an id that nothing ever had.
    """
    desk.again()  # with a connection that may fail
    changes = [Change(ROOMS, "lobby", b"old"), Change("roles", "ada", b"old")]
    (first,) = desk.store(said("one"), changes=changes, request_key=b"first")
    fates.append(fate)
    lost = [Change(ROOMS, "lobby", b"x"), Change(ROOMS, "dev", b"x"), Change("roles", "ada", None)]
    message = refused(desk, said("two"), said("2"), changes=lost, request_key=b"second")
    assert "disk I/O error" in message
    expects = [Expect("roles", "ada", first), Expect(ROOMS, "dev", 0)]
    (third,) = desk.store(said("three"), expects=[Expect(ROOMS, "lobby", first), *expects])
    assert desk.texts() == ["one", "three"]
    assert third == first + 3
    for _ in range(2):
        assert desk.cells() == {"lobby": Cell(first, b"old")}
        assert desk.cells("roles") == {"ada": Cell(first, b"old")}
        assert desk.restated == []
        desk.again()
    assert desk.rooms == {"lobby": RoomSummary(first, third)}
    assert desk.opened.request_keys == {b"first": first}


@pytest.mark.parametrize("fate", ["lost", "kept"])
def test_presence_that_was_refused_did_not_change(desk: Desk, fates: list[str], fate: str) -> None:
    """Neither did versions of rooms, nor request keys: units are judged as before."""
    desk.again()
    desk.store(said("one"))
    fates.append(fate)
    changes = [Change(NAMES, "ada", b"1"), Change(ROOMS, "dev", b"{}")]
    refused(desk, said("two"), changes=changes, request_key=b"key")
    unit = Unit((), changes[:1], [Expect(NAMES, "ada", 0), Expect(ROOMS, "dev", 0)])
    assert isinstance(desk.append(unit)[0], int)
    assert desk.store(said("two"), request_key=b"key")[0] > desk.opened.last
    assert desk.texts() == ["one", "two"]


def test_a_cell_that_was_changed_twice_and_refused_keeps_its_old_value(
    desk: Desk, fates: list[str]
) -> None:
    """The one before both."""
    desk.again()
    version = desk.set("lobby", b"old")
    fates.append("kept")
    refused(desk, changes=[Change(ROOMS, "lobby", b"new"), Change(ROOMS, "lobby", b"newest")])
    desk.store(said("hi"))
    assert desk.cells() == {"lobby": Cell(version, b"old")}


def test_refused_units_are_removed_as_soon_as_possible(desk: Desk, fates: list[str]) -> None:
    """Also when that fails at first, and though presence goes on meanwhile."""
    desk.again()
    desk.store(said("one"))
    fates += ["kept", "lost"]
    refused(desk, said("two"))
    desk.set("ada", b"1", NAMES)
    refused(desk, said("three"))
    desk.set("bob", b"1", NAMES)
    desk.store(said("four"))
    assert desk.texts() == ["one", "four"]


def test_units_that_were_refused_last_are_removed_at_the_end(desk: Desk, fates: list[str]) -> None:
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
    assert desk.rooms == {"lobby": RoomSummary(ids[0], ids[-1])}
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

    def page(limit: int) -> Sequence[Entry]:
        return desk.reader.page("lobby", None, None, LATEST, limit, 1 << 30).entries

    for text in ("two", "three"):
        assert [entry.event for entry in page(1)] != [said(text)]
        desk.path.unlink()
        Path(f"{desk.path}-wal").unlink()
        assert len(page(10)) == (1 if text == "two" else 2)
        desk.store(said(text))
        assert [entry.event for entry in page(1)] == [said(text)]


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


def test_an_end_without_a_directory_logs_the_loss(desk: Desk, logged_errors: list[str]) -> None:
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
    """Readers before it are told of the gap, and the operator by the log."""
    desk.again()
    (last,) = desk.store(said("one"))
    fates.append("lost")
    refused(desk, said("two"))  # and nothing is open any more
    desk.path.unlink()
    (first,) = desk.store(said("three"))
    assert (first, desk.floor()) == (last + 2, last), "the id that was refused is not given again"
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
    """An append waits for one slice at most."""
    desk.store(*(said(str(n)) for n in range(2 * SLICE + 10)))
    more = [desk.writer.forget(LATEST, None).more for _ in range(3)]
    assert more == [True, True, False]
    assert desk.texts() == []


def test_a_room_that_was_emptied_comes_back(desk: Desk) -> None:
    """When a message is sent there."""
    desk.store(said("one"), said("two", "dev"))
    desk.writer.forget(LATEST, None)
    (id_,) = desk.store(said("three", "dev"))
    assert desk.texts("dev") == ["three"]
    desk.again()
    assert desk.rooms == {"dev": RoomSummary(id_, id_)}


def test_a_room_that_was_emptied_keeps_its_cell(desk: Desk) -> None:
    """Retention is about events; a room with settings exists without any."""
    version = desk.set("dev", b"{}")
    desk.store(said("one", "dev"))
    desk.writer.forget(LATEST, None)
    desk.again()
    assert (desk.rooms, desk.cells()) == ({}, {"dev": Cell(version, b"{}")})
    assert desk.append(claim(ROOMS, "dev", b"x", version)) != [Stale(Expect(ROOMS, "dev", version))]


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


def test_retention_that_seemed_to_fail_is_reported_the_next_time(
    desk: Desk, fates: list[str]
) -> None:
    """The disk had removed the events all the same: the follower learns then what is left."""
    desk.again()
    ids = desk.store(said("one"), said("two", "dev"), said("three"))
    fates.append("kept")
    with pytest.raises(Unavailable):
        desk.writer.forget(ids[2], None)
    assert desk.writer.forget(ids[2], None).firsts == {"lobby": ids[2], "dev": None}
    assert desk.writer.forget(ids[2], None).firsts == {}


# -- another file --------------------------------------------------------------------------------


def test_cells_of_another_file_are_shown_as_changes(
    desk: Desk, tmp_path: Path, logged_errors: list[str]
) -> None:
    """The follower has those of the file before, and would judge by them for ever; it is shown how
    they differ before anything that is judged by them.
    """
    spare = Desk(tmp_path / "spare.db")
    spare.set("lobby", b"theirs")
    spare.set("there", b"{}")
    spare.end()
    desk.wall += 1
    version = desk.set("lobby", b"ours")
    desk.set("here", b"{}")
    last = desk.store(said("one"))[-1]
    os.replace(spare.path, desk.path)
    stale = Expect(ROOMS, "lobby", version)
    assert desk.append(saying("two", expects=[stale])) == [Stale(stale)]
    (restated,) = desk.restated
    assert restated.id == last + 1
    assert set(restated.changes) == {
        Change(ROOMS, "lobby", b"theirs"),
        Change(ROOMS, "there", b"{}"),
        Change(ROOMS, "here", None),
    }
    assert desk.cells() == {key: Cell(last + 1, v) for _, key, v in restated.changes if v}
    expects = [Expect(ROOMS, "lobby", last + 1), Expect(ROOMS, "here", 0)]
    assert desk.store(said("two"), expects=expects) == [last + 2]
    desk.again()
    assert (desk.cells()["there"].version, desk.restated) == (last + 1, [])
    logged_errors.clear()


# -- the version before --------------------------------------------------------------------------

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


# -- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [UPWARD, DOWNWARD])
def test_a_page_is_one_range_scan(desk: Desk, query: str) -> None:
    """Over the index by room, in the order of the ids: nothing is sorted, nothing skipped."""
    desk.store(said("one"))
    with closing(sqlite3.connect(desk.path)) as other:
        plan = other.execute(f"EXPLAIN QUERY PLAN {query}", ("lobby", 0, LATEST, 10)).fetchall()
    steps = [step for *_, step in plan]
    assert steps[0] == ("SEARCH events USING INDEX events_by_room (room=? AND rowid>? AND rowid<?)")
    assert not any("SCAN" in step or "TEMP B-TREE" in step for step in steps)


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
