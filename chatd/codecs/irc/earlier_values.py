"""Values before a change, which IRC lines contain and events do not: roles and settings."""

from __future__ import annotations

from ...model.events import Arrived, Departed, PutOut, RoleGiven
from .modes import letter_of

PUT_OUT_MICROS = 2_000_000
"""Microseconds after a kick within which a departure is taken to be its consequence."""
MOST_REMEMBERED = 10_000
"""Entries in each table of remembered values; a full table is cleared."""


class EarlierValues:
    """Remembers what events do not contain: the mode letters of people's former roles, and which
    departures from a room were caused by a kick.
    """

    def __init__(self) -> None:
        self._put_out: dict[tuple[str, str], int] = {}
        self._came: dict[tuple[str, str], int] = {}
        self._posting: dict[str, tuple[int, str, str]] = {}
        self._known: dict[tuple[str, str], tuple[int, str, str]] = {}

    def change(self, event: RoleGiven, id_: int) -> tuple[str, str]:
        """The mode letters before and after a change of role; an unknown one before is a guess.

        Another call for the same event returns the same letters.
        """
        key = (event.room, event.target)
        known = self._known.get(key)
        if known is not None and known[0] == id_:
            return known[1], known[2]
        before = known[2] if known is not None else ("" if event.role else "o")
        after = letter_of(event.role) if event.role else ""
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[key] = (id_, before, after)
        return before, after

    def has_role(self, room: str, name: str, letter: str, id_: int = 0) -> None:
        """Note the mode letter of a person's role, empty for none, as clients are shown it: at the
        person's arrival, the event `id_`, or in a list of names.
        """
        known = self._known.get((room, name))
        before = known[2] if known is not None else ""
        if letter == before or (known is not None and 0 < id_ <= known[0]):
            return
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[room, name] = (id_, letter, letter)

    def posting(self, room: str, value: str, id_: int) -> str:
        """The room's `posting` setting before a change; a guess if it is not known."""
        known = self._posting.get(room)
        if known is not None and known[0] == id_:
            return known[1]
        before = known[2] if known is not None else "everyone"
        if value == "everyone" and known is None:
            before = "voices"
        if len(self._posting) >= MOST_REMEMBERED:
            self._posting.clear()
        self._posting[room] = (id_, before, value)
        return before

    def has_posting(self, room: str, value: str) -> None:
        """Note the room's `posting` setting, as a client is shown it."""
        known = self._posting.get(room)
        if known is None or known[2] != value:
            if len(self._posting) >= MOST_REMEMBERED:
                self._posting.clear()
            self._posting[room] = (0, value, value)

    def put_out(self, event: PutOut, id_: int) -> None:
        """Note that a person was kicked from a room."""
        _note(self._put_out, (event.room, event.target), id_)

    def came(self, event: Arrived, id_: int) -> None:
        """Note that a person came into a room, perhaps after a kick."""
        if (event.room, event.sender) in self._put_out:
            _note(self._came, (event.room, event.sender), id_)

    def was_put_out(self, event: Departed, id_: int) -> bool:
        """Whether a departure is the consequence of a kick."""
        who = event.room, event.sender
        put_out = self._put_out.get(who, 0)
        return 0 < id_ - put_out < PUT_OUT_MICROS and not put_out < self._came.get(who, 0) < id_


def _note(ids: dict[tuple[str, str], int], who: tuple[str, str], id_: int) -> None:
    if len(ids) >= MOST_REMEMBERED:
        ids.clear()
    ids[who] = id_
