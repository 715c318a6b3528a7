"""Judgements of what guests were given: roles, memberships, bans and mutes.

They are pure, as those of `chatd.chat.judge` are.

1. What a guest was given ends when the guest leaves the chat; the role of a room's founder, and
   the membership of a guest who was let in once, end when the guest leaves the room.
2. When the guest registers, the new account has it from then on.
3. A room that a guest created is *borrowed*: it is reset to a new room's settings when it empties.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from ..model.events import Event, RoleGiven
from ..model.restrictions import encode_restriction
from ..model.rights import Grant, Role, encode_rights
from ..model.roomstate import NEW_ROOM, RoomState
from ..model.units import ADMITTED, BANS, MUTES, ROLES, SPOKEN, Change, Unit
from .judge_members import without
from .person import Person
from .room import Room
from .rulings import NO_CHANGE


def forget_guest(room: Room, subject: str, *, here: bool) -> Unit:
    """End what a guest was given in a room: with `here` the guest has left the room, without it the
    chat.  A ban that also names the guest's address stays, for the address.
    """
    rights = room.rights
    changes: list[Change] = []
    grant = rights.roles.get(subject)
    if grant is not None and (grant.founder or not here):
        changes.append(room.given(ROLES, subject, None))
    if subject in (rights.once if here else rights.admitted):
        changes.append(room.given(ADMITTED, subject, None))
    if not here:
        for table, restrictions in ((BANS, rights.bans), (MUTES, rights.mutes)):
            for id_, one in restrictions:
                if one.who == subject and not one.address:
                    changes.append(room.given(table, id_, None))
    if not changes:
        return NO_CHANGE
    return Unit(changes=(room.rewritten(), *changes), expects=(room.expect,))


def reset(room: Room, *, kept: bool) -> Unit:
    """Reset a borrowed room that is empty: everything is as in a new room, except the topic.  With
    `kept` the store still has events of it; otherwise the room is removed.

    A members-only room stays closed as long as the store has events of it.
    """
    state, rights = room.state, room.rights
    if not state.borrowed or room.members or (state.closed and kept):
        return NO_CHANGE
    fresh = RoomState(state.topic) if kept else NEW_ROOM
    tables: dict[str, list[str]] = {
        ROLES: [*rights.roles],
        ADMITTED: [*rights.admitted],
        BANS: [id_ for id_, _ in rights.bans],
        MUTES: [id_ for id_, _ in rights.mutes],
        SPOKEN: [*rights.spoken],
    }
    changes = [room.given(table, key, None) for table, keys in tables.items() for key in keys]
    for id_, invite in rights.invites.items():
        changes += without(room, id_, invite)
    rewritten = room.rewritten(fresh)
    if fresh == NEW_ROOM and not kept:
        rewritten = rewritten._replace(value=None)
    return Unit(changes=(rewritten, *changes), expects=(room.expect,))


def transfer_grants(guest: Person, rooms: Iterable[Room]) -> Unit:
    """A guest registers: what it was given in these rooms becomes the account's, bans and mutes
    included.  The account owns the borrowed rooms that the guest created.
    """
    unit = Unit()
    for room in rooms:
        transferred = _transfer(guest, room)
        unit = replace(
            unit,
            events=(*unit.events, *transferred.events),
            changes=(*unit.changes, *transferred.changes),
            expects=(*unit.expects, *transferred.expects),
        )
    return unit


def _transfer(guest: Person, room: Room) -> Unit:
    old, new, rights, state = guest.subject, guest.key, room.rights, room.state
    changes: list[Change] = []
    events: list[Event] = []
    grant = rights.roles.get(old)
    if grant is not None:
        owns = grant.founder and state.borrowed
        if owns:
            state = replace(state, owners=state.owners + 1, borrowed=False)
            events.append(
                RoleGiven(
                    room=room.name, sender=guest.name, account=True, target=guest.name, role="owner"
                )
            )
        given = Grant(guest.name, Role.OWNER if owns else grant.role)
        changes += (
            room.given(ROLES, old, None),
            room.given(ROLES, new, encode_rights(given)),
        )
    if old in rights.admitted:
        changes += (
            room.given(ADMITTED, old, None),
            room.given(ADMITTED, new, guest.name.encode()),
        )
    for table, restrictions in ((BANS, rights.bans), (MUTES, rights.mutes)):
        for id_, one in restrictions:
            if one.who == old:
                kept = encode_restriction(replace(one, who=new))
                if id_ == old:
                    changes.append(room.given(table, id_, None))
                changes.append(room.given(table, new if id_ == old else id_, kept))
    if not changes:
        return NO_CHANGE
    return Unit(events, (room.rewritten(state), *changes), (room.expect,))
