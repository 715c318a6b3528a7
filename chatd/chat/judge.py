"""Judgements: a command and the state it is judged by become a unit.

1. These functions are pure: they look at persons and rooms as they were last shown, change nothing,
   and may be called again for the same command when their unit was stale.
2. A judgement asks the policy, and raises a `ChatError` when the command is refused.
3. A unit expects every cell that its judgement rests on: the room's settings, and that its person
   still holds the name.  Joining and leaving do not rewrite a room's settings, so they make no
   message stale.
4. An event that brings a room into being writes the room's cell too (`Room.founding`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..model.errors import NotInRoom
from ..model.events import (
    Acted,
    Arrived,
    Departed,
    Event,
    Joined,
    Left,
    NameChanged,
    Renamed,
    RoomEvent,
    Said,
    Told,
    TopicSet,
)
from ..model.identity import Holder, encode_holder
from ..model.policy import Action, Policy
from ..model.roomstate import encode_state
from ..model.units import MEMBERS, NAMES, ROOMS, Change, Expect, Unit, room_table
from .people import Elsewhere
from .person import Person
from .room import Room

CROWD = 100
"""People present above which joins and leaves are summed up instead of announced one by one."""


def crowded(room: Room, coming: int = 0) -> bool:
    """Whether joins and leaves in the room are summed up, with so many `coming` in."""
    return len(room.names) + coming > CROWD


def announced(person: Person, room: Room, coming: int = 0) -> bool:
    """Whether the room's history has the person's coming or going as an event of its own."""
    return person.named and not crowded(room, coming)


def speak(
    policy: Policy,
    person: Person,
    room: Room,
    event: type[Said | Acted],
    text: str,
    key: bytes | None = None,
) -> Unit:
    """A message in a room, with a request key.  Raises `NotAllowed`, `NotInRoom`."""
    policy.may(person, Action.SPEAK, room)
    _need_membership(person, room)
    said = event(room.name, person.name, text)
    return Unit((said,), room.founding, (room.expect, person.expect), key)


def set_topic(
    policy: Policy, person: Person, room: Room, text: str, key: bytes | None = None
) -> Unit:
    """A new topic, with a request key.  Raises `NotAllowed`, `NotInRoom`."""
    policy.may(person, Action.SET_TOPIC, room)
    _need_membership(person, room)
    changed = Change(ROOMS, room.name, encode_state(room.state.with_topic(text)))
    event = TopicSet(room.name, person.name, text)
    return Unit((event,), (changed,), (room.expect, person.expect), key)


def tell(
    policy: Policy, person: Person, to: Person | Elsewhere, text: str, key: bytes | None = None
) -> Unit:
    """A private message to the person who holds the name `to`, with a request key.

    Raises `NotAllowed`.
    """
    policy.may(person, Action.WRITE_PRIVATELY)
    return Unit((Told(person.name, to.name, text),), (), (to.expect, person.expect), key)


def enter(policy: Policy, person: Person, room: Room) -> Unit:
    """A person takes a name that is free, and comes into the first room.  Raises `NotAllowed`."""
    policy.may(person, Action.ENTER)
    founded = _founded([room] if announced(person, room, 1) else [])
    return Unit(
        _arrival(person, room),
        (*founded.changes, _hold(person, person.name, person.key), _comes(person, room)),
        (*founded.expects, Expect(NAMES, person.key, 0)),
    )


def join(policy: Policy, person: Person, room: Room) -> Unit:
    """A person comes into a room.  Raises `NotAllowed`."""
    policy.may(person, Action.JOIN, room)
    founding = room.founding if announced(person, room, 1) else ()
    absent = Expect(room_table(MEMBERS, room.name), person.key, 0)
    return Unit(
        _arrival(person, room),
        (*founding, _comes(person, room)),
        (room.expect, person.expect, absent),
    )


def leave(person: Person, room: Room, text: str) -> Unit:
    """A person leaves a room: nothing can forbid that."""
    founded = _founded([room] if announced(person, room) else [])
    return Unit(
        [*_departure(person, room, text, quit=False)],
        (*founded.changes, room.member(person.key, None)),
        (*founded.expects, person.expect),
    )


def end(person: Person, text: str) -> Unit:
    """A person leaves every room, and the name is free again."""
    rooms = list(person.rooms.values())
    founded = _founded([room for room in rooms if announced(person, room)])
    return Unit(
        [event for room in rooms for event in _departure(person, room, text, quit=True)],
        (
            *founded.changes,
            *(room.member(person.key, None) for room in rooms),
            Change(NAMES, person.key, None),
        ),
        (*founded.expects, person.expect),
    )


def rename(policy: Policy, person: Person, name: str, key: str) -> Unit:
    """A person takes another name, which is free or another spelling of the own one.

    Raises `NotAllowed`.
    """
    policy.may(person, Action.RENAME)
    rooms = list(person.rooms.values())
    founded = _founded(rooms)
    old = person.key if key != person.key else None
    return Unit(
        [event for room in rooms for event in _renamed(person, room, name)],
        (
            *founded.changes,
            *([Change(NAMES, old, None)] if old else []),
            *(room.member(old, None) for room in rooms if old),
            _hold(person, name, key, named=True),
            *(room.member(key, name) for room in rooms),
        ),
        (*founded.expects, person.expect, *([Expect(NAMES, key, 0)] if old else [])),
    )


def quietly(unit: Unit) -> Unit:
    """The same without what the store keeps of it: what still happens when the store refuses.

    People come and go whether or not the disk is full; only the announcement is missing then.
    """
    return Unit(
        [event for event in unit.events if not isinstance(event, RoomEvent)],
        [change for change in unit.changes if change.table != ROOMS],
        [expect for expect in unit.expects if expect.table != ROOMS],
    )


class _Founded(NamedTuple):
    """What a unit adds for rooms that come into being with its events."""

    changes: Sequence[Change]
    expects: Sequence[Expect]


def _founded(rooms: Iterable[Room]) -> _Founded:
    new = [room for room in rooms if not room.version]
    return _Founded(
        [change for room in new for change in room.founding], [room.expect for room in new]
    )


def _need_membership(person: Person, room: Room) -> None:
    if not person.visiting and room.name not in person.rooms:
        raise NotInRoom(f"you are not in #{room.name}; join it first")


def _arrival(person: Person, room: Room) -> Sequence[Event]:
    arrived = Arrived(room.name, person.name)
    if announced(person, room, 1):
        return [Joined(room.name, person.name), arrived]
    return [arrived]


def _departure(person: Person, room: Room, text: str, *, quit: bool) -> Iterable[Event]:
    if announced(person, room):
        yield Left(room.name, person.name, text)
    yield Departed(room.name, person.name, text, quit)


def _renamed(person: Person, room: Room, name: str) -> Iterable[Event]:
    if person.named:
        yield Renamed(room.name, person.name, name)
    elif not crowded(room):
        yield Joined(room.name, name)
    yield NameChanged(room.name, person.name, name)


def _comes(person: Person, room: Room) -> Change:
    return room.member(person.key, person.name)


def _hold(person: Person, name: str, key: str, *, named: bool | None = None) -> Change:
    named = person.named if named is None else named
    return Change(NAMES, key, encode_holder(Holder(person.id, name, named)))
