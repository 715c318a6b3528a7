"""Judgements of messages: what a person says in a room, its topic, and private messages.

They are pure, as those of `chatd.chat.judge` are.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ..model.errors import NotInRoom
from ..model.events import Acted, Said, Told, TopicSet
from ..model.policy import Action, Policy, speaker_of
from ..model.restrictions import MICROS
from ..model.units import SPOKEN, TOLD, Change, Expect, Unit, room_table
from .elsewhere import Elsewhere
from .person import Person
from .room import Room


def speak(
    policy: Policy,
    person: Person,
    room: Room,
    event: Callable[..., Said | Acted],
    text: str,
    key: bytes | None = None,
    *,
    outside: bool = False,
) -> Unit:
    """A message in a room, made by `event` of room, sender, text, and whether the sender is signed
    in; `key` is its request key.  With `outside`, the sender need not be in the room, which has to
    exist.

    Raises `NotAllowed`, `NotInRoom`.
    """
    check_speaking(policy, person, room, outside=outside)
    said = event(room.name, person.name, text, person.signed)
    founding = room.founding and room.founded_by(person)
    unit = Unit((said,), founding, (room.expect, person.expect), key)
    return _slowed(unit, person, room) if room.state.slow else unit


def check_speaking(policy: Policy, person: Person, room: Room, *, outside: bool = False) -> None:
    """Raises `NotAllowed`, `NotInRoom` if the person may not speak in the room; `outside` as for
    `speak`.
    """
    policy.may(person, Action.SPEAK, room)
    if not outside:
        _need_membership(person, room)
    elif room.unfounded and not _is_inside(person, room):
        raise NotInRoom(f"there is no room #{room.name}; join it to begin it")


def set_topic(
    policy: Policy, person: Person, room: Room, text: str, key: bytes | None = None
) -> Unit:
    """A room's new topic; `key` is the request key.  Raises `NotAllowed`, `NotInRoom`."""
    policy.may(person, Action.SET_TOPIC, room)
    _need_membership(person, room)
    state, changes = room.begun(person)
    event = TopicSet(room.name, person.name, text, person.signed)
    changes = (room.rewritten(state.with_topic(text)), *changes)
    return Unit((event,), changes, (room.expect, person.expect), key)


def tell(
    policy: Policy,
    person: Person,
    to: Person | Elsewhere,
    text: str,
    key: bytes | None = None,
    *,
    notice: bool | UnsetType = UNSET,
) -> Unit:
    """A private message to the person `to`; `key` is its request key.  Raises `NotAllowed`.

    The store does not keep the message.  It keeps each guest's id of the last one (`TOLD`), so that
    after a restart the server can tell the guest of a gap.
    """
    policy.may(person, Action.WRITE_PRIVATELY)
    told = Told(person.name, to.name, text, person.signed, notice=notice)
    guests = {one.kept for one in (person, to) if one.kept}
    changes = [Change(TOLD, kept, b"") for kept in sorted(guests)]
    return Unit((told,), changes, (to.expect, person.expect), key)


def _slowed(unit: Unit, person: Person, room: Room) -> Unit:
    """The unit of a message in a room with slow mode: it also writes the cell that says when its
    sender last spoke, and expects that cell unchanged.  Moderators are exempt.

    Each unit deletes at most two cells of senders whose wait is over.
    """
    rights = room.rights
    if person.admin or rights.power(person.subject):
        return unit
    key = speaker_of(person)
    over = room.log.last - room.state.slow * MICROS
    expired = [
        other for other, last in islice(rights.spoken.items(), 2) if last < over and other != key
    ]
    return replace(
        unit,
        changes=(
            *unit.changes,
            room.given(SPOKEN, key, b""),
            *(room.given(SPOKEN, other, None) for other in expired),
        ),
        expects=(
            *unit.expects,
            Expect(room_table(SPOKEN, room.name), key, rights.spoken.get(key, 0)),
        ),
    )


def _is_inside(person: Person, room: Room) -> bool:
    """Whether the person is in the room, or need not be: a visitor is in none."""
    return person.visiting or room.name in person.rooms


def _need_membership(person: Person, room: Room) -> None:
    if not _is_inside(person, room):
        raise NotInRoom(f"you are not in #{room.name}; join it first")
