"""A store that forgets everything when the process ends."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime

from ..errors import Unavailable
from ..eventlog import Entry, EventLog
from ..events import Event, RoomEvent
from . import NO_MARKS, Listener, Marks, Past, Recalled, topic_after


class MemoryStore:
    """The last `history` entries of every room, in memory.

    Answers in the next turn of the reactor, though it could answer at once: whoever uses a store
    learns to wait for it.
    """

    def __init__(self, clock: IReactorTime, now: Callable[[], float], history: int) -> None:
        """`clock` runs what is to happen soon, `now` is the wall clock in seconds since the Unix
        epoch, and `history` is in entries per room.
        """
        self._clock = clock
        self._now = now
        self._history = history
        self._listener: Listener = nobody
        self._logs: dict[str, EventLog] = {}
        self._waiting: list[tuple[Sequence[Event], Deferred[list[int]]]] = []
        self._closed = False
        self.id = secrets.token_hex(5)
        self.last = self._floor = int(now() * 1_000_000)
        self.rooms: dict[str, Past] = {}
        self.marks: Mapping[bytes, int] = {}

    def check(self) -> None:
        """See `Store.check`."""

    def open(self) -> None:
        """See `Store.open`."""

    def follow(self, listener: Listener) -> None:
        """See `Store.follow`."""
        self._listener = listener

    def append(self, batch: Sequence[Event], marks: Marks = NO_MARKS) -> Deferred[list[int]]:
        """See `Store.append`."""
        if self._closed:
            return fail(Unavailable("the server is going down; try again in a moment"))
        stored: Deferred[list[int]] = Deferred()
        if not self._waiting:
            self._clock.callLater(0, self._store)
        self._waiting.append((batch, stored))
        return stored

    def probe(self) -> Deferred[None]:
        """See `Store.probe`."""
        return fail(Unavailable("the store is closed")) if self._closed else succeed(None)

    def recall(self, room: str, until: int) -> Recalled:
        """See `Store.recall`."""
        log = self._logs.get(room)
        if log is None:
            return Recalled((), self._floor)
        entries = [entry for entry in log.since(0).entries if entry.id <= until]
        return Recalled(entries, min(log.floor, until))

    def read(self, room: str, before: int | None, limit: int) -> Deferred[list[Entry]]:
        """See `Store.read`."""
        kept = reversed(self._logs[room].since(0).entries) if room in self._logs else iter(())
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
            entries = [self._keep(event) for event in batch]
            self._listener(entries)
            stored.callback([entry.id for entry in entries])

    def _keep(self, event: Event) -> Entry:
        self.last = max(self.last + 1, int(self._now() * 1_000_000))
        entry = Entry(self.last, event)
        if isinstance(event, RoomEvent):
            log = self._logs.get(event.room)
            if log is None:
                log = self._logs[event.room] = EventLog(self._history, self._floor)
            log.append(entry)
            self.rooms[event.room] = Past(
                topic_after(event, self.rooms.get(event.room)), log.first or entry.id, entry.id
            )
        return entry


def nobody(entries: Sequence[Entry]) -> None:
    """The listener before there is one."""
