"""The engines under test, and what is held of each."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from weakref import finalize

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime

from chatd.eventlog import Entry
from chatd.events import Event
from chatd.store import Marks, Store
from chatd.store.memory import MemoryStore
from chatd.store.sqlite import SqliteStore
from chatd.testing import START, result_of
from chatd.testing.clock import StrictClock

T = TypeVar("T")
Engine = Callable[[IReactorTime, Callable[[], float], int], Store]


class SoonWorker:
    """A worker without a thread: it does its work in the next turn."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.stopped = False

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """See `chatd.store.worker.Worker.do`."""
        assert not self.stopped
        done: Deferred[Any] = Deferred()
        self._clock.callLater(0, lambda: maybeDeferred(job).chainDeferred(done))
        return done

    def stop(self) -> None:
        """See `chatd.store.worker.Worker.stop`."""
        self.stopped = True


class SlowWorker(SoonWorker):
    """A worker who takes some seconds for each piece of work, one after another; what is done is
    done at the end of them.
    """

    def __init__(self, clock: StrictClock, seconds: float) -> None:
        super().__init__(clock)
        self._seconds = seconds
        self._free = clock.seconds()
        self.begun = 0

    def do(self, job: Callable[[], T]) -> Deferred[T]:
        """See `chatd.store.worker.Worker.do`."""
        self.begun += 1
        now = self._clock.seconds()
        self._free = max(now, self._free) + self._seconds
        done: Deferred[Any] = Deferred()
        wait = self._free - now
        self._clock.callLater(wait, lambda: maybeDeferred(job).chainDeferred(done))
        return done


def sqlite_store(
    path: Path, clock: IReactorTime, now: Callable[[], float], history: int, **options: Any
) -> SqliteStore:
    """A store in a file, opened, that needs no thread."""
    options = {"hire": lambda _: SoonWorker(clock), "durability": "process", **options}
    store = SqliteStore(path, clock, now, history, **options)
    store.open()
    return store


def _sqlite(clock: IReactorTime, now: Callable[[], float], history: int) -> Store:
    directory = tempfile.TemporaryDirectory()
    path = Path(directory.name) / "chatd.sqlite"
    store = sqlite_store(path, clock, now, history)
    finalize(store, directory.cleanup)
    return store


ENGINES: dict[str, Engine] = {"memory": MemoryStore, "sqlite": _sqlite}


class Kept:
    """A store, its clocks, and the listener that saw what it stored."""

    def __init__(self, engine: Engine, history: int = 1000) -> None:
        self.clock = StrictClock()
        self.wall = START
        self.store = engine(self.clock, lambda: self.wall, history)
        self.shown: list[Entry] = []
        self.store.follow(self.shown.extend)

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed()

    def settle(self) -> None:
        """Let happen what happens by itself."""
        for _ in range(10):
            self.clock.advance(0)

    def stored(self, *events: Event, marks: Marks | None = None) -> list[int]:
        """Store the events, and answer their ids."""
        appended = self.store.append(events, marks or {})
        self.settle()
        return result_of(appended)

    def read(self, room: str, before: int | None, limit: int) -> list[Entry]:
        """A page."""
        page = self.store.read(room, before, limit)
        self.settle()
        return result_of(page)

    def closed(self) -> None:
        """Close the store."""
        closing = self.store.close()
        self.settle()
        result_of(closing)
