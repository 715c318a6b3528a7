"""Rulings: what the judgements of moderators' commands have in common.

These functions are pure, as those of `chatd.chat.judge` are.

1. Every ruling rewrites the room's cell, whose version is the *revision* of the room's settings,
   roles, bans, mutes and members, and expects the revision that it was judged by.  So of two
   rulings that rest on the same revision one is judged again, and no message is stored after a ban
   by which it was not judged.
2. Every ruling adds a record to the audit trail (`chatd.model.audit`).
3. A ruling that creates a room gives it its first owner, as any other event does.
4. A moderator cannot act on a person with a higher role.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from msgspec.structs import replace

from ..model.addresses import LOCAL, Address, is_public
from ..model.audit import Record, recorded
from ..model.errors import NotAllowed
from ..model.events import Event
from ..model.policy import Policy
from ..model.rights import Role
from ..model.roomstate import RoomState
from ..model.units import ADMITTED, BANS, MUTES, Change, Expect, Unit
from .elsewhere import Elsewhere
from .person import Person
from .room import Room

GUARDING = (BANS, MUTES, ADMITTED)
"""Tables that restrict a room: if one cannot be read, the room is not readable."""
_serial = count(1)
NO_CHANGE = Unit()
"""The unit of a command that changes nothing."""


def new_stamp(now: int) -> str:
    """A new key of a record: keys sort by time, and are unique even if the clock stands still."""
    return f"{now:016x}-{next(_serial):08x}-{secrets.token_hex(4)}"


class By(NamedTuple):
    """The moderator, time and policy of a ruling."""

    person: Person
    policy: Policy
    now: int
    """Microseconds since the Unix epoch."""
    stamp: str
    """The key of its record in the audit trail."""

    @property
    def name(self) -> str:
        """The moderator's name, as it is shown."""
        return self.person.name

    @property
    def signed(self) -> bool:
        """Whether the moderator is signed in to an account; the console is not."""
        return self.person.account is not None

    def record(self, room: Room, action: str, target: str = "", text: str = "") -> Record:
        """The record of a ruling in a room, for the audit trail."""
        return Record(action, self.person.name, self.signed, room.name, target, text)


class Target(NamedTuple):
    """The target of a ruling: a person who is present, an account, or a name that is free."""

    name: str
    """The name as it is shown."""
    key: str
    """The name's key."""
    subject: str = ""
    """See `chatd.model.identity.subject_of`; empty for a name that is free."""
    account: bool = False
    admin: bool = False
    person: Person | Elsewhere | None = None
    """The holder of the name, if present."""
    joined: bool = False
    """Whether it is an account that is away, and joined to the room."""
    shared: bool = False
    """Whether the person's address is that of a proxy."""

    @property
    def address(self) -> Address:
        """The guest's address, if it identifies the guest: a public one that is no proxy's.  Any
        other may be shared by all users of a proxy.  Empty: there is none.
        """
        if self.shared:
            return Address("")
        address = LOCAL if self.account or self.person is None else self.person.address
        return address if address != LOCAL and is_public(address) else Address("")

    @property
    def expects(self) -> Sequence[Expect]:
        """The expectation of a ruling: that its target still holds the name."""
        return () if self.person is None else (self.person.expect,)

    def is_in(self, room: Room) -> bool:
        """Whether the person is in a room."""
        return self.person is not None and self.key in room.members


def guards(change: Change) -> bool:
    """Whether a change adds a ban, a mute or a membership."""
    return change.value is not None and change.table.partition(":")[0] in GUARDING


def rank(person: Person, room: Room) -> Role:
    """The highest role on which a person may act in a room."""
    if person.admin or (room.unfounded and room.holds(person)):
        return Role.OWNER
    return room.rights.power(person.subject)


def check_rank(by: By, room: Room, target: Target) -> None:
    """Raise `NotAllowed` if the target's role in the room is higher than the moderator's."""
    theirs = Role.OWNER if target.admin else room.rights.role(target.subject)
    if theirs > rank(by.person, room):
        raise NotAllowed(
            f"{target.name} is {theirs.word} of #{room.name}; only an owner acts on that role"
        )


def check_not_self(by: By, target: Target, what: str) -> None:
    """Raise `NotAllowed` if the target is the moderator."""
    if target.key == by.person.key or (target.subject and target.subject == by.person.subject):
        raise NotAllowed(f"you cannot {what} yourself")


def ruled(
    by: By,
    room: Room,
    events: Sequence[Event],
    changes: Sequence[Change],
    record: Record,
    *,
    state: RoomState | None = None,
    expects: Sequence[Expect] = (),
) -> Unit:
    """The unit of a ruling; `state` are the room's new settings, if they change."""
    begun, founding = room.begun(by.person)
    rights = room.rights
    state = begun if state is None else state
    if not state.guarded and any(map(guards, changes)):
        state = replace(state, guarded=True)
    return Unit(
        events,
        (
            room.rewritten(state),
            *founding,
            *(room.given(BANS, id_, None) for id_ in rights.bans.run_out(by.now)),
            *(room.given(MUTES, id_, None) for id_ in rights.mutes.run_out(by.now)),
            *changes,
            recorded(by.stamp, record, admin=by.person.admin),
        ),
        (room.expect, by.person.expect, *expects),
    )
