"""What every store promises, whatever its engine.

Another engine is one line in `ENGINES` more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from chatd.errors import Malformed, Unavailable
from chatd.eventlog import Entry
from chatd.events import Event, Joined, Said, Told, TopicSet
from chatd.pages import MOST_BYTES
from chatd.store import Past
from chatd.store.engines import store_at
from chatd.store.memory import MemoryStore
from chatd.store.sqlite import SqliteStore
from chatd.testing import START, result_of
from chatd.testing.clock import StrictClock

from .kept import ENGINES, Engine, Kept

HOUR = 3600.0
YEAR = 365 * 24 * HOUR


# pytest-twisted cannot run a test of Hypothesis's with different parameters.
AN_ENGINE = st.sampled_from(list(ENGINES.values()))


@pytest.fixture(params=ENGINES.values(), ids=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> Engine:
    chosen: Engine = request.param
    return chosen


@pytest.fixture
def kept(engine: Engine) -> Iterator[Kept]:
    with Kept(engine) as kept:
        yield kept


def said(text: str = "hi", room: str = "lobby") -> Said:
    return Said(room, "ada", text)


def told(entries: Sequence[Entry]) -> list[tuple[int, Event]]:
    return [(entry.id, entry.event) for entry in entries]


# -- ids -----------------------------------------------------------------------------------------


@given(
    engine=AN_ENGINE,
    steps=st.lists(st.sampled_from([0.0, 0.000001, 1.0, -HOUR, HOUR, YEAR, -YEAR]), max_size=20),
)
def test_an_id_is_the_time_or_one_more_than_the_last(engine: Engine, steps: list[float]) -> None:
    """Whatever the wall clock does: stands, jumps, or runs backwards."""
    with Kept(engine) as kept:
        previous = kept.store.last
        assert previous == int(START * 1_000_000)
        for step in steps:
            kept.wall += step
            (id_,) = kept.stored(said())
            assert id_ == max(previous + 1, int(kept.wall * 1_000_000))
            previous = id_
        assert kept.store.last == previous


def test_the_events_of_a_batch_are_numbered_in_its_order(kept: Kept) -> None:
    """And have an id each, though they came at one moment."""
    events = [said(str(n)) for n in range(50)]
    ids = kept.stored(*events)
    assert ids == list(range(ids[0], ids[0] + 50))
    assert told(kept.shown) == list(zip(ids, events, strict=True))


def test_an_id_is_exact_in_a_json_number(kept: Kept) -> None:
    """Also after a century."""
    kept.wall = START + 100 * YEAR
    (id_,) = kept.stored(said())
    assert int(float(id_)) == id_


# -- accepted, stored, shown ---------------------------------------------------------------------


def test_nothing_is_answered_in_the_turn_of_the_question(kept: Kept) -> None:
    """Whoever uses a store learns to wait for it."""
    appended = kept.store.append([said()])
    assert (appended.called, kept.shown) == (False, [])
    kept.settle()
    assert (appended.called, len(kept.shown)) == (True, 1)


def test_senders_are_told_right_behind_the_showing(kept: Kept) -> None:
    """Of their own batch, in the same turn: before any reader is woken for it."""
    happened: list[tuple[str, list[int]]] = []

    def show(entries: Sequence[Entry]) -> None:
        ids = [entry.id for entry in entries]
        happened.append(("shown", ids))
        kept.clock.callLater(0, happened.append, ("read", ids))

    kept.store.follow(show)
    for text in ("one", "two"):
        kept.store.append([said(text)]).addCallback(lambda ids: happened.append(("stored", ids)))
    kept.settle()
    shown = [place for place, (what, _) in enumerate(happened) if what == "shown"]
    assert len(shown) == 2
    assert all(happened[place + 1] == ("stored", happened[place][1]) for place in shown)


def test_batches_are_stored_in_the_order_of_appending(kept: Kept) -> None:
    """However many are begun in one turn."""
    batches = [[said(f"{batch}.{n}") for n in range(3)] for batch in range(5)]
    answers = [kept.store.append(batch) for batch in batches]
    kept.settle()
    ids = [id_ for answer in answers for id_ in result_of(answer)]
    events = [event for batch in batches for event in batch]
    assert told(kept.shown) == list(zip(ids, events, strict=True))
    assert ids == sorted(set(ids))


def test_what_is_appended_on_being_told_comes_after(kept: Kept) -> None:
    """A sender may answer at once."""
    answers: list[Deferred[list[int]]] = []
    appended = kept.store.append([said("one")])
    appended.addCallback(lambda ids: answers.append(kept.store.append([said("three")])))
    kept.store.append([said("two")])
    kept.settle()
    assert [entry.event for entry in kept.shown] == [said("one"), said("two"), said("three")]
    assert result_of(answers[0]) == [kept.shown[-1].id]


def test_an_empty_batch_is_stored_as_nothing(kept: Kept) -> None:
    """There is nothing to number."""
    assert kept.stored() == []
    assert kept.shown == []


# -- reading back --------------------------------------------------------------------------------


@given(
    engine=AN_ENGINE,
    rooms=st.lists(st.sampled_from(["lobby", "dev"]), max_size=40),
    limit=st.integers(1, 10),
    history=st.integers(1, 50),
)
def test_page_by_page_is_all_that_was_kept(
    engine: Engine, rooms: list[str], limit: int, history: int
) -> None:
    """Newest page first, each in rising order, no entry twice and none left out."""
    with Kept(engine, history) as kept:
        kept.stored(*(said(str(n), room) for n, room in enumerate(rooms)))
        for room in ("lobby", "dev"):
            found: list[Entry] = []
            before = None
            while page := kept.read(room, before, limit):
                assert len(page) <= limit
                before = page[0].id
                found = page + found
            stored = [entry for entry in kept.shown if entry.event.room == room]  # type: ignore[attr-defined]
            assert told(found) == told(stored)[-len(found) or len(stored) :]
            assert len(found) >= min(history, len(stored))


def test_a_page_lies_below_its_bound(kept: Kept) -> None:
    """The bound itself is not in it, whether or not there is such an event."""
    ids = kept.stored(*(said(str(n)) for n in range(5)))
    assert [entry.id for entry in kept.read("lobby", ids[3], 2)] == ids[1:3]
    assert [entry.id for entry in kept.read("lobby", ids[4] + 10, 2)] == ids[3:]
    assert kept.read("lobby", ids[0], 2) == []


def test_a_page_of_a_file_holds_no_more_than_an_answer_does(kept: Kept) -> None:
    """What is in memory anyway costs nothing to list; what is read for a page does."""
    texts = [f"{number} {'x' * 4000}" for number in range(200)]
    kept.stored(*map(said, texts))
    page = kept.read("lobby", None, 500)
    sizes = [len(entry.event.text) for entry in page]  # type: ignore[attr-defined]
    if isinstance(kept.store, SqliteStore):
        assert MOST_BYTES < sum(sizes) + 200 * len(sizes) < MOST_BYTES + 20_000
    assert [entry.event for entry in page] == [*map(said, texts[-len(page) :])]


def test_a_room_where_nothing_was_said_has_no_page(kept: Kept) -> None:
    """And asking for it makes none."""
    kept.stored(said())
    assert kept.read("dev", None, 10) == []


def test_what_is_private_has_an_id_and_is_never_read_back(kept: Kept) -> None:
    """It takes its place in the order, and no store keeps it."""
    ids = kept.stored(said("before"), Told("ada", "bob", "psst"), said("after"))
    assert ids == [entry.id for entry in kept.shown]
    assert [type(entry.event) for entry in kept.shown] == [Said, Told, Said]
    assert [e.event for e in kept.read("lobby", None, 10)] == [said("before"), said("after")]
    assert [kept.read(room, None, 10) for room in ("", "ada", "bob")] == [[], [], []]


def test_every_kind_of_event_is_read_back_as_it_was(kept: Kept) -> None:
    """Not only what people said."""
    kept.stored(Joined("dev", "ada"), said("é\n😀", "dev"))
    assert [entry.event for entry in kept.read("dev", None, 10)] == [
        Joined("dev", "ada"),
        said("é\n😀", "dev"),
    ]


# -- the end -------------------------------------------------------------------------------------


def test_closing_stores_what_was_begun(kept: Kept) -> None:
    """Nobody who was not refused is left without an answer."""
    appended = [kept.store.append([said(text)]) for text in ("one", "two")]
    closed = kept.store.close().addCallback(lambda _: len(kept.shown))
    kept.settle()
    assert result_of(closed) == 2, "it was closed before everything was stored"
    assert [entry.event for entry in kept.shown] == [said("one"), said("two")]
    assert [result_of(answer) for answer in appended] == [[entry.id] for entry in kept.shown]


def test_a_closed_store_takes_no_more(kept: Kept) -> None:
    """Whoever tries is told so, and nothing is shown."""
    kept.store.close()
    with pytest.raises(Unavailable):
        kept.stored(said())
    assert kept.shown == []


def test_a_store_says_whether_it_takes_events(kept: Kept) -> None:
    """Nothing is stored or shown by that; once closed, it takes none."""
    probe = kept.store.probe()
    kept.settle()
    assert result_of(probe) is None
    (place,) = kept.stored(said())
    assert len(kept.shown) == 1
    assert place == kept.store.last
    kept.store.close()
    with pytest.raises(Unavailable):
        result_of(kept.store.probe())


def test_a_store_has_an_id_of_its_own(engine: Engine) -> None:
    """It names a cookie: two servers on one host are told apart by it."""
    ids = set()
    for _ in range(3):
        with Kept(engine) as kept:
            ids.add(kept.store.id)
    assert len(ids) == 3
    assert all(id_.isascii() and id_.isalnum() for id_ in ids)


def test_a_store_may_be_closed_twice(kept: Kept) -> None:
    """Two reasons to stop are one."""
    for _ in range(2):
        closed = kept.store.close()
        kept.settle()
        result_of(closed)


# -- rooms ---------------------------------------------------------------------------------------


def test_the_store_knows_its_rooms(kept: Kept) -> None:
    """Their topics, and the ids of the oldest and the newest entry kept."""
    ids = kept.stored(said("one"), TopicSet("dev", "ada", "code"), said("two"), said("x", "dev"))
    kept.stored(Told("ada", "bob", "psst"))
    assert kept.store.rooms == {
        "lobby": Past("", ids[0], ids[2]),
        "dev": Past("code", ids[1], ids[3]),
    }


@given(
    engine=AN_ENGINE,
    texts=st.lists(st.sampled_from(["lobby", "dev"]), max_size=12),
    history=st.integers(1, 5),
)
def test_the_end_of_a_log_is_recalled(engine: Engine, texts: list[str], history: int) -> None:
    """At most as much as is wanted back, and the floor says from where on it is all."""
    with Kept(engine, history) as kept:
        began = kept.store.last
        kept.stored(*(said(str(n), room) for n, room in enumerate(texts)))
        entries = [entry for entry in kept.shown if entry.event.room == "dev"]  # type: ignore[attr-defined]
        recalled = kept.store.recall("dev", kept.store.last)
        assert told(recalled.entries) == told(entries[-history:])
        assert recalled.floor == (entries[-history - 1].id if len(entries) > history else began)


def test_what_was_not_shown_is_not_recalled(kept: Kept) -> None:
    """A room that comes to life in between gets the rest from the listener."""
    ids = kept.stored(said("one"), said("two"), said("three"))
    recalled = kept.store.recall("lobby", ids[1])
    assert [entry.id for entry in recalled.entries] == ids[:2]


def test_a_room_where_nothing_was_said_is_complete(kept: Kept) -> None:
    """From the beginning of the store on."""
    began = kept.store.last
    kept.stored(said())
    entries, floor, _ = kept.store.recall("dev", kept.store.last)
    assert (list(entries), floor) == ([], began)


# -- choosing one --------------------------------------------------------------------------------


def test_the_url_names_the_store(tmp_path: Path) -> None:
    """`memory:` keeps nothing, `sqlite:PATH` everything."""
    assert isinstance(store_at("memory:", StrictClock(), lambda: START, 10), MemoryStore)
    store = store_at("sqlite:chat.db", StrictClock(), lambda: START, 10, directory=tmp_path)
    assert isinstance(store, SqliteStore)
    store.check()
    assert list(tmp_path.iterdir()) == [], "looking is not making"


@pytest.mark.parametrize(
    "url", ["", "memory:x", "redis:", "file:///tmp/x", "Memory:", "sqlite:", "sqlite:a\0b"]
)
def test_an_unknown_url_is_refused_in_one_line(url: str) -> None:
    """It ends the start."""
    with pytest.raises(Malformed) as refusal:
        store_at(url, StrictClock(), lambda: START, 10)
    assert repr(url) in refusal.value.message
    assert "\n" not in refusal.value.message
