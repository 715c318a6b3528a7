"""Many deadlines, few timers: what is due within the same eighth of a second shares one.

Ten thousand held polls would be ten thousand timers, made and cancelled anew for every message.
Here a deadline is an entry in a set.  It may come up to `1 / PER_SECOND` late, never early.
"""

from __future__ import annotations

from math import ceil
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

PER_SECOND = 8
"""Slots in a second: nobody notices that a poll of 25 s took 25.1."""


class Waiting(Protocol):
    """Something that waits, but not for ever."""

    def time_is_up(self) -> None:
        """Its deadline has come."""


Slot = set[Waiting]


class Deadlines:
    """Who waits, and until when."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._now = clock.seconds
        self._slots: dict[int, Slot] = {}

    def add(self, waiting: Waiting, seconds: float) -> Slot:
        """Its time is up in so many seconds; to take that back, discard it from the slot answered
        here.
        """
        number = ceil((self._now() + seconds) * PER_SECOND)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = set()
            self._clock.callLater(number / PER_SECOND - self._now(), self._reached, number)
        slot.add(waiting)
        return slot

    def _reached(self, number: int) -> None:
        slot = self._slots.pop(number)
        # Popped one by one: the end of one may take another back.
        while slot:
            slot.pop().time_is_up()
