"""In which rooms guests were given anything: it ends when a guest leaves (`judge_guests`)."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.units import ADMITTED, BANS, MUTES, ROLES, Change
from .room import Room
from .rooms import Rooms


class GuestGrants:
    """The rooms in which each guest has a role, membership, ban or mute."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._rooms_of: dict[str, set[str]] = {}
        """The names of the rooms, by the guest's subject (`chatd.model.identity.subject_of`)."""

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
            self._rooms_of.setdefault(subject, set()).add(name)

    def restated(self, room: Room) -> None:
        """Note what guests have in a room that was read again."""
        rights = room.rights
        subjects = {*rights.roles, *rights.admitted}
        for restrictions in (rights.bans, rights.mutes):
            subjects.update(one.who for _, one in restrictions)
        for subject in subjects:
            if subject.startswith("~"):
                self._rooms_of.setdefault(subject, set()).add(room.name)

    def rooms(self, subject: str) -> Iterable[str]:
        """The rooms in which a guest was given anything."""
        return self._rooms_of.get(subject, ())

    def pop(self, subject: str) -> Iterable[str]:
        """The same for a guest who has left the chat or registered; they are forgotten."""
        return self._rooms_of.pop(subject, ())
