"""Live cells: the cells in use of a table that is too big to be in memory whole.

1. A cell is read from the store when it is first asked for, and folded from then on, as long as
   anything refers to it.
2. An absent cell is live too, with version 0, so that a judgement can rest on its absence.
3. The cells asked for last are kept in memory for a while.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

import msgspec
from twisted.internet.defer import Deferred, FirstError, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..model.units import Cell, Change, Expect
from ..store import Store

T = TypeVar("T")

WARM_CELLS = 1000
"""Cells of a table kept in memory after their last use."""
UNKNOWN = -1
"""The version of a cell that is being read."""


class LiveCell(Generic[T]):
    """A cell as last shown."""

    __slots__ = ("__weakref__", "key", "table", "value", "version")

    def __init__(self, table: str, key: str) -> None:
        self.table = table
        self.key = key
        self.version = UNKNOWN
        """The cell's version; 0 if the cell is absent."""
        self.value: T | None = None
        """None if the cell is absent, or cannot be decoded."""

    @property
    def expect(self) -> Expect:
        """The expectation of units judged by the cell: that the cell is unchanged."""
        return Expect(self.table, self.key, self.version)


class LiveCells(Generic[T]):
    """The cells of one table that are in use."""

    _log = Logger()

    def __init__(self, store: Store, table: str, decode: Callable[[bytes], T]) -> None:
        """`decode` raises `msgspec.DecodeError` or `UnicodeError` for a value that it cannot
        decode.
        """
        self._store = store
        self._table = table
        self._decode = decode
        self._live: WeakValueDictionary[str, LiveCell[T]] = WeakValueDictionary()
        self._warm: deque[LiveCell[T]] = deque(maxlen=WARM_CELLS)
        self._reading: dict[str, list[Deferred[LiveCell[T]]]] = {}

    def live(self, key: str) -> LiveCell[T] | None:
        """The cell, if it is in memory."""
        cell = self._live.get(key)
        return None if cell is None or cell.version == UNKNOWN else cell

    def find(self, key: str) -> Deferred[LiveCell[T]]:
        """The cell with that key, which may be absent.  Fails with `Unavailable`."""
        cell = self.live(key)
        if cell is not None:
            return succeed(cell)
        return self.find_all([key]).addCallback(lambda found: found[0])

    def find_all(self, keys: Iterable[str]) -> Deferred[list[LiveCell[T]]]:
        """The cells with these keys; those that are not in memory are read together.

        Fails with `Unavailable`.
        """
        found: list[Deferred[LiveCell[T]]] = []
        unread: list[LiveCell[T]] = []
        for key in keys:
            cell = self.live(key)
            if cell is not None:
                found.append(succeed(cell))
                continue
            answer: Deferred[LiveCell[T]] = Deferred()
            found.append(answer)
            if key in self._reading:
                self._reading[key].append(answer)
                continue
            self._reading[key] = [answer]
            cell = self._live[key] = LiveCell(self._table, key)
            unread.append(cell)
        if unread:
            self._store.get(self._table, [cell.key for cell in unread]).addCallbacks(
                self._read, self._unread, callbackArgs=(unread,), errbackArgs=(unread,)
            )
        return gatherResults(found, consumeErrors=True).addErrback(first_error)

    def shown(self, change: Change, version: int) -> None:
        """Fold a change of the table."""
        cell = self._live.get(change.key)
        if cell is not None:
            self._set(cell, 0 if change.value is None else version, change.value)

    def anew(self) -> Deferred[Callable[[], object]]:
        """Read the cells in memory anew; fires with what folds them.  Fails with `Unavailable`."""
        asked = [key for key, cell in self._live.items() if cell.version != UNKNOWN]
        if not asked:
            return succeed(lambda: None)

        def fold(cells: Mapping[str, Cell]) -> None:
            for key in asked:
                cell = self.live(key)
                if cell is not None:
                    stored = cells.get(key)
                    version, value = (0, None) if stored is None else stored
                    self._set(cell, version, value)

        read: Deferred[Any] = self._store.get(self._table, asked)
        return read.addCallback(lambda cells: partial(fold, cells))

    def _read(self, cells: Mapping[str, Cell], asked: Sequence[LiveCell[T]]) -> None:
        for cell in asked:
            if cell.version == UNKNOWN:  # else it has changed meanwhile
                stored = cells.get(cell.key)
                self._set(cell, stored.version if stored else 0, stored.value if stored else None)
            self._warm.append(cell)
            for found in self._reading.pop(cell.key):
                found.callback(cell)

    def _unread(self, failure: Failure, asked: Sequence[LiveCell[T]]) -> None:
        for cell in asked:
            self._live.pop(cell.key, None)
            for found in self._reading.pop(cell.key):
                found.errback(failure)

    def _set(self, cell: LiveCell[T], version: int, value: bytes | None) -> None:
        cell.version = version
        try:
            cell.value = None if value is None else self._decode(value)
        except (msgspec.DecodeError, UnicodeError) as problem:
            cell.value = None
            self._log.error(
                "a cell of {table} cannot be decoded: {problem}", table=self._table, problem=problem
            )


def together(
    readings: Iterable[Deferred[Callable[[], object]]],
) -> Deferred[Callable[[], object]]:
    """Combine the re-reading of several parts: fires with a function that folds all, in order."""

    def fold(folds: Sequence[Callable[[], object]]) -> None:
        for each in folds:
            each()

    all_: Deferred[Any] = gatherResults(readings, consumeErrors=True)
    return all_.addErrback(first_error).addCallback(lambda folds: partial(fold, folds))


def first_error(failure: Failure) -> Failure:
    """The failure that made a `gatherResults` fail."""
    assert isinstance(failure.value, FirstError)
    return failure.value.subFailure
