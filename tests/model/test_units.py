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
def test_units_with_durable_parts_are_kept(unit: Unit, kept: bool) -> None:
    """Events of rooms, durable cells, request keys; a full disk refuses only these."""
    assert is_kept(unit) is kept


def test_tables_of_connected_people_are_presence() -> None:
    """Names and the members of each room; a room that is called like a table is no exception."""
    assert is_presence(NAMES)
    assert is_presence(room_table(MEMBERS, "rooms"))
    assert not is_presence(ROOMS)
    assert room_table(MEMBERS, "dev") != room_table(MEMBERS, "ops")
