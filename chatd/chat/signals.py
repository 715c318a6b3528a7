"""Signals: what is passed on and kept nowhere: that somebody types, is away, or changed a card.

They take ids and their place in the order like events; on a room's stream they come with its
presence, and those to one person go to that person's IRC clients only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from ..model.events import AwayChanged, CardChanged, Event, PresenceEvent, Signalled, Typing
from ..model.names import clean_room
from ..model.policy import Action
from ..model.units import Unit
from . import judge_messages
from .card import Card
from .core import Core
from .journal import Outcome
from .judge import hold
from .person import Person


class _Changing:
    """The changes of one person's card that are not yet stored or refused."""

    __slots__ = ("count", "stored")

    def __init__(self, stored: Card) -> None:
        self.stored = stored
        """The card that was stored last."""
        self.count = 0


class Signals:
    """Passes signals on."""

    def __init__(self, core: Core, *, shared: bool = False) -> None:
        """With `shared` there may be other nodes, which know cards by the cells of the names."""
        self._shared = shared
        self._journal = core.journal
        self._people = core.people
        self._rooms = core.rooms
        self._readers = core.readers
        self._admission = core.admission
        self._changing: dict[Person, _Changing] = {}

    def typing(self, person: Person, room: str, state: str) -> Outcome:
        """A person types in a room, or has stopped.

        Raises or fails with `NotInRoom`, `NotAllowed`, `RateLimited`.
        """
        name = clean_room(room)
        self._admission.spend(person)

        def typing(found: object) -> Outcome:
            there = self._rooms.live(name)
            assert there is not None

            def judged() -> Unit:
                judge_messages.check_speaking(self._readers.policy, person, there)
                return Unit((Typing(name, person.name, state),), (), (person.expect,))

            return self._journal.submit(judged, found)

        return self._rooms.load(name).addCallback(typing)

    def tell(self, person: Person, to: str, kind: str, text: str) -> Outcome:
        """Pass something on to the IRC clients of another person: `kind` is the command there.

        Raises or fails with `NoSuchPerson`, `NotAllowed`, `RateLimited`.
        """
        holder = self._people.person(to)
        self._admission.spend(person)

        def judged() -> Unit:
            self._readers.policy.may(person, Action.WRITE_PRIVATELY)
            told = self._people.current(holder)
            event = Signalled(person.name, told.name, kind, text)
            return Unit((event,), (), (told.expect, person.expect))

        return self._journal.submit(judged, person)

    def away(self, person: Person, text: str, *, counted: bool = True) -> Outcome:
        """A person is away, or with an empty text is back.

        Raises `RateLimited`, unless `counted` is false: the person did not ask for it, but one of
        its sessions began or ended.
        """
        if person.card.away == text:
            return succeed(None)
        if counted:
            self._admission.spend(person)
        card = replace(person.card, away=text)
        return self._change(person, card, lambda room: AwayChanged(room, person.name, text))

    def describe(self, person: Person, realname: str, *, counted: bool = True) -> Outcome:
        """A person has another real name.  Raises `RateLimited` unless `counted` is false, as
        `away` does.
        """
        if counted:
            self._admission.spend(person)
        card = replace(person.card, realname=realname)
        return self._change(person, card, lambda room: CardChanged(room, person.name, realname))

    def restate(self, person: Person, card: Card, *, counted: bool = True) -> Outcome:
        """A person has another card.  Clients see it when they ask for it; the server sends them no
        event.  Raises `RateLimited` unless `counted` is false, as `away` does.
        """
        if counted:
            self._admission.spend(person)
        return self._change(person, card, None)

    def _change(
        self, person: Person, card: Card, make: Callable[[str], PresenceEvent] | None
    ) -> Outcome:
        changing = self._changing.setdefault(person, _Changing(person.card))
        changing.count += 1
        person.card = card

        def judged() -> Unit:
            events: list[Event] = [make(room) for room in person.rooms] if make else []
            changes = [hold(person, person.name, person.key, card=card)] if self._shared else []
            return Unit(events, changes, (person.expect,))

        def stored(id_: int | None) -> int | None:
            if person.card is changing.stored:
                person.card = card  # a later change was refused first
            changing.stored = card
            return id_

        def refused(failure: Failure) -> Failure:
            if person.card is card:
                person.card = changing.stored  # so that the person may ask for the same again
            return failure

        def over(result: Any) -> Any:
            changing.count -= 1
            if not changing.count:
                del self._changing[person]
            return result

        changed: Deferred[Any] = self._journal.submit(judged, person)
        return changed.addCallbacks(stored, refused).addBoth(over)
