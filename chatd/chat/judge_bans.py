"""Judgements of kicks, bans and mutes (see `chatd.chat.rulings`).

Times are in microseconds since the Unix epoch; a restriction `until` 0 never expires.
"""

from __future__ import annotations

from ipaddress import ip_network

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ..model.addresses import LOCAL
from ..model.audit import Record, recorded
from ..model.errors import ListFull, NotAllowed, NotFound, NotInRoom
from ..model.events import (
    BanLifted,
    BanPlaced,
    Departed,
    Event,
    MuteLifted,
    MutePlaced,
    PutOut,
)
from ..model.policy import Action
from ..model.restrictions import (
    MOST_IN_ROOM,
    Restriction,
    Restrictions,
    encode_restriction,
    told_moment,
)
from ..model.units import BANS, MUTES, Change, Unit
from .judge_members import leaving
from .room import Room
from .rulings import By, Target, check_not_self, check_rank, ruled


def kick(by: By, room: Room, target: Target, text: str) -> Unit:
    """Remove the target from a room, or take the room off the list of an account that is away.  The
    target may join again.  Raises `NotAllowed`, `NotFound`, `NotInRoom`.
    """
    by.policy.may(by.person, Action.KICK, room)
    check_rank(by, room, target)
    inside = target.is_in(room)
    if not (inside or target.joined):
        raise NotInRoom(f"{target.name} is not in #{room.name}")
    event = PutOut(
        room=room.name,
        sender=by.name,
        account=by.person.signed,
        target=target.name,
        text=text,
    )
    gone = Departed(room.name, target.name, text, by=by.name)
    return ruled(
        by,
        room,
        (event, *([gone] if inside else [])),
        leaving(room, target),
        by.record(room, "kick", target.name, text),
        expects=target.expects,
    )


# -- bans ----------------------------------------------------------------------------------------


def ban(by: By, room: Room, target: Target | str, id_: str, until: int, text: str) -> Unit:
    """Ban a person, an account, a name, or (a string) a network from a room, and remove the target
    from it.  The ban has the id `id_`, unless the same target is banned already.

    Raises `NotAllowed`, `NotFound`, `ListFull`.
    """
    placed = Restriction(by=by.name, since=by.now, until=until, text=text)
    if isinstance(target, str):
        by.policy.may(by.person, Action.BAN_NETWORK, room)
        check_foreign(by, target)
        placed = replace(placed, network=target)
    else:
        by.policy.may(by.person, Action.BAN, room)
        check_not_self(by, target, "ban")
        check_rank(by, room, target)
        placed = aimed(placed, target)
    bans = room.rights.bans
    same = bans.same(placed)
    if same is None and bans.full(by.now):
        raise ListFull(
            f"#{room.name} has {MOST_IN_ROOM} bans, the most there may be; lift one first"
        )
    id_ = same or id_
    events: list[Event] = [
        BanPlaced(
            room=room.name,
            sender=by.name,
            account=by.person.signed,
            target=placed.target,
            ban=id_,
            text=text,
            until=told_until(until),
        )
    ]
    changes = [room.given(BANS, id_, encode_restriction(placed))]
    if isinstance(target, Target):
        if target.is_in(room):
            events.append(Departed(room.name, target.name, text, by=by.name))
        changes += leaving(room, target)
    record = replace(by.record(room, "ban", placed.name or placed.network, text), until=until)
    expects = target.expects if isinstance(target, Target) else ()
    return ruled(by, room, events, changes, record, expects=expects)


def unban(by: By, room: Room, who: str, key: str) -> Unit:
    """Lift the ban with that id, network, or name with its key.

    Raises `NotAllowed`, `NotFound`.
    """
    by.policy.may(by.person, Action.BAN, room)
    bans = room.rights.bans
    id_ = bans.named(who, key)
    lifted = bans.get(id_) if id_ else None
    if id_ is None or lifted is None or lifted.over(by.now):
        raise NotFound(f"no ban from #{room.name} is that of {who}; look at the bans")
    event = BanLifted(
        room=room.name,
        sender=by.name,
        account=by.person.signed,
        target=lifted.target,
        ban=id_,
    )
    return ruled(
        by,
        room,
        (event,),
        (room.given(BANS, id_, None),),
        by.record(room, "unban", lifted.name or lifted.network),
    )


def check_foreign(by: By, network: str) -> None:
    """Raise `NotAllowed` if the network contains the moderator's own address."""
    own = by.person.address
    if own == LOCAL:
        return
    address, banned = ip_network(own), ip_network(network)
    if address.version == banned.version and address.overlaps(banned):
        raise NotAllowed(f"your own address is in {network}")


def aimed(restriction: Restriction, target: Target) -> Restriction:
    """The restriction with its target set: an account, a guest's session and address, or a name."""
    if not target.subject:
        return replace(restriction, name=target.name, key=target.key)
    return replace(restriction, name=target.name, who=target.subject, address=target.address)


# -- mutes ---------------------------------------------------------------------------------------


def mute(by: By, room: Room, target: Target, until: int, text: str) -> Unit:
    """Mute the target in a room.  Raises `NotAllowed`, `NotFound`, `ListFull`."""
    by.policy.may(by.person, Action.MUTE, room)
    check_not_self(by, target, "mute")
    check_rank(by, room, target)
    mutes = room.rights.mutes
    if mutes.get(target.subject) is None and mutes.full(by.now):
        most = MOST_IN_ROOM
        raise ListFull(f"{most} people are muted in #{room.name}, the most there may be; lift one")
    placed = aimed(Restriction(by=by.name, since=by.now, until=until, text=text), target)
    event = MutePlaced(
        room=room.name,
        sender=by.name,
        account=by.person.signed,
        target=target.name,
        text=text,
        until=told_until(until),
    )
    return ruled(
        by,
        room,
        (event,),
        (room.given(MUTES, target.subject, encode_restriction(placed)),),
        replace(by.record(room, "mute", target.name, text), until=until),
        expects=target.expects,
    )


def unmute(by: By, room: Room, name: str, key: str) -> Unit:
    """Lift the mute of that name, or its key.  Raises `NotAllowed`, `NotFound`."""
    by.policy.may(by.person, Action.MUTE, room)
    mutes = room.rights.mutes
    id_ = mutes.named(name, key)
    lifted = mutes.get(id_) if id_ else None
    if id_ is None or lifted is None or lifted.over(by.now):
        raise NotFound(f"{name} is not muted in #{room.name}")
    event = MuteLifted(
        room=room.name, sender=by.name, account=by.person.signed, target=lifted.target
    )
    return ruled(
        by,
        room,
        (event,),
        (room.given(MUTES, id_, None),),
        by.record(room, "unmute", lifted.target),
    )


# -- the server's --------------------------------------------------------------------------------


def ban_from_server(
    by: By, bans: Restrictions, target: Target | str, id_: str, until: int, text: str
) -> Unit:
    """Ban a person, an account, a name, or (a string) a network from the whole server.

    Raises `NotAllowed`.
    """
    by.policy.may(by.person, Action.BAN_FROM_SERVER)
    placed = Restriction(by=by.name, since=by.now, until=until, text=text)
    if isinstance(target, str):
        check_foreign(by, target)
        placed = replace(placed, network=target)
    else:
        check_not_self(by, target, "ban")
        placed = aimed(placed, target)
    id_ = bans.same(placed) or id_
    record = Record("ban", by.name, by.signed, "", placed.name or placed.network, text, until)
    return Unit(
        changes=(
            *(Change(BANS, old, None) for old in bans.run_out(by.now) if old != id_),
            Change(BANS, id_, encode_restriction(placed)),
            recorded(by.stamp, record, admin=True),
        ),
        expects=(by.person.expect,),
    )


def unban_from_server(by: By, bans: Restrictions, who: str, key: str) -> Unit:
    """Lift a ban from the server: see `unban`.  Raises `NotAllowed`, `NotFound`."""
    by.policy.may(by.person, Action.BAN_FROM_SERVER)
    id_ = bans.named(who, key)
    lifted = bans.get(id_) if id_ else None
    if id_ is None or lifted is None or lifted.over(by.now):
        raise NotFound(f"no ban from the server is that of {who}; look at the bans")
    record = Record("unban", by.name, by.signed, "", lifted.name or lifted.network)
    return Unit(
        changes=(Change(BANS, id_, None), recorded(by.stamp, record, admin=True)),
        expects=(by.person.expect,),
    )


def told_until(until: int) -> str | UnsetType:
    """A time of expiry as events have it: RFC 3339, in UTC; unset if there is none."""
    return told_moment(until) if until else UNSET
