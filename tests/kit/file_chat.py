"""A whole chat over a file, which can be stopped, killed, and started again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chatd.chat.limits import DEFAULTS, Limits
from chatd.chat.passwords import Passwords
from chatd.chat.service import ChatService
from chatd.http.proxies import NO_PROXIES
from chatd.store.retained import FOR_EVER, Retention
from chatd.testing import CHEAP, START, InMemoryChat, SoonPool, result_of
from chatd.testing.clock import StrictClock

from .server import NAMES, MemoryServer
from .stores import sqlite_store
from .workers import FakeWorker, SlowWorker


class FileChat(InMemoryChat):
    """A chat with a file store, on a clock that stands still until a test advances it."""

    def __init__(
        self,
        path: Path,
        *,
        seconds: float = 0,
        wall: float = START,
        history: int = 1000,
        max_rooms: int = DEFAULTS.rooms,
        retention: Retention = FOR_EVER,
    ) -> None:
        """The store takes `seconds` for every job, and the wall clock begins at `wall`."""
        self.clock = StrictClock()
        self.clock.advance(START)
        self.path = path
        self._wall = wall - START
        clock = self.clock
        store: Any = sqlite_store(
            path,
            clock,
            self.now,
            history,
            hire=lambda _: SlowWorker(clock, seconds) if seconds else FakeWorker(clock),
            retention=retention,
        )
        self.store = store
        self.service = ChatService(
            self.clock,
            store,
            history=history,
            limits=Limits(message_rate=0, rooms=max_rooms),
            now=self.now,
            passwords=Passwords(SoonPool(self.clock), CHEAP),
        )
        opened = self.service.open()
        self.advance(10 * seconds)
        result_of(opened)

    def now(self) -> float:
        """The wall clock."""
        return self.clock.seconds() + self._wall

    def stop(self) -> None:
        """End the process with a graceful shutdown."""
        stopped = self.service.stopService()
        while not stopped.called:
            self.advance(1)
        result_of(stopped)

    def kill(self) -> None:
        """End the process at once; what is not in the file is lost."""
        store: Any = self.store
        store._tidying.stop()
        store._reader.close()
        store._writer.close()
        store._writer.end()


class FileServer(MemoryServer):
    """A chat over a file, and every door to it."""

    chat: FileChat

    def __init__(self, path: Path, **options: Any) -> None:
        """`options` are the chat's."""
        self.chat = FileChat(path, **options)
        self._open_doors((), NO_PROXIES, NAMES)
