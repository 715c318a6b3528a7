"""Persons and rooms for tests of judgements."""

from __future__ import annotations

from chatd.chat.limits import TokenBucket
from chatd.chat.person import Person
from chatd.chat.room import Room
from chatd.model.policy import OpenPolicy
from chatd.model.roomstate import RoomState
from chatd.stream.eventlog import EventLog

OPEN = OpenPolicy()
"""Allows everything that it knows."""


def room(name: str = "dev", version: int = 7, members: int = 0) -> Room:
    """A room whose cell has that version, with so many members."""
    made = Room(name, EventLog(10))
    made.set_state(RoomState(), version)
    for number in range(members):
        made.set_member(f"p{number}", f"p{number}")
    return made


def person(name: str = "ada", version: int = 5, *rooms: Room, named: bool = True) -> Person:
    """A person who holds a name by a cell of that version, and is in these rooms."""
    made = Person("a1", name, name.casefold(), TokenBucket(0, lambda: 0.0), named=named)
    made.version = version
    for joined in rooms:
        made.rooms[joined.name] = joined
        joined.set_member(made.key, made.name)
    return made


def visitor() -> Person:
    """A visitor, who holds no name."""
    return Person("", "cron", "cron", TokenBucket(0, lambda: 0.0), named=True, visiting=True)
