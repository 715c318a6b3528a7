"""Reading: pages of events, and cells as they were shown.

1. A call reads events up to the highest id that was shown to the follower at the time of the call.
2. A call returns cells as they were shown at the time of the call: later changes are recorded, and
   undone in the answers of Redis.  So large tables may be read in slices while nodes change them.
3. A reading that is interrupted by the end of a round starts again in the next one.  After
   `READ_SECONDS` it fails, and readers continue with the events in memory; if it reads `cells`,
   after as many without an answer, since a large table takes longer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from operator import gt, lt
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ...model.errors import Unavailable
from ...model.events import Kept
from ...model.units import ROOM_TABLES, Cell, room_table
from ...stream.eventlog import Entry, Page
from .. import Loaded, RoomSummary
from ..cells import first_keys
from ..failing import Failing, first_error
from ..paging import take
from . import scripts, wire
from .failures import Lost, Refused
from .following import Following, Recording
from .keys import Keys
from .rounds import Round

Job = Callable[[Round], Coroutine[Any, Any, Any]]

READ_SECONDS = 2.0
"""Seconds after which an unanswered reading fails."""
TABLES = 100
"""Tables that are asked for one cell at a time."""
SLICE = 1000
"""Cells, or rooms, read at a time, which takes Redis some milliseconds."""
UNREAD = "the server cannot read its history now; try again in a moment"

_decode = msgspec.json.Decoder(Kept).decode


class Reading:
    """One reading under way."""

    __slots__ = ("answer", "job", "recordings", "since", "what")

    def __init__(self, job: Job, since: float, recordings: Sequence[Recording], what: str) -> None:
        self.job = job
        self.since = since
        """When it began, or when Redis last answered a slice of it."""
        self.recordings = recordings
        self.what = what
        """What it does, in the log."""
        self.answer: Deferred[Any] = Deferred()


class Readings:
    """The readings of this node."""

    def __init__(
        self,
        clock: IReactorTime,
        keys: Keys,
        following: Following,
        current: Callable[[], Round | None],
    ) -> None:
        self._clock = clock
        self._keys = keys
        self._following = following
        self._current = current
        self._failing = Failing()
        self._waiting: dict[Reading, None] = {}
        """The readings under way."""

    # -- what is read ----------------------------------------------------------------------------

    def page(
        self, room: str, after: int | None, before: int | None, limit: int, size: int
    ) -> Deferred[Page]:
        """See `chatd.store.Store.read`."""
        until = self._following.shown
        low = 0 if after is None else min(max(after, 0), until)
        high = until if before is None else min(max(before, 1) - 1, until)

        async def read(round: Round) -> Page:
            up = after is not None
            floor, sized = await self._page(round, room, low, high, limit + 1, size, up=up)
            entries, more = take(sized, limit, size)
            if not up:
                entries.reverse()
            return Page(entries, min(floor, until), more)

        return self.ask(read)

    def load(self, room: str, until: int, history: int) -> Deferred[Loaded]:
        """See `chatd.store.Store.load`."""
        recordings = [self._following.record(room_table(table, room)) for table in ROOM_TABLES]

        async def read(round: Round) -> Loaded:
            floor, sized = await self._page(round, room, 0, until, history + 1, 1 << 40, up=False)
            entries = [entry for entry, _ in sized]
            if len(entries) > history:
                floor = max(floor, entries.pop().id)
            entries.reverse()
            tables = zip(ROOM_TABLES, await self._tables(round, recordings), strict=True)
            filled = {table: cells for table, cells in tables if cells}
            return Loaded(entries, min(floor, until), filled)

        return self.ask(read, recordings)

    def table(self, name: str) -> Deferred[Mapping[str, Cell]]:
        """See `chatd.store.Store.table`."""
        recording = self._following.record(name)
        return self.ask(lambda round: self._cells(round, recording), [recording])

    def cells(
        self, table: str, place: str | None, limit: int, *, down: bool
    ) -> Deferred[Sequence[tuple[str, Cell]]]:
        """See `chatd.store.Store.cells`."""
        behind = place.encode() if place is not None else None
        nearer = gt if down else lt

        async def read(round: Round) -> Sequence[tuple[str, Cell]]:
            found: dict[bytes, bytes] = {}
            far: bytes | None = None  # nothing behind this key is wanted
            at = b"0"
            while True:
                _, at, slice = await round.commands.run(
                    scripts.CELLS, [self._keys.meta, self._keys.table(table)], at, SLICE
                )
                reading.since = self._clock.seconds()
                pairs = zip(slice[::2], slice[1::2], strict=True)
                found.update(pairs if far is None else [it for it in pairs if nearer(it[0], far)])
                # Not sorted for each slice, but when there are twice as many as wanted.
                if at == b"0" or len(found) >= 2 * limit + SLICE:
                    found = {key: found[key] for key in first_keys(found, behind, limit, down=down)}
                    far = [*found][-1] if limit and len(found) == limit else None
                if at == b"0":
                    return [(key.decode(), wire.read_cell(cell)) for key, cell in found.items()]

        reading = Reading(read, self._clock.seconds(), (), "read")
        return self._ask(reading)

    def table_size(self, table: str) -> Deferred[int]:
        """See `chatd.store.Store.size`."""

        async def read(round: Round) -> int:
            return int(await round.commands.ask("HLEN", self._keys.table(table)))

        return self.ask(read)

    def get(self, table: str, wanted: Collection[str]) -> Deferred[Mapping[str, Cell]]:
        """See `chatd.store.Store.get`."""
        names = list(dict.fromkeys(wanted))
        recording = self._following.record(table)

        async def read(round: Round) -> Mapping[str, Cell]:
            cells: dict[str, Cell] = {}
            for at in range(0, len(names), SLICE):
                some = names[at : at + SLICE]
                tail, *found = await round.commands.run(
                    scripts.SOME, [self._keys.meta, self._keys.table(table)], *some
                )
                for name, cell in zip(some, found, strict=True):
                    if cell is not None:
                        cells[name] = wire.read_cell(cell)
                await self._following.until(int(tail))
            before = {name: recording.before[name] for name in names if name in recording.before}
            return _undone(cells, before)

        return self.ask(read, [recording])

    def having(self, tables: Collection[str], key: str) -> Deferred[Collection[str]]:
        """See `chatd.store.Store.having`; `TABLES` are asked for at a time."""

        async def ask() -> list[str]:
            names, found = list(tables), []
            for at in range(0, len(names), TABLES):
                some = names[at : at + TABLES]
                asked = [self.get(table, [key]) for table in some]
                cells: Any = gatherResults(asked, consumeErrors=True)
                for name, here in zip(some, await cells.addErrback(first_error), strict=True):
                    if here:
                        found.append(name)
            return found

        return Deferred.fromCoroutine(ask())

    def count(self, room: str, after: int, most: int) -> Deferred[int]:
        """How many messages a room has above the id `after`, `most` at most.  Fails with
        `Unavailable`.
        """
        until = self._following.shown
        low = min(max(after, 0), until)

        async def read(round: Round) -> int:
            found = await round.commands.run(
                scripts.COUNT, [self._keys.room(room)], f"({low}", until, most
            )
            return int(found)

        return self.ask(read)

    def time(self) -> Deferred[int]:
        """The server's time, in microseconds."""

        async def read(round: Round) -> int:
            seconds, micros = await round.commands.ask("TIME")
            return int(seconds) * 1_000_000 + int(micros)

        return self.ask(read)

    def rooms(self) -> Deferred[dict[str, RoomSummary]]:
        """The ends of what is kept of every room's events, as Redis has them."""

        async def read(round: Round) -> dict[str, RoomSummary]:
            rooms: dict[str, RoomSummary] = {}
            place = b"0"
            while True:
                place, *found = await round.commands.run(
                    scripts.ROOMS, [self._keys.firsts], self._keys.events, place, SLICE
                )
                for room, first, last in found:
                    rooms[room.decode()] = RoomSummary(int(first), int(last))
                if place == b"0":
                    return rooms

        return self.ask(read)

    def request_keys(self, oldest: int) -> Deferred[dict[bytes, int]]:
        """The request keys that came after the time `oldest` (µs), and what they answer, in their
        order.
        """

        async def read(round: Round) -> dict[bytes, int]:
            found: dict[bytes, int] = {}
            place = b"0"
            while True:
                place, slice = await round.commands.ask(
                    "HSCAN", self._keys.request_keys, place, "COUNT", SLICE
                )
                for key, value in zip(slice[::2], slice[1::2], strict=True):
                    answer, at = map(int, value.split())
                    if at > oldest:
                        found[key] = answer
                if place == b"0":
                    return dict(sorted(found.items(), key=lambda item: item[1]))

        return self.ask(read)

    async def _tables(
        self, round: Round, recordings: Sequence[Recording]
    ) -> list[Mapping[str, Cell]]:
        """Tables as they were shown when the recordings began: in one go, unless they are large."""
        keys = [self._keys.meta, *(self._keys.table(each.table) for each in recordings)]
        tail, *found = await round.commands.run(scripts.TABLES, keys, SLICE)
        await self._following.until(int(tail))
        return [
            await self._cells(round, recording)
            if cells == 0
            else _undone(_read_cells(cells), recording.before)
            for recording, cells in zip(recordings, found, strict=True)
        ]

    async def _cells(self, round: Round, recording: Recording) -> Mapping[str, Cell]:
        """A table as it was shown when the recording began."""
        cells: dict[str, Cell] = {}
        place = b"0"
        while True:
            tail, place, slice = await round.commands.run(
                scripts.CELLS, [self._keys.meta, self._keys.table(recording.table)], place, SLICE
            )
            cells |= _read_cells(slice)
            if place == b"0":
                break
        await self._following.until(int(tail))
        return _undone(cells, recording.before)

    async def _page(
        self, round: Round, room: str, low: int, high: int, most: int, size: int, *, up: bool
    ) -> tuple[int, list[tuple[Entry, int]]]:
        """The floor of a room, and some of its events with their bytes."""
        floor, *found = await round.commands.run(
            scripts.PAGE,
            [self._keys.meta, self._keys.room(room), self._keys.floors],
            f"({low}" if up else low,
            high,
            most,
            size,
            "up" if up else "down",
            room,
        )
        return int(floor), list(_entries(found))

    # -- how -------------------------------------------------------------------------------------

    def ask(
        self, job: Job, recordings: Sequence[Recording] = (), what: str = "read"
    ) -> Deferred[Any]:
        """Carry out a job, called `what` in the log, in this round, or in one that begins soon.
        Fails with `Unavailable`.
        """
        return self._ask(Reading(job, self._clock.seconds(), recordings, what))

    def _ask(self, reading: Reading) -> Deferred[Any]:
        self._waiting[reading] = None
        round = self._current()
        if round:
            self._begin(reading, round)
        return reading.answer

    def resume(self, round: Round) -> None:
        """A round has begun: repeat the reads that are under way."""
        for reading in list(self._waiting):
            self._begin(reading, round)

    def tell(self, *, all: bool = False) -> None:
        """Let fail what has waited for too long; or everything."""
        due = self._clock.seconds() - READ_SECONDS
        for reading in list(self._waiting):
            if (all or reading.since <= due) and self._ends(reading):
                reading.answer.errback(Unavailable(UNREAD))

    def _begin(self, reading: Reading, round: Round) -> None:
        work: Deferred[Any] = Deferred.fromCoroutine(reading.job(round))
        work.addCallbacks(
            self._read, self._unread, callbackArgs=(reading,), errbackArgs=(reading, round)
        )

    def _read(self, result: Any, reading: Reading) -> None:
        self._failing.worked(reading.what, result)
        if self._ends(reading):
            reading.answer.callback(result)

    def _ends(self, reading: Reading) -> bool:
        """Whether it is still under way; it is not any more."""
        if reading not in self._waiting:
            return False
        del self._waiting[reading]
        for recording in reading.recordings:
            self._following.stop(recording)
        return True

    def _unread(self, failure: Failure, reading: Reading, round: Round) -> None:
        if failure.check(Lost):
            return  # it is begun anew
        if failure.check(Refused) and round.ended_by(str(failure.value)):
            return
        if self._ends(reading):
            self._failing.has_failed(reading.what, failure.getErrorMessage())
            reading.answer.errback(Unavailable(UNREAD))


def _read_cells(found: Sequence[bytes]) -> dict[str, Cell]:
    """Cells, of keys and cells as Redis has them."""
    return {
        key.decode(): wire.read_cell(cell)
        for key, cell in zip(found[::2], found[1::2], strict=True)
    }


def _undone(cells: dict[str, Cell], before: Mapping[str, Cell | None]) -> dict[str, Cell]:
    """Cells without what has changed since: as they were before."""
    for key, cell in before.items():
        if cell is None:
            cells.pop(key, None)
        else:
            cells[key] = cell
    return cells


def _entries(found: Sequence[bytes]) -> Iterator[tuple[Entry, int]]:
    """Entries and their bytes, of ids and events.  Raises `msgspec.DecodeError`."""
    for id_, event in zip(found[::2], found[1::2], strict=True):
        yield Entry(int(id_), _decode(event)), len(event)
