"""How coming and going is announced in a room's history.

The presence stream of a room has every arrival and departure.  Its log has those that are worth a
line: of persons with a chosen name, and while the room is crowded a summary now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.interfaces import IReactorTime

from ..model.events import Noticed, RoomEvent
from .judge import crowded
from .people import Elsewhere
from .person import Person
from .room import Room

SUMMARY_SECONDS = 10.0
"""The shortest time between two summaries in one room."""


class Tally:
    """Joins and leaves in a crowded room since the last summary."""

    __slots__ = ("joined", "left")

    def __init__(self) -> None:
        self.joined = 0
        self.left = 0

    def __str__(self) -> str:
        parts = [f"{self.joined} joined"] * bool(self.joined)
        parts += [f"{self.left} left"] * bool(self.left)
        return ", ".join(parts)


class Unannounced:
    """The rooms in which one coming or going is not announced, and so is to be summed up.

    That is found out together with the judgement: by the time the unit is shown there may be more
    people in the room, or fewer.
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
        """The person is about to go from these rooms, with `coming` 1 to come into them, or with
        `named` to choose a first name there.
        """
        here = person.named or named
        self.rooms = [room for room in rooms if here and crowded(room, coming)]


class Tallies:
    """The running summaries of this node's persons, by room."""

    def __init__(self, clock: IReactorTime, announce: Callable[[Room, RoomEvent], object]) -> None:
        """`announce` puts a summary into a room."""
        self._clock = clock
        self._announce = announce
        self._tallies: dict[Room, Tally] = {}

    def arrived(self, unannounced: Unannounced) -> None:
        """A named person has come into crowded rooms."""
        for room in unannounced.rooms:
            self._tally(room).joined += 1

    def departed(self, unannounced: Unannounced) -> None:
        """A named person has left crowded rooms."""
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
