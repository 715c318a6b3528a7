"""What becomes of persons when a node is lost, or the store has lost what it had taken.

1. The persons of a node that is gone leave once: a survivor submits a unit for each, which expects
   that the name is still held as it was.
2. A person of this node that has left by another node has no session here any more: its readers
   end.
3. A person of this node whose name was lost takes it again.  If another person has the name by now,
   a guest goes on under a name from the server, and an account's person is signed out here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from twisted.python.failure import Failure

from ..model.errors import ChatError, InDoubt, NoSession, Unavailable
from ..model.units import Unit
from . import judge_nodes
from .attached import Attached
from .core import Core
from .departures import LEAVE_SECONDS, Departures
from .elsewhere import Elsewhere
from .journal import Outcome
from .person import Person
from .presence import Unannounced
from .room import Room


class NodeLoss:
    """Carries out what a loss means for persons."""

    def __init__(self, core: Core, departures: Departures, attached: Attached) -> None:
        self._clock = core.clock
        self._journal = core.journal
        self._people = core.people
        self._readers = core.readers
        self._departures = departures
        self._attached = attached

    def release(
        self,
        person: Elsewhere,
        rooms: Sequence[Room],
        announced: bool,
        places: Collection[str] = (),
    ) -> Outcome:
        """Remove a person of a lost node from these rooms, and free its name, unless the person has
        come back; `places` are the keys of the node's own cells (`chatd.chat.attached`).
        """
        unannounced = Unannounced()

        def release() -> Unit:
            held = self._people.held.get(person.key)
            if not isinstance(held, Elsewhere) or held.id != person.id:
                return Unit()
            if self._attached.others(person.id, places):
                return Unit()
            inside = [room for room in rooms if held.key in room.members]
            if announced:
                unannounced.judge(held, inside)
            unit = judge_nodes.release(held, inside, announce=announced)
            return self._attached.leaving(person.id, unit)

        def released(id_: int | None) -> int | None:
            self._departures.tallies.departed(unannounced)
            return id_

        return self._journal.submit(release, rooms, quiet=True).addCallback(released)

    def give_up(self, error: ChatError) -> None:
        """End this node's persons, whom other nodes release, and their readers with `error`."""
        for person in self._people.give_up():
            self._end(person, error)

    def left(self, person: Person) -> None:
        """A person of this node has left by another node."""
        if not person.ended:
            self._end(person, NoSession("your session was ended; enter again"))

    def claim_again(self, person: Person) -> Outcome:
        """Have a person of this node take the name again that was lost (rule 3)."""

        def claim() -> Unit:
            if person.ended or self._attached.is_present(person):
                return Unit()
            held = self._people.held.get(person.key)
            if held is not None and held.id == person.id:
                return self._attached.attach(self._readers.policy, person, held)
            if held is not None:
                if person.account is not None:
                    raise NoSession("the server has lost that you are signed in; sign in again")
                person.name = person.key = self._people.guest_name()
                person.named = False
            unit = judge_nodes.claim_again(self._readers.policy, person)
            return self._attached.arriving(person, unit)

        def refused(failure: Failure) -> None:
            error = failure.value
            if not isinstance(error, ChatError):
                failure.raiseException()
            elif isinstance(error, Unavailable | InDoubt):
                if not self._journal.draining:
                    self._clock.callLater(LEAVE_SECONDS, self.claim_again, person)
            else:
                self._end(person, error)

        return self._journal.submit(claim, person).addErrback(refused)

    def _end(self, person: Person, error: ChatError) -> None:
        person.ended = True
        self._people.remove_local(person)
        self._readers.revoke(error, person=person)
        self._departures.has_left(person)
