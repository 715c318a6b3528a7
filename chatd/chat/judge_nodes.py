"""Judgements of persons whose node, or whose name, was lost; see `chatd.chat.judge`."""

from __future__ import annotations

from collections.abc import Iterable

from ..model.events import Arrived
from ..model.policy import Action, Policy
from ..model.units import NAMES, Change, Expect, Unit
from .elsewhere import Elsewhere
from .judge import Draft, hold, kept
from .person import Person
from .room import Room


def stay_free(key: str) -> Unit:
    """Keep the name with that key free: an earlier unit that takes it, and is in doubt, becomes
    stale.
    """
    return Unit((), (Change(NAMES, key, None),), (Expect(NAMES, key, 0),))


def release(person: Elsewhere, rooms: Iterable[Room], *, announce: bool) -> Unit:
    """A person of a node that is gone leaves these rooms, and its name becomes free.  With
    `announce` the rooms' histories have that.
    """
    draft = Draft()
    for room in rooms:
        draft.depart(person, room, "", quit=True, announce=announce)
    draft.changes.append(Change(NAMES, person.key, None))
    draft.expects.append(person.expect)
    return draft.unit()


def claim_again(policy: Policy, person: Person) -> Unit:
    """A person whose name was lost takes it again, in the same rooms.  Raises `NotAllowed`."""
    policy.may(person, Action.ENTER)
    draft = Draft()
    draft.changes.append(hold(person, person.name, person.key))
    draft.expects.append(Expect(NAMES, person.key, 0))
    for room in person.rooms.values():
        draft.events.append(Arrived(room.name, person.name, person.signed))
        draft.changes.append(room.member(person.key, person.name))
    if person.kept:
        draft.changes.append(kept(person, person.rooms))
    return draft.unit()
