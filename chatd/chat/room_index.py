"""The index of rooms: which are stored, with their settings and the ends of their history.

It is a fold, and has the rooms that are not in memory too.  So neither a list of rooms nor the
question whether a room exists has to wait for the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec
from twisted.logger import Logger

from ..model.roomstate import CLOSED, NEW_ROOM, RoomState, decode_state
from ..model.units import ROOMS, Cell, Change, Expect, Unit
from ..store import RoomSummary


class Known(NamedTuple):
    """A room's cell: its version and the settings in it."""

    version: int
    state: RoomState


UNKNOWN = Known(0, NEW_ROOM)
"""A room without a cell."""


class RoomIndex:
    """All rooms that have a cell or an event in the store."""

    _log = Logger()

    def __init__(self) -> None:
        self._cells: dict[str, Known] = {}
        self._firsts: dict[str, int] = {}
        """The ids of the oldest events."""
        self._lasts: dict[str, int] = {}
        """The ids of the newest events."""

    def opened(self, ends: Mapping[str, RoomSummary], cells: Mapping[str, Cell]) -> None:
        """Take over the rooms that the store has on opening: the ends of their logs, and cells."""
        for name, (first, last) in ends.items():
            self._firsts[name], self._lasts[name] = first, last
        for name, cell in cells.items():
            self._cells[name] = Known(cell.version, self._decoded(name, cell.value))

    def restated(self, ends: Mapping[str, RoomSummary], cells: Mapping[str, Cell]) -> None:
        """The store was read anew, and has these rooms and no others."""
        self._cells.clear()
        self._firsts.clear()
        self._lasts.clear()
        self.opened(ends, cells)

    def __len__(self) -> int:
        return len(self._cells) + sum(1 for name in self._lasts if name not in self._cells)

    def __iter__(self) -> Iterator[str]:
        yield from self._cells
        # A message may be stored just before the cell of its room goes, with the last event.
        yield from [name for name in self._lasts if name not in self._cells]

    def __contains__(self, name: object) -> bool:
        return name in self._cells or name in self._lasts

    def known(self, name: str) -> Known:
        """The room's cell."""
        return self._cells.get(name, UNKNOWN)

    def ends(self, name: str) -> RoomSummary | None:
        """The ids of the room's oldest and newest stored event; None: it has none."""
        last = self._lasts.get(name)
        return None if last is None else RoomSummary(self._firsts[name], last)

    def changed(self, change: Change, version: int) -> Known:
        """Fold a change of the table `rooms`; returns the room's cell as it is then."""
        if change.value is None:
            self._cells.pop(change.key, None)
            return UNKNOWN
        known = Known(version, self._decoded(change.key, change.value))
        self._cells[change.key] = known
        return known

    def appended(self, name: str, id: int) -> bool:
        """Fold an event of the room; returns whether it is the room's only stored one."""
        self._lasts[name] = id
        if name in self._firsts:
            return False
        self._firsts[name] = id
        return True

    def forgotten(self, firsts: Mapping[str, int | None]) -> None:
        """Fold a retention run: these are the oldest events that are left (None: none is)."""
        for name, first in firsts.items():
            if first is None:
                self._firsts.pop(name, None)
                self._lasts.pop(name, None)
            elif name in self._firsts:
                self._firsts[name] = first

    def judge_removal(self, name: str) -> Unit:
        """The unit that removes a room which has no event, and only a new room's settings; an empty
        unit for any other room.
        """
        known = self._cells.get(name)
        if known is None or known.state != NEW_ROOM or name in self._lasts:
            return Unit()
        return Unit(
            changes=(Change(ROOMS, name, None),), expects=(Expect(ROOMS, name, known.version),)
        )

    def _decoded(self, name: str, value: bytes) -> RoomState:
        try:
            return decode_state(value)
        except msgspec.DecodeError as problem:
            self._log.error(
                "the settings of #{name} cannot be decoded, so the room is closed: {problem}",
                name=name,
                problem=problem,
            )
            return CLOSED
