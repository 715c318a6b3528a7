"""Notes that wait for the file: cells that no follower is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from ..model.errors import Unavailable
from .failing import Failing

Values = Mapping[tuple[str, str], bytes | None]
"""Values of cells, by table and key; None: the cell is to be absent."""


class Notes:
    """Notes in groups: those that come in while others are stored form the next group, in which of
    several for one cell only the last counts.
    """

    def __init__(
        self,
        store: Callable[[Values], Deferred[None]],
        failing: Failing,
        refused: str,
        done: Callable[[], object],
    ) -> None:
        """`store` writes notes, `refused` is the message of `Unavailable` for those that it could
        not write, and `done` is called after each group.
        """
        self._store = store
        self._failing = failing
        self._refused = refused
        self._done = done
        self._values: dict[tuple[str, str], bytes | None] = {}
        self._waiting: list[Deferred[None]] = []
        self._storing = False

    @property
    def busy(self) -> bool:
        """Whether notes wait, or are being stored."""
        return self._storing or bool(self._values)

    def add(self, table: str, key: str, value: bytes | None) -> Deferred[None]:
        """See `chatd.store.Store.note`."""
        noted: Deferred[None] = Deferred()
        self._values[table, key] = value
        self._waiting.append(noted)
        self._begin()
        return noted

    def _begin(self) -> None:
        if self._storing or not self._values:
            return
        self._storing = True
        values, self._values = self._values, {}
        waiting, self._waiting = self._waiting, []

        def stored(result: Any) -> None:
            self._storing = False
            self._begin()
            if isinstance(result, Failure):
                self._failing.has_failed("store", result.value)
            for noted in waiting:
                if isinstance(result, Failure):
                    noted.errback(Unavailable(self._refused))
                else:
                    noted.callback(None)
            self._done()

        self._store(values).addBoth(stored)
