"""Following: receives the batches of all nodes in one order, and shows them.

1. Every batch is received once, after the batch that it names as its predecessor.
2. When a batch of this node's own has been shown, its append is answered in the same turn.
3. A call that reads cells gets their values as of the time of the call: cells that change meanwhile
   are recorded with their former values (`Recording`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
from twisted.internet.defer import Deferred, succeed

from ...model.units import Cell, Stale, Unit
from .. import Follower
from . import wire

REMEMBERED_BATCHES = 5000
"""Batches whose ids are remembered, by which a node finds where a history has forked."""


class Broken(Exception):
    """A batch does not follow the last received one."""


class Own(Protocol):
    """An append of this node."""

    units: Sequence[Unit]
    erased: Sequence[str]
    stored: Deferred[list[int | Stale]]


class Recording:
    """The changes of one table since a certain moment."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.before: dict[str, Cell | None] = {}
        """The cells that have changed, as they were at that moment; None: absent."""


class Following:
    """The place of this node in the log, and the calls that wait for later batches."""

    def __init__(self, own: Callable[[str, int], Own | None]) -> None:
        """`own` takes, by lease and sequence, the append of this node that waits for a batch."""
        self._own = own
        self.follower: Follower | None = None
        self.cursor = 0
        """The id of the last received batch."""
        self.shown = 0
        """The highest id that was shown to the follower, or the id with which it began."""
        self.met: deque[int] = deque(maxlen=REMEMBERED_BATCHES)
        """The ids of the last batches received."""
        self._recordings: set[Recording] = set()
        self._waiting: list[tuple[int, Deferred[None]]] = []

    def moved(self, cursor: int, shown: int) -> None:
        """The node has another place: it begins, or what lay between is not to be met."""
        self.cursor = cursor
        self.shown = max(self.shown, shown)
        self.met.clear()
        self._fire()

    def take(self, message: bytes) -> None:
        """Meet a batch.  Raises `Broken`, and `msgspec.DecodeError` for one that is none."""
        told = wire.read_told(message)
        if told.last <= self.cursor:
            return  # it came by both ways
        if told.previous != self.cursor:
            raise Broken(f"a batch follows {told.previous}, and this node is at {self.cursor}")
        own = self._own(told.lease, told.sequence)
        units, erased = (own.units, own.erased) if own else wire.unpack(told.data)
        answers, batch = wire.shown(units, told)
        if self._recordings:
            self._record(units, told)
        self.cursor = self.shown = told.last
        self.met.append(told.last)
        if batch and self.follower:
            self.follower.shown(batch)
        if erased and self.follower:
            self.follower.forgotten(dict.fromkeys(erased))
        if own:
            own.stored.callback(answers)
        if self._waiting:
            self._fire()

    def until(self, cursor: int) -> Deferred[None]:
        """Fires when this node has met that batch."""
        if cursor <= self.cursor:
            return succeed(None)
        met: Deferred[None] = Deferred()
        self._waiting.append((cursor, met))
        return met

    def record(self, table: str) -> Recording:
        """Record what changes in a table from now on, until `stop`."""
        recording = Recording(table)
        self._recordings.add(recording)
        return recording

    def stop(self, recording: Recording) -> None:
        """Record no more."""
        self._recordings.discard(recording)

    def _record(self, units: Sequence[Unit], told: wire.Told) -> None:
        before = {(unit, change): wire.read_cell(cell) for unit, change, cell in told.befores}
        for recording in self._recordings:
            for number, unit in enumerate(units, 1):
                if told.verdicts and told.verdicts[number - 1]:
                    continue
                for place, change in enumerate(unit.changes, 1):
                    if change.table == recording.table:
                        recording.before.setdefault(change.key, before.get((number, place)))

    def _fire(self) -> None:
        due = [met for cursor, met in self._waiting if cursor <= self.cursor]
        if due:
            self._waiting = [wait for wait in self._waiting if wait[0] > self.cursor]
            for met in due:
                met.callback(None)


DAMAGED = (Broken, msgspec.DecodeError, IndexError, ValueError)
"""What `Following.take` raises for a batch that cannot be shown."""
