"""The SQLite store over restarts, under load, and with faults."""

from __future__ import annotations

import random
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import ILogObserver, LogLevel, globalLogPublisher
from zope.interface import implementer

from chatd.model.errors import Unavailable
from chatd.model.events import Event
from chatd.model.units import (
    AUDIT,
    MEMBERS,
    NAMES,
    ROOMS,
    Cell,
    Change,
    Expect,
    Stale,
    Unit,
    room_table,
)
from chatd.store import RoomSummary, committing, database
from chatd.store import sqlite as sqlite_module
from chatd.store.durable import SLICE
from chatd.store.retained import DAY, TIDY_SECONDS, Retention
from chatd.store.sqlite import SqliteStore
from chatd.store.worker import ThreadWorker, Worker
from chatd.testing import START, result_of
from chatd.testing.clock import StrictClock
from chatd.testing.stores import FakeFollower

from ..kit.file_faults import locked, room_for
from ..kit.stores import StoreUnderTest, change, claim, said, saying, sqlite_store, texts
from ..kit.workers import SlowWorker

Open = Callable[..., StoreUnderTest]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Open]:
    """A function that opens a store, by default at `path`."""
    all_kept: list[StoreUnderTest] = []

    def begin(path: Path = path, history: int = 10, **options: Any) -> StoreUnderTest:
        kept = StoreUnderTest(lambda *clocks: sqlite_store(path, *clocks, **options), history)
        all_kept.append(kept)
        return kept

    yield begin
    for kept in all_kept:
        kept.closed()


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """The messages logged as warnings or errors."""
    lines: list[str] = []

    @implementer(ILogObserver)
    def observe(event: dict[str, Any]) -> None:
        if event["log_level"] >= LogLevel.warn:
            assert event.get("log_failure") is None, "a traceback"
            lines.append(event["log_format"].format(**event))

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


def is_refused(kept: StoreUnderTest, event: Event) -> bool:
    """Whether an event is refused now, in words that are fit for its sender."""
    try:
        kept.appended(Unit([event]))
    except Unavailable as refusal:
        # The path of the file is for the operator, not for clients.
        return "try again" in refusal.message and "chat.db" not in refusal.message
    return False


# -- over a restart --------------------------------------------------------------------------------


def test_rooms_cells_keys_and_events_survive_a_restart(opened: Open) -> None:
    """So do the ids; a log is complete from the same floor."""
    kept = opened()
    began = kept.opened.last
    ids = kept.stored(*(said(str(n)) for n in range(8)), said("x", "dev"), request_key=b"key")
    (version,) = kept.stored(changes=[Change(ROOMS, "dev", b"{}")])
    (last,) = kept.stored(said("8"))
    kept.closed()
    again = opened()
    assert again.opened.last == last
    assert again.opened.rooms == {
        "lobby": RoomSummary(ids[0], last),
        "dev": RoomSummary(ids[8], ids[8]),
    }
    assert again.opened.request_keys == {b"key": ids[0]}
    assert again.table(ROOMS) == {"dev": Cell(version, b"{}")}
    assert texts(again.read("lobby").entries) == [str(n) for n in range(9)]
    loaded = again.load("lobby")
    assert [entry.id for entry in loaded.entries] == [*ids[:8], last]
    assert loaded.floor == began
    assert again.stored(said("9")) == [last + 1]


def test_a_long_log_has_the_same_floor_after_a_restart(opened: Open) -> None:
    """A cursor within it resumes without a gap; one before it is read from the store."""
    kept = opened(history=3)
    ids = kept.stored(*(said(str(n)) for n in range(8)))
    before = kept.load("lobby")
    kept.closed()
    again = opened(history=3)
    after = again.load("lobby")
    assert (texts(after.entries), after.floor) == (["5", "6", "7"], ids[4])
    assert after.floor == before.floor
    page = again.read("lobby", after=ids[1])
    assert (texts(page.entries), page.floor) == (["2", "3", "4", "5", "6", "7"], ids[0] - 1)


def test_a_new_store_has_no_gap_before_its_first_event(opened: Open) -> None:
    """Also after a restart: a reader from before the first message has missed nothing."""
    kept = opened()
    began = kept.opened.last
    kept.closed()
    again = opened()
    assert again.opened.last == began
    assert again.load("lobby", began) == ([], began, {})


# -- commits ---------------------------------------------------------------------------------------


class SlowWorkers:
    """Slow workers, by their kind of work."""

    def __init__(self, clock: StrictClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self.workers: dict[str, SlowWorker] = {}

    def __call__(self, work: str) -> Worker:
        self.workers[work] = SlowWorker(self._clock, self._seconds)
        return self.workers[work]


def slow_store(path: Path, seconds: float, **options: Any) -> tuple[StoreUnderTest, SlowWorkers]:
    """A store on a slow disk, and its workers, when they are idle."""
    workers_of: list[SlowWorkers] = []

    def engine(clock: Any, now: Callable[[], float], history: int) -> SqliteStore:
        workers_of.append(SlowWorkers(clock, seconds))
        return sqlite_store(path, clock, now, history, hire=workers_of[0], **options)

    kept = StoreUnderTest(engine)
    kept.clock.advance(seconds)  # retention takes as long
    return kept, workers_of[0]


def close_slowly(kept: StoreUnderTest) -> None:
    """Close a slow store."""
    closing = kept.store.close()
    for _ in range(20):
        kept.clock.advance(5)
    result_of(closing)


def test_appends_during_a_commit_share_the_next_commit(path: Path) -> None:
    """However many: under load each append costs less."""
    kept, workers_of = slow_store(path, 5)
    before = workers_of.workers["writing"].begun
    answers = [kept.store.append([saying(str(n))]) for n in range(100)]
    kept.clock.advance(5)
    assert (texts(kept.follower.entries), answers[1].called) == (["0"], False)
    kept.clock.advance(5)
    assert texts(kept.follower.entries) == [str(n) for n in range(100)]
    assert [result_of(answer) for answer in answers] == [
        [entry.id] for entry in kept.follower.entries
    ]
    assert workers_of.workers["writing"].begun - before == 2
    close_slowly(kept)


def test_a_commit_takes_a_bounded_number_of_units(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So no append waits long; an append is still stored whole."""
    monkeypatch.setattr(committing, "MOST_AT_ONCE", 10)
    kept, _ = slow_store(path, 1)
    sizes = [1, 4, 4, 4, 25, 6, 4]
    for size in sizes:
        kept.store.append([saying("x")] * size)
    shown = []
    for _ in sizes:
        kept.clock.advance(1)
        shown.append(len(kept.follower.entries))
    assert shown == [1, 9, 13, 38, 48, 48, 48]
    close_slowly(kept)


def test_presence_does_not_wait_for_an_idle_disk(path: Path) -> None:
    """It is stored in the reactor's thread, so that thousands can come at once."""
    kept, workers_of = slow_store(path, 5)
    before = workers_of.workers["writing"].begun
    answer = kept.store.append([claim(NAMES, "ada", b"1", 0)])
    assert not answer.called
    kept.clock.advance(0)
    assert result_of(answer) == [kept.follower.units[-1].id]
    assert workers_of.workers["writing"].begun == before
    close_slowly(kept)


def test_presence_is_stored_in_order_behind_other_work(path: Path) -> None:
    """Behind what is being committed, and behind other work of the writing thread."""
    kept, _ = slow_store(path, 5)
    answers = [kept.store.append([saying("one")])]
    answers.append(kept.store.append([claim(NAMES, "ada", b"1", 0)]))
    kept.clock.advance(5)
    assert [answer.called for answer in answers] == [True, True]
    kept.store.having([AUDIT], "x")
    answers.append(kept.store.append([claim(NAMES, "bob", b"1", 0)]))
    kept.clock.advance(5)
    assert not answers[-1].called
    kept.clock.advance(5)
    ids = [result_of(answer)[0] for answer in answers]
    assert ids == sorted(ids) == [unit.id for unit in kept.follower.units]
    close_slowly(kept)


def test_presence_that_rests_on_the_file_is_judged_by_its_thread(path: Path) -> None:
    """Another thread may not use SQLite's connection."""
    kept, workers_of = slow_store(path, 5)
    before = workers_of.workers["writing"].begun
    unit = claim(NAMES, "ada", b"1", 0)
    expects = [*unit.expects, Expect(ROOMS, "lobby", 0)]
    kept.store.append([replace(unit, expects=expects)])
    kept.clock.advance(0)
    assert workers_of.workers["writing"].begun == before + 1
    close_slowly(kept)


def test_pages_are_read_during_a_slow_commit(path: Path) -> None:
    """By another worker; they do not hold uncommitted events."""
    kept, _ = slow_store(path, 1)
    kept.store.append([saying("one")])
    kept.clock.advance(1)
    kept.store.append([saying("two")])
    kept.clock.advance(0.5)
    page = kept.store.read("lobby", limit=10)
    loaded = kept.store.load("lobby", kept.last)
    kept.clock.advance(0.4)
    assert not page.called
    kept.clock.advance(0.6)
    assert texts(result_of(page).entries) == ["one"]
    kept.clock.advance(1)
    assert texts(result_of(loaded).entries) == ["one"], (
        "two was not shown when the room was requested"
    )
    close_slowly(kept)


def test_reads_of_durable_cells_agree_with_the_units_shown(path: Path) -> None:
    """Cells that a running commit changes are answered after the commit is shown; presence at the
    time of the request.
    """
    kept, _ = slow_store(path, 1)
    kept.store.append([change(ROOMS, "lobby", b"one"), change(NAMES, "ada", b"one")])
    kept.clock.advance(0.5)
    seen: list[object] = []

    def look(answer: Mapping[str, Cell]) -> None:
        same = all(kept.follower.cells[ROOMS, key] == cell for key, cell in answer.items())
        seen.append(({key: cell.value for key, cell in answer.items()}, same))

    kept.store.table(ROOMS).addCallback(look)
    names = kept.store.table(NAMES)
    kept.store.append([change(ROOMS, "lobby", b"two"), change(NAMES, "ada", b"two")])
    kept.clock.advance(0.5)
    kept.store.table(ROOMS).addCallback(look)
    for _ in range(6):
        kept.clock.advance(0.5)
    assert result_of(names) == {}
    assert seen == [({"lobby": b"one"}, True), ({"lobby": b"two"}, True)]
    close_slowly(kept)


def test_durable_tables_of_a_room_are_loaded_with_it(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are read from the file."""
    monkeypatch.setattr(sqlite_module, "ROOM_TABLES", (MEMBERS, "bans"))
    kept = opened()
    (version,) = kept.stored(
        changes=[
            Change(room_table(MEMBERS, "lobby"), "ada", b"Ada"),
            Change(room_table("bans", "lobby"), "eve", b"{}"),
        ]
    )
    assert kept.load("lobby").tables == {
        MEMBERS: {"ada": Cell(version, b"Ada")},
        "bans": {"eve": Cell(version, b"{}")},
    }


def test_units_are_judged_by_commits_not_shown_yet(path: Path) -> None:
    """However many commits are under way: of a hundred claims of one name, one is stored."""
    kept, _ = slow_store(path, 1)
    answers = []
    for _ in range(100):
        answers.append(kept.store.append([claim(NAMES, "ada", b"x", 0)]))
        kept.clock.advance(0.1)
    for _ in range(5):
        kept.clock.advance(1)
    outcomes = [isinstance(result_of(answer)[0], Stale) for answer in answers]
    assert outcomes == [False] + [True] * 99
    close_slowly(kept)


# -- faults ----------------------------------------------------------------------------------------


def test_a_full_disk_refuses_writes_and_serves_readers(
    opened: Open, logged_errors: list[str]
) -> None:
    """When there is room again, the next message is stored."""
    kept = opened()
    kept.stored(said("one"))
    with room_for(4096):
        assert is_refused(kept, said("x" * 5000))
        assert texts(kept.read("lobby").entries) == ["one"]
        assert texts(kept.load("lobby").entries) == ["one"]
        assert is_refused(kept, said("x" * 5000))
    kept.stored(said("two"))
    assert texts(kept.follower.entries) == ["one", "two"]
    kept.closed()
    assert texts(opened().read("lobby").entries) == ["one", "two"]
    logged_errors.clear()


def test_presence_changes_are_stored_while_the_disk_is_full(
    opened: Open, warnings: list[str], logged_errors: list[str]
) -> None:
    """In any order with refused units; they do not count as the disk having recovered."""
    kept = opened()
    kept.stored(said("one"))
    with room_for(4096):
        refused = kept.store.append([Unit([said("x" * 5000)])])
        arrived = kept.store.append([claim(NAMES, "ada", b"x", 0)])
        too = kept.store.append([Unit([said("y" * 5000)])])
        for _ in range(10):
            kept.clock.advance(1)
        assert isinstance(result_of(arrived)[0], int)
        for outcome in (refused, too):
            with pytest.raises(Unavailable):
                result_of(outcome)
    assert [line for line in warnings if "again" in line] == []
    kept.stored(said("two"))
    logged_errors.clear()


def test_a_fault_and_its_end_are_logged_once_each(
    opened: Open,
    path: Path,
    warnings: list[str],
    logged_errors: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not once per message, and without a traceback."""
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.0)
    kept = opened()
    kept.stored(said("one"))
    for _ in range(2):
        with locked(path):
            for _ in range(20):
                assert is_refused(kept, said("no"))
        kept.stored(said("yes"))
        kept.stored(said("yes"))
        assert warnings == [
            f"the store cannot store: {path}: database is locked",
            "the store can store again",
        ]
        warnings.clear()
    logged_errors.clear()


def test_a_broken_row_fails_reads_but_not_writes(
    opened: Open, path: Path, warnings: list[str], logged_errors: list[str]
) -> None:
    """When the row is repaired, reads work again."""
    kept = opened()
    kept.stored(said("one"))
    change_file(path, 'UPDATE events SET event = \'{"type":"spell"}\'')
    for _ in range(2):
        for read in (kept.read, kept.load):
            with pytest.raises(Unavailable, match="try again"):
                read("lobby")
    kept.stored(said("two"))
    assert texts(kept.follower.entries) == ["one", "two"]
    change_file(path, "DELETE FROM events WHERE event LIKE '%spell%'")
    assert texts(kept.read("lobby").entries) == ["two"]
    assert texts(kept.load("lobby").entries) == ["two"]
    assert [line.split(":")[0] for line in warnings] == [
        "the store cannot read",
        "the store can read again",
    ]
    logged_errors.clear()


def change_file(path: Path, statement: str) -> None:
    """Change the file as another program would."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute(statement)
    other.close()


def test_a_second_store_on_the_same_file_is_refused(opened: Open) -> None:
    """At once; when the first has closed, another may open."""
    kept = opened()
    clock = StrictClock()
    second = sqlite_store(path_of(kept), clock, clock.seconds, 10)
    opening = second.open(FakeFollower())
    assert opening.called
    with pytest.raises(Unavailable, match="another server has it"):
        result_of(opening)
    assert clock.getDelayedCalls() == []
    kept.closed()
    opened()


def path_of(kept: StoreUnderTest) -> Path:
    """The path of a store's file."""
    assert isinstance(kept.store, SqliteStore)
    return kept.store._writer.path


def test_a_store_that_fails_to_open_releases_its_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, opened: Open
) -> None:
    """So another store may open it."""
    clock = StrictClock()
    store = sqlite_store(path, clock, clock.seconds, 10)
    with monkeypatch.context() as patch:
        patch.setattr(store._reader, "open", lambda: store._writer.cells("no\0", 5))  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            store.open(FakeFollower())
    store._writer.release()

    def unreadable() -> None:
        raise Unavailable("no")

    with monkeypatch.context() as patch:
        patch.setattr(store._reader, "open", unreadable)
        with pytest.raises(Unavailable):
            result_of(store.open(FakeFollower()))
    opened()


@pytest.mark.parametrize("fault", ["full", "locked"])
def test_a_probe_fails_if_a_commit_would(
    opened: Open,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    logged_errors: list[str],
    fault: str,
) -> None:
    """So a health check notices before a client does. The error does not name the file, and is
    logged like a commit's failure.
    """
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.0)
    kept = opened()
    kept.answered(kept.store.probe())
    with room_for(0) if fault == "full" else locked(path), pytest.raises(Unavailable) as refusal:
        kept.answered(kept.store.probe())
    assert re.match("the store takes no events: the database: .*(disk|lock)", str(refusal.value))
    assert str(path) not in str(refusal.value)
    assert len(logged_errors) == 1
    logged_errors.clear()
    kept.answered(kept.store.probe())
    kept.stored(said())


YEAR = 365 * 24 * 3600.0


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [(0, None), (YEAR - 1, None), (3 * YEAR, "3 years ahead"), (-3 * YEAR, "3 years behind")],
)
def test_a_start_with_a_suspicious_clock_is_logged(
    path: Path, warnings: list[str], ahead: float, expected: str | None
) -> None:
    """Compared with the last event; a restart without messages in between is enough."""
    with StoreUnderTest(lambda *clocks: sqlite_store(path, *clocks)) as kept:
        (last,) = kept.stored(said())
        for _ in range(2):
            kept.closed()
            warnings.clear()
            kept.wall = START + ahead
            kept._begin()
            assert len(warnings) == bool(expected)
            assert all(str(expected) in warning for warning in warnings)
        kept.closed()
        kept.wall = START
        kept._begin()
        assert kept.stored(said()) == [last + 1]


@pytest.mark.parametrize(("durability", "synchronous"), [("disk", 2), ("process", 1)])
def test_durability_decides_what_a_commit_waits_for(
    opened: Open, monkeypatch: pytest.MonkeyPatch, durability: str, synchronous: int
) -> None:
    """For the disk (FULL), or only for the write of the process (NORMAL)."""
    seen: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connected(*args: Any, **options: Any) -> sqlite3.Connection:
        seen.append(connect(*args, **options))
        return seen[-1]

    monkeypatch.setattr(sqlite3, "connect", connected)
    opened(durability=durability)
    assert seen[0].execute("PRAGMA synchronous").fetchone() == (synchronous,)
    assert seen[0].execute("PRAGMA journal_mode").fetchone() == ("wal",)


# -- retention -------------------------------------------------------------------------------------


def test_retention_removes_old_events_within_a_minute(opened: Open) -> None:
    """The follower is shown each room's first id left; cells stay."""
    kept = opened(retention=Retention(days=1))
    unit = {"changes": [Change(ROOMS, "dev", b"{}")]}
    old = kept.stored(said("one"), said("two", "dev"), **unit)
    kept.wall += DAY / 2_000_000
    new = kept.stored(said("three"))
    kept.wall += DAY / 2_000_000 + 1
    kept.clock.advance(TIDY_SECONDS)
    kept.settle()
    assert kept.follower.firsts == {"lobby": new[0], "dev": None}
    assert texts(kept.read("lobby").entries) == ["three"]
    assert kept.read("dev") == ([], old[1], False)
    assert kept.load("dev").floor == old[1], "readers must be told a gap"
    assert kept.table(ROOMS) == {"dev": Cell(old[1], b"{}")}
    (id_,) = kept.stored(said("four", "dev"))
    kept.closed()
    assert opened().opened.rooms["dev"] == RoomSummary(id_, id_)


def test_retention_removes_events_above_the_number(opened: Open) -> None:
    """The oldest of all rooms together; also those of an earlier run."""
    kept = opened()
    for batch in range(3):
        kept.stored(*(said(f"{batch}.{n}") for n in range(SLICE)))
    kept.closed()
    again = opened(retention=Retention(events=7))
    again.settle()
    left = again.read("lobby").entries
    assert texts(left) == [f"2.{n}" for n in range(SLICE - 7, SLICE)]
    assert again.follower.firsts == {"lobby": left[0].id}
    again.stored(*(said(f"3.{n}") for n in range(5)))
    again.clock.advance(TIDY_SECONDS)
    again.settle()
    left = again.read("lobby").entries
    assert len(left) == 7
    assert again.follower.firsts == {"lobby": left[0].id}


def test_retention_that_changes_is_used_within_a_minute(opened: Open) -> None:
    """Where nothing was forgotten before, too."""
    kept = opened()
    kept.stored(*(said(str(n)) for n in range(9)))
    kept.store.retention = Retention(events=2)
    kept.clock.advance(TIDY_SECONDS)
    kept.settle()
    assert texts(kept.read("lobby").entries) == ["7", "8"]
    kept.store.retention = Retention()
    kept.stored(said("9"), said("10"))
    kept.clock.advance(TIDY_SECONDS)
    kept.settle()
    assert texts(kept.read("lobby").entries) == ["7", "8", "9", "10"]


def test_a_commit_waits_for_one_slice_of_retention_at_most(path: Path) -> None:
    """However many events are to be removed; reads do not wait for it."""
    with StoreUnderTest(lambda *clocks: sqlite_store(path, *clocks)) as kept:
        kept.stored(*(said(str(n)) for n in range(6 * SLICE)))
    workers_of: list[SlowWorkers] = []

    def engine(clock: Any, now: Callable[[], float], history: int) -> SqliteStore:
        workers_of.append(SlowWorkers(clock, 1))
        options = {"hire": workers_of[0], "retention": Retention(events=1)}
        return sqlite_store(path, clock, now, history, **options)

    kept = StoreUnderTest(engine)
    kept.clock.advance(1)  # loading the request keys
    kept.clock.advance(0.5)
    waited = []
    for n in range(3):
        answer = kept.store.append([saying(f"new {n}")])
        page = kept.store.read("lobby", limit=1000)
        seconds = 0.0
        while not answer.called:
            kept.clock.advance(0.5)
            seconds += 0.5
        waited.append(seconds)
        while not page.called:
            kept.clock.advance(0.5)
        assert len(result_of(page).entries) == 1000
    # When it is appended, half a slice is left to do; then it is committed.
    assert waited == [1.5, 2.0, 2.0]
    close_slowly(kept)
    with StoreUnderTest(lambda *clocks: sqlite_store(path, *clocks)) as kept:
        assert len(kept.read("lobby").entries) < 6 * SLICE


def test_a_loaded_room_ends_at_the_requested_id(opened: Open) -> None:
    """Also if retention has removed all of it."""
    kept = opened(retention=Retention(events=1))
    ids = kept.stored(*(said(str(n)) for n in range(5)))
    kept.clock.advance(TIDY_SECONDS)
    kept.settle()
    assert kept.load("lobby", ids[2])[:2] == ([], ids[2])


# -- threads ---------------------------------------------------------------------------------------


@ensureDeferred
async def test_the_store_keeps_its_promises_with_real_threads(path: Path) -> None:
    """After the close no thread is left."""
    clock: Any = reactor
    store = SqliteStore(path, clock, lambda: START, 10, hire=lambda work: ThreadWorker(clock, work))
    follower = FakeFollower()
    await store.open(follower)
    answers = [store.append([saying(str(n)), claim(NAMES, "ada", b"%d" % n, 0)]) for n in range(50)]
    outcomes = [await answer for answer in answers]
    ids = [answer for answer, _ in outcomes]
    assert ids == sorted(ids, key=int)  # type: ignore[arg-type]
    assert [isinstance(claimed, Stale) for _, claimed in outcomes] == [False] + [True] * 49
    assert texts(follower.entries) == [str(n) for n in range(50)]
    assert texts((await store.read("lobby", limit=3)).entries) == ["47", "48", "49"]
    names = await store.table(NAMES)
    assert (names, names["ada"].value) == (follower.table(NAMES), b"0")
    assert await store.get(ROOMS, ["lobby"]) == {}
    assert len((await store.load("lobby", follower.entries[20].id)).entries) == 10
    last = store.append([saying("last")])
    await store.close()
    assert len(await last) == 1
    with StoreUnderTest(lambda *clocks: sqlite_store(path, *clocks)) as again:
        assert again.opened.last == follower.entries[-1].id


@ensureDeferred
async def test_presence_is_judged_rightly_in_whichever_thread(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With real threads: the reactor's while the writing thread has no work, else that one; each
    claim is judged by all claims before it.
    """
    clock: Any = reactor
    store = SqliteStore(path, clock, lambda: START, 10, hire=lambda work: ThreadWorker(clock, work))
    follower = FakeFollower()
    await store.open(follower)
    in_memory, threads = store._writer.store_in_memory, set()

    def store_in_memory(*group: Any) -> Any:
        threads.add(threading.current_thread() is threading.main_thread())
        return in_memory(*group)

    monkeypatch.setattr(store._writer, "store_in_memory", store_in_memory)
    rng = random.Random(5)
    asked: list[tuple[Change, int, Deferred[list[int | Stale]]]] = []
    for step in range(600):
        kind = rng.random()
        if kind < 0.1:
            store.append([saying(str(step))])
        elif kind < 0.3:
            store.table(ROOMS)  # which the writing thread reads
        else:
            name = rng.choice("abc")
            held = follower.cells.get((NAMES, name))
            version = held.version if held else 0
            claimed = Change(NAMES, name, rng.choice([b"x", None]))
            unit = Unit((), [claimed], [Expect(NAMES, name, version)])
            asked.append((claimed, version, store.append([unit])))
        if rng.random() < 0.4:
            await deferLater(clock, 0)
    versions: dict[str, int] = {}
    for claimed, expected, answer in asked:
        (outcome,) = await answer
        stale = isinstance(outcome, Stale)
        assert stale == (versions.get(claimed.key, 0) != expected)
        if not isinstance(outcome, Stale):
            versions[claimed.key] = 0 if claimed.value is None else outcome
    ids = [unit.id for unit in follower.units]
    assert ids == sorted(set(ids))
    assert threads == {True, False}
    await store.close()
    await deferLater(clock, 0)


# -- backup ----------------------------------------------------------------------------------------

BACKUPS = {
    "backup": "source.backup(sqlite3.connect(sys.argv[2]))",
    "VACUUM INTO": "source.execute('VACUUM INTO ?', (sys.argv[2],))",
}


@pytest.mark.parametrize("way", BACKUPS.values(), ids=list(BACKUPS))
def test_a_backup_made_while_the_server_runs_is_a_store(
    opened: Open, path: Path, tmp_path: Path, way: str
) -> None:
    """Made by another program; it holds every event acknowledged before it."""
    kept = opened()
    unit = {"changes": [Change(ROOMS, "dev", b"{}")]}
    *_, last = kept.stored(*(said(str(n)) for n in range(200)), **unit)
    copy = tmp_path / "copy.db"
    script = f"import sqlite3, sys; source = sqlite3.connect(sys.argv[1]); {way}"
    subprocess.run([sys.executable, "-c", script, path, copy], check=True)
    kept.stored(said("after"))
    restored = opened(copy)
    assert restored.opened.last == last
    assert restored.table(ROOMS) == {"dev": Cell(last, b"{}")}
    assert texts(restored.read("lobby").entries) == [str(n) for n in range(200)]
    assert restored.stored(said("new")) == [last + 1]
    assert texts(kept.read("lobby", limit=1).entries) == ["after"]


def test_large_tables_are_read_beside_the_commits(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the reading thread: pages of accounts and of the audit trail wait for no commit, and no
    commit waits for them.
    """
    kept = opened()
    kept.stored(changes=[Change(AUDIT, "a", b"1")])

    class Busy:
        """A thread that is busy."""

        def do(self, job: Callable[[], Any]) -> Any:
            raise AssertionError("the writing thread was asked")

    with monkeypatch.context() as patched:
        patched.setattr(kept.store, "_writing", Busy())
        ((key, cell),) = kept.answered(kept.store.cells(AUDIT, None, 10))
    assert (key, cell.value) == ("a", b"1")
