"""Tables of cells in memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chatd.model.units import NAMES, ROOMS, Cell
from chatd.store.cells import Cells

TABLES = [NAMES, ROOMS]
KEYS = ["ada", "bob", "eve"]
changes = st.lists(
    st.tuples(st.sampled_from(TABLES), st.sampled_from(KEYS), st.none() | st.binary(max_size=2))
)


@given(changes, st.integers(0, 20))
def test_tables_hold_the_last_values_and_snapshots_do_not_change(
    changes: list[tuple[str, str, bytes | None]], taken: int
) -> None:
    """Each table separately, with the version of each change; None makes a cell absent."""
    cells = Cells()
    wanted: dict[tuple[str, str], Cell] = {}
    then, snapshot = dict(wanted), cells.snapshot(ROOMS)
    for version, (table, key, value) in enumerate(changes, 1):
        cells.set(table, key, version, value)
        if value is None:
            wanted.pop((table, key), None)
        else:
            wanted[table, key] = Cell(version, value)
        if version == taken:
            then, snapshot = dict(wanted), cells.snapshot(ROOMS)
    for table in TABLES:
        here = {key: cell for (at, key), cell in wanted.items() if at == table}
        assert cells.snapshot(table).cells() == cells.some(table, KEYS) == here
        for key in KEYS:
            assert cells.get(table, key) == here.get(key)
            assert cells.version(table, key) == (here[key].version if key in here else 0)
    assert snapshot.cells() == {key: cell for (at, key), cell in then.items() if at == ROOMS}


def test_a_cell_that_was_never_set_is_absent() -> None:
    """Its version is 0, and removing it has no effect."""
    cells = Cells()
    cells.set(ROOMS, "lobby", 5, None)
    assert (cells.get(ROOMS, "lobby"), cells.version(ROOMS, "lobby")) == (None, 0)
    assert cells.some(ROOMS, ["lobby"]) == cells.snapshot(ROOMS).cells() == {}
