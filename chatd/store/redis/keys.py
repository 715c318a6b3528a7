"""The names of the keys in Redis."""

from __future__ import annotations

from ...model.units import is_presence

CELLS = "t:"
EVENTS = "r:"


class Keys:
    """The keys of one chat."""

    def __init__(self, prefix: str, database: int) -> None:
        """`prefix` names the chat among others on the same server."""
        self.prefix = f"{{{prefix}}}:"
        self.meta = f"{self.prefix}meta"
        self.log = f"{self.prefix}log"
        self.nodes = f"{self.prefix}nodes"
        self.beats = f"{self.prefix}beats"
        self.forks = f"{self.prefix}forks"
        self.request_keys = f"{self.prefix}keys"
        self.marks = f"{self.prefix}marks"
        self.firsts = f"{self.prefix}firsts"
        self.floors = f"{self.prefix}floors"
        self.cells = f"{self.prefix}{CELLS}"
        self.events = f"{self.prefix}{EVENTS}"
        self.feed = f"{self.prefix}feed:{database}"
        """The channel of batches; channels do not belong to a database."""
        self.noted = f"{self.prefix}noted:{database}"
        """The channel of notes."""

    def room(self, name: str) -> str:
        """The sorted set of a room's events."""
        return f"{self.events}{name}"

    def table(self, name: str) -> str:
        """The hash of a table's cells."""
        return f"{self.cells}{name}"

    def own(self, lease: str) -> str:
        """The set of the cells that a node made."""
        return f"{self.prefix}own:{lease}"

    def named(self, name: str) -> str:
        """The key of what a batch names (`room_name`, `table_name`)."""
        return self.room(name[1:]) if name[0] == "r" else self.table(name[1:])


def room_name(room: str) -> str:
    """How a batch names a room."""
    return f"r{room}"


def table_name(table: str) -> str:
    """How a batch names a table; the first letter says whether its cells have an owner."""
    return f"{'p' if is_presence(table) else 'd'}{table}"
