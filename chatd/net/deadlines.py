"""Many deadlines, few timers: deadlines in the same eighth of a second share one timer.

Ten thousand held polls would be ten thousand timers, made and cancelled for every message.  Here a
deadline is a number: postponing or cancelling it is an assignment, and an object is examined only
when its earliest deadline comes.  A deadline may be up to `1 / PER_SECOND` seconds late, and is
never early.  An object that will not wait again has to be forgotten, or it stays in memory until
its deadline.
"""

from __future__ import annotations

from math import ceil
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

PER_SECOND = 8
"""Slots per second: a poll of 25 s may take 25.1."""


class Waiting(Protocol):
    """An object with a deadline."""

    due: float | None
    """The deadline, on the clock; None: there is none."""
    filed: int
    """The slot in which the object will be examined; 0: none.  Only `Deadlines` sets it."""

    def time_is_up(self) -> None:
        """The deadline has come."""


class Deadlines:
    """Objects with deadlines, in slots."""

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._now = clock.seconds
        self._slots: dict[int, dict[Waiting, None]] = {}

    def set(self, waiting: Waiting, seconds: float, since: float | None = None) -> None:
        """Set the deadline to `seconds` from now, or from `since` on the clock.  To cancel it, set
        `waiting.due` to None.
        """
        waiting.due = due = (self._now() if since is None else since) + seconds
        if waiting.filed:
            if waiting.filed <= due * PER_SECOND:
                return  # it will be examined before
            self._unfile(waiting)
        waiting.filed = number = ceil(due * PER_SECOND)
        slot = self._slots.get(number)
        if slot is None:
            slot = self._slots[number] = {}
            # The slot may have begun since the clock was read.
            left = max(0.0, number / PER_SECOND - self._now())
            self._clock.callLater(left, self._reached, number)
        slot[waiting] = None

    def forget(self, waiting: Waiting) -> None:
        """Cancel the deadline, and keep no reference to the object."""
        waiting.due = None
        if waiting.filed:
            self._unfile(waiting)

    def _unfile(self, waiting: Waiting) -> None:
        slot = self._slots.get(waiting.filed)
        if slot is not None:
            slot.pop(waiting, None)
        waiting.filed = 0

    def _reached(self, number: int) -> None:
        for waiting in self._slots.pop(number):
            if waiting.filed != number:
                continue  # an object's `time_is_up` has moved or forgotten this one
            waiting.filed = 0
            if waiting.due is None:
                continue
            if waiting.due * PER_SECOND > number:
                self.set(waiting, 0.0, waiting.due)
            else:
                waiting.due = None
                try:
                    waiting.time_is_up()
                except Exception:
                    self._log.failure("a deadline that has come could not be handled")
