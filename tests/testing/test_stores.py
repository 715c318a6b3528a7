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
    """Two nodes on one engine and one clock."""

    def __init__(self, history: int = 10) -> None:
        self.clock = StrictClock()
        self.clock.advance(START)
        self.history = history
        self.ours, self.we = self.node()
        self.theirs, self.they = self.node(self.ours)

    def node(self, other: RefusingStore | None = None) -> tuple[RefusingStore, FakeFollower]:
        """Add a node."""
        engine = other and other.engine
        store = RefusingStore(self.clock, self.clock.seconds, self.history, engine=engine)
        follower = FakeFollower()
        self.opened = store.open(follower)
        self.settle()
        return store, follower

    def settle(self) -> None:
        """Run the calls that are due, without time passing."""
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
    """The class of the error that an append failed with."""
    with pytest.raises((Unavailable, InDoubt)) as raised:
        result_of(deferred)
    return raised.type


def test_all_nodes_are_shown_all_units_in_one_order(nodes: Nodes) -> None:
    """Each append is answered after its own node was shown it."""
    answers = [
        node.append([saying(text)])
        for node, text in ((nodes.ours, "one"), (nodes.theirs, "two"), (nodes.ours, "three"))
    ]
    nodes.settle()
    assert texts(nodes.we.entries) == texts(nodes.they.entries) == ["one", "three", "two"]
    assert [result_of(answer) for answer in (answers[0], answers[2], answers[1])] == [
        [entry.id] for entry in nodes.we.entries
    ]


def test_a_later_node_knows_rooms_cells_and_request_keys(nodes: Nodes) -> None:
    """And is shown later units."""
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
    """Units stored meanwhile are not in its pages and tables, and its appends are answered in
    order.
    """
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


def test_held_appends_are_judged_when_released(nodes: Nodes) -> None:
    """They are stale if another node changed the cell meanwhile."""
    nodes.ours.hold("appends")
    answer = nodes.ours.append([claim(NAMES, "ada", b"1", 0)])
    nodes.settle()
    nodes.theirs.append([claim(NAMES, "ada", b"2", 0)])
    nodes.settle()
    assert not answer.called
    nodes.ours.release("appends")
    assert result_of(answer) == [Stale(Expect(NAMES, "ada", 0))]


def test_held_reads_return_the_state_at_the_request(nodes: Nodes) -> None:
    """When they are released."""
    nodes.ours.hold("reads")
    page, room = nodes.ours.read("lobby", limit=9), nodes.ours.load("lobby", 1)
    nodes.ours.append([saying("one")])
    nodes.settle()
    assert (page.called, room.called, texts(nodes.we.entries)) == (False, False, ["one"])
    nodes.ours.release()
    nodes.settle()
    assert (result_of(page).entries, result_of(room).entries) == ([], [])


def test_a_refusing_store_stores_nothing(nodes: Nodes) -> None:
    """Until it is set to accept again."""
    nodes.ours.refusing = True
    assert refusal(nodes.ours.append([saying("one")])) is Unavailable
    nodes.ours.refusing = False
    nodes.ours.append([saying("two")])
    nodes.settle()
    assert texts(nodes.we.entries) == texts(nodes.they.entries) == ["two"]


@pytest.mark.parametrize("fate", ["stored", "lost"])
def test_an_append_in_doubt_is_resolved_by_its_request_key(nodes: Nodes, fate: str) -> None:
    """Stored or lost: the repeated request is answered, and the unit shown once."""
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


def test_an_unreadable_store_fails_every_read(nodes: Nodes) -> None:
    """With `Unavailable`."""
    nodes.ours.unreadable = True
    for reading in (
        nodes.ours.load("lobby", 1),
        nodes.ours.read("lobby", limit=1),
        nodes.ours.table(NAMES),
        nodes.ours.get(NAMES, ["ada"]),
    ):
        with pytest.raises(Unavailable):
            result_of(reading)  # type: ignore[misc]


def test_followers_are_told_the_first_id_left_after_an_eviction() -> None:
    """After the batch was shown."""
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


def test_a_closed_node_is_shown_nothing(nodes: Nodes) -> None:
    """The other nodes continue."""
    nodes.theirs.hold("shown")
    nodes.ours.append([saying("one")])
    nodes.settle()
    result_of(nodes.theirs.close())
    nodes.ours.append([saying("two")])
    nodes.settle()
    assert (texts(nodes.they.entries), texts(nodes.we.entries)) == (["one"], ["one", "two"])


def test_a_test_can_inspect_the_engine() -> None:
    """Of a memory store."""
    with StoreUnderTest(RefusingStore) as kept:
        kept.stored(changes=[Change(NAMES, "ada", b"1")])
        assert kept.engine.cells.version(NAMES, "ada") == kept.last


def test_nodes_of_one_engine_have_one_id(nodes: Nodes) -> None:
    """The id belongs to the history."""
    assert nodes.ours.id == nodes.theirs.id
    assert nodes.ours.id != Nodes().ours.id


def test_a_refusing_store_fails_probes(nodes: Nodes) -> None:
    """As on a full disk."""
    nodes.ours.refusing = True
    with pytest.raises(Unavailable, match="full"):
        result_of(nodes.ours.probe())
    nodes.ours.refusing = False
    probe = nodes.ours.probe()
    nodes.settle()
    assert result_of(probe) is None
