"""A store that forgets everything when the process ends."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime

from ..errors import Unavailable
from ..eventlog import Entry
from ..events import Event, RoomEvent

if TYPE_CHECKING:
    from . import Listener


class MemoryStore:
    """The last `history` entries of every room, in memory.

    Answers in the next turn of the reactor, though it could answer at once: whoever uses a store
    learns to wait for it.
    """

    def __init__(self, clock: IReactorTime, now: Callable[[], float], history: int) -> None:
        self._clock = clock
        self._now = now
        self._listener: Listener = _nobody
        self._rooms: dict[str, deque[Entry]] = defaultdict(lambda: deque(maxlen=history))
        self._waiting: list[tuple[Sequence[Event], Deferred[list[int]]]] = []
        self._closed = False
        self.last = int(now() * 1_000_000)

    def follow(self, listener: Listener) -> None:
        """See `Store.follow`."""
        self._listener = listener

    def append(self, batch: Sequence[Event]) -> Deferred[list[int]]:
        """See `Store.append`."""
        if self._closed:
            return fail(Unavailable("the server is going down; try again in a moment"))
        stored: Deferred[list[int]] = Deferred()
        if not self._waiting:
            self._clock.callLater(0, self._store)
        self._waiting.append((batch, stored))
        return stored

    def read(self, room: str, before: int | None, limit: int) -> Deferred[list[Entry]]:
        """See `Store.read`."""
        kept = reversed(self._rooms[room]) if room in self._rooms else iter(())
        older = (entry for entry in kept if before is None or entry.id < before)
        return succeed(list(islice(older, limit))[::-1])

    def close(self) -> Deferred[None]:
        """See `Store.close`."""
        self._store()
        self._closed = True
        return succeed(None)

    def _store(self) -> None:
        """Number what waits, keep it, tell the listener, then the senders."""
        waiting, self._waiting = self._waiting, []
        for batch, stored in waiting:
            entries = [self._number(event) for event in batch]
            self._listener(entries)
            stored.callback([entry.id for entry in entries])

    def _number(self, event: Event) -> Entry:
        self.last = max(self.last + 1, int(self._now() * 1_000_000))
        entry = Entry(self.last, event)
        if isinstance(event, RoomEvent):
            self._rooms[event.room].append(entry)
        return entry


def _nobody(entries: Sequence[Entry]) -> None:
    """The listener before there is one."""
