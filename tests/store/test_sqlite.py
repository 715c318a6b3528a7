"""The SQLite store: what it promises over restarts, and while things go wrong."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import ILogObserver, LogLevel, globalLogPublisher
from zope.interface import implementer

from chatd.errors import Unavailable
from chatd.events import Event, Said, Told, TopicSet
from chatd.limits import REMEMBERED_SECONDS
from chatd.store import Past, database
from chatd.store import sqlite as sqlite_module
from chatd.store.sqlite import DAY, TIDY_SECONDS, Retention, SqliteStore
from chatd.store.worker import ThreadWorker, Worker
from chatd.store.writer import SLICE
from chatd.testing import START, result_of
from chatd.testing.clock import StrictClock

from .faults import locked, room_for
from .kept import Kept, SlowWorker, SoonWorker, sqlite_store

Open = Callable[..., Kept]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def opened(path: Path) -> Iterator[Open]:
    """Opens stores, mostly at one path."""
    all_kept: list[Kept] = []

    def begin(path: Path = path, history: int = 10, **options: Any) -> Kept:
        kept = Kept(lambda *clocks: sqlite_store(path, *clocks, **options), history)
        all_kept.append(kept)
        return kept

    yield begin
    for kept in all_kept:
        kept.closed()


def probed(kept: Kept) -> None:
    """Ask whether the store takes events."""
    probe = kept.store.probe()
    kept.settle()
    result_of(probe)


@pytest.mark.parametrize("fault", ["full", "locked"])
def test_a_probe_finds_out_what_a_commit_would(
    opened: Open,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    logged_errors: list[str],
    fault: str,
) -> None:
    """Before anybody speaks; it does not say where the file is, and is logged like a commit's."""
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.0)
    kept = opened()
    probed(kept)
    with room_for(0) if fault == "full" else locked(path), pytest.raises(Unavailable) as refusal:
        probed(kept)
    assert re.match("the store takes no events: the database: .*(disk|lock)", str(refusal.value))
    assert str(path) not in str(refusal.value)
    assert len(logged_errors) == 1
    logged_errors.clear()
    probed(kept)
    kept.stored(Said("lobby", "ada", "hi"))
    assert len(kept.shown) == 1


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What is logged as worth a look."""
    lines: list[str] = []

    @implementer(ILogObserver)
    def observe(event: dict[str, Any]) -> None:
        if event["log_level"] >= LogLevel.warn:
            assert event.get("log_failure") is None, "a traceback"
            lines.append(event["log_format"].format(**event))

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


def said(text: str, room: str = "lobby") -> Said:
    return Said(room, "ada", text)


def texts(entries: Any) -> list[str]:
    return [entry.event.text for entry in entries]


def is_refused(kept: Kept, event: Event) -> bool:
    """Whether an event is refused now, in words for the one who sent it."""
    appended = kept.store.append([event])
    kept.settle()
    try:
        result_of(appended)
    except Unavailable as refusal:
        # Where the file is, is the operator's business.
        return "try again" in refusal.message and "chat.db" not in refusal.message
    return False


# -- over a restart ------------------------------------------------------------------------------


def test_everything_is_there_after_a_restart(opened: Open) -> None:
    """Rooms, topics, marks, the ids, and every page; a log is complete where it was."""
    kept = opened()
    began = kept.store.last
    kept.stored(*(said(str(n)) for n in range(8)), TopicSet("dev", "ada", "code"))
    *_, last = kept.stored(said("8"), Told("ada", "bob", "psst"), marks={0: b"mark", 1: b"other"})
    rooms, shown = kept.store.rooms, kept.shown
    kept.closed()
    again = opened()
    assert (again.store.last, again.store.rooms) == (last, rooms)
    assert again.store.marks == {b"mark": last - 1, b"other": last}
    assert texts(again.read("lobby", None, 100)) == [str(n) for n in range(9)]
    recalled = again.store.recall("lobby", last)
    assert [e.id for e in recalled.entries] == [
        entry.id for entry in shown if getattr(entry.event, "room", "") == "lobby"
    ]
    assert recalled.floor == began
    assert again.stored(said("9")) == [last + 1]


def test_marks_of_before_the_start_are_kept_as_long_as_repeats_are_recognised(opened: Open) -> None:
    """From the start on; then they are let go of."""
    kept = opened()
    (id_,) = kept.stored(said("hi"), marks={0: b"mark"})
    kept.closed()
    again = opened()
    again.clock.advance(REMEMBERED_SECONDS - 1)
    again.settle()
    assert again.store.marks == {b"mark": id_}
    again.clock.advance(1)
    assert again.store.marks == {}


def test_a_long_log_is_complete_from_its_floor_on_after_a_restart(opened: Open) -> None:
    """A cursor within it resumes without a gap, one before it is told of one."""
    kept = opened(history=3)
    ids = kept.stored(*(said(str(n)) for n in range(8)))
    before = kept.store.recall("lobby", ids[-1])
    kept.closed()
    after = opened(history=3).store.recall("lobby", ids[-1])
    assert (texts(after.entries), after.floor) == (["5", "6", "7"], ids[4])
    assert after.floor == before.floor


def test_a_fresh_file_is_complete_from_its_beginning(opened: Open) -> None:
    """Also after a restart: who came before anything was said has missed nothing."""
    kept = opened()
    began = kept.store.last
    kept.closed()
    again = opened()
    assert again.store.last == began
    assert again.store.recall("lobby", began) == ([], began, False)


# -- groups --------------------------------------------------------------------------------------


class Hired:
    """Workers who take their time, by what they were hired for."""

    def __init__(self, clock: StrictClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self.workers: dict[str, SlowWorker] = {}

    def __call__(self, work: str) -> Worker:
        self.workers[work] = SlowWorker(self._clock, self._seconds)
        return self.workers[work]


def slow(path: Path, seconds: float, **options: Any) -> tuple[Kept, Hired]:
    """A store on a slow disk, and its workers, when they have settled."""
    hired: list[Hired] = []

    def engine(clock: Any, now: Callable[[], float], history: int) -> SqliteStore:
        hired.append(Hired(clock, seconds))
        return sqlite_store(path, clock, now, history, hire=hired[0], **options)

    kept = Kept(engine)
    kept.clock.advance(seconds)  # so much for forgetting what is old
    return kept, hired[0]


def end(kept: Kept) -> None:
    """Close a slow store."""
    closing = kept.store.close()
    for _ in range(20):
        kept.clock.advance(5)
    result_of(closing)


def test_what_is_appended_during_a_commit_is_one_commit(path: Path) -> None:
    """However many they are: the more there is to do, the less each costs."""
    kept, hired = slow(path, 5)
    before = hired.workers["writing"].begun
    answers = [kept.store.append([said(str(n))]) for n in range(100)]
    kept.clock.advance(5)
    assert (texts(kept.shown), answers[1].called) == (["0"], False)
    kept.clock.advance(5)
    assert texts(kept.shown) == [str(n) for n in range(100)]
    assert [result_of(answer) for answer in answers] == [[entry.id] for entry in kept.shown]
    assert hired.workers["writing"].begun - before == 2
    end(kept)


def test_a_commit_has_only_so_much_to_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nobody waits long; a batch is stored whole all the same."""
    monkeypatch.setattr(sqlite_module, "MOST_AT_ONCE", 10)
    kept, _ = slow(path, 1)
    sizes = [1, 4, 4, 4, 25, 6, 4]
    for size in sizes:
        kept.store.append([said("x")] * size)
    shown = []
    for _ in sizes:
        kept.clock.advance(1)
        shown.append(len(kept.shown))
    assert shown == [1, 9, 13, 38, 48, 48, 48]
    end(kept)


def test_pages_are_read_while_a_commit_takes_its_time(path: Path) -> None:
    """By another worker; and what is not committed yet is not in them."""
    kept, _ = slow(path, 1)
    kept.store.append([said("one")])
    kept.clock.advance(1)
    kept.store.append([said("two")])
    kept.clock.advance(0.5)
    page = kept.store.read("lobby", None, 10)
    kept.clock.advance(0.4)
    assert not page.called
    kept.clock.advance(0.6)
    assert texts(result_of(page)) == ["one"]
    end(kept)


def test_what_was_not_shown_yet_is_on_no_page(opened: Open) -> None:
    """Though it is in the file: it may still be refused."""
    kept = opened()
    (first,) = kept.stored(said("one"))
    pages: list[Deferred[Any]] = []
    kept.store.follow(lambda _: pages.append(kept.store.read("lobby", None, 10)))
    answers = [kept.store.append([said(text)]) for text in ("two", "three", "four")]
    kept.settle()
    # The last two are one group: when "three" is shown, "four" is in the file.
    assert [texts(result_of(page)) for page in pages] == [
        ["one", "two"],
        ["one", "two", "three"],
        ["one", "two", "three", "four"],
    ]
    assert [result_of(answer)[0] > first for answer in answers] == [True] * 3


# -- trouble -------------------------------------------------------------------------------------


def test_a_full_disk_refuses_writers_and_serves_readers(
    opened: Open, logged_errors: list[str]
) -> None:
    """And when there is room again the next message is stored."""
    kept = opened()
    kept.stored(said("one"))
    with room_for(4096):
        assert is_refused(kept, said("x" * 5000))
        assert texts(kept.read("lobby", None, 10)) == ["one"]
        assert texts(kept.store.recall("lobby", kept.store.last).entries) == ["one"]
        assert is_refused(kept, said("x" * 5000))
    kept.stored(said("two"))
    assert texts(kept.shown) == ["one", "two"]
    kept.closed()
    assert texts(opened().read("lobby", None, 10)) == ["one", "two"]
    logged_errors.clear()


def test_trouble_is_logged_once_and_its_end_too(
    opened: Open,
    path: Path,
    warnings: list[str],
    logged_errors: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not once a message, and without a traceback; the next time it is logged again."""
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


def test_a_broken_row_is_told_to_whoever_asks_for_it(
    opened: Open, path: Path, warnings: list[str], logged_errors: list[str]
) -> None:
    """A log that cannot be read begins empty, torn, and with a gap; what is stored next is shown,
    and when the file is mended it is read again.
    """
    kept = opened()
    (id_,) = kept.stored(said("one"))
    meddle(path, 'UPDATE events SET event = \'{"type":"spell"}\'')
    for _ in range(2):
        with pytest.raises(Unavailable, match="try again"):
            kept.read("lobby", None, 10)
        assert kept.store.recall("lobby", id_) == ((), id_, True)
    kept.stored(said("two"))
    assert texts(kept.shown) == ["one", "two"]
    meddle(path, "DELETE FROM events WHERE event LIKE '%spell%'")
    assert texts(kept.read("lobby", None, 10)) == ["two"]
    assert not kept.store.recall("lobby", id_).torn
    assert [line.split(":")[0] for line in warnings] == [
        "the store cannot read",
        "the store can read again",
    ]
    logged_errors.clear()


def meddle(path: Path, statement: str) -> None:
    """Another program changes the file."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute(statement)
    other.close()


def test_two_stores_do_not_share_a_file(opened: Open) -> None:
    """The second does not begin; when the first has ended it may."""
    kept = opened()
    with pytest.raises(Unavailable, match="another server has it"):
        opened()
    kept.closed()
    opened()


@pytest.mark.parametrize(("durability", "synchronous"), [("disk", 2), ("process", 1)])
def test_durability_is_what_a_commit_waits_for(
    opened: Open, monkeypatch: pytest.MonkeyPatch, durability: str, synchronous: int
) -> None:
    """The disk (FULL), or only that the process has written (NORMAL)."""
    seen: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def connected(*args: Any, **options: Any) -> sqlite3.Connection:
        seen.append(connect(*args, **options))
        return seen[-1]

    monkeypatch.setattr(sqlite3, "connect", connected)
    opened(durability=durability)
    assert seen[0].execute("PRAGMA synchronous").fetchone() == (synchronous,)
    assert seen[0].execute("PRAGMA journal_mode").fetchone() == ("wal",)


# -- forgetting ----------------------------------------------------------------------------------


def test_what_is_too_old_is_forgotten(opened: Open) -> None:
    """Within a minute; the rooms say right away what is left."""
    kept = opened(retention=Retention(days=1))
    old = kept.stored(said("one"), said("two", "dev"))
    kept.wall += DAY / 2_000_000
    new = kept.stored(said("three"))
    kept.wall += DAY / 2_000_000 + 1
    kept.clock.advance(TIDY_SECONDS)
    kept.settle()
    assert kept.store.rooms == {"lobby": Past("", new[0], new[0])}
    assert texts(kept.read("lobby", None, 10)) == ["three"]
    assert kept.read("dev", None, 10) == []
    assert kept.store.recall("dev", kept.store.last).floor == old[1], "a gap is told"
    (id_,) = kept.stored(said("four", "dev"))
    assert kept.store.rooms["dev"] == Past("", id_, id_)


def test_what_is_too_much_is_forgotten(opened: Open) -> None:
    """The oldest of all rooms together, however many; also what was there at the start."""
    kept = opened()
    for batch in range(3):
        kept.stored(*(said(f"{batch}.{n}") for n in range(SLICE)))
    kept.closed()
    again = opened(retention=Retention(events=7))
    again.settle()
    assert texts(again.read("lobby", None, 10)) == [f"2.{n}" for n in range(SLICE - 7, SLICE)]
    again.stored(*(said(f"3.{n}") for n in range(5)))
    again.clock.advance(TIDY_SECONDS)
    again.settle()
    assert len(again.read("lobby", None, 10)) == 7
    assert again.store.rooms["lobby"].first == again.read("lobby", None, 10)[0].id


def test_a_commit_waits_for_one_slice_at_most(path: Path) -> None:
    """However much there is to forget, and whoever asks for a page or a log does not wait."""
    with Kept(lambda *clocks: sqlite_store(path, *clocks)) as kept:
        kept.stored(*(said(str(n)) for n in range(6 * SLICE)))
    hired: list[Hired] = []

    def engine(clock: Any, now: Callable[[], float], history: int) -> SqliteStore:
        hired.append(Hired(clock, 1))
        options = {"hire": hired[0], "retention": Retention(events=1)}
        return sqlite_store(path, clock, now, history, **options)

    kept = Kept(engine)
    kept.clock.advance(1)  # the marks
    kept.clock.advance(0.5)
    waited = []
    for n in range(3):
        answer = kept.store.append([said(f"new {n}")])
        page = kept.store.read("lobby", None, 1000)
        recalled = kept.store.recall("lobby", kept.store.last)
        seconds = 0.0
        while not answer.called:
            kept.clock.advance(0.5)
            seconds += 0.5
        waited.append(seconds)
        assert recalled.floor <= recalled.entries[0].id
        assert len(result_of(page)) == 1000
    # Half a slice is left to do when it is appended, then it is committed.
    assert waited == [1.5, 2.0, 2.0]
    end(kept)
    with Kept(lambda *clocks: sqlite_store(path, *clocks)) as kept:
        assert len(kept.read("lobby", None, 10_000)) < 6 * SLICE


def test_a_log_that_is_recalled_ends_where_it_was_asked_to(opened: Open) -> None:
    """Also when all of it is forgotten, and what came after."""
    kept = opened(retention=Retention(events=1))
    ids = kept.stored(*(said(str(n)) for n in range(5)))
    kept.clock.advance(TIDY_SECONDS)
    kept.settle()
    assert kept.store.recall("lobby", ids[2]) == ([], ids[2], False)


# -- the end -------------------------------------------------------------------------------------


def test_a_store_that_was_never_opened_may_be_closed(path: Path) -> None:
    """The start may fail before."""
    clock = StrictClock()
    store = SqliteStore(path, clock, clock.seconds, 10, hire=lambda _: SoonWorker(clock))
    store.check()
    result_of(store.close())


def test_whoever_is_told_may_close_the_store(opened: Open) -> None:
    """What was begun is finished all the same."""
    kept = opened()
    closed: list[Deferred[None]] = []
    first = kept.store.append([said("one")])

    def close(ids: list[int]) -> list[int]:
        closed.append(kept.store.close())
        return ids

    first.addCallback(close)
    second = kept.store.append([said("two")])
    kept.settle()
    assert (len(result_of(first)), len(result_of(second))) == (1, 1)
    result_of(closed[0])
    assert kept.store.read("lobby", None, 1).addErrback(lambda failure: failure.type).result is (
        Unavailable
    )


@ensureDeferred
async def test_threads_keep_the_same_promises(path: Path) -> None:
    """With real workers, until the end: then no thread is left."""
    clock: Any = reactor
    store = SqliteStore(path, clock, lambda: START, 10, hire=lambda work: ThreadWorker(clock, work))
    store.open()
    shown: list[str] = []
    store.follow(lambda entries: shown.extend(texts(entries)))
    answers = [store.append([said(str(n))]) for n in range(50)]
    ids = [await answer for answer in answers]
    assert ids == sorted(ids)
    assert shown == [str(n) for n in range(50)]
    assert texts(await store.read("lobby", None, 3)) == ["47", "48", "49"]
    last = store.append([said("last")])
    await store.close()
    assert len(await last) == 1
    with Kept(lambda *clocks: sqlite_store(path, *clocks)) as again:
        assert again.store.last == ids[-1][0] + 1


# -- backup --------------------------------------------------------------------------------------

BACKUPS = {
    "backup": "source.backup(sqlite3.connect(sys.argv[2]))",
    "VACUUM INTO": "source.execute('VACUUM INTO ?', (sys.argv[2],))",
}


@pytest.mark.parametrize("way", BACKUPS.values(), ids=list(BACKUPS))
def test_a_backup_made_while_it_runs_is_a_store(
    opened: Open, path: Path, tmp_path: Path, way: str
) -> None:
    """By another program; everything acknowledged until then is in it, and nothing is disturbed."""
    kept = opened()
    *_, last = kept.stored(*(said(str(n)) for n in range(200)), TopicSet("dev", "ada", "code"))
    copy = tmp_path / "copy.db"
    script = f"import sqlite3, sys; source = sqlite3.connect(sys.argv[1]); {way}"
    subprocess.run([sys.executable, "-c", script, path, copy], check=True)
    kept.stored(said("after"))
    restored = opened(copy)
    assert (restored.store.last, restored.store.rooms["dev"].topic) == (last, "code")
    assert texts(restored.read("lobby", None, 500)) == [str(n) for n in range(200)]
    assert restored.stored(said("new")) == [last + 1]
    assert texts(kept.read("lobby", None, 1)) == ["after"]
