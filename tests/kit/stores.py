"""The engines under test, and stores whose calls are answered at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from chatd.model.events import Event, Said
from chatd.model.units import Cell, Change, Expect, Stale, Unit
from chatd.store import Loaded, Opened, Store
from chatd.store.memory import MemoryEngine, MemoryStore
from chatd.store.redis.store import RedisStore
from chatd.store.redis.times import Times
from chatd.store.sqlite import SqliteStore
from chatd.stream.eventlog import Entry, Page
from chatd.stream.pages import MOST_BYTES
from chatd.testing import START, result_of
from chatd.testing.clock import StrictClock
from chatd.testing.stores import FakeFollower

from .redis import Dialler, Node, RedisNodes, fresh_prefix, shared_server
from .workers import FakeWorker

T = TypeVar("T")
Engine = Callable[[IReactorTime, Callable[[], float], int], Store]


def sqlite_store(
    path: Path, clock: IReactorTime, now: Callable[[], float], history: int, **options: Any
) -> SqliteStore:
    """A store in a file, without a thread."""
    options = {"hire": lambda _: FakeWorker(clock), "durability": "process", **options}
    return SqliteStore(path, clock, now, history, **options)


class EngineUnderTest:
    """One engine for a test: it makes the stores that use it, one after another."""

    def __init__(self, name: str) -> None:
        """`name` is one of `ENGINES`."""
        self.name = name
        self.lasting = name != "memory"
        """Whether it keeps its content over a restart."""
        self._directory = tempfile.TemporaryDirectory() if name == "sqlite" else None
        self._prefix = fresh_prefix() if name == "redis" else ""
        self._dialler: Dialler | None = None

    def __call__(self, clock: IReactorTime, now: Callable[[], float], history: int) -> Store:
        """A store: the first one, or the one after a restart."""
        if self._prefix:
            self._dialler = Dialler(shared_server(), clock)
            times = Times(now, clock.seconds)
            return RedisStore(
                clock, self._dialler, history, node="test", prefix=self._prefix, times=times
            )
        if self._directory is None:
            return MemoryStore(clock, now, history)
        return sqlite_store(Path(self._directory.name) / "chatd.sqlite", clock, now, history)

    def settle(self, turn: Callable[[], object]) -> None:
        """Let happen what happens by itself, of which `turn` is one turn of the reactor."""
        if self._dialler:
            self._dialler.settle(turn)
        else:
            for _ in range(10):
                turn()

    def end(self) -> None:
        """Remove its files."""
        if self._directory:
            self._directory.cleanup()


ENGINES = ["memory", "sqlite", "redis"]
"""A new engine needs its name here, and a way to make it in `EngineUnderTest`."""


class StoreUnderTest:
    """A store, its clocks, and the follower that it has shown units to."""

    def __init__(
        self, engine: Engine, history: int = 1000, now: Callable[[], float] | None = None
    ) -> None:
        """`now` is the wall clock, if it is not to be `wall`."""
        self.clock = StrictClock()
        self.clock.advance(START)
        self.wall = START
        self._now = now or (lambda: self.wall)
        self._engine = engine
        self._history = history
        self._begin()

    def __enter__(self) -> StoreUnderTest:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed()
        if isinstance(self._engine, EngineUnderTest):
            self._engine.end()

    @property
    def engine(self) -> MemoryEngine:
        """The engine of a memory store."""
        assert isinstance(self.store, MemoryStore)
        return self.store.engine

    def again(self) -> None:
        """End the process, and begin another."""
        self.closed()
        self._begin()

    def settle(self) -> None:
        """Run everything that happens without input."""
        if isinstance(self._engine, EngineUnderTest):
            self._engine.settle(lambda: self.clock.advance(0))
            return
        for _ in range(10):
            self.clock.advance(0)

    def answered(self, asked: Deferred[T]) -> T:
        """The store's answer."""
        self.settle()
        return result_of(asked)

    def appended(self, *units: Unit) -> list[int | Stale]:
        """Append units together; returns the answers."""
        return self.answered(self.store.append(units))

    def stored(self, *events: Event, **unit: Any) -> list[int]:
        """Store the events as one unit; returns their ids."""
        before = len(self.follower.units)
        (answer,) = self.appended(Unit(events, **unit))
        shown = self.follower.units[before:]
        assert [found.answer for found in shown] == [answer]
        return [entry.id for entry in shown[0].entries] or [shown[0].id]

    def load(self, room: str, until: int | None = None) -> Loaded:
        """A room as it was last shown, or at the id `until`."""
        return self.answered(self.store.load(room, self.last if until is None else until))

    def read(
        self,
        room: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = 10_000,
        size: int = MOST_BYTES,
    ) -> Page:
        """A page."""
        return self.answered(
            self.store.read(room, after=after, before=before, limit=limit, size=size)
        )

    def erase(self, room: str) -> None:
        """Erase a room."""
        self.answered(self.store.erase(room))

    def table(self, name: str) -> dict[str, Cell]:
        """A table."""
        cells = self.answered(self.store.table(name))
        return dict(cells)

    def get(self, table: str, *keys: str) -> dict[str, Cell]:
        """Some cells."""
        cells = self.answered(self.store.get(table, keys))
        return dict(cells)

    @property
    def last(self) -> int:
        """The highest id that was shown, or the one that the store opened with."""
        units = self.follower.units
        return units[-1].id if units else self.opened.last

    def closed(self) -> None:
        """Close the store."""
        closing = self.store.close()
        self.settle()
        result_of(closing)

    def _begin(self) -> None:
        self.store = self._engine(self.clock, self._now, self._history)
        self.follower = FakeFollower()
        self.opened: Opened = self.answered(self.store.open(self.follower))


def said(text: str = "hi", room: str = "lobby") -> Said:
    """A message."""
    return Said(room, "ada", text)


def saying(text: str = "hi", room: str = "lobby", **unit: Any) -> Unit:
    """A unit of one message."""
    return Unit([said(text, room)], **unit)


def change(table: str, key: str, value: bytes | None) -> Unit:
    """A unit that only changes a cell."""
    return Unit(changes=[Change(table, key, value)])


def claim(table: str, key: str, value: bytes | None, version: int) -> Unit:
    """A unit that changes a cell if the cell has this version."""
    return Unit(changes=[Change(table, key, value)], expects=[Expect(table, key, version)])


def told(entries: Sequence[Entry]) -> list[tuple[int, Event]]:
    """Pairs of id and event."""
    return [(entry.id, entry.event) for entry in entries]


def texts(entries: Sequence[Entry]) -> list[str]:
    """The texts of messages."""
    return [entry.event.text for entry in entries]  # type: ignore[attr-defined]


def kept_texts(nodes: RedisNodes, node: Node) -> list[str]:
    """What the store of one of these nodes has of the lobby."""
    reading = node.store.read("lobby", limit=1000)
    nodes.settle()
    return texts(result_of(reading).entries)
