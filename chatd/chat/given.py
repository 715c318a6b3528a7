"""What guests were given, by room: it ends with them, and passes to their accounts."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.units import ADMITTED, BANS, MUTES, ROLES, Change
from .room import Room
from .rooms import Rooms


class GivenToGuests:
    """In which rooms guests have a role, a membership, a ban or a mute."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._given: dict[str, set[str]] = {}
        """The names of the rooms, by the guests' subjects."""

    def note(self, change: Change) -> None:
        """Fold a change that was shown."""
        table, _, name = change.table.partition(":")
        subject = ""
        if table in (ROLES, MUTES, ADMITTED):
            subject = change.key
        elif table == BANS and (room := self._rooms.live(name)) is not None:
            ban = room.rights.bans.get(change.key)
            subject = ban.who if ban else ""
        if name and subject.startswith("~"):
            self._given.setdefault(subject, set()).add(name)

    def restated(self, room: Room) -> None:
        """The room was read anew."""
        rights = room.rights
        bearers = {*rights.roles, *rights.admitted}
        for restrictions in (rights.bans, rights.mutes):
            bearers.update(one.who for _, one in restrictions)
        for subject in bearers:
            if subject.startswith("~"):
                self._given.setdefault(subject, set()).add(room.name)

    def rooms(self, subject: str) -> Iterable[str]:
        """The rooms in which a guest was given anything."""
        return self._given.get(subject, ())

    def gone(self, subject: str) -> Iterable[str]:
        """The same, of a guest who has left the chat, or is one no more."""
        return self._given.pop(subject, ())
