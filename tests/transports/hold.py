"""A store that takes its time."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred

from chatd.model.events import Event
from chatd.store import NO_MARKS, Marks

from .house import House


class Hold:
    """From here on, what is to be stored is kept until it is told to go on."""

    def __init__(self, house: House) -> None:
        self._chat = house.chat
        self._append = house.chat.store.append
        self._held: list[tuple[Sequence[Event], Marks, Deferred[list[int]]]] = []
        house.chat.store.append = self._hold  # type: ignore[method-assign]

    def release(self) -> None:
        """Store what was held, of which there has to be some."""
        held, self._held = self._held, []
        assert held
        for batch, marks, stored in held:
            self._append(batch, marks).chainDeferred(stored)
        self._chat.settle()

    def _hold(self, batch: Sequence[Event], marks: Marks = NO_MARKS) -> Deferred[list[int]]:
        stored: Deferred[list[int]] = Deferred()
        self._held.append((batch, marks, stored))
        return stored
