"""Notes, and counting messages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from chatd.model.events import Joined
from chatd.model.units import Cell
from chatd.testing import result_of

from ...kit.redis import Node, RedisNodes
from ...kit.stores import saying

TABLE = "markers:ada"


@pytest.fixture
def nodes() -> Iterator[RedisNodes]:
    with RedisNodes("a", "b") as nodes:
        yield nodes


def noted(nodes: RedisNodes, node: Node) -> dict[str, Cell]:
    reading = node.store.table(TABLE)
    nodes.settle()
    cells = result_of(reading)
    return dict(cells)


def test_of_several_notes_for_one_cell_the_last_counts(nodes: RedisNodes) -> None:
    """On every node, without an id."""
    one, two = nodes.nodes
    notes = [one.store.note(TABLE, "lobby", b"%d" % n) for n in range(5)]
    notes.append(one.store.note(TABLE, "dev", b"\xff:\0"))
    nodes.settle()
    for note in notes:
        result_of(note)
    assert {key: cell.value for key, cell in noted(nodes, two).items()} == {
        "lobby": b"4",
        "dev": b"\xff:\0",
    }
    assert one.ids == two.ids == []
    result = one.store.note(TABLE, "dev", None)
    nodes.settle()
    result_of(result)
    assert noted(nodes, two).keys() == {"lobby"}


def test_a_marker_never_goes_back_whichever_node_is_last(nodes: RedisNodes) -> None:
    """Each has read the marker before, and judged by that."""
    one, two = nodes.nodes
    for node, marker in ((one, 1_000_000_000_000_002), (two, 1_000_000_000_000_001)):
        note = node.store.note(TABLE, "lobby", b"%d" % marker)
        nodes.settle()
        result_of(note)
    assert noted(nodes, one)["lobby"].value == b"1000000000000002"
    two.store.note("familiar:ada", "address", b"2")
    two.store.note("familiar:ada", "address", b"1")
    nodes.settle()
    reading = two.store.table("familiar:ada")
    nodes.settle()
    assert result_of(reading)["address"].value == b"1"


def test_markers_are_told_on_every_node(nodes: RedisNodes) -> None:
    """Each that has risen, and no other note."""
    one, two = nodes.nodes
    for table, marker in ((TABLE, 7), (TABLE, 6), (TABLE, 8), ("familiar:ada", 9)):
        one.store.note(table, "#a:t:b", b"%d" % marker)
        nodes.settle()
    told = [("noted", TABLE, "#a:t:b", value) for value in (b"7", b"8")]
    assert one.follower.happened == two.follower.happened == told


@pytest.mark.usefixtures("logged_warnings")
def test_a_node_that_was_cut_off_learns_that_it_has_heard_nothing_meanwhile(
    nodes: RedisNodes,
) -> None:
    """And since when: the cells that were raised meanwhile have that version, or a later one."""
    one, two = nodes.nodes
    one.store.append([saying("before")])
    nodes.settle()
    two.cut()
    one.store.note(TABLE, "lobby", b"7")
    nodes.advance(0.3)
    (since,) = two.follower.unheard_since
    assert two.follower.happened == []
    assert since == two.ids[-1] <= noted(nodes, two)["lobby"].version
    assert one.follower.unheard_since == []


@pytest.mark.usefixtures("logged_warnings")
def test_a_note_outlives_its_round(nodes: RedisNodes) -> None:
    """It is stored again: twice is no harm."""
    one, two = nodes.nodes
    note = one.store.note(TABLE, "lobby", b"1")
    one.cut()
    nodes.advance(0.3)
    result_of(note)
    assert noted(nodes, two)["lobby"].value == b"1"


def test_messages_are_counted_and_nothing_else(nodes: RedisNodes) -> None:
    """Those above an id, up to a bound."""
    one, two = nodes.nodes
    for n in range(3):
        one.store.append([saying(str(n)), saying("x", "dev")])
    one.store.append([replace(saying("y"), events=[Joined("lobby", "ada")])])
    nodes.settle()
    first = one.follower.entries[0].id
    counts = [
        two.store.count("lobby", *bounds)
        for bounds in ((0, 100), (first, 100), (0, 2), (1 << 60, 9), (-1, 9))
    ]
    counts.append(two.store.count("nowhere", 0, 9))
    nodes.settle()
    assert list(map(result_of, counts)) == [3, 2, 2, 0, 3, 0]
