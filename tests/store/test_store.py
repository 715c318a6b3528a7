"""What every store promises, whatever its engine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from twisted.internet.defer import Deferred

from chatd.model.errors import Unavailable
from chatd.model.events import Acted, Event, Joined, Letter, Said, Told
from chatd.model.letters import conversation
from chatd.model.units import (
    AUDIT,
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
from chatd.store import RoomSummary, Shown
from chatd.stream.eventlog import Entry
from chatd.stream.pages import MOST_BYTES
from chatd.testing import START, result_of
from chatd.testing.clock import StrictClock
from chatd.testing.stores import FakeFollower

from ..kit.stores import (
    ENGINES,
    EngineUnderTest,
    StoreUnderTest,
    change,
    claim,
    said,
    saying,
    texts,
    told,
)

HOUR = 3600.0
YEAR = 365 * 24 * HOUR
LATEST = 1 << 62
LOBBY = room_table(MEMBERS, "lobby")

# pytest-twisted cannot run a test of Hypothesis's with different parameters.
AN_ENGINE = st.sampled_from(ENGINES)


@pytest.fixture(params=ENGINES)
def kept(request: pytest.FixtureRequest) -> Iterator[StoreUnderTest]:
    with StoreUnderTest(EngineUnderTest(request.param)) as kept:
        yield kept


@pytest.fixture
def lasting() -> Iterator[StoreUnderTest]:
    """A store whose contents survive a restart."""
    with StoreUnderTest(EngineUnderTest("sqlite")) as kept:
        yield kept


# -- ids -----------------------------------------------------------------------------------------


@given(
    engine=AN_ENGINE,
    steps=st.lists(st.sampled_from([0.0, 0.000001, 1.0, -HOUR, HOUR, YEAR, -YEAR]), max_size=20),
)
def test_an_id_is_the_time_or_one_more_than_the_last(engine: str, steps: list[float]) -> None:
    """Whatever the wall clock does: it may stand still, jump, or run backwards."""
    with StoreUnderTest(EngineUnderTest(engine)) as kept:
        previous = kept.opened.last
        assert previous == int(START * 1_000_000)
        for step in steps:
            kept.wall += step
            (id_,) = kept.stored(said())
            assert id_ == max(previous + 1, int(kept.wall * 1_000_000))
            previous = id_


def test_a_cursor_that_the_store_gave_stands_for_what_it_keeps(kept: StoreUnderTest) -> None:
    """Nothing has been lost, also not over a restart of the store."""
    ids = [kept.opened.last, *kept.stored(said(), said("dev"))]
    kept.again()
    assert [kept.store.kept(id_) for id_ in ids] == ids


def test_units_and_events_are_numbered_in_order(kept: StoreUnderTest) -> None:
    """Each event has an id, and so has a unit without events."""
    units = [
        Unit([said("one"), said("two")]),
        change(NAMES, "ada", b"1"),
        Unit([Told("ada", "bob", "psst")]),
        Unit(),
        saying("three"),
    ]
    answers = kept.appended(*units)
    first = answers[0]
    assert isinstance(first, int)
    assert answers == [first, first + 2, first + 3, first + 4, first + 5]
    assert [unit.id for unit in kept.follower.units] == [first + n for n in (1, 2, 3, 4, 5)]
    assert [entry.id for entry in kept.follower.entries] == [first + n for n in (0, 1, 3, 5)]


def test_an_id_is_exact_in_a_json_number(kept: StoreUnderTest) -> None:
    """JSON numbers are doubles; ids stay exact for a century."""
    kept.wall = START + 100 * YEAR
    (id_,) = kept.stored(said())
    assert int(float(id_)) == id_


# -- accepted, stored, shown ---------------------------------------------------------------------


def test_an_append_is_answered_in_a_later_turn(kept: StoreUnderTest) -> None:
    """In every engine, so callers cannot rely on an immediate answer."""
    appended = kept.store.append([saying()])
    assert (appended.called, kept.follower.units) == (False, [])
    kept.settle()
    assert (appended.called, len(kept.follower.units)) == (True, 1)


def test_a_follower_is_shown_the_whole_unit(kept: StoreUnderTest) -> None:
    """Events, changes and the request key; the answer is the id of the first event."""
    changes = [Change(NAMES, "ada", b"1"), Change(ROOMS, "lobby", b"{}")]
    unit = Unit([said("one"), Told("ada", "bob", "psst")], changes, (), b"key")
    (answer,) = kept.appended(unit)
    (shown,) = kept.follower.units
    assert told(shown.entries) == [(answer, said("one")), (shown.id, Told("ada", "bob", "psst"))]
    assert (shown.answer, shown.changes, shown.request_key) == (answer, changes, b"key")


def test_an_append_is_answered_right_after_it_is_shown(kept: StoreUnderTest) -> None:
    """In the same turn, before any reader is woken for it."""
    happened: list[tuple[str, Sequence[object]]] = []

    def answered(answers: list[int | Stale]) -> None:
        happened.append(("stored", answers))

    def show(batch: Sequence[Shown]) -> None:
        ids = [unit.id for unit in batch]
        happened.append(("shown", ids))
        kept.clock.callLater(0, happened.append, ("read", ids))

    kept.follower._shown = show
    for text in ("one", "two"):
        kept.store.append([saying(text), saying(text)]).addCallback(answered)
    kept.settle()
    shown = [place for place, (what, _) in enumerate(happened) if what == "shown"]
    assert len(shown) == 2
    assert all(happened[place + 1] == ("stored", happened[place][1]) for place in shown)


def test_appends_are_stored_in_order(kept: StoreUnderTest) -> None:
    """However many are made in one turn."""
    batches = [[saying(f"{batch}.{n}") for n in range(3)] for batch in range(5)]
    answers = [kept.store.append(batch) for batch in batches]
    kept.settle()
    ids = [id_ for answer in answers for id_ in result_of(answer)]
    events = [unit.events[0] for batch in batches for unit in batch]
    assert told(kept.follower.entries) == list(zip(ids, events, strict=True))
    assert ids == sorted(set(ids), key=int)  # type: ignore[arg-type]


def test_an_append_made_in_a_callback_comes_last(kept: StoreUnderTest) -> None:
    """After all appends that are already pending."""
    answers: list[Deferred[list[int | Stale]]] = []
    appended = kept.store.append([saying("one")])
    appended.addCallback(lambda _: answers.append(kept.store.append([saying("three")])))
    kept.store.append([saying("two")])
    kept.settle()
    assert texts(kept.follower.entries) == ["one", "two", "three"]
    assert result_of(answers[0]) == [kept.follower.entries[-1].id]


def test_an_append_that_stores_nothing_shows_nothing(kept: StoreUnderTest) -> None:
    """If it has no units, or only stale ones."""
    batches: list[Sequence[Shown]] = []
    kept.follower._shown = batches.append
    stale = claim(NAMES, "ada", b"1", 5)
    assert kept.appended() == []
    assert kept.appended(stale) == [Stale(stale.expects[0])]
    assert batches == []


# -- versions ------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [NAMES, LOBBY, ROOMS, "sessions"])
def test_a_cell_has_the_version_of_its_last_change(kept: StoreUnderTest, table: str) -> None:
    """Which is the highest id of the unit; an absent cell has none."""
    (first,) = kept.stored(changes=[Change(table, "ada", b"1")])
    assert kept.table(table) == {"ada": Cell(first, b"1")}
    *_, second = kept.stored(said(), said(), changes=[Change(table, "ada", b"2")])
    assert kept.get(table, "ada", "bob") == {"ada": Cell(second, b"2")}
    kept.stored(changes=[Change(table, "ada", None)])
    assert (kept.table(table), kept.get(table, "ada")) == ({}, {})


def test_tables_that_have_a_cell_with_a_key_are_found(kept: StoreUnderTest) -> None:
    """However many tables are asked for."""
    tables = [f"roles:room{number}" for number in range(250)]
    kept.stored(changes=[Change(table, "ada", b"") for table in tables[::7]])
    kept.stored(changes=[Change(tables[0], "ada", None), Change(tables[1], "bob", b"")])
    having: Collection[str] = kept.answered(kept.store.having(tables, "ada"))
    assert sorted(having) == sorted(tables[7::7])
    having = kept.answered(kept.store.having((), "ada"))
    assert list(having) == []


@pytest.mark.parametrize("table", [NAMES, LOBBY, ROOMS, "sessions"])
@pytest.mark.parametrize("together", [True, False])
def test_of_two_units_for_one_name_the_second_is_stale(
    kept: StoreUnderTest, table: str, together: bool
) -> None:
    """In one append and in two; the answer names the failed expectation."""
    units = [claim(table, "ada", b"1", 0), claim(table, "ada", b"2", 0)]
    if together:
        first, second = kept.appended(*units)
    else:
        appended = [kept.store.append([unit]) for unit in units]
        kept.settle()
        (first,), (second,) = map(result_of, appended)
    assert second == Stale(Expect(table, "ada", 0))
    assert isinstance(first, int)
    assert kept.table(table) == {"ada": Cell(first, b"1")}
    assert len(kept.follower.units) == 1


@pytest.mark.parametrize("table", [NAMES, ROOMS, "sessions"])
def test_a_removed_cell_can_be_claimed_again(kept: StoreUnderTest, table: str) -> None:
    """By a unit that expects it to be absent, in the same append too; a unit that expects the old
    version is stale.
    """
    (first,) = kept.stored(changes=[Change(table, "ada", b"1")])
    answers = kept.appended(
        claim(table, "ada", None, first),
        claim(table, "ada", b"2", first),
        claim(table, "ada", b"3", 0),
    )
    assert [isinstance(answer, int) for answer in answers] == [True, False, True]
    assert kept.get(table, "ada")["ada"].value == b"3"


def test_a_unit_is_stored_whole_or_not_at_all(kept: StoreUnderTest) -> None:
    """A stale unit leaves no event, cell or request key, and does not affect units beside it."""
    (version,) = kept.stored(changes=[Change(ROOMS, "lobby", b"{}")])
    stale = Unit(
        [said("stale")],
        [Change(NAMES, "ada", b"1"), Change(ROOMS, "lobby", b"x")],
        [Expect(ROOMS, "lobby", version), Expect(NAMES, "bob", 7)],
        b"key",
    )
    current = saying("said", expects=[Expect(ROOMS, "lobby", version)])
    answers = kept.appended(current, stale, current)
    assert answers[1] == Stale(Expect(NAMES, "bob", 7))
    assert texts(kept.read("lobby").entries) == ["said", "said"]
    assert texts(kept.follower.entries) == ["said", "said"]
    assert kept.table(NAMES) == {}
    assert kept.table(ROOMS) == {"lobby": Cell(version, b"{}")}
    assert isinstance(kept.appended(saying(request_key=b"key"))[0], int), "the key was kept"


def test_a_stale_answer_comes_after_the_unit_that_made_it_stale(kept: StoreUnderTest) -> None:
    """So the command is judged again by the newest state."""
    seen: list[object] = []
    kept.store.append([claim(NAMES, "ada", b"1", 0)])
    appended = kept.store.append([claim(NAMES, "ada", b"2", 0)])
    appended.addCallback(lambda answers: seen.append((answers, len(kept.follower.units))))
    kept.settle()
    assert seen == [([Stale(Expect(NAMES, "ada", 0))], 1)]


def test_a_unit_may_consist_of_expectations_only(kept: StoreUnderTest) -> None:
    """It may expect what another unit of the same append changes."""
    (answer,) = kept.appended(change(NAMES, "ada", b"1"))
    assert isinstance(answer, int)
    units = [
        change(NAMES, "bob", b"2"),
        Unit(expects=[Expect(NAMES, "bob", answer + 1), Expect(NAMES, "ada", answer)]),
    ]
    assert kept.appended(*units) == [answer + 1, answer + 2]


# -- request keys --------------------------------------------------------------------------------


def test_a_known_request_key_answers_the_first_id(kept: StoreUnderTest) -> None:
    """In the same append, in a pending one, and in a later one; nothing is stored again, whatever
    the unit expects.
    """
    unit = Unit([said("once"), said("twice")], request_key=b"key")
    stale = saying("other", request_key=b"key", expects=[Expect(ROOMS, "lobby", 9)])
    first = kept.store.append([unit, stale, saying("between")])
    second = kept.store.append([unit])
    kept.settle()
    id_, known, _ = result_of(first)
    assert known == id_
    assert result_of(second) == [id_]
    assert kept.appended(stale) == [id_]
    assert texts(kept.read("lobby").entries) == ["once", "twice", "between"]


def test_a_request_key_is_remembered_for_remembered_seconds(kept: StoreUnderTest) -> None:
    """By a monotonic clock; later the same request is stored again."""
    first = kept.appended(saying(request_key=b"key"))
    kept.wall += YEAR
    kept.clock.advance(REMEMBERED_SECONDS - 1)
    assert kept.appended(saying(request_key=b"key")) == first
    kept.clock.advance(1)
    second = kept.appended(saying(request_key=b"key"))
    assert second != first
    kept.clock.advance(REMEMBERED_SECONDS - 1)
    assert kept.appended(saying(request_key=b"key")) == second


def test_the_oldest_request_keys_are_evicted_first(
    kept: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their number is bounded."""
    monkeypatch.setattr("chatd.store.requests.MOST_KEYS", 3)
    keys = [b"%d" % n for n in range(5)]
    answers = kept.appended(*(saying(request_key=key) for key in keys))
    again = kept.appended(*(saying(request_key=key) for key in reversed(keys)))
    assert again[:3] == answers[:1:-1]
    assert again[3] not in answers


# -- reading back --------------------------------------------------------------------------------

A_ROOM = st.lists(st.tuples(st.sampled_from(["lobby", "dev"]), st.integers(0, 300)), max_size=40)


def weight(entry: Entry) -> int:
    """The bytes of an event as it is stored."""
    return len(msgspec.json.encode(entry.event))


@given(
    engine=AN_ENGINE,
    messages=A_ROOM,
    limit=st.integers(1, 10),
    size=st.integers(1, 2000),
    upward=st.booleans(),
)
def test_pages_together_hold_every_kept_event_once(
    engine: str, messages: list[tuple[str, int]], limit: int, size: int, upward: bool
) -> None:
    """In both directions: in order, within the limits, and `more` says whether there is another
    page.
    """
    with StoreUnderTest(EngineUnderTest(engine)) as kept:
        kept.appended(*(saying("x" * length, room) for room, length in messages))
        for room in ("lobby", "dev"):
            expected = [e for e in kept.follower.entries if e.event.room == room]  # type: ignore[attr-defined]
            found: list[Entry] = []
            more = True
            while more:
                if upward:
                    after = found[-1].id if found else 0
                    page = kept.read(room, after=after, limit=limit, size=size)
                    found = [*found, *page.entries]
                    rest = expected[len(found) :][:1]
                else:
                    before = found[0].id if found else None
                    page = kept.read(room, before=before, limit=limit, size=size)
                    found = [*page.entries, *found]
                    rest = expected[: len(expected) - len(found)][-1:]
                more = page.more
                weights = list(map(weight, page.entries))
                assert len(weights) <= limit
                assert sum(weights) <= size or len(weights) == 1
                assert more == bool(rest)
                if rest and len(weights) < limit:
                    assert sum(weights) + weight(rest[0]) > size, "there was room for another"
            assert told(found) == told(expected)


def test_private_messages_between_accounts_are_kept_in_a_log_of_their_own(
    kept: StoreUnderTest,
) -> None:
    """Like the events of a room, and read back as they were."""
    letters = [
        Letter(conversation("ada", "bob"), "ada", Told("ada", "bob", text, True), unheard)
        for text, unheard in (("one", UNSET), ("two", True))
    ]
    kept.appended(*(Unit((letter,)) for letter in letters), saying("hello"))
    assert [entry.event for entry in kept.read("@ada:bob", limit=9).entries] == letters
    assert [entry.event for entry in kept.load("@ada:bob").entries] == letters
    assert texts(kept.read("lobby", limit=9).entries) == ["hello"]


@given(
    engine=AN_ENGINE,
    messages=A_ROOM,
    bounds=st.tuples(*[st.none() | st.integers(-2, 45)] * 2),
    limit=st.integers(0, 10),
)
def test_a_page_equals_a_slice_of_a_list(
    engine: str,
    messages: list[tuple[str, int]],
    bounds: tuple[int | None, int | None],
    limit: int,
) -> None:
    """Its bounds are exclusive, whether or not events with these ids exist."""
    with StoreUnderTest(EngineUnderTest(engine)) as kept:
        base = kept.opened.last
        kept.appended(*(saying("x", room) for room, _ in messages))
        after, before = (None if bound is None else base + bound for bound in bounds)
        expected = [
            entry
            for entry in kept.follower.entries
            if entry.event.room == "lobby"  # type: ignore[attr-defined]
            and (after is None or entry.id > after)
            and (before is None or entry.id < before)
        ]
        chosen = (
            expected[:limit] if after is not None else expected[max(len(expected) - limit, 0) :]
        )
        page = kept.read("lobby", after=after, before=before, limit=limit)
        assert told(page.entries) == told(chosen)
        assert page.more == (len(expected) > limit)
        assert page.floor == base


@given(engine=AN_ENGINE, lengths=st.lists(st.integers(1, MOST_BYTES // 3), max_size=12))
def test_a_page_is_bounded_to_one_response_by_default(engine: str, lengths: list[int]) -> None:
    """In both directions."""
    with StoreUnderTest(EngineUnderTest(engine)) as kept:
        kept.appended(*(saying("x" * length) for length in lengths))
        for bound in ({"after": 0}, {"before": LATEST}, {}):
            page = kept.read("lobby", **bound)
            weights = list(map(weight, page.entries))
            assert sum(weights) <= MOST_BYTES
            rest = kept.follower.entries[:: 1 if "after" in bound else -1][len(weights) :]
            assert page.more == bool(rest)
            assert not rest or sum(weights) + weight(rest[0]) > MOST_BYTES


@pytest.mark.parametrize("bound", [-(1 << 70), -1, 0, 1 << 62, 1 << 70])
def test_a_page_may_be_requested_with_any_bound(kept: StoreUnderTest, bound: int) -> None:
    """Clients may send any number."""
    kept.stored(said())
    assert len(kept.read("lobby", after=bound).entries) == (bound <= 0)
    assert len(kept.read("lobby", before=bound).entries) == (bound > 0)


def test_a_room_without_events_has_an_empty_page(kept: StoreUnderTest) -> None:
    """Reading it does not create the room."""
    kept.stored(said())
    assert kept.read("dev") == ([], kept.opened.last, False)
    assert kept.read("dev", after=0) == ([], kept.opened.last, False)
    kept.again()
    assert "dev" not in kept.opened.rooms


def test_a_private_message_has_an_id_and_is_not_kept(kept: StoreUnderTest) -> None:
    """It has its place in the order of ids."""
    ids = kept.stored(said("before"), Told("ada", "bob", "psst"), said("after"))
    assert ids == [entry.id for entry in kept.follower.entries]
    assert [type(entry.event) for entry in kept.follower.entries] == [Said, Told, Said]
    assert texts(kept.read("lobby").entries) == ["before", "after"]
    assert [kept.read(room).entries for room in ("", "ada", "bob")] == [[], [], []]


def test_events_of_every_kind_are_read_back_unchanged(kept: StoreUnderTest) -> None:
    """Not only messages."""
    events: list[Event] = [Joined("dev", "ada"), said("é\n😀", "dev")]
    kept.stored(*events)
    assert [entry.event for entry in kept.read("dev").entries] == events


def test_a_read_made_while_shown_finds_exactly_the_shown_units(kept: StoreUnderTest) -> None:
    """No unit that is stored but not shown yet."""
    pages: list[Deferred[object]] = []
    tables: list[Deferred[object]] = []

    def ask(_: object) -> None:
        page = kept.store.read("lobby", limit=10)
        pages.append(page.addCallback(lambda page: texts(page.entries)))
        tables.append(kept.store.table(NAMES).addCallback(set))

    kept.follower._shown = ask
    for text in ("one", "two", "three", "four"):
        kept.store.append([saying(text, changes=[Change(NAMES, text, b"")])])
    kept.settle()
    expected = [["one", "two", "three", "four"][:n] for n in (1, 2, 3, 4)]
    assert list(map(result_of, pages)) == expected
    assert list(map(result_of, tables)) == list(map(set, expected))


# -- rooms ---------------------------------------------------------------------------------------


@given(
    engine=AN_ENGINE,
    rooms=st.lists(st.sampled_from(["lobby", "dev"]), max_size=12),
    history=st.integers(1, 5),
)
def test_load_returns_the_newest_events_up_to_history(
    engine: str, rooms: list[str], history: int
) -> None:
    """The floor is the id from which on these events are complete."""
    with StoreUnderTest(EngineUnderTest(engine), history) as kept:
        kept.appended(*(saying(str(n), room) for n, room in enumerate(rooms)))
        entries = [e for e in kept.follower.entries if e.event.room == "dev"]  # type: ignore[attr-defined]
        loaded = kept.load("dev")
        assert told(loaded.entries) == told(entries[-history:])
        cut = len(entries) > history
        assert loaded.floor == (entries[-history - 1].id if cut else kept.opened.last)


def test_a_room_is_loaded_as_it_was_at_an_id(kept: StoreUnderTest) -> None:
    """Later events are left out, because the follower is shown them."""
    began = kept.opened.last
    ids = kept.stored(said("one"), said("two"), said("three"))
    assert texts(kept.load("lobby", ids[1]).entries) == ["one", "two"]
    assert kept.load("lobby", ids[1]).floor == began


def test_a_room_is_loaded_with_its_members(kept: StoreUnderTest) -> None:
    """As of that id, and without members of other rooms."""
    kept.stored(
        changes=[Change(LOBBY, "bob", b"Bob"), Change(room_table(MEMBERS, "dev"), "x", b"")]
    )
    (version,) = kept.stored(changes=[Change(LOBBY, "bob", None), Change(LOBBY, "ada", b"Ada")])
    loading = kept.store.load("lobby", kept.last)
    kept.store.append([change(LOBBY, "eve", b"Eve")])
    kept.settle()
    assert result_of(loading).tables == {MEMBERS: {"ada": Cell(version, b"Ada")}}
    assert kept.load("nowhere").tables == {}


def test_a_loaded_table_is_a_copy(kept: StoreUnderTest) -> None:
    """Changing it does not change the store."""
    kept.stored(changes=[Change(NAMES, "ada", b"1")])
    kept.table(NAMES).clear()
    assert set(kept.table(NAMES)) == {"ada"}


def test_a_room_without_events_is_complete_from_the_store_s_beginning(kept: StoreUnderTest) -> None:
    """So its readers are told no gap."""
    kept.stored(said())
    entries, floor, _ = kept.load("dev")
    assert (list(entries), floor) == ([], kept.opened.last)


# -- over a restart ------------------------------------------------------------------------------


def test_presence_is_empty_after_a_restart(kept: StoreUnderTest) -> None:
    """No client is connected then; versions of presence cells from before are stale."""
    (version,) = kept.stored(
        changes=[Change(NAMES, "ada", b"1"), Change(LOBBY, "ada", b"Ada"), Change(ROOMS, "x", b"")]
    )
    kept.again()
    assert (kept.table(NAMES), kept.load("lobby").tables) == ({}, {})
    assert isinstance(kept.appended(claim(NAMES, "ada", b"2", version))[0], Stale)
    assert isinstance(kept.appended(claim(NAMES, "ada", b"2", 0))[0], int)


def test_durable_cells_survive_a_restart(lasting: StoreUnderTest) -> None:
    """With their versions."""
    (first,) = lasting.stored(
        changes=[Change(ROOMS, "lobby", b"{}"), Change("roles", "ada", b"op")]
    )
    (second,) = lasting.stored(changes=[Change(ROOMS, "dev", b"x"), Change(ROOMS, "gone", b"")])
    lasting.stored(changes=[Change(ROOMS, "gone", None)])
    lasting.again()
    assert lasting.table(ROOMS) == {"lobby": Cell(first, b"{}"), "dev": Cell(second, b"x")}
    assert lasting.get("roles", "ada") == {"ada": Cell(first, b"op")}
    answers = lasting.appended(
        claim(ROOMS, "dev", b"y", first),
        claim(ROOMS, "dev", b"y", second),
        claim("roles", "ada", None, first),
        claim(ROOMS, "gone", b"z", 0),
    )
    assert [isinstance(answer, int) for answer in answers] == [False, True, True, True]


def test_request_keys_survive_a_restart(lasting: StoreUnderTest) -> None:
    """Until they expire; `open` returns them all."""
    answers = lasting.appended(
        Unit([said("one"), said("two")], request_key=b"1"),
        Unit([Told("ada", "bob", "psst")], request_key=b"2"),
        Unit(changes=[Change(NAMES, "ada", b"")], request_key=b"3"),
    )
    lasting.wall += REMEMBERED_SECONDS - 1
    lasting.again()
    assert lasting.opened.request_keys == dict(zip([b"1", b"2", b"3"], answers, strict=True))
    assert lasting.appended(*(saying(request_key=b"%d" % n) for n in (1, 2, 3))) == answers
    lasting.wall += 2
    lasting.again()
    assert lasting.opened.request_keys == {}
    assert lasting.appended(saying(request_key=b"1")) != answers[:1]


def test_room_summaries_survive_a_restart(lasting: StoreUnderTest) -> None:
    """The oldest and newest id of each room that has events."""
    ids = lasting.stored(said("one"), said("x", "dev"), said("two"), said("y", "dev"))
    (last,) = lasting.stored(changes=[Change(ROOMS, "quiet", b"{}")])
    lasting.again()
    assert lasting.opened.rooms == {
        "lobby": RoomSummary(ids[0], ids[2]),
        "dev": RoomSummary(ids[1], ids[3]),
    }
    assert lasting.opened.last == last


def test_each_store_has_its_own_id() -> None:
    """The id is part of a cookie's name, which tells two servers on one host apart."""
    ids = []
    for name in ENGINES * 2:
        with StoreUnderTest(EngineUnderTest(name)) as kept:
            ids.append(kept.store.id)
    assert len(set(ids)) == len(ids)
    assert all(id_.isascii() and id_.isalnum() for id_ in ids)


def test_a_store_keeps_its_id_over_a_restart(lasting: StoreUnderTest) -> None:
    """The id belongs to the file."""
    before = lasting.store.id
    lasting.again()
    assert lasting.store.id == before


# -- notes, and counting -------------------------------------------------------------------------


def test_a_note_can_be_read_once_it_is_answered(kept: StoreUnderTest) -> None:
    """It has no id and is not shown; the last note of a key holds, and None removes it."""
    before = len(kept.follower.units)
    noted = [kept.store.note("markers:ada", "lobby", b"%d" % n) for n in range(5)]
    kept.settle()
    assert [result_of(each) for each in noted] == [None] * 5
    cells = kept.answered(kept.store.get("markers:ada", ["lobby", "dev"]))
    assert {key: cell.value for key, cell in cells.items()} == {"lobby": b"4"}
    kept.answered(kept.store.note("markers:ada", "lobby", None))
    assert kept.answered(kept.store.table("markers:ada")) == {}
    assert len(kept.follower.units) == before


def test_notes_survive_a_restart(lasting: StoreUnderTest) -> None:
    """Also notes that are pending when the store is closed."""
    for n in range(3):
        lasting.store.note("used", "a", b"%d" % n)
    lasting.again()
    cells = lasting.answered(lasting.store.get("used", ["a"]))
    assert cells["a"].value == b"2"


def test_a_closed_store_refuses_notes(kept: StoreUnderTest) -> None:
    """With `Unavailable`."""
    kept.closed()
    with pytest.raises(Unavailable):
        result_of(kept.store.note("used", "a", b"1"))


def test_count_counts_messages_after_an_id(kept: StoreUnderTest) -> None:
    """Joins do not count; `most` limits the count."""
    first, *_ = kept.stored(said())
    kept.stored(Joined("lobby", "ada"))
    kept.stored(Acted("lobby", "ada", "waves"))
    kept.stored(said(room="dev"))
    kept.stored(said())

    def count(after: int, most: int = 1000, room: str = "lobby") -> int:
        return kept.answered(kept.store.count(room, after, most))

    assert [count(0), count(first), count(first, 1), count(1 << 62)] == [3, 2, 1, 0]
    assert [count(-1 << 70), count(0, room="nowhere")] == [3, 0]


def test_cells_are_read_in_the_order_of_their_keys(kept: StoreUnderTest) -> None:
    """From any place, in both directions; by code points, whatever the script."""
    keys = ["a", "ada", "b", "B", "\u00e9", "\u0430da", "\uff21", "\U0001f600", "~1"]
    kept.stored(changes=[Change(AUDIT, key, key.encode()) for key in keys])
    kept.stored(changes=[Change("other", "x", b"")])
    kept.stored(changes=[Change(AUDIT, "b", None)])
    keys = sorted(set(keys) - {"b"})

    def cells(place: str | None, limit: int, *, down: bool = False) -> list[str]:
        found = kept.answered(kept.store.cells(AUDIT, place, limit, down=down))
        assert all(cell.value == key.encode() for key, cell in found)
        assert all(cell.version for _, cell in found)
        return [key for key, _ in found]

    assert cells(None, 100) == keys
    assert cells(None, 100, down=True) == keys[::-1]
    for place in ["", *keys, "b", "\U0010ffff"]:
        for limit in (1, 3, 100):
            assert cells(place, limit) == [key for key in keys if key > place][:limit]
            below = [key for key in keys if key < place]
            assert cells(place, limit, down=True) == below[::-1][:limit]
    assert kept.answered(kept.store.cells("nothing", None, 3)) == []
    assert kept.answered(kept.store.size(AUDIT)) == len(keys)
    assert kept.answered(kept.store.size("nothing")) == 0


# -- the end -------------------------------------------------------------------------------------


def test_closing_stores_pending_appends(kept: StoreUnderTest) -> None:
    """Every accepted append is answered."""
    appended = [kept.store.append([saying(text)]) for text in ("one", "two")]
    closed = kept.store.close().addCallback(lambda _: len(kept.follower.units))
    kept.settle()
    assert result_of(closed) == 2, "it was closed before everything was stored"
    assert texts(kept.follower.entries) == ["one", "two"]
    assert [result_of(answer) for answer in appended] == [[u.id] for u in kept.follower.units]


def test_a_probe_stores_and_shows_nothing(kept: StoreUnderTest) -> None:
    """And uses no id."""
    (before,) = kept.stored(said())
    assert kept.answered(kept.store.probe()) is None
    assert kept.stored(said()) == [before + 1]
    assert len(kept.follower.units) == 2


def test_a_closed_store_refuses_appends_and_reads(kept: StoreUnderTest) -> None:
    """Nothing is shown any more."""
    kept.store.close()
    for ask in (
        lambda: kept.appended(saying()),
        lambda: kept.read("lobby"),
        lambda: kept.load("lobby"),
        lambda: kept.table(ROOMS),
        lambda: kept.get(NAMES, "ada"),
        lambda: kept.answered(kept.store.cells(AUDIT, None, 1)),
        lambda: kept.answered(kept.store.size(AUDIT)),
        lambda: kept.answered(kept.store.probe()),
    ):
        with pytest.raises(Unavailable):
            ask()
    assert kept.follower.units == []


def test_a_store_may_be_closed_twice(kept: StoreUnderTest) -> None:
    """The second close has no effect."""
    for _ in range(2):
        kept.closed()


def test_the_store_may_be_closed_in_a_callback_of_an_append(kept: StoreUnderTest) -> None:
    """Pending appends are stored all the same."""
    closed: list[Deferred[None]] = []

    def close(answers: list[int | Stale]) -> list[int | Stale]:
        closed.append(kept.store.close())
        return answers

    first = kept.store.append([saying("one")]).addCallback(close)
    second = kept.store.append([saying("two")])
    kept.settle()
    assert (len(result_of(first)), len(result_of(second))) == (1, 1)
    result_of(closed[0])


@pytest.mark.parametrize("name", ENGINES)
def test_a_store_that_was_never_opened_may_be_closed(name: str) -> None:
    """The start may fail before; until it is opened it refuses appends."""
    making, clock = EngineUnderTest(name), StrictClock()
    store = making(clock, clock.seconds, 10)
    store.check()
    with pytest.raises(Unavailable):
        result_of(store.append([saying()]))
    with pytest.raises(Unavailable):
        result_of(store.probe())
    closing = store.close()
    clock.advance(0)
    result_of(closing)
    making.end()


# -- choosing one --------------------------------------------------------------------------------


def test_the_fake_follower_records_the_units_shown() -> None:
    """And the cells that their changes leave."""
    follower = FakeFollower()
    follower.shown([Shown(5, (), [Change(NAMES, "ada", b"1"), Change(NAMES, "bob", b"2")], None)])
    follower.shown([Shown(6, (), [Change(NAMES, "ada", None)], None)])
    assert follower.table(NAMES) == {"bob": Cell(5, b"2")}
