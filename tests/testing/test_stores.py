"""Memory stores on one engine, as nodes on one Redis, and what they do on purpose."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.defer import Deferred

from chatd.model.errors import InDoubt, Unavailable
from chatd.model.units import NAMES, Change, Expect, Stale, Unit
from chatd.store import RoomSummary
from chatd.testing import START, result_of
from chatd.testing.clock import StrictClock
from chatd.testing.stores import FakeFollower, RefusingStore

from ..kit.stores import StoreUnderTest, claim, saying, texts


class Nodes:
    """Two nodes, and the turns of their one reactor."""

    def __init__(self, history: int = 10) -> None:
        self.clock = StrictClock()
        self.clock.advance(START)
        self.history = history
        self.ours, self.we = self.node()
        self.theirs, self.they = self.node(self.ours)

    def node(self, other: RefusingStore | None = None) -> tuple[RefusingStore, FakeFollower]:
        """Another node."""
        engine = other and other.engine
        store = RefusingStore(self.clock, self.clock.seconds, self.history, engine=engine)
        follower = FakeFollower()
        self.opened = store.open(follower)
        self.settle()
        return store, follower

    def settle(self) -> None:
        """Let happen what happens by itself."""
        for _ in range(5):
            self.clock.advance(0)


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    nodes = Nodes()
    yield nodes
    nodes.ours.close()
    nodes.theirs.close()
    nodes.settle()
    assert nodes.clock.getDelayedCalls() == []


def refusal(deferred: Deferred[list[int | Stale]]) -> type[BaseException]:
    """What an append failed with."""
    with pytest.raises((Unavailable, InDoubt)) as raised:
        result_of(deferred)
    return raised.type


def test_every_node_is_shown_everything_in_one_order(nodes: Nodes) -> None:
    """Each is answered behind its own showing."""
    answers = [
        node.append([saying(text)])
        for node, text in ((nodes.ours, "one"), (nodes.theirs, "two"), (nodes.ours, "three"))
    ]
    nodes.settle()
    assert texts(nodes.we.entries) == texts(nodes.they.entries) == ["one", "three", "two"]
    assert [result_of(answer) for answer in (answers[0], answers[2], answers[1])] == [
        [entry.id] for entry in nodes.we.entries
    ]


def test_a_node_that_connects_later_knows_the_rooms(nodes: Nodes) -> None:
    """And is shown what comes."""
    nodes.ours.append([Unit([saying("one").events[0]], [Change(NAMES, "ada", b"")], (), b"key")])
    nodes.settle()
    (id_,) = [unit.id for unit in nodes.we.units]
    late, follower = nodes.node(nodes.ours)
    assert result_of(nodes.opened) == (id_, {"lobby": RoomSummary(id_, id_)}, {b"key": id_})
    table = late.table(NAMES)
    nodes.theirs.append([saying("two")])
    nodes.settle()
    cells = result_of(table)
    assert set(cells) == {"ada"}
    assert texts(follower.entries) == ["two"]
    late.close()
    nodes.settle()


def test_a_slow_node_reads_only_the_units_that_it_was_shown(nodes: Nodes) -> None:
    """What is stored meanwhile is not in its pages and tables; its answers come in order."""
    nodes.ours.append([claim(NAMES, "ada", b"1", 0), saying("one")])
    nodes.settle()
    last = nodes.they.units[-1].id
    nodes.theirs.hold("shown")
    nodes.ours.append([Unit(saying("two").events, [Change(NAMES, "ada", None)])])
    nodes.ours.append([claim(NAMES, "bob", b"2", 0)])
    answer = nodes.theirs.append([saying("three"), claim(NAMES, "ada", b"3", 0)])
    stale = nodes.theirs.append([claim(NAMES, "bob", b"3", 0)])
    nodes.settle()
    page, table = nodes.theirs.read("lobby", limit=9), nodes.theirs.table(NAMES)
    room, cells = nodes.theirs.load("lobby", last), nodes.theirs.get(NAMES, ["ada", "bob"])
    nodes.settle()
    assert texts(result_of(page).entries) == texts(result_of(room).entries) == ["one"]
    assert result_of(table) == result_of(cells) == nodes.they.table(NAMES)
    assert set(nodes.they.table(NAMES)) == {"ada"}
    assert not answer.called
    assert not stale.called
    nodes.theirs.release()
    assert result_of(answer) == [unit.id for unit in nodes.they.units[-2:]]
    assert result_of(stale) == [Stale(Expect(NAMES, "bob", 0))]
    assert nodes.they.units == nodes.we.units


def test_appends_that_are_held_are_judged_when_they_are_released(nodes: Nodes) -> None:
    """What another node did meanwhile makes them stale."""
    nodes.ours.hold("appends")
    answer = nodes.ours.append([claim(NAMES, "ada", b"1", 0)])
    nodes.settle()
    nodes.theirs.append([claim(NAMES, "ada", b"2", 0)])
    nodes.settle()
    assert not answer.called
    nodes.ours.release("appends")
    assert result_of(answer) == [Stale(Expect(NAMES, "ada", 0))]


def test_reads_that_are_held_answer_when_they_are_released(nodes: Nodes) -> None:
    """With what was there when they were asked for."""
    nodes.ours.hold("reads")
    page, room = nodes.ours.read("lobby", limit=9), nodes.ours.load("lobby", 1)
    nodes.ours.append([saying("one")])
    nodes.settle()
    assert (page.called, room.called, texts(nodes.we.entries)) == (False, False, ["one"])
    nodes.ours.release()
    nodes.settle()
    assert (result_of(page).entries, result_of(room).entries) == ([], [])


def test_a_store_that_refuses_stores_nothing(nodes: Nodes) -> None:
    """Until it does no more."""
    nodes.ours.refusing = True
    assert refusal(nodes.ours.append([saying("one")])) is Unavailable
    nodes.ours.refusing = False
    nodes.ours.append([saying("two")])
    nodes.settle()
    assert texts(nodes.we.entries) == texts(nodes.they.entries) == ["two"]


@pytest.mark.parametrize("fate", ["stored", "lost"])
def test_a_store_in_doubt_has_stored_it_or_not(nodes: Nodes, fate: str) -> None:
    """The same request with the same key finds out; it is shown once."""
    nodes.ours.doubting = fate  # type: ignore[assignment]
    unit = saying("one", request_key=b"key")
    doubted = nodes.ours.append([unit])
    nodes.settle()
    assert refusal(doubted) is InDoubt
    assert texts(nodes.we.entries) == (["one"] if fate == "stored" else [])
    nodes.ours.doubting = None
    answer = nodes.ours.append([unit])
    nodes.settle()
    assert texts(nodes.we.entries) == texts(nodes.they.entries) == ["one"]
    assert result_of(answer) == [nodes.we.entries[0].id]


def test_an_unreadable_store_says_so(nodes: Nodes) -> None:
    """To everything that reads."""
    nodes.ours.unreadable = True
    for reading in (
        nodes.ours.load("lobby", 1),
        nodes.ours.read("lobby", limit=1),
        nodes.ours.table(NAMES),
        nodes.ours.get(NAMES, ["ada"]),
    ):
        with pytest.raises(Unavailable):
            result_of(reading)  # type: ignore[misc]


def test_events_evicted_from_memory_are_reported_as_forgotten() -> None:
    """Every follower gets the oldest event left, after the batch was shown."""
    nodes = Nodes(history=2)
    nodes.ours.append([saying(str(n)) for n in range(3)])
    nodes.ours.append([saying("x", "dev")])
    nodes.settle()
    ids = [entry.id for entry in nodes.we.entries]
    assert nodes.we.firsts == nodes.they.firsts == {"lobby": ids[1]}
    page = nodes.ours.read("lobby", after=0, limit=9)
    nodes.settle()
    entries, floor, more = result_of(page)
    assert (texts(entries), floor, more) == (["1", "2"], ids[0], False)


def test_a_closed_node_is_shown_no_more(nodes: Nodes) -> None:
    """The others go on."""
    nodes.theirs.hold("shown")
    nodes.ours.append([saying("one")])
    nodes.settle()
    result_of(nodes.theirs.close())
    nodes.ours.append([saying("two")])
    nodes.settle()
    assert (texts(nodes.they.entries), texts(nodes.we.entries)) == (["one"], ["one", "two"])


def test_a_test_may_look_into_the_engine() -> None:
    """Of a memory store."""
    with StoreUnderTest(RefusingStore) as kept:
        kept.stored(changes=[Change(NAMES, "ada", b"1")])
        assert kept.engine.cells.version(NAMES, "ada") == kept.last


def test_nodes_of_one_chat_have_one_id(nodes: Nodes) -> None:
    """It is the history's."""
    assert nodes.ours.id == nodes.theirs.id
    assert nodes.ours.id != Nodes().ours.id


def test_a_store_that_refuses_says_so_when_it_is_probed(nodes: Nodes) -> None:
    """As a full disk does."""
    nodes.ours.refusing = True
    with pytest.raises(Unavailable, match="full"):
        result_of(nodes.ours.probe())
    nodes.ours.refusing = False
    probe = nodes.ours.probe()
    nodes.settle()
    assert result_of(probe) is None
