"""Units with expectations, in any order, compared with a model made of dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import Deferred

from chatd.model.units import NAMES, ROOMS, Cell, Change, Expect, Stale, Unit, is_presence
from chatd.testing import START, result_of
from chatd.testing.clock import StrictClock
from chatd.testing.stores import FakeFollower, RefusingStore

from ..kit.stores import EngineUnderTest, StoreUnderTest, said, told

TABLES = [NAMES, "in:lobby", ROOMS, "roles"]
KEYS = ["ada", "bob"]
A_CELL = st.tuples(st.sampled_from(TABLES), st.sampled_from(KEYS))
A_CHANGE = st.builds(
    lambda cell, value: Change(cell[0], cell[1], value),
    A_CELL,
    st.none() | st.sampled_from([b"1", b"2"]),
)


class Draft(NamedTuple):
    """A unit before the versions that it expects are known."""

    events: int
    changes: list[Change]
    expects: list[tuple[tuple[str, str], bool]]
    """Cells, and whether the unit expects their current versions."""
    request_key: bytes | None


A_DRAFT = st.builds(
    Draft,
    st.integers(0, 2),
    st.lists(A_CHANGE, max_size=2),
    st.lists(st.tuples(A_CELL, st.sampled_from([True, True, False])), max_size=2),
    st.none() | st.sampled_from([b"x", b"y"]),
)


class Model:
    """A model of what the store should hold."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.cells: dict[tuple[str, str], Cell] = {}
        self.request_keys: dict[bytes, int] = {}
        self.events: list[tuple[int, object]] = []

    def version(self, cell: tuple[str, str]) -> int:
        """A cell's version."""
        return self.cells[cell].version if cell in self.cells else 0

    def append(self, unit: Unit) -> int | Stale:
        """The answer that a store should give."""
        events, key = unit.events, unit.request_key
        if key in self.request_keys:
            return self.request_keys[key]
        for expect in unit.expects:
            if self.version((expect.table, expect.key)) != expect.version:
                return Stale(expect)
        first = self.last + 1
        self.last += len(events) or 1
        self.events += enumerate(events, first)
        for table, name, value in unit.changes:
            if value is None:
                self.cells.pop((table, name), None)
            else:
                self.cells[table, name] = Cell(self.last, value)
        if key is not None:
            self.request_keys[key] = first
        return first

    def unit(self, draft: Draft) -> Unit:
        """A unit that expects the current versions, or others, as the draft says."""
        expects = [
            Expect(*cell, self.version(cell) + (0 if right else 1)) for cell, right in draft.expects
        ]
        return Unit(
            [said(str(n)) for n in range(draft.events)], draft.changes, expects, draft.request_key
        )

    def table(self, name: str) -> Mapping[str, Cell]:
        """A table."""
        return {key: cell for (table, key), cell in self.cells.items() if table == name}


class StoreMachine(RuleBasedStateMachine):
    """A store over many turns, closed and opened again."""

    name = ""

    def __init__(self) -> None:
        super().__init__()
        self.making = EngineUnderTest(self.name)
        self.kept = StoreUnderTest(self.making)
        self.model = Model(self.kept.opened.last)
        self.asked: list[tuple[Deferred[list[int | Stale]], list[int | Stale]]] = []
        self.before: list[tuple[int, object]] = []

    @rule(drafts=st.lists(A_DRAFT, max_size=3))
    def append(self, drafts: list[Draft]) -> None:
        """Append some units; their answers are checked later."""
        units, answers = [], []
        for draft in drafts:
            unit = self.model.unit(draft)
            units.append(unit)
            answers.append(self.model.append(unit))
        self.asked.append((self.kept.store.append(units), answers))

    @rule()
    def turn(self) -> None:
        """The reactor goes through one turn."""
        self.kept.clock.advance(0)

    @rule()
    def settle(self) -> None:
        """Settle, and compare all answers and contents with the model."""
        self.kept.settle()
        for asked, answers in self.asked:
            assert result_of(asked) == answers
        self.asked.clear()
        for table in TABLES:
            assert self.kept.table(table) == self.model.table(table)
            for key in KEYS:
                assert self.kept.get(table, key).get(key) == self.model.cells.get((table, key))
        if self.making.lasting:
            assert told(self.kept.read("lobby").entries) == self.model.events
        assert self.kept.follower.cells.items() <= self.model.cells.items()

    @precondition(lambda self: self.making.lasting)
    @rule()
    def restart(self) -> None:
        """Restart the store: presence is gone, and everything else is kept."""
        self.settle()
        self.kept.again()
        for cell in list(self.model.cells):
            if is_presence(cell[0]):
                del self.model.cells[cell]
        assert self.kept.opened.last == self.model.last
        assert self.kept.opened.request_keys == self.model.request_keys

    @invariant()
    def only_stored_events_are_shown(self) -> None:
        """In order."""
        shown = told(self.kept.follower.entries)
        assert shown == [event for event in self.model.events if event in shown]

    def teardown(self) -> None:
        """Close the store."""
        self.kept.__exit__()


class MemoryMachine(StoreMachine):
    """On the memory engine."""

    name = "memory"


class SqliteMachine(StoreMachine):
    """On a file."""

    name = "sqlite"


class RedisMachine(StoreMachine):
    """Over a server that several nodes share."""

    name = "redis"


class NodesMachine(RuleBasedStateMachine):
    """Two nodes on one engine, each of them slow at times."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = StrictClock()
        self.clock.advance(START)
        first = RefusingStore(self.clock, self.clock.seconds, 1000)
        second = RefusingStore(self.clock, self.clock.seconds, 1000, engine=first.engine)
        self.nodes = [(first, FakeFollower()), (second, FakeFollower())]
        for store, follower in self.nodes:
            store.open(follower)
        self.clock.advance(0)
        self.asked: list[tuple[Deferred[list[int | Stale]], Expect]] = []

    @rule(node=st.integers(0, 1), key=st.sampled_from(KEYS), value=st.none() | st.just(b"x"))
    def claim(self, node: int, key: str, value: bytes | None) -> None:
        """Change a cell by the version that the node was shown."""
        store, follower = self.nodes[node]
        seen = follower.table(NAMES).get(key)
        expect = Expect(NAMES, key, seen.version if seen else 0)
        unit = Unit([said(key)], [Change(NAMES, key, value)], [expect])
        self.asked.append((store.append([unit]), expect))

    @rule(node=st.integers(0, 1), what=st.sampled_from(["appends", "shown"]))
    def hold(self, node: int, what: str) -> None:
        """Make a node slow."""
        self.nodes[node][0].hold(what)  # type: ignore[arg-type]

    @rule(node=st.integers(0, 1))
    def release(self, node: int) -> None:
        """Let a slow node continue."""
        self.nodes[node][0].release()

    @rule()
    def turn(self) -> None:
        """The reactor goes through one turn."""
        self.clock.advance(0)

    @invariant()
    def a_node_reads_what_it_was_shown(self) -> None:
        """A node reads exactly the cells and events that it was shown, even if the engine
        is ahead.
        """
        reads = [
            (store.table(NAMES), store.read("lobby", limit=1000), follower)
            for store, follower in self.nodes
            if not store._held
        ]
        shown = [(dict(follower.table(NAMES)), told(follower.entries)) for *_, follower in reads]
        self.clock.pump([0])
        for (table, page, _), (cells, entries) in zip(reads, shown, strict=True):
            assert result_of(table) == cells
            assert told(result_of(page).entries) == entries

    @invariant()
    def all_nodes_are_shown_the_same_units(self) -> None:
        """In the same order."""
        transcripts = [[unit.id for unit in follower.units] for _, follower in self.nodes]
        short, long = sorted(transcripts, key=len)
        assert long[: len(short)] == short == sorted(set(short))

    def teardown(self) -> None:
        """All nodes have the same state in the end, and no change overwrote an unseen one."""
        for store, _ in self.nodes:
            store.release()
        for _ in range(5):
            self.clock.advance(0)
        first, second = (follower for _, follower in self.nodes)
        assert first.cells == second.cells
        expected: dict[int, Expect] = {}
        for asked, expect in self.asked:
            (answer,) = result_of(asked)
            if isinstance(answer, int):
                expected[answer] = expect
        versions = dict.fromkeys(KEYS, 0)
        for unit in first.units:
            (change,) = unit.changes
            assert expected.pop(unit.answer).version == versions[change.key]
            versions[change.key] = 0 if change.value is None else unit.id
        assert expected == {}, "an acknowledged unit was not shown"
        for store, _ in self.nodes:
            store.close()


TestMemory = MemoryMachine.TestCase
TestSqlite = SqliteMachine.TestCase
TestRedis = RedisMachine.TestCase
TestNodes = NodesMachine.TestCase
TestMemory.settings = TestSqlite.settings = settings(max_examples=30, stateful_step_count=30)
TestRedis.settings = settings(max_examples=20, stateful_step_count=30)
TestNodes.settings = settings(max_examples=50, stateful_step_count=30)
