"""Doubles for the log and its readers: rooms that share one counter of ids, and turns that a test
ends.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import count

from chatd.model.events import Said
from chatd.stream.archive import Archive
from chatd.stream.batch import PUSH_LIMIT, Batch
from chatd.stream.eventlog import Entry, EventLog, Page
from chatd.stream.feed import Source
from chatd.stream.notifier import Growth, Notifier
from chatd.stream.subscriber import Subscriber
from chatd.testing import FakeOutlet

BEGAN = 100
"""The floor of the rooms of these tests: every event has a higher id."""


class IdCodec:
    """A codec that shows an entry's id; `size` pads it."""

    name = "ids"

    def __init__(self, size: int = 0) -> None:
        self.size = size

    def encode(self, entry: Entry) -> bytes:
        return b"%d " % entry.id + b"." * self.size

    def join(self, chunks: Sequence[bytes]) -> bytes:
        return b"".join(chunks)


ID_CODEC = IdCodec()


class DirectOutlet(FakeOutlet):
    """An outlet with a direct write, which it records like a delivery."""

    written = 0

    def write(self, data: bytes) -> None:
        self.written += 1
        ids = [int(word) for word in data.replace(b".", b"").split()]
        self.deliver(Batch(data, len(ids), ids[-1]))


class FakeTurn:
    """A turn of the reactor: the calls to make at its end, and those for the next turn."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []
        self.later: list[Callable[[], object]] = []

    def soon(self, call: Callable[[], object]) -> None:
        """Make a call at the end of this turn."""
        self.calls.append(call)

    def next(self, call: Callable[[], object]) -> None:
        """Make a call in the next turn."""
        self.later.append(call)

    def end(self) -> None:
        while self.calls:
            self.calls.pop(0)()
        self.calls, self.later = self.later, []


class FakeArchive:
    """The events of a room that a store keeps, and the reads that it has not answered yet."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.floor = BEGAN
        self.failed = False
        """Whether it has ever answered that a page could not be read."""
        self.asked: list[tuple[int, int, Callable[[Page | None], None]]] = []

    def read(self, after: int, limit: int, done: Callable[[Page | None], None]) -> None:
        self.asked.append((after, limit, done))

    def forget(self, count: int) -> None:
        """Remove the oldest entries, as retention does."""
        for entry in self.entries[:count]:
            self.floor = entry.id
        del self.entries[:count]

    def page(self, after: int, limit: int) -> Page:
        found = [entry for entry in self.entries if entry.id > after]
        return Page(found[:limit], self.floor, len(found) > limit)

    def answer(self, choice: int = 0, most: int = 500, *, fail: bool = False) -> None:
        """Answer one of the reads, with at most `most` entries."""
        after, limit, done = self.asked.pop(choice % len(self.asked))
        self.failed = self.failed or fail
        done(None if fail else self.page(after, min(limit, most)))


class FakeRooms:
    """Rooms that share one counter of ids, and their notifier."""

    def __init__(self, rooms: int = 1, capacity: int = 1000, archives: int = 0) -> None:
        """The first `archives` of the rooms have an archive."""
        self.capacity = capacity
        self.turn = FakeTurn()
        self.failures: list[Exception] = []
        self.ticks: Iterator[float] = count(step=0)
        self.notifier = Notifier(
            self.turn.soon,
            self.turn.next,
            self.failures.append,
            lambda: next(self.ticks),
        )
        self.archives = [FakeArchive() for _ in range(archives)]
        self.rooms = [
            Source(
                f"r{n}",
                EventLog(capacity, BEGAN),
                Archive(self.archives[n].read, self.notifier.wake_soon) if n < archives else None,
            )
            for n in range(rooms)
        ]
        self.ids: list[list[int]] = [[] for _ in self.rooms]
        self._readers: list[Subscriber] = []
        """The readers, kept as connections keep theirs: the garbage collection would end them."""
        self.last = BEGAN

    def say(self, *rooms: int) -> None:
        """Add one event to each of the rooms, shown as one batch."""
        growth = Growth(self.notifier)
        for room in rooms:
            self.last += 1
            self.ids[room].append(self.last)
            entry = Entry(self.last, Said(f"r{room}", "ada", "hi"))
            if room < len(self.archives):
                self.archives[room].entries.append(entry)
            growth.add(self.rooms[room], entry)
        growth.finish()

    def kept_nowhere(self, room: int, id_: int) -> bool:
        """Whether a reader behind the memory window may miss an event."""
        if room >= len(self.archives):
            return True
        kept = self.archives[room]
        return kept.failed or id_ <= kept.floor

    def after(self, rooms: Collection[int], cursor: int) -> list[int]:
        return sorted(id_ for room in rooms for id_ in self.ids[room] if id_ > cursor)

    def reader(
        self,
        outlet: FakeOutlet,
        *rooms: int,
        cursor: int = BEGAN,
        limit: int = PUSH_LIMIT,
        codec: IdCodec = ID_CODEC,
    ) -> Subscriber:
        feeds = [self.rooms[room].feed(codec) for room in rooms or (0,)]
        reader = outlet.subscriber = Subscriber(outlet, feeds, cursor, limit)
        self._readers.append(reader)
        return reader

    def started(self, *rooms: int, cursor: int = BEGAN) -> DirectOutlet:
        outlet = DirectOutlet()
        self.reader(outlet, *rooms, cursor=cursor).start(outlet.write)
        return outlet


def ids_in(*batches: Batch) -> list[int]:
    return [int(word) for batch in batches for word in batch.chunk.replace(b".", b"").split()]


class ActingOutlet(FakeOutlet):
    """An outlet that calls `act` after each batch."""

    def __init__(self, act: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.act = act

    def deliver(self, batch: Batch) -> bool:
        super().deliver(batch)
        self.act()
        return True


class FailingOutlet(ActingOutlet):
    """An outlet that raises an error after each batch."""

    def __init__(self) -> None:
        super().__init__(self.fail)

    def fail(self) -> None:
        """Raise an error that no outlet should raise."""
        raise ZeroDivisionError
