"""Judgements of what guests were given: it ends when they have left (see `chatd.chat.rulings`), and
becomes an account's when they register.

What a guest was given belongs to its session.  A room that a guest brought into being is reset when
it empties.
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
from .rulings import NOTHING


def forget_guest(room: Room, subject: str, *, here: bool) -> Unit:
    """A guest has left the room, or with `here` false the chat: what the guest was given ends.  Of
    a ban the part that is the address's stays.
    """
    rights = room.rights
    changes: list[Change] = []
    grant = rights.roles.get(subject)
    if grant is not None and (grant.founder or not here):
        changes.append(room.given(ROLES, subject, None))
    if not here:
        if subject in rights.admitted:
            changes.append(room.given(ADMITTED, subject, None))
        for table, restrictions in ((BANS, rights.bans), (MUTES, rights.mutes)):
            for id_, one in restrictions:
                if one.who == subject and not one.address:
                    changes.append(room.given(table, id_, None))
    if not changes:
        return NOTHING
    return Unit(changes=(room.rewritten(), *changes), expects=(room.expect,))


def reset(room: Room, *, kept: bool) -> Unit:
    """A room that a guest brought into being is empty: its settings are those of a new room, but
    for the topic.  Unless something of it is kept, it is gone.

    A room for members only stays closed while anything is kept of what was said there.
    """
    state, rights = room.state, room.rights
    if not state.borrowed or room.members or (state.closed and kept):
        return NOTHING
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


def registered(guest: Person, rooms: Iterable[Room]) -> Unit:
    """A guest becomes the person of an account of its name: what it was given in these rooms is the
    account's from here on, bans and mutes too; a room that it brought into being is its own.
    """
    unit = Unit()
    for room in rooms:
        passed_on = _passed_on(guest, room)
        unit = unit._replace(
            events=(*unit.events, *passed_on.events),
            changes=(*unit.changes, *passed_on.changes),
            expects=(*unit.expects, *passed_on.expects),
        )
    return unit


def _passed_on(guest: Person, room: Room) -> Unit:
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
        return NOTHING
    return Unit(events, (room.rewritten(state), *changes), (room.expect,))
