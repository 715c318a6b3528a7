"""How joins and leaves are announced in a room's history.

1. The presence stream of a room has every arrival and departure.
2. The room's log has the joins and leaves of persons with a chosen name.  While the room is crowded
   (`chatd.chat.judge.CROWD`) these are only counted, and the sums announced as a notice, at most
   every `SUMMARY_SECONDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IReactorTime

from ..model.events import Noticed, RoomEvent
from .elsewhere import Elsewhere
from .judge import crowded
from .person import Person
from .room import Room

SUMMARY_SECONDS = 10.0
"""The shortest time between two summaries in one room."""


class Tally:
    """The numbers of joins and leaves in a crowded room since the last summary."""

    __slots__ = ("joined", "left")

    def __init__(self) -> None:
        self.joined = 0
        self.left = 0

    def __str__(self) -> str:
        parts = [f"{self.joined} joined"] * bool(self.joined)
        parts += [f"{self.left} left"] * bool(self.left)
        return ", ".join(parts)


class Unannounced:
    """The rooms in which one join or leave is not announced, and so has to be counted.

    They are determined at the judgement, because the numbers of people may differ when the unit is
    shown.
    """

    __slots__ = ("rooms",)

    def __init__(self) -> None:
        self.rooms: list[Room] = []

    def judge(
        self,
        person: Person | Elsewhere,
        rooms: Iterable[Room],
        *,
        coming: int = 0,
        named: bool = False,
    ) -> None:
        """Determine the rooms when a person is about to leave these rooms, or with `coming` 1 to
        join them, or with `named` to choose its first name in them.
        """
        here = person.named or named
        self.rooms = [room for room in rooms if crowded(room, coming)] if here else []


class Tallies:
    """Counts the unannounced joins and leaves of this node's persons, and announces the sums."""

    def __init__(self, clock: IReactorTime, announce: Callable[[Room, RoomEvent], object]) -> None:
        """`announce` puts a notice into a room."""
        self._clock = clock
        self._announce = announce
        self._tallies: dict[Room, Tally] = {}

    def arrived(self, unannounced: Unannounced) -> None:
        """Count a named person's join in these rooms."""
        for room in unannounced.rooms:
            self._tally(room).joined += 1

    def departed(self, unannounced: Unannounced) -> None:
        """Count a named person's leave from these rooms."""
        for room in unannounced.rooms:
            self._tally(room).left += 1

    def _tally(self, room: Room) -> Tally:
        tally = self._tallies.get(room)
        if tally is None:
            tally = self._tallies[room] = Tally()
            self._clock.callLater(SUMMARY_SECONDS, self._sum_up, room)
        return tally

    def _sum_up(self, room: Room) -> None:
        self._announce(room, Noticed(room.name, str(self._tallies.pop(room))))
