"""Judgements of accounts: an account's person arrives, or a guest becomes an account's person.

They are pure, as those of `chatd.chat.judge` are.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..model.errors import ChatError
from ..model.events import AccountTaken, Arrived
from ..model.policy import Action, Policy
from ..model.units import NAMES, Change, Expect, Unit
from . import judge_guests
from .judge import Draft, forgotten, hold, joins, no_longer_joins
from .person import Person
from .room import Room


def arrive(policy: Policy, person: Person, rooms: Sequence[Room], account: Expect) -> Unit:
    """An account's person takes its name, and is present in those of the joined `rooms` that the
    policy lets it join.  `account` is the account's cell as it was.  Raises `NotAllowed`.
    """
    policy.may(person, Action.ENTER)
    rooms = [room for room in rooms if _may(policy, person, Action.JOIN, room)]
    draft = Draft()
    draft.changes.append(hold(person, person.name, person.key))
    for room in rooms:
        draft.arrive(person, room)
    draft.expects += (*(room.expect for room in rooms), Expect(NAMES, person.key, 0), account)
    return draft.unit()


def restore(person: Person, rooms: Sequence[Room]) -> Unit:
    """A guest whose session outlived a restart takes its name again.  That is not announced,
    because the restart was not announced as a departure.
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
    """A guest becomes the person of a new account of its name.  `account` are the changes that make
    the account, and `expects` what they rest on; what the guest was given in these `rooms` becomes
    the account's (`judge_guests.transfer_grants`).
    """
    granted = judge_guests.transfer_grants(person, rooms)
    told = [AccountTaken(room, person.name) for room in person.rooms]
    return Unit(
        (*granted.events, *told),
        (
            hold(person, person.name, person.key, named=True, account=True),
            *account,
            *(change for room in person.rooms for change in joins(person.key, person.name, room)),
            *(forgotten(person.kept) if person.kept else ()),
            *granted.changes,
        ),
        (person.expect, *expects, *granted.expects),
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
    return Unit((), no_longer_joins(person.account, room.name), (person.expect,))


def _may(policy: Policy, person: Person, action: Action, room: Room) -> bool:
    try:
        policy.may(person, action, room)
    except ChatError:
        return False
    return True
