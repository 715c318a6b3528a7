"""Units and the tables that they change (`chatd.model.units`)."""

from __future__ import annotations

import pytest

from chatd.model.events import Arrived, Said, Told
from chatd.model.units import (
    MEMBERS,
    NAMES,
    ROOMS,
    Change,
    Expect,
    Unit,
    is_kept,
    is_presence,
    room_table,
)


@pytest.mark.parametrize(
    ("unit", "kept"),
    [
        (Unit([Said("lobby", "ada", "hi")]), True),
        (Unit([Told("ada", "bob", "hi")]), False),
        (Unit([Arrived("lobby", "ada")], [Change(NAMES, "ada", b"x")]), False),
        (Unit((), [Change(room_table(MEMBERS, "dev"), "ada", b"ada")]), False),
        (Unit((), [Change(ROOMS, "dev", None)]), True),
        (Unit([Told("ada", "bob", "hi")], request_key=b"k"), True),
        (Unit([Arrived("dev", "ada"), Said("dev", "ada", "hi")]), True),
        (Unit((), (), [Expect(ROOMS, "dev", 7)]), False),
    ],
)
def test_a_unit_with_a_durable_part_is_kept(unit: Unit, kept: bool) -> None:
    """Durable parts are room events, durable cells and request keys; a full disk refuses only such
    units.
    """
    assert is_kept(unit) is kept


def test_names_and_members_tables_are_presence() -> None:
    """A room that is named like a table is not confused with the table."""
    assert is_presence(NAMES)
    assert is_presence(room_table(MEMBERS, "rooms"))
    assert not is_presence(ROOMS)
    assert room_table(MEMBERS, "dev") != room_table(MEMBERS, "ops")
