"""Judgements of what ends when guests have left (see `chatd.chat.rulings`).

What a guest was given belongs to its session.  A room that a guest brought into being is reset when
it empties.
"""

from __future__ import annotations

from ..model.roomstate import NEW_ROOM, RoomState
from ..model.units import ADMITTED, BANS, MUTES, ROLES, SPOKEN, Change, Unit
from .judge_members import without
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
