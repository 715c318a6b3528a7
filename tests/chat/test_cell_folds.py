"""Each change is folded by the parts that it concerns."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.cell_folds import cell_folds
from chatd.model import units
from chatd.model.units import RIGHTS, account_table, room_table


class Part:
    """A double of a part of the chat.  Each attribute is the name of the part."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> str:
        return self._name


class Parts:
    """All parts."""

    def __getattr__(self, name: str) -> Part:
        return Part(name)


parts: Any = Parts()
FOLDS: Any = cell_folds(parts)


@pytest.mark.parametrize(
    ("table", "folded_by"),
    [
        (units.NAMES, ("people",)),
        (room_table(units.MEMBERS, "lobby"), ("rooms", "people")),
        (units.ROOMS, ("rooms",)),
        (units.ATTACHED, ("attached",)),
        (units.ACCOUNTS, ("people", "accounts", "sessions", "push")),
        (units.SKELETONS, ("accounts", "push")),
        (units.SESSIONS, ("sessions", "push")),
        (units.TOKENS, ("sessions", "push")),
        (units.PUSHES, ("push",)),
        (units.PUSH_KEY, ("push",)),
        (account_table(units.IGNORES, "ada"), ("ignores",)),
        (units.CLAIMS, ("claims",)),
        (units.ADMINS, ("claims", "administrators")),
        *((room_table(table, "lobby"), ("rooms",)) for table in sorted(RIGHTS)),
    ],
)
def test_change_is_folded_by_the_parts_that_it_concerns(
    table: str, folded_by: tuple[str, ...]
) -> None:
    """In this order: a person's rooms are those in memory, and a session rests on its account."""
    assert FOLDS[_kind_of(table)] == folded_by


@pytest.mark.parametrize(
    "table",
    [
        units.AUDIT,
        units.ROOM_AUDIT,
        units.USED,
        units.REACHED,
        account_table(units.MARKERS, "ada"),
    ],
)
def test_other_tables_are_read_from_the_store_only(table: str) -> None:
    """No part keeps them in memory."""
    assert _kind_of(table) not in FOLDS


def _kind_of(table: str) -> str:
    return table.partition(":")[0]
