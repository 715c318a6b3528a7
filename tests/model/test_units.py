"""Units and the tables that they change (`chatd.model.units`)."""

from __future__ import annotations

import pytest

from chatd.model.events import (
    Arrived,
    AwayChanged,
    Departed,
    Killed,
    NameChanged,
    Said,
    Signalled,
    Told,
    Typing,
)
from chatd.model.units import (
    GUESTS,
    MEMBERS,
    NAMES,
    ROOMS,
    Change,
    Expect,
    Redaction,
    Unit,
    is_kept,
    is_presence,
    needs_space,
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


@pytest.mark.parametrize(
    ("unit", "needy"),
    [
        (Unit([Arrived("lobby", "ada")], [Change(NAMES, "ada", b"x")]), False),
        (Unit([Departed("lobby", "ada")], [Change(NAMES, "ada", None)]), False),
        (Unit([NameChanged("lobby", "ada", "eve")], [Change(NAMES, "eve", b"x")]), False),
        (Unit([Killed("1", "ada", "bye")]), False),
        (Unit((), [Change(GUESTS, "hash", None)]), False),
        (Unit((), [Change(GUESTS, "hash", b"x")]), True),
        (Unit([Said("lobby", "ada", "hi")]), True),
        (Unit([Told("ada", "bob", "hi")]), True),
        (Unit([Signalled("ada", "bob", "PRIVMSG", "hi")]), True),
        (Unit([Typing("lobby", "ada", "active")]), True),
        (Unit([AwayChanged("lobby", "ada", "tea")], [Change(NAMES, "ada", b"x")]), True),
        (Unit([Departed("lobby", "ada")], request_key=b"k"), True),
        (Unit((), [Change(NAMES, "ada", None)], redacts=[Redaction(1, Said("a", "b", ""))]), True),
    ],
)
def test_people_who_come_and_go_and_what_is_deleted_need_no_space(unit: Unit, needy: bool) -> None:
    """A store in memory that is full takes that, and nothing else: no text of anybody."""
    assert needs_space(unit) is needy


def test_names_and_members_tables_are_presence() -> None:
    """A room that is named like a table is not confused with the table."""
    assert is_presence(NAMES)
    assert is_presence(room_table(MEMBERS, "rooms"))
    assert not is_presence(ROOMS)
    assert room_table(MEMBERS, "dev") != room_table(MEMBERS, "ops")
