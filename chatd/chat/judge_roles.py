"""Judgements of a room's settings and roles (see `chatd.chat.rulings`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ..model.errors import LastOwner, Malformed, NotAllowed
from ..model.events import RoleGiven, RoleName, SettingsChanged
from ..model.moderation import Configure
from ..model.policy import Action
from ..model.rights import ROLE_NAMES, Grant, Role, encode_rights
from ..model.roomstate import ACCESS, MAX_SLOW, POSTING, TOPIC_BY
from ..model.units import ADMITTED, ROLES, Unit
from .room import Room
from .rulings import NO_CHANGE, By, Target, check_rank, ruled

_BY_OPS = ("slow", "topic_by")
"""Settings that an op may change; the others are an owner's."""
_WORDS = {"access": ACCESS, "posting": POSTING, "topic_by": TOPIC_BY}


def configure(by: By, room: Room, asked: Configure, names: Mapping[str, str]) -> Unit:
    """Change settings of a room.  `names` are the accounts that have joined it, by key: they, and
    the person who changes the settings, become members if the room becomes members-only.

    Raises `NotAllowed`, `NotFound`, `Banned`, `Malformed`.
    """
    wanted = {
        "access": asked.access,
        "posting": asked.posting,
        "topic_by": asked.topic,
        "listed": asked.listed,
        "outside": asked.outside,
        "slow": asked.slow,
    }
    before, _ = room.begun(by.person)
    changed: dict[str, Any] = {
        field: value
        for field, value in wanted.items()
        if value is not None and value != getattr(before, field)
    }
    by_ops = all(value is None for field, value in wanted.items() if field not in _BY_OPS)
    by.policy.may(by.person, Action.SLOW_DOWN if by_ops else Action.CONFIGURE, room)
    for field, value in changed.items():
        _check_setting(field, value)
    if not changed:
        return NO_CHANGE
    state = replace(before, **changed)
    changes = []
    if changed.get("access") == "members":
        members = dict(names)
        if by.person.subject:
            members[by.person.subject] = by.person.name
        changes = [
            room.given(ADMITTED, key, name.encode())
            for key, name in members.items()
            if key not in room.rights.admitted
        ]
    shown: dict[str, Any] = {
        "topic" if field == "topic_by" else field: value for field, value in changed.items()
    }
    event = SettingsChanged(room=room.name, sender=by.name, account=by.person.signed, **shown)
    words = ", ".join(f"{field}: {value}" for field, value in shown.items())
    return ruled(by, room, (event,), changes, by.record(room, "settings", text=words), state=state)


def _check_setting(field: str, value: object) -> None:
    words = _WORDS.get(field)
    if words and value not in words:
        shown = "topic" if field == "topic_by" else field
        raise Malformed(f"{shown} is one of {', '.join(words)}")
    if field == "slow" and not (isinstance(value, int) and 0 <= value <= MAX_SLOW):
        raise Malformed(f"slow is a number of seconds from 0 to {MAX_SLOW}")


def give_role(by: By, room: Room, target: Target, word: str | None) -> Unit:
    """Give the target the role `word`, or with None take its role.

    Raises `NotAllowed`, `NotFound`, `Banned`, `Malformed`, `LastOwner`.
    """
    if word is not None and word not in ROLE_NAMES:
        raise Malformed(f"a role is one of {', '.join(reversed(ROLE_NAMES))}, or null for none")
    role = ROLE_NAMES[word] if word else Role.NONE
    rights = room.rights
    before = rights.role(target.subject)
    small = role <= Role.VOICE and rights.power(target.subject) <= Role.VOICE
    stepping_down = target.subject == by.person.subject and role < before
    action = Action.READ if stepping_down else Action.GIVE_VOICE if small else Action.GIVE_ROLE
    by.policy.may(by.person, action, room)
    if not stepping_down:
        check_rank(by, room, target)
    if role is Role.OWNER and not target.account:
        raise NotAllowed(f"{target.name} has no account, and only accounts own rooms")
    state, _ = room.begun(by.person)
    if before is Role.OWNER and role is not Role.OWNER and state.owners <= 1:
        raise LastOwner(f"{target.name} is the only owner of #{room.name}; make another one first")
    if role is before:
        return NO_CHANGE
    owners = state.owners + (role is Role.OWNER) - (before is Role.OWNER)
    borrowed = state.borrowed and role is not Role.OWNER
    value = encode_rights(Grant(target.name, role)) if role else None
    given: RoleName | None = word  # type: ignore[assignment]  # it is one of ROLE_NAMES
    event = RoleGiven(
        room=room.name,
        sender=by.name,
        account=by.person.signed,
        target=target.name,
        role=given,
    )
    return ruled(
        by,
        room,
        (event,),
        (room.given(ROLES, target.subject, value),),
        by.record(room, "role", target.name, word or "none"),
        state=replace(state, owners=owners, borrowed=borrowed),
        expects=target.expects,
    )
