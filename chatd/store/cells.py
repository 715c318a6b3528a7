"""Tables of cells in memory: what the memory engine keeps, and the presence tables of SQLite.

1. A table is two dicts, versions and values, because a `Cell` for each would take twice the memory.
   `Cell`s are made when they are asked for.
2. The key and value objects of a `Change` are kept as they are: a key string that one unit uses in
   several tables takes memory once, and so does the version.
3. One thread changes the tables.  Another may read a version meanwhile: it gets the version before
   the change, or the one after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nlargest, nsmallest
from typing import TypeVar

from ..model.units import Cell

K = TypeVar("K", str, bytes)


class Cells:
    """Tables by name; a table without cells takes no memory."""

    __slots__ = ("_tables",)

    def __init__(self) -> None:
        self._tables: dict[str, tuple[dict[str, int], dict[str, bytes]]] = {}

    def version(self, table: str, key: str) -> int:
        """The version of a cell; 0 if it is absent."""
        found = self._tables.get(table)
        return found[0].get(key, 0) if found else 0

    def get(self, table: str, key: str) -> Cell | None:
        """A cell, or None if it is absent."""
        found = self._tables.get(table)
        if found is None or key not in found[0]:
            return None
        return Cell(found[0][key], found[1][key])

    def some(self, table: str, keys: Iterable[str]) -> dict[str, Cell]:
        """The cells of these keys that are not absent."""
        return {key: cell for key in keys if (cell := self.get(table, key))}

    def span(
        self, table: str, place: str | None, limit: int, *, down: bool
    ) -> list[tuple[str, Cell]]:
        """See `chatd.store.Store.cells`."""
        versions, values = self._tables.get(table, ({}, {}))
        # Keys are mostly stored in their order, so the wanted ones come first: then the heap that
        # finds them seldom changes.
        keys = first_keys(reversed(versions) if down else versions, place, limit, down=down)
        return [(key, Cell(versions[key], values[key])) for key in keys]

    def size(self, table: str) -> int:
        """How many cells a table has."""
        found = self._tables.get(table)
        return len(found[0]) if found else 0

    def set(self, table: str, key: str, version: int, value: bytes | None) -> Cell | None:
        """Set the value of a cell, or with None make it absent.  Returns the cell before that."""
        found = self._tables.get(table)
        if found is None:
            if value is None:
                return None
            found = self._tables[table] = ({}, {})
        versions, values = found
        before = Cell(versions[key], values[key]) if key in versions else None
        if value is not None:
            values[key] = value
            versions[key] = version
        elif before is not None:
            del versions[key], values[key]
            if not versions:
                del self._tables[table]
        return before

    def snapshot(self, table: str) -> Snapshot:
        """A table as it is now."""
        versions, values = self._tables.get(table, ({}, {}))
        return Snapshot(versions.copy(), values.copy())


def first_keys(keys: Iterable[K], place: K | None, limit: int, *, down: bool) -> list[K]:
    """The first `limit` of the keys behind `place`, in order: see `chatd.store.Store.cells`.

    The keys are texts, or texts in UTF-8, which have the same order.
    """
    if down:
        return nlargest(limit, (key for key in keys if place is None or key < place))
    return nsmallest(limit, (key for key in keys if place is None or key > place))


class Snapshot:
    """A copy of a table, quick to make; its `Cell`s are made later, in any thread."""

    __slots__ = ("_values", "_versions")

    def __init__(self, versions: dict[str, int], values: dict[str, bytes]) -> None:
        self._versions = versions
        self._values = values

    def cells(self) -> dict[str, Cell]:
        """All of its cells."""
        return {key: Cell(self._versions[key], value) for key, value in self._values.items()}
