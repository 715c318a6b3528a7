"""Many deadlines, few timers: what is due within the same eighth of a second shares one.

Ten thousand held polls would be ten thousand timers, made and cancelled anew for every message.
Here a deadline is a number: putting it off and taking it back is an assignment, and who waits is
looked at when its earliest deadline comes round.  A deadline may be up to
`1 / PER_SECOND` late, and is never early.  Who is gone for good is to be forgotten, lest it be kept
until then.
"""

from __future__ import annotations

from math import ceil
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

PER_SECOND = 8
"""Slots in a second: nobody notices that a poll of 25 s took 25.1."""


class Waiting(Protocol):
    """Something that waits, but not for ever."""

    due: float | None
    """Its deadline; None if there is none."""
    filed: int
    """The slot in which it will be looked at, 0 if there is none.  Only `Deadlines` sets this."""

    def time_is_up(self) -> None:
        """The deadline has come."""


class Deadlines:
    """Who waits, and until when."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._now = clock.seconds
        self._slots: dict[int, dict[Waiting, None]] = {}

    def set(self, waiting: Waiting, seconds: float) -> None:
        """Its time is up in so many seconds.  To take that back, set its `due` to None."""
        waiting.due = due = self._now() + seconds
        if not 0 < waiting.filed <= due * PER_SECOND:
            self._file(waiting, due)

    def forget(self, waiting: Waiting) -> None:
        """It waits no more, and nothing is to be kept of it."""
        waiting.due = None
        self._unfile(waiting)

    def _file(self, waiting: Waiting, due: float) -> None:
        self._unfile(waiting)
        waiting.filed = number = ceil(due * PER_SECOND)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = {}
            # It may be over by now: reading the clock takes time too.
            left = max(0.0, number / PER_SECOND - self._now())
            self._clock.callLater(left, self._reached, number)
        slot[waiting] = None

    def _unfile(self, waiting: Waiting) -> None:
        slot = self._slots.get(waiting.filed)
        if slot is not None:
            slot.pop(waiting, None)
        waiting.filed = 0

    def _reached(self, number: int) -> None:
        for waiting in self._slots.pop(number):
            if waiting.filed != number:
                continue  # another's end has moved it
            waiting.filed = 0
            if waiting.due is None:
                continue
            if waiting.due * PER_SECOND > number:
                self._file(waiting, waiting.due)
            else:
                waiting.due = None
                waiting.time_is_up()
