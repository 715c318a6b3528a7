"""A whole chat over a file, which can be stopped, killed, and begun again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chatd.limits import DEFAULTS, Limits
from chatd.service import ChatService
from chatd.store.sqlite import FOR_EVER, Retention, SqliteStore
from chatd.testing import START, InMemoryChat, result_of
from chatd.testing.clock import StrictClock

from .kept import SlowWorker, SoonWorker


class LastingChat(InMemoryChat):
    """A chat that remembers, on a clock that stands still until it is told to go on."""

    def __init__(
        self,
        path: Path,
        *,
        seconds: float = 0,
        wall: float = START,
        history: int = 1000,
        message_rate: float = 0,
        max_text: int = 4096,
        max_rooms: int = DEFAULTS.rooms,
        retention: Retention = FOR_EVER,
    ) -> None:
        """The store takes `seconds` for everything, and the wall clock begins at `wall`."""
        self.clock = StrictClock()
        self.clock.advance(START)
        self.path = path
        self._wall = wall - START
        clock = self.clock
        store: Any = SqliteStore(
            path,
            clock,
            self.now,
            history,
            hire=lambda _: SlowWorker(clock, seconds) if seconds else SoonWorker(clock),
            durability="process",
            retention=retention,
        )
        self.store = store
        self.service = ChatService(
            self.clock,
            store,
            history=history,
            max_text=max_text,
            limits=Limits(message_rate=message_rate, rooms=max_rooms),
        )
        self.service.startService()
        self.clock.advance(seconds)

    def now(self) -> float:
        """The wall clock."""
        return self.clock.seconds() + self._wall

    def stop(self) -> None:
        """The process ends as it should."""
        stopped = self.service.stopService()
        while not stopped.called:
            self.clock.advance(1)
        result_of(stopped)

    def kill(self) -> None:
        """The process ends at once: what is not in the file by now never will be."""
        store: Any = self.store
        for database in (store._writer, store._recalls, store._pages):
            database.close()
        store._writer.end()
