"""Searching the SQLite file, and the schedule of its word index.

1. Searches have a thread and a connection of their own, so that pages of history do not wait for
   them.
2. The writing thread indexes one block of events at a time, after the events were stored; it
   commits messages between two blocks.  So an existing file is indexed while the server runs.
3. A search scans the events that are not indexed yet.  A search that has examined `MOST_EXAMINED`
   events without a match ends, and returns the id from which to continue.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from ..model.events import MESSAGES, Kept
from ..model.search import Query
from ..stream.eventlog import Entry
from . import Found
from .reader import Reader
from .wordindex import BLOCK, Unfinished, ids_with, indexed_from, indexed_up_to, is_current
from .worker import Worker

MOST_EXAMINED = 2048
"""Events that do not match, after which a search ends.  Examining them takes 10 ms for the newest
events, which are not indexed, and 50 ms for older ones that have all the words, and not the phrase.
"""
FETCHED = 64
"""Events that are read at a time, of those that have all the words."""
START_SECONDS = 30.0
"""Seconds after the start during which nothing is indexed, because clients are reconnecting."""
INDEX_SECONDS = 5.0
"""Seconds between two checks whether a room has enough new events for a block."""
PAUSE_SECONDS = 0.02
"""Minimum pause between two blocks, in seconds."""
SHARE = 9
"""While messages are being stored, the pause after a block is this many times as long as indexing
the block took."""

_BETWEEN = (
    "SELECT id, CAST(event AS BLOB) FROM events"
    " WHERE room = ? AND id > ? AND id < ? ORDER BY id DESC"
)
_SOME = (
    f"SELECT id, CAST(event AS BLOB) FROM events WHERE id IN ({', '.join('?' * FETCHED)})"
    " ORDER BY id DESC"
)
_decode = msgspec.json.Decoder(Kept).decode


class Searcher(Reader):
    """The file, opened for searching."""

    def search(
        self, room: str, query: Query, before: int | None, until: int, limit: int, size: int
    ) -> Found:
        """See `Store.search`; `until` is the highest id that may be read.  Raises `Unavailable`."""
        below = until + 1 if before is None else min(max(before, 0), until + 1)
        with self._snapshot() as (connection, _):
            number = connection.execute(
                "SELECT number FROM rooms WHERE name = ?", (room,)
            ).fetchone()
            if number is None:
                return Found([], None)
            candidates = _candidates(connection, number[0], query, below)
            return _found(candidates, query, limit, size)


def _candidates(
    connection: sqlite3.Connection, room: int, query: Query, below: int
) -> Iterator[tuple[int, bytes]]:
    """Events that may match, with their ids, the newest first.  Raises `Unfinished`."""
    indexed = indexed_up_to(connection, room) if is_current(connection) else 0
    yield from connection.execute(_BETWEEN, (room, indexed, below))
    if not indexed:
        return
    some: list[int | None] = []
    try:
        for id_ in ids_with(connection, room, query.words, min(below, indexed + 1)):
            some.append(id_)
            if len(some) == FETCHED:
                yield from _with_ids(connection, some)
                some = []
    except Unfinished:
        yield from _with_ids(connection, some)
        raise
    yield from _with_ids(connection, some)
    first = indexed_from(connection, room)
    yield from connection.execute(_BETWEEN, (room, 0, min(below, first)))


def _with_ids(connection: sqlite3.Connection, ids: list[int | None]) -> Iterator[tuple[int, bytes]]:
    """Events by their ids, `FETCHED` at most, the newest first."""
    return connection.execute(_SOME, ids + [None] * (FETCHED - len(ids)))


def _found(candidates: Iterator[tuple[int, bytes]], query: Query, limit: int, size: int) -> Found:
    found: list[Entry] = []
    vain = 0
    try:
        for id_, data in candidates:
            event = _understood(data)
            if isinstance(event, MESSAGES) and not event.redacted and query.matches(event.text):
                size -= len(data)
                if len(found) >= limit or (found and size < 0):
                    return Found(found, found[-1].id)
                found.append(Entry(id_, event))
                continue
            vain += 1
            if vain == MOST_EXAMINED:
                return Found(found, id_)
    except Unfinished as rest:
        return Found(found, rest.below)
    return Found(found, None)


def _understood(data: bytes) -> Kept:
    try:
        event: Kept = _decode(data)
    except msgspec.DecodeError as problem:
        raise sqlite3.DatabaseError(f"an event in it is not understood: {problem}") from None
    return event


class Searching:
    """The searching side of a `SqliteStore`."""

    def __init__(
        self,
        path: Path,
        clock: IReactorTime,
        index: Callable[[], Deferred[bool]],
        busy: Callable[[], bool],
    ) -> None:
        """`index` indexes a block, and fires with whether another may be due; `busy` returns
        whether messages are being stored.
        """
        self._clock = clock
        self._index = index
        self._busy = busy
        self._searcher = Searcher(path)
        self._worker: Worker | None = None
        self._next: IDelayedCall | None = None
        self._stopped = False
        self.fresh = 0
        """Units stored since the last check for a block to index."""

    def start(self, worker: Worker, *, anything: bool) -> None:
        """Begin to search, in the thread of `worker`, and to index; `anything` says whether the
        file has any events.
        """
        self._worker = worker
        self.fresh = BLOCK if anything else 0
        self._next = self._clock.callLater(START_SECONDS, self._go_on)

    def search(
        self, room: str, query: Query, before: int | None, until: int, limit: int, size: int
    ) -> Deferred[Found]:
        """See `Searcher.search`."""
        assert self._worker
        search = self._searcher.search
        return self._worker.do(partial(search, room, query, before, until, limit, size))

    def stop(self) -> None:
        """Index nothing more."""
        self._stopped = True
        if self._next:
            self._next.cancel()
            self._next = None

    def close(self) -> Deferred[None]:
        """Close the file, and end the thread; fires then."""
        worker = self._worker
        assert worker
        return worker.do(self._searcher.close).addBoth(lambda _: worker.stop())

    def _go_on(self) -> None:
        self._next = None
        if self.fresh < BLOCK:  # no room has a new block
            self._wait(INDEX_SECONDS)
            return
        self.fresh = 0
        self._index().addCallback(self._indexed, self._clock.seconds())

    def _indexed(self, more: bool, begun: float) -> None:
        if more:
            self.fresh = BLOCK
        took = self._clock.seconds() - begun
        pause = max(PAUSE_SECONDS, took * (SHARE if self._busy() else 1))
        self._wait(pause if more else INDEX_SECONDS)

    def _wait(self, seconds: float) -> None:
        if not self._stopped:
            self._next = self._clock.callLater(seconds, self._go_on)
