"""Messages of the clients that are not shown yet: a PONG waits for those sent before its PING.

1. A message is begun when it is accepted, and ended when its outcome is known.
2. A call waits for the messages that were begun before it, and for none that was begun later.  It
   waits for `MOST_SECONDS` at most, so a store that does not answer does not silence the door.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count

from twisted.internet.interfaces import IDelayedCall, IReactorTime

MOST_SECONDS = 5.0
"""Seconds for which a call waits."""


class Unshown:
    """The messages of one door that are not shown yet, and what waits for them."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._numbers = count(1)
        self._open: dict[int, None] = {}
        """The numbers of the messages, the oldest first."""
        self._waiting: deque[tuple[int, Callable[[], None], IDelayedCall]] = deque()
        """Calls, the oldest first, each with the number of the last message that it waits for."""

    def begin(self) -> int:
        """A message was accepted; returns its number."""
        number = next(self._numbers)
        self._open[number] = None
        return number

    def end(self, number: int) -> None:
        """The outcome of that message is known."""
        self._open.pop(number, None)
        oldest = next(iter(self._open), None)
        while self._waiting and (oldest is None or self._waiting[0][0] < oldest):
            self._call()

    def when_shown(self, call: Callable[[], None]) -> None:
        """Call `call` when the messages that were begun before are shown or refused."""
        if not self._open:
            call()
            return
        late = self._clock.callLater(MOST_SECONDS, self._late)
        self._waiting.append((next(reversed(self._open)), call, late))

    def _late(self) -> None:
        if self._waiting:
            self._call()

    def _call(self) -> None:
        _, call, late = self._waiting.popleft()
        if late.active():
            late.cancel()
        call()
