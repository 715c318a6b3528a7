"""A store that fails on purpose, and a follower that keeps what it is shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, TypeVar

from twisted.internet.defer import Deferred, fail, succeed

from ..model.errors import InDoubt, Unavailable
from ..model.search import Query
from ..model.units import Cell, Stale, Unit, is_kept
from ..store import Found, Loaded, Opened, Shown
from ..store.memory import MemoryStore
from ..stream.eventlog import Entry, Page
from ..stream.pages import MOST_BYTES

T = TypeVar("T")

Held = Literal["appends", "shown", "reads"]
"""What a `RefusingStore` can hold back: `appends`, before they reach the engine; `shown`, stored
units and the answers to their appends; `reads`, the answers to all reads."""


class FakeFollower:
    """A follower that keeps the units that it is shown, and the resulting cells."""

    def __init__(self, shown: Callable[[Sequence[Shown]], object] | None = None) -> None:
        """`shown` is called with every batch, after the batch was kept."""
        self.units: list[Shown] = []
        self.entries: list[Entry] = []
        self.cells: dict[tuple[str, str], Cell] = {}
        """The present cells, by table and key."""
        self.firsts: dict[str, int | None] = {}
        """The last argument of `forgotten` for each room."""
        self._shown = shown
        self.staying: list[tuple[str, str]] = []
        """What `gone` answers."""
        self.unheard_since: list[int] = []
        """The arguments of `unheard`."""
        self.happened: list[object] = []
        """What was told beside that: `missed`, `over`, `gone`."""

    def shown(self, batch: Sequence[Shown]) -> None:
        """See `chatd.store.Follower.shown`."""
        for unit in batch:
            self.units.append(unit)
            self.entries += unit.entries
            for table, key, value in unit.changes:
                if value is None:
                    self.cells.pop((table, key), None)
                else:
                    self.cells[table, key] = Cell(unit.id, value)
        if self._shown:
            self._shown(batch)

    def forgotten(self, firsts: Mapping[str, int | None]) -> None:
        """See `chatd.store.Follower.forgotten`."""
        self.firsts.update(firsts)

    def noted(self, table: str, key: str, value: bytes) -> None:
        """See `chatd.store.Follower.noted`."""
        self.happened.append(("noted", table, key, value))

    def unheard(self, since: int) -> None:
        """See `chatd.store.Follower.unheard`."""
        self.unheard_since.append(since)

    def missed(self, since: int, survey: Callable[[], Deferred[Opened]]) -> None:
        """See `chatd.store.Follower.missed`."""
        self.happened.append(("missed", since))

    def over(self) -> None:
        """See `chatd.store.Follower.over`."""
        self.happened.append("over")

    def gone(
        self, held: Collection[tuple[str, str]], announced: bool
    ) -> Deferred[Collection[tuple[str, str]]]:
        """See `chatd.store.Follower.gone`."""
        self.happened.append(("gone", sorted(held), announced))
        return succeed(self.staying)

    def table(self, name: str) -> dict[str, Cell]:
        """A table as it was shown."""
        return {key: cell for (table, key), cell in self.cells.items() if table == name}


class RefusingStore(MemoryStore):
    """A memory store that refuses like a full disk, is in doubt like a lost connection, holds back
    like a slow disk, or cannot be read, like a broken one.

    Two of them with one engine are two nodes of one chat.
    """

    refusing = False
    """Whether appends with something to keep fail with `Unavailable`; others succeed, as with a
    full disk."""
    unreadable = False
    """Whether `load`, `read`, `table`, `get`, `cells` and `count` fail with `Unavailable`."""
    doubting: Literal["stored", "lost"] | None = None
    """Whether appends fail with `InDoubt`, and the real outcome: `stored` ones are shown later."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """See `MemoryStore`."""
        super().__init__(*args, **options)
        self._held: set[Held] = set()
        self._reads: list[Callable[[], object]] = []

    def hold(self, *what: Held) -> None:
        """Hold these back, until `release`."""
        self._held |= set(what)
        self._stalled = "shown" in self._held

    def release(self, *what: Held) -> None:
        """Let these go on, or without an argument all."""
        self._held -= set(what or self._held)
        self._stalled = "shown" in self._held
        if "appends" not in self._held:
            self._store()
        self._deliver()
        if "reads" not in self._held:
            reads, self._reads = self._reads, []
            for answer in reads:
                answer()

    def append(self, units: Sequence[Unit]) -> Deferred[list[int | Stale]]:
        """See `chatd.store.Store.append`."""
        if self.refusing and any(map(is_kept, units)):
            return fail(Unavailable("the disk is full"))
        if self.doubting:
            return self._doubt(units, stored=self.doubting == "stored")
        return super().append(units)

    def probe(self) -> Deferred[None]:
        """See `chatd.store.Store.probe`."""
        return fail(Unavailable("the disk is full")) if self.refusing else super().probe()

    def load(self, room: str, until: int) -> Deferred[Loaded]:
        """See `chatd.store.Store.load`."""
        return _unreadable() if self.unreadable else super().load(room, until)

    def read(
        self,
        room: str,
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int,
        size: int = MOST_BYTES,
    ) -> Deferred[Page]:
        """See `chatd.store.Store.read`."""
        if self.unreadable:
            return _unreadable()
        return super().read(room, after=after, before=before, limit=limit, size=size)

    def table(self, name: str) -> Deferred[Mapping[str, Cell]]:
        """See `chatd.store.Store.table`."""
        return _unreadable() if self.unreadable else super().table(name)

    def get(self, table: str, keys: Collection[str]) -> Deferred[Mapping[str, Cell]]:
        """See `chatd.store.Store.get`."""
        return _unreadable() if self.unreadable else super().get(table, keys)

    def having(self, tables: Collection[str], key: str) -> Deferred[Collection[str]]:
        """See `chatd.store.Store.having`."""
        return _unreadable() if self.unreadable else super().having(tables, key)

    def cells(
        self, table: str, place: str | None, limit: int, *, down: bool = False
    ) -> Deferred[Sequence[tuple[str, Cell]]]:
        """See `chatd.store.Store.cells`."""
        return _unreadable() if self.unreadable else super().cells(table, place, limit, down=down)

    def size(self, table: str) -> Deferred[int]:
        """See `chatd.store.Store.size`."""
        return _unreadable() if self.unreadable else super().size(table)

    def note(self, table: str, key: str, value: bytes | None) -> Deferred[None]:
        """See `chatd.store.Store.note`."""
        if self.refusing:
            return fail(Unavailable("the disk is full"))
        return super().note(table, key, value)

    def count(self, room: str, after: int, most: int) -> Deferred[int]:
        """See `chatd.store.Store.count`."""
        return _unreadable() if self.unreadable else super().count(room, after, most)

    def search(
        self,
        room: str,
        query: Query,
        *,
        before: int | None = None,
        limit: int,
        size: int = MOST_BYTES,
    ) -> Deferred[Found]:
        """See `chatd.store.Store.search`."""
        if self.unreadable:
            return _unreadable()
        return super().search(room, query, before=before, limit=limit, size=size)

    def erase(self, room: str) -> Deferred[None]:
        """See `chatd.store.Store.erase`."""
        return fail(Unavailable("the disk is full")) if self.refusing else super().erase(room)

    def close(self) -> Deferred[None]:
        """See `chatd.store.Store.close`; nothing is held back any longer."""
        self.release()
        return super().close()

    def _doubt(self, units: Sequence[Unit], *, stored: bool) -> Deferred[list[int | Stale]]:
        answer: Deferred[list[int | Stale]] = Deferred()

        def lose() -> None:
            answer.errback(InDoubt("the store may have that or not; ask again"))
            if stored:
                self.engine.append(units)

        self._clock.callLater(0, lose)
        return answer

    def _store(self) -> None:
        if "appends" not in self._held:
            super()._store()

    def _later(self, result: Callable[[], T]) -> Deferred[T]:
        answer = super()._later(result)
        if "reads" in self._held:
            held: Deferred[T] = Deferred()
            self._reads.append(lambda: answer.chainDeferred(held))
            return held
        return answer


def _unreadable() -> Deferred[Any]:
    return fail(Unavailable("the disk is broken"))
