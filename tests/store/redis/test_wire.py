"""Batches as bytes."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chatd.model.events import Arrived, Departed, Joined, NameChanged, Said, Told
from chatd.model.units import Change, Expect, Redaction, Stale, Unit
from chatd.store.redis.wire import (
    Told as ToldBatch,
)
from chatd.store.redis.wire import answers, owner_of, pack, read_cell, read_told, shown, unpack

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
EVENT = st.one_of(
    st.builds(Said, TEXT, TEXT, TEXT),
    st.builds(Joined, TEXT, TEXT),
    st.builds(Told, TEXT, TEXT, TEXT),
    st.builds(Arrived, TEXT, TEXT),
    st.builds(Departed, TEXT, TEXT, TEXT, st.booleans(), TEXT),
    st.builds(NameChanged, TEXT, TEXT, TEXT),
)
UNIT = st.builds(
    Unit,
    st.lists(EVENT, max_size=3),
    st.lists(st.builds(Change, TEXT, TEXT, st.none() | st.binary(max_size=5)), max_size=3),
    st.lists(st.builds(Expect, TEXT, TEXT, st.integers(0, 1 << 52)), max_size=2),
    st.none() | st.binary(min_size=1, max_size=16),
    st.lists(
        st.builds(Redaction, st.integers(1, 1 << 52), st.builds(Said, TEXT, TEXT, TEXT)), max_size=2
    ),
)


@given(st.lists(UNIT, max_size=4), st.lists(TEXT, max_size=2))
def test_units_come_back_as_they_were(units: list[Unit], erased: list[str]) -> None:
    """All but what they expect, which is judged by then; and rooms that are to be erased."""
    expected = [
        replace(unit, expects=(), changes=unit.changes or (), redacts=unit.redacts or ())
        for unit in units
    ]
    assert unpack(pack(units, erased).data) == (expected, erased)


def test_what_was_judged_is_told_in_the_order_of_the_units() -> None:
    """Stale and known units take no ids."""
    units = [
        Unit([Said("r", "a", "1"), Said("r", "a", "2")]),
        Unit([Said("r", "a", "3")], expects=[Expect("t", "k", 5)]),
        Unit([Said("r", "a", "4")], request_key=b"x"),
        Unit(changes=[Change("t", "k", b"v")]),
    ]
    told = ToldBatch("n", 1, 100, 102, 50, [0, -1, 77, 0], [], b"")
    replies, batch = shown(units, told)
    assert replies == [100, Stale(Expect("t", "k", 5)), 77, 102]
    assert [(unit.id, [entry.id for entry in unit.entries]) for unit in batch] == [
        (101, [100, 101]),
        (102, []),
    ]
    assert answers(units[1:3], [-1, 77]) == replies[1:3]


def test_what_a_script_puts_before_the_units_is_read() -> None:
    """A header, cells as they were, and the units."""
    header = msgspec.msgpack.encode(["n", 7, 10, 11, 9, [0], [[1, 1, 3], [1, 2, 2]]])
    message = len(header).to_bytes(4) + header + b"abc" + b"de" + b"units"
    told = read_told(message)
    assert told == ("n", 7, 10, 11, 9, [0], [(1, 1, b"abc"), (1, 2, b"de")], b"units")


def test_a_cell_has_a_version_an_owner_and_any_bytes() -> None:
    """Colons too."""
    assert read_cell(b"17:ab:x:\xff\0") == (17, b"x:\xff\0")
    assert owner_of(b"17:ab:x") == "ab"
    assert owner_of(b"17::x") == ""
