"""Judgements of accounts: a person is present as an account, or becomes one.

They are pure, as those of `chatd.chat.judge` are.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.errors import ChatError
from ..model.events import Arrived
from ..model.identity import Holder, encode_holder
from ..model.policy import Action, Policy
from ..model.units import GUESTS, NAMES, Change, Expect, Unit
from . import judge_guests
from .judge import Draft, hold, joins, joins_no_more
from .person import Person
from .room import Room


def arrive(policy: Policy, person: Person, rooms: Sequence[Room], account: Expect) -> Unit:
    """The first session of an account begins: its person takes the name, and is present in the
    `rooms` that it has joined, as far as it may.  Raises `NotAllowed`.
    """
    policy.may(person, Action.ENTER)
    rooms = [room for room in rooms if _may(policy, person, Action.JOIN, room)]
    draft = Draft()
    draft.changes.append(hold(person, person.name, person.key))
    for room in rooms:
        draft.arrive(person, room)
    draft.expects += (*(room.expect for room in rooms), Expect(NAMES, person.key, 0), account)
    return draft.unit()


def come_back(person: Person, rooms: Sequence[Room]) -> Unit:
    """A guest whose session has outlived a restart holds the name again; that is not announced, as
    its going was not.
    """
    return Unit(
        [Arrived(room.name, person.name) for room in rooms],
        (
            hold(person, person.name, person.key),
            *(room.member(person.key, person.name) for room in rooms),
        ),
        (Expect(NAMES, person.key, 0),),
    )


def become(
    person: Person, account: Sequence[Change], expects: Sequence[Expect], rooms: Sequence[Room] = ()
) -> Unit:
    """A guest's name becomes an account's, which the changes `account` make: the guest is its
    person from here on, and has as the account what it was given in these rooms.
    """
    held = encode_holder(Holder(person.id, person.name, True, True))
    kept = judge_guests.registered(person, rooms)
    return Unit(
        kept.events,
        (
            Change(NAMES, person.key, held),
            *account,
            *(change for room in person.rooms for change in joins(person.key, person.name, room)),
            *([Change(GUESTS, person.kept, None)] if person.kept else []),
            *kept.changes,
        ),
        (person.expect, *expects, *kept.expects),
    )


def join(person: Person, policy: Policy, room: Room) -> Unit:
    """An account that is not present joins a room.  Raises `NotAllowed`."""
    policy.may(person, Action.JOIN, room)
    assert person.account is not None
    changes = joins(person.account, person.name, room.name)
    return Unit((), changes, (room.expect, person.expect))


def leave(person: Person, policy: Policy, room: Room) -> Unit:
    """An account that is not present leaves a room."""
    assert person.account is not None
    return Unit((), joins_no_more(person.account, room.name), (person.expect,))


def _may(policy: Policy, person: Person, action: Action, room: Room) -> bool:
    try:
        policy.may(person, action, room)
    except ChatError:
        return False
    return True
