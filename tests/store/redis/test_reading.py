"""Reading: cells as they were shown, however much changes meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from twisted.internet.defer import Deferred

from chatd.model.units import NAMES, Change, Unit
from chatd.store.redis import reading
from chatd.testing import result_of

from ...kit.redis import RedisNodes
from ...kit.stores import change

KEYS = [f"k{n}" for n in range(6)]


@pytest.fixture
def nodes() -> Iterator[RedisNodes]:
    with RedisNodes("a", "b") as nodes:
        yield nodes


def test_a_table_is_read_in_slices_while_others_change_it(
    nodes: RedisNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what was shown when it was asked for, to the cell."""
    monkeypatch.setattr(reading, "SLICE", 50)
    one, two = nodes.nodes
    two.store.append([change(NAMES, f"n{n}", b"old") for n in range(2000)])
    nodes.settle()
    shown = one.follower.table(NAMES)
    asked = one.store.table(NAMES)
    for n in range(0, 2000, 7):
        two.store.append([change(NAMES, f"n{n}", None), change(NAMES, f"new{n}", b"new")])
        two.store.append([change(NAMES, f"n{n + 1}", b"new")])
    nodes.settle()
    assert result_of(asked) == shown
    asked = one.store.table(NAMES)
    nodes.settle()
    assert result_of(asked) == one.follower.table(NAMES) != shown


def test_the_first_cells_of_a_large_table_are_found_in_slices(
    nodes: RedisNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever order Redis has them, and from any place."""
    monkeypatch.setattr(reading, "SLICE", 10)
    store = nodes.nodes[0].store
    keys = [f"{n * 7 % 1009:04}" for n in range(1009)]
    store.append([change("audit", key, b"x") for key in keys])
    nodes.settle()
    keys.sort()
    for limit in (0, 1, 20, 2000):
        up = store.cells("audit", "0499", limit)
        down = store.cells("audit", None, limit, down=True)
        nodes.settle()
        assert [key for key, _ in result_of(up)] == keys[500:][:limit]
        assert [key for key, _ in result_of(down)] == keys[::-1][:limit]


class SlowNodes(RuleBasedStateMachine):
    """Two nodes whose connections stand still at times, and what they read."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes = RedisNodes("a", "b")
        self.asked: list[tuple[Deferred[Any], Any]] = []

    @rule(
        node=st.integers(0, 1),
        changes=st.lists(
            st.tuples(st.sampled_from(KEYS), st.none() | st.sampled_from([b"1", b"2"])),
            min_size=1,
            max_size=3,
        ),
    )
    def append(self, node: int, changes: list[tuple[str, bytes | None]]) -> None:
        unit = Unit([], [Change("roles", key, value) for key, value in changes])
        self.nodes.nodes[node].store.append([unit, unit]).addErrback(lambda _: None)

    @rule(node=st.integers(0, 1), keys=st.none() | st.lists(st.sampled_from(KEYS), max_size=3))
    def read(self, node: int, keys: list[str] | None) -> None:
        it = self.nodes.nodes[node]
        shown = it.follower.table("roles")
        if keys is None:
            self.asked.append((it.store.table("roles"), shown))
        else:
            some = {key: cell for key, cell in shown.items() if key in keys}
            self.asked.append((it.store.get("roles", keys), some))

    @rule(node=st.integers(0, 1), link=st.integers(0, 1), mute=st.booleans())
    def stand_still(self, node: int, link: int, mute: bool) -> None:
        wires = [wire for wire in self.nodes.nodes[node].dialler.wires if wire.link]
        wires[link].mute = mute
        if not mute:
            held, wires[link].held = wires[link].held, []
            for data in held:
                wires[link].write(data)

    @precondition(lambda self: self.asked)
    @rule()
    def settle(self) -> None:
        self.nodes.settle()
        for asked, shown in self.asked:
            if asked.called:
                assert result_of(asked) == shown
        self.asked = [(asked, shown) for asked, shown in self.asked if not asked.called]

    def teardown(self) -> None:
        for node in (0, 1):
            for link in (0, 1):
                self.stand_still(node, link, False)
        self.nodes.settle()
        for asked, shown in self.asked:
            assert result_of(asked) == shown
        one, two = self.nodes.nodes
        assert one.ids == two.ids
        assert one.follower.cells == two.follower.cells
        self.nodes.__exit__()


TestSlowNodes = SlowNodes.TestCase
TestSlowNodes.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
