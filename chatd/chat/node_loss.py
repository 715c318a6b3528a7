"""Persons after the loss of a node, or after a failover in which the store has lost units.

1. The persons of a lost node leave once: one of the remaining nodes submits a unit for each person,
   which expects that the name is still held as it was.
2. If a person of this node was removed by a unit of another node, its sessions and readers here
   end.
3. A person of this node whose name the store has lost takes the name again.  If another person has
   taken the name meanwhile, a guest gets a name from the server, and an account's person is signed
   out here.
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
from .lane import ALONE, in_order
from .person import Person
from .presence import Unannounced
from .room import Room


class NodeLoss:
    """Carries out the consequences of such a loss for persons."""

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
        """End the persons of this node, which other nodes release, and end readers with `error`."""
        for person in self._people.give_up():
            self._end(person, error)

    def left(self, person: Person) -> None:
        """End a person of this node that a unit of another node has removed."""
        if not person.ended:
            self._end(person, NoSession("your session was ended; enter again"))

    def claim_again(self, person: Person) -> Outcome:
        """Take a person's name again, which the store has lost (rule 3)."""

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

        # In the person's lane: a departure that begins meanwhile waits until the name is claimed.
        claiming = in_order(person, ALONE, self._journal.submit, claim, person)
        return claiming.addErrback(refused)

    def _end(self, person: Person, error: ChatError) -> None:
        person.ended = True
        self._people.remove_local(person)
        self._readers.revoke(error, person=person)
        self._departures.has_left(person)
