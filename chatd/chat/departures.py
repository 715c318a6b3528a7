"""How persons leave the chat, and how a name becomes free.

1. A person leaves when the last of its sessions ends: it leaves every room, and its name is free.
   An account stays joined to its rooms.
2. A person may always leave.  If the store refuses the unit, it is submitted again every
   `LEAVE_SECONDS`, because the name must become free.
3. While the server shuts down, no departure is stored or announced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from ..model.errors import ChatError
from ..model.events import RoomEvent
from ..model.text import clean_phrase
from ..model.units import Unit
from . import judge
from .core import Core
from .journal import Outcome
from .lane import ALONE, in_order
from .person import Person
from .presence import Tallies, Unannounced
from .room import Room

LEAVE_SECONDS = 1.0
"""Seconds after which a departure that the store refused is submitted again."""


class Departures:
    """Ends the sessions of persons, and has persons leave with their last one."""

    def __init__(self, core: Core) -> None:
        self._clock = core.clock
        self._journal = core.journal
        self._people = core.people
        self._rooms = core.rooms
        self._max_text = core.max_text
        self.when_left: Callable[[Person, Room | None], object] = lambda person, room: None
        """Called when a person has left a room, and with None when it has left the chat."""
        self.tallies = Tallies(core.clock, self._announce)
        """Counts the joins and leaves in crowded rooms, and announces the sums."""
        self._awaited: dict[Person, list[Deferred[None]]] = {}
        """What is fired when a person has left, because another person wants the name."""

    def when_free(self, key: str) -> Deferred[Any]:
        """Fires when the name with that key is held by no person that is about to leave.

        A command of a person that is about to leave must not wait for this: two such persons could
        wait for each other.
        """
        person = self._people.leaving(key)
        if person is None:
            return succeed(None)
        left: Deferred[None] = Deferred()
        self._awaited.setdefault(person, []).append(left)
        return left

    def end(self, person: Person, text: str) -> Outcome:
        """End one session of a person.  With the last one the person leaves, with the parting words
        `text`; they are dropped if they are not valid.
        """
        person.sessions -= 1
        if person.ended or person.sessions > 0:
            return succeed(None)
        person.ended = True
        try:
            parting = clean_phrase(text, self._max_text)
        except ChatError:
            parting = ""
        return in_order(person, ALONE, self._leave, person, parting)

    def leave_later(self, person: Person) -> None:
        """Have a person leave in `LEAVE_SECONDS`: its name may have been stored, and no door knows
        the person.
        """
        person.ended = True
        self._clock.callLater(LEAVE_SECONDS, self._leave, person, "")

    def _leave(self, person: Person, parting: str) -> Outcome:
        if self._journal.draining:
            self._has_left(person)
            return succeed(None)
        unannounced = Unannounced()
        rooms = list(person.rooms.values())

        def end() -> Unit:
            if self._people.own(person.key) is not person:
                return Unit()
            unannounced.judge(person, person.rooms.values())
            return judge.end(person, parting)

        def ended(_: object) -> None:
            self._people.remove_local(person)
            self.tallies.departed(unannounced)
            for room in rooms:
                self._rooms.directory.left(room, person.address)
                self.when_left(person, room)
            self.when_left(person, None)
            self._has_left(person)

        def refused(failure: Failure) -> None:
            failure.trap(ChatError)
            if not self._journal.draining:
                self._clock.callLater(LEAVE_SECONDS, self._leave, person, parting)

        return self._journal.submit(end, person, quiet=True).addCallbacks(ended, refused)

    def _has_left(self, person: Person) -> None:
        for left in self._awaited.pop(person, []):
            left.callback(None)

    def _announce(self, room: Room, event: RoomEvent) -> None:
        """Put an event into a room that no command asked for."""
        if not self._journal.draining:
            announced = self._journal.submit(
                lambda: Unit((event,), room.founding, (room.expect,)), room
            )
            announced.addErrback(lambda failure: failure.trap(ChatError))
