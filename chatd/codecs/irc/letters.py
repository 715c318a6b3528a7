"""What events do not tell and IRC does: roles and settings as they were before a change."""

from __future__ import annotations

from ...model.events import Arrived, Departed, PutOut, RoleGiven
from .modes import letter_of

PUT_OUT_MICROS = 2_000_000
"""Microseconds after being put out within which somebody leaves because of it."""
MOST_LETTERS = 10_000
"""Roles that are remembered."""


class Letters:
    """What events do not tell: the letters of the roles that people had, and who of those that
    leave a room was put out.
    """

    def __init__(self) -> None:
        self._put_out: dict[tuple[str, str], int] = {}
        self._came: dict[tuple[str, str], int] = {}
        self._posting: dict[str, tuple[int, str, str]] = {}
        self._known: dict[tuple[str, str], tuple[int, str, str]] = {}

    def change(self, event: RoleGiven, id_: int) -> tuple[str, str]:
        """The letters before and after a change; the one before is a guess if it is not known.

        Asked about the same event again, it answers the same.
        """
        key = (event.room, event.target)
        known = self._known.get(key)
        if known is not None and known[0] == id_:
            return known[1], known[2]
        before = known[2] if known is not None else ("" if event.role else "o")
        after = letter_of(event.role) if event.role else ""
        if len(self._known) >= MOST_LETTERS:
            self._known.clear()
        self._known[key] = (id_, before, after)
        return before, after

    def posting(self, room: str, value: str, id_: int) -> str:
        """Who could speak in a room before a change; a guess if it is not known."""
        known = self._posting.get(room)
        if known is not None and known[0] == id_:
            return known[1]
        before = known[2] if known is not None else "everyone"
        if value == "everyone" and known is None:
            before = "voices"
        if len(self._posting) >= MOST_LETTERS:
            self._posting.clear()
        self._posting[room] = (id_, before, value)
        return before

    def put_out(self, event: PutOut, id_: int) -> None:
        """Somebody is put out of a room."""
        _note(self._put_out, (event.room, event.target), id_)

    def came(self, event: Arrived, id_: int) -> None:
        """Somebody comes into a room, perhaps again."""
        if (event.room, event.sender) in self._put_out:
            _note(self._came, (event.room, event.sender), id_)

    def was_put_out(self, event: Departed, id_: int) -> bool:
        """Whether somebody leaves a room because of being put out."""
        who = event.room, event.sender
        put_out = self._put_out.get(who, 0)
        return 0 < id_ - put_out < PUT_OUT_MICROS and not put_out < self._came.get(who, 0) < id_


def _note(ids: dict[tuple[str, str], int], who: tuple[str, str], id_: int) -> None:
    if len(ids) >= MOST_LETTERS:
        ids.clear()
    ids[who] = id_
