"""Judgements of a room's members and invites (see `chatd.chat.rulings`)."""

from __future__ import annotations

from msgspec.structs import replace

from ..model.bounds import INVITE
from ..model.errors import Banned, LastOwner, ListFull, NotFound, Unavailable
from ..model.events import Departed, Event, InvitedIn, PutOut, RoleGiven
from ..model.identity import Stranger
from ..model.policy import Action
from ..model.rights import (
    MOST_INVITES,
    Invite,
    Invited,
    Role,
    encode_member,
    encode_rights,
)
from ..model.units import (
    ADMITTED,
    INVITES,
    ROLES,
    Change,
    Expect,
    Unit,
    room_table,
)
from .judge import no_longer_joins
from .person import Person
from .room import Room
from .rulings import NO_CHANGE, By, Target, check_rank, ruled

NO_INVITE = INVITE.message
"""The one refusal of a code that cannot be used."""


def admit(by: By, room: Room, target: Target, *, once: bool) -> Unit:
    """Make the target a member, a guest with `once` only until it leaves the room.

    Raises `NotAllowed`, `NotFound`, `Banned`.
    """
    by.policy.may(by.person, Action.ADMIT, room)
    rights, once = room.rights, once and not target.account
    if target.subject in rights.admitted and (once or target.subject not in rights.once):
        return NO_CHANGE
    return ruled(
        by,
        room,
        (_invited(room, by.person, target.name),),
        (room.given(ADMITTED, target.subject, encode_member(target.name, once=once)),),
        by.record(room, "invite", target.name),
        expects=target.expects,
    )


def dismiss(by: By, room: Room, target: Target) -> Unit:
    """Take the target's membership and role; from a members-only room it is also removed.

    Raises `NotAllowed`, `NotFound`, `Banned`, `LastOwner`.
    """
    by.policy.may(by.person, Action.ADMIT, room)
    check_rank(by, room, target)
    rights, state = room.rights, room.state
    role = rights.role(target.subject)
    if not (target.subject in rights.admitted or role):
        return NO_CHANGE
    if role is Role.OWNER and state.owners <= 1:
        raise LastOwner(f"{target.name} is the only owner of #{room.name}; make another one first")
    closed = state.closed
    inside = target.is_in(room)
    events: list[Event] = []
    if closed:
        put_out = PutOut(
            room=room.name, sender=by.name, account=by.person.signed, target=target.name
        )
        gone = Departed(room.name, target.name, by=by.name)
        events = [put_out, *([gone] if inside else [])]
    changes = [
        room.given(ADMITTED, target.subject, None),
        room.given(ROLES, target.subject, None),
        *(leaving(room, target) if closed else ()),
    ]
    return ruled(
        by,
        room,
        events,
        changes,
        by.record(room, "dismiss", target.name),
        state=replace(state, owners=state.owners - (role is Role.OWNER)),
        expects=target.expects,
    )


def forget(room: Room, account: str, by: str) -> Unit:
    """Take the role and the membership of a deleted account, which `by` has deleted.  A room may be
    left without an owner by that.

    Raises `Unavailable` if the room could not be read.
    """
    if not room.readable:
        raise Unavailable(f"who may do what in #{room.name} cannot be read now")
    rights, state = room.rights, room.state
    role = rights.role(account)
    if not (role or account in rights.admitted):
        return NO_CHANGE
    events = []
    if role:
        name = rights.roles[account].name
        event = RoleGiven(room=room.name, sender=by or name, account=True, target=name, role=None)
        events.append(event)
    owners = max(state.owners - (role is Role.OWNER), 0)
    return Unit(
        events,
        (
            room.rewritten(replace(state, owners=owners)),
            room.given(ROLES, account, None),
            room.given(ADMITTED, account, None),
        ),
        (room.expect,),
    )


def leaving(room: Room, target: Target) -> list[Change]:
    """The changes that take the target out of a room, and off its account's list of rooms."""
    changes = []
    if target.is_in(room):
        changes.append(room.member(target.key, None))
    if target.account:
        changes += no_longer_joins(target.subject, room.name)
    return changes


def make_invite(by: By, room: Room, id_: str, invite: Invite) -> Unit:
    """Make a link by which accounts become members.

    Raises `NotAllowed`, `NotFound`, `Banned`, `ListFull`.
    """
    by.policy.may(by.person, Action.INVITE, room)
    if len(usable_invites(room, by.now)) >= MOST_INVITES:
        raise ListFull(
            f"#{room.name} has {MOST_INVITES} invites, the most there may be; revoke one first"
        )
    return ruled(
        by,
        room,
        (),
        (
            room.given(INVITES, id_, encode_rights(invite)),
            Change(INVITES, invite.hash, encode_rights(Invited(room.name, id_))),
            *_run_out(room, by.now),
        ),
        by.record(room, "invite-link", id_),
    )


def usable_invites(room: Room, now: int) -> list[tuple[str, Invite]]:
    """The invites of a room that have not run out, with their ids; the first to run out first."""
    usable = [(id_, invite) for id_, invite in room.rights.invites.items() if invite.until > now]
    return sorted(usable, key=lambda item: item[1].until)


def revoke_invite(by: By, room: Room, id_: str) -> Unit:
    """Revoke a link.  Raises `NotAllowed`, `NotFound`, `Banned`."""
    by.policy.may(by.person, Action.INVITE, room)
    invite = room.rights.invites.get(id_)
    if invite is None:
        raise NotFound(f"#{room.name} has no invite of that id")
    return ruled(by, room, (), without(room, id_, invite), by.record(room, "uninvite-link", id_))


def use_invite(person: Person, room: Room, id_: str, now: int) -> Unit:
    """Make an account a member by a link, which loses one use; it loses none if the account is a
    member already.

    Raises `NotFound`, `NotAllowed`, `Banned`.
    """
    subject = person.subject
    rights = room.rights
    invite = rights.invites.get(id_)
    if invite is None or invite.until <= now or person.account is None:
        raise NotFound(NO_INVITE)
    if (ban := rights.bans.hitting(person, now)) is not None:
        raise Banned(ban.explained(f"you are banned from #{room.name}"))
    if subject in rights.admitted or rights.power(subject):
        return NO_CHANGE
    changes, expects = spent_invite(room, id_, invite)
    return Unit(
        (InvitedIn(room=room.name, sender=invite.by, account=True, target=person.name),),
        (room.rewritten(), room.given(ADMITTED, subject, person.name.encode()), *changes),
        (room.expect, person.expect, *expects),
    )


def register_by_invite(room: Room, id_: str, key: str, name: str, now: int) -> Unit:
    """Make a new account a member by a link, which loses one use.

    Raises `NotFound`, `Banned`.
    """
    invite = room.rights.invites.get(id_)
    if invite is None or invite.until <= now:
        raise NotFound(NO_INVITE)
    newcomer = Stranger(name=name, named=True, key=key, account=key)
    if (ban := room.rights.bans.hitting(newcomer, now)) is not None:
        raise Banned(ban.explained(f"you are banned from #{room.name}"))
    changes, expects = spent_invite(room, id_, invite)
    return Unit(
        (InvitedIn(room=room.name, sender=invite.by, account=True, target=name),),
        (room.rewritten(), room.given(ADMITTED, key, name.encode()), *changes),
        (room.expect, *expects),
    )


def spent_invite(room: Room, id_: str, invite: Invite) -> tuple[list[Change], list[Expect]]:
    """The changes of one use of a link, and what they rest on."""
    expects = [
        Expect(room_table(INVITES, room.name), id_, room.rights.versions[id_]),
    ]
    if invite.uses > 1:
        left = replace(invite, uses=invite.uses - 1)
        return [room.given(INVITES, id_, encode_rights(left))], expects
    return without(room, id_, invite), expects


def without(room: Room, id_: str, invite: Invite) -> list[Change]:
    """The changes that delete an invite: its cell in the room, and the cell of its code's hash."""
    return [room.given(INVITES, id_, None), Change(INVITES, invite.hash, None)]


def _run_out(room: Room, now: int) -> list[Change]:
    return [
        change
        for id_, invite in room.rights.invites.items()
        if invite.until <= now
        for change in without(room, id_, invite)
    ]


def _invited(room: Room, by: Person, name: str) -> InvitedIn:
    return InvitedIn(room=room.name, sender=by.name, account=by.signed, target=name)
