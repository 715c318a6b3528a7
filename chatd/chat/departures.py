"""How persons leave the chat, and how a name becomes free.

1. A person leaves when the last of its sessions on any node ends (`chatd.chat.attached`): it leaves
   every room, and its name becomes free.  An account stays joined to its rooms.
2. A person may always leave.  If the store refuses the unit, it is submitted again every
   `LEAVE_SECONDS`, because the name must become free.
3. If the unit by which a person enters is in doubt, the unit by which the person leaves makes it
   stale.
4. While the server shuts down, no departure is stored or announced.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from ..model.errors import ChatError
from ..model.events import RoomEvent
from ..model.text import clean_phrase
from ..model.units import Unit
from . import judge, judge_nodes
from .attached import Attached
from .core import Core
from .journal import Outcome
from .lane import ALONE, in_order
from .person import Person
from .presence import Tallies, Unannounced
from .room import Room

LEAVE_SECONDS = 1.0
"""Seconds after which a departure that the store refused is submitted again."""


class Departures:
    """Ends the sessions of persons, and removes persons with their last session."""

    def __init__(self, core: Core, attached: Attached) -> None:
        self._clock = core.clock
        self._journal = core.journal
        self._people = core.people
        self._rooms = core.rooms
        self._attached = attached
        self._admission = core.admission
        self.when_left: Callable[[Person, Room | None], object] = lambda person, room: None
        """Called when a person has left a room, and with None when it has left the chat."""
        self.tallies = Tallies(core.clock, self._announce)
        """Counts the joins and leaves in crowded rooms, and announces the sums."""
        self._awaited: dict[Person, list[Deferred[None]]] = {}
        """Deferreds that fire when a person has left, because another person waits for the name."""

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

    def end(self, person: Person, text: str, *, everywhere: bool = False) -> Outcome:
        """End one session of a person.  With the last one the person leaves, with the parting words
        `text`; they are dropped if they are not valid.  With `everywhere` the person leaves even if
        it has sessions on other nodes.
        """
        person.sessions -= 1
        if person.ended or person.sessions > 0:
            return succeed(None)
        person.ended = True
        try:
            parting = clean_phrase(text, self._admission.limits.text)
        except ChatError:
            parting = ""
        leave = partial(self._leave, everywhere=everywhere)
        return in_order(person, ALONE, leave, person, parting)

    def leave_later(self, person: Person) -> None:
        """Remove a person in `LEAVE_SECONDS`: its name may have been stored although no door knows
        the person.
        """
        person.ended = True
        self._clock.callLater(LEAVE_SECONDS, self._leave, person, "", doubtful=True)

    def _leave(
        self, person: Person, parting: str, *, doubtful: bool = False, everywhere: bool = False
    ) -> Outcome:
        """Remove the person; with `doubtful` the store may not have taken its name yet."""
        if self._journal.draining:
            self.has_left(person)
            return succeed(None)
        unannounced = Unannounced()
        rooms = list(person.rooms.values())
        stays = False

        def end() -> Unit:
            nonlocal stays
            if self._people.own(person.key) is not person:
                return self._stay_away(person) if doubtful else Unit()
            detached = None if everywhere else self._attached.detach(person.id)
            stays = detached is not None
            if detached is not None:
                return detached
            unannounced.judge(person, person.rooms.values())
            return self._attached.leaving(person.id, judge.end(person, parting))

        def ended(_: object) -> None:
            self._people.remove_local(person)
            if stays:
                self.has_left(person)
                return
            self.tallies.departed(unannounced)
            for room in rooms:
                self._rooms.directory.left(room, person.address)
                self.when_left(person, room)
            self.when_left(person, None)
            self.has_left(person)

        def refused(failure: Failure) -> None:
            failure.trap(ChatError)
            if not self._journal.draining:
                self._clock.callLater(
                    LEAVE_SECONDS,
                    self._leave,
                    person,
                    parting,
                    doubtful=doubtful,
                    everywhere=everywhere,
                )

        return self._journal.submit(end, person, quiet=True).addCallbacks(ended, refused)

    def _stay_away(self, person: Person) -> Unit:
        """The unit that makes the one in doubt stale: the store decides them in this order."""
        if self._people.by_id(person.id) is not person:
            return Unit()  # the person has come back, and the unit of its arrival settles the doubt
        held = self._people.held.get(person.key)
        if held is None:
            return judge_nodes.stay_free(person.key)
        return self._attached.stay_away(person.id) if held.id == person.id else Unit()

    def has_left(self, person: Person) -> None:
        """Tell those who wait for the person's name that the person has left this node."""
        for left in self._awaited.pop(person, []):
            left.callback(None)

    def _announce(self, room: Room, event: RoomEvent) -> None:
        """Put an event into a room that no command asked for."""
        if not self._journal.draining:
            announced = self._journal.submit(
                lambda: Unit((event,), room.founding, (room.expect,)), room
            )
            announced.addErrback(lambda failure: failure.trap(ChatError))
