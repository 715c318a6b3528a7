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
from itertools import islice

from ..model.account import GuestSession, encode
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
from ..model.identity import Holder, Identity, Stranger, encode_holder
from ..model.policy import Action, Policy, speaker_of
from ..model.restrictions import MICROS
from ..model.units import (
    GUESTS,
    JOINED,
    JOINERS,
    NAMES,
    ROOMS,
    SPOKEN,
    Change,
    Expect,
    Unit,
    account_table,
    is_presence,
    room_table,
)
from .people import Elsewhere
from .person import Person
from .room import Room

CROWD = 100
"""People present above which joins and leaves are summed up instead of announced one by one."""


def crowded(room: Room, coming: int = 0) -> bool:
    """Whether joins and leaves in the room are summed up, with so many `coming` in."""
    return len(room.names) + coming > CROWD


def announced(person: Person | Elsewhere, room: Room, coming: int = 0) -> bool:
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
    said = event(room.name, person.name, text, person.signed)
    founding = room.founding and room.founded_by(person)
    unit = Unit((said,), founding, (room.expect, person.expect), key)
    return _slowed(unit, person, room) if room.state.slow else unit


def set_topic(
    policy: Policy, person: Person, room: Room, text: str, key: bytes | None = None
) -> Unit:
    """A new topic, with a request key.  Raises `NotAllowed`, `NotInRoom`."""
    policy.may(person, Action.SET_TOPIC, room)
    _need_membership(person, room)
    state, changes = room.begun(person)
    event = TopicSet(room.name, person.name, text, person.signed)
    changes = (room.rewritten(state.with_topic(text)), *changes)
    return Unit((event,), changes, (room.expect, person.expect), key)


def tell(
    policy: Policy, person: Person, to: Person | Elsewhere, text: str, key: bytes | None = None
) -> Unit:
    """A private message to the person who holds the name `to`, with a request key.

    Raises `NotAllowed`.
    """
    policy.may(person, Action.WRITE_PRIVATELY)
    told = Told(person.name, to.name, text, person.signed)
    return Unit((told,), (), (to.expect, person.expect), key)


def enter(policy: Policy, person: Person, room: Room, claimed: Sequence[Expect] = ()) -> Unit:
    """A person takes a name that is free, and comes into the first room; that it is free is
    expected by `claimed` too.  Raises `NotAllowed`.
    """
    policy.may(person, Action.ENTER)
    draft = Draft()
    draft.changes.append(hold(person, person.name, person.key))
    draft.arrive(person, room)
    if person.kept:
        draft.changes.append(_kept(person, [room.name]))
    draft.expects.append(Expect(NAMES, person.key, 0))
    draft.expects += claimed
    return draft.unit()


def join(policy: Policy, person: Person, room: Room) -> Unit:
    """A person comes into a room.  Raises `NotAllowed`."""
    policy.may(person, Action.JOIN, room)
    draft = Draft()
    if announced(person, room, 1):
        draft.changes += room.founded_by(person)
        draft.events.append(Joined(room.name, person.name, person.signed))
    draft.events.append(Arrived(room.name, person.name, person.signed))
    draft.changes.append(room.member(person.key, person.name))
    if person.account is not None:
        draft.changes += joins(person.account, person.name, room.name)
    elif person.kept:
        draft.changes.append(_kept(person, [*person.rooms, room.name]))
    draft.expects += (room.expect, person.expect, Expect(room.table, person.key, 0))
    return draft.unit()


def leave(person: Person, room: Room, text: str) -> Unit:
    """A person leaves a room: nothing can forbid that."""
    draft = Draft()
    draft.depart(person, room, text, quit=False)
    if person.account is not None:
        draft.changes += joins_no_more(person.account, room.name)
    elif person.kept:
        draft.changes.append(_kept(person, [name for name in person.rooms if name != room.name]))
    draft.expects.append(person.expect)
    return draft.unit()


def end(person: Person, text: str) -> Unit:
    """A person leaves every room, and the name is free again."""
    draft = Draft()
    for room in person.rooms.values():
        draft.depart(person, room, text, quit=True)
    draft.changes.append(Change(NAMES, person.key, None))
    if person.kept:
        draft.changes.append(Change(GUESTS, person.kept, None))
    draft.expects.append(person.expect)
    return draft.unit()


def stay_free(key: str) -> Unit:
    """The name with that key, which nobody holds, is free."""
    return Unit((), (Change(NAMES, key, None),), (Expect(NAMES, key, 0),))


def release(person: Elsewhere, rooms: Iterable[Room], *, announce: bool) -> Unit:
    """A person of a node that is gone leaves these rooms, and the name is free again."""
    draft = Draft()
    for room in rooms:
        draft.depart(person, room, "", quit=True, announce=announce)
    draft.changes.append(Change(NAMES, person.key, None))
    draft.expects.append(person.expect)
    return draft.unit()


def claim_again(policy: Policy, person: Person) -> Unit:
    """A person whose name was lost takes it again, in the same rooms.  Raises `NotAllowed`."""
    policy.may(person, Action.ENTER)
    draft = Draft()
    draft.changes.append(hold(person, person.name, person.key))
    draft.expects.append(Expect(NAMES, person.key, 0))
    for room in person.rooms.values():
        draft.events.append(Arrived(room.name, person.name, person.signed))
        draft.changes.append(room.member(person.key, person.name))
    if person.kept:
        draft.changes.append(_kept(person, person.rooms))
    return draft.unit()


def rename(
    policy: Policy,
    person: Person,
    name: str,
    key: str,
    claimed: Sequence[Expect] = (),
    *,
    chosen: bool = True,
) -> Unit:
    """A guest takes another name, which is free or another spelling of the own one; that it is free
    is expected by `claimed` too.

    Raises `NotAllowed`, and `Banned` if that name is banned from a room that the person is in.
    """
    policy.may(person, Action.RENAME)
    for room in person.rooms.values():
        if room.rights.bans:  # perhaps of the name
            policy.may(_renamed_to(person, name, key), Action.READ, room)
    draft = Draft()
    old = person.key if key != person.key else None
    if old:
        draft.changes.append(Change(NAMES, old, None))
        draft.expects.append(Expect(NAMES, key, 0))
    draft.changes.append(hold(person, name, key, named=chosen))
    if person.kept:
        draft.changes.append(_kept(person, person.rooms, name))
    draft.expects.append(person.expect)
    draft.expects += claimed
    for room in person.rooms.values():
        draft.found(room, person)
        draft.events += _renamed(person, room, name)
        if old:
            draft.changes.append(room.member(old, None))
        draft.changes.append(room.member(key, name))
    return draft.unit()


def _renamed_to(person: Person, name: str, key: str) -> Identity:
    """The person under another name, as the policy will see it."""
    return Stranger(
        person.address,
        name,
        named=True,
        id=person.id,
        key=key,
        account=person.account,
        admin=person.admin,
        scope=person.scope,
    )


def _slowed(unit: Unit, person: Person, room: Room) -> Unit:
    """A message in a room that is slowed down: it is noted that the person has spoken, and expected
    that the person has not meanwhile.  Those whose wait is over are forgotten, two at a time.
    """
    rights = room.rights
    if person.admin or rights.power(person.subject):
        return unit
    key = speaker_of(person)
    over = room.log.last - room.state.slow * MICROS
    old = [who for who, last in islice(rights.spoken.items(), 2) if last < over and who != key]
    return unit._replace(
        changes=(
            *unit.changes,
            room.given(SPOKEN, key, b""),
            *(room.given(SPOKEN, who, None) for who in old),
        ),
        expects=(
            *unit.expects,
            Expect(room_table(SPOKEN, room.name), key, rights.spoken.get(key, 0)),
        ),
    )


def quietly(unit: Unit) -> Unit:
    """The same without what the store keeps of it: what still happens when the store refuses.

    People come and go whether or not the disk is full; only the announcement is missing then.
    """
    return Unit(
        [event for event in unit.events if not isinstance(event, RoomEvent)],
        [change for change in unit.changes if is_presence(change.table)],
        [expect for expect in unit.expects if expect.table != ROOMS],
    )


class Draft:
    """A unit that is being put together."""

    __slots__ = ("changes", "events", "expects")

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.changes: list[Change] = []
        self.expects: list[Expect] = []

    def found(self, room: Room, founder: Person | None = None) -> None:
        """The unit has an event in a room: bring the room into being, if it has no cell."""
        if room.founding:
            self.changes += room.founded_by(founder)
            self.expects.append(room.expect)

    def arrive(self, person: Person, room: Room) -> None:
        """The person comes into a room with the chat."""
        if announced(person, room, 1):
            self.found(room, person)
            self.events.append(Joined(room.name, person.name, person.signed))
        self.events.append(Arrived(room.name, person.name, person.signed))
        self.changes.append(room.member(person.key, person.name))

    def depart(
        self,
        person: Person | Elsewhere,
        room: Room,
        text: str,
        *,
        quit: bool,
        announce: bool = True,
    ) -> None:
        """The person leaves a room; `announce` is whether that may be worth a line."""
        if announce and announced(person, room):
            self.found(room)
            self.events.append(Left(room.name, person.name, text, person.signed))
        self.events.append(Departed(room.name, person.name, text, quit))
        self.changes.append(room.member(person.key, None))

    def unit(self) -> Unit:
        """The unit."""
        return Unit(self.events, self.changes, self.expects)


def _need_membership(person: Person, room: Room) -> None:
    if not person.visiting and room.name not in person.rooms:
        raise NotInRoom(f"you are not in #{room.name}; join it first")


def _renamed(person: Person, room: Room, name: str) -> Iterable[Event]:
    if person.named:
        yield Renamed(room.name, person.name, name)
    elif not crowded(room):
        yield Joined(room.name, name)
    yield NameChanged(room.name, person.name, name)


def hold(person: Person, name: str, key: str, *, named: bool | None = None) -> Change:
    """A person holds a name."""
    named = person.named if named is None else named
    account = person.account is not None
    address = "" if account else person.address
    holder = Holder(person.id, name, named, account, person.admin, address)
    return Change(NAMES, key, encode_holder(holder))


def joins(account: str, name: str, room: str) -> Sequence[Change]:
    """An account joins a room, and is in it until it leaves."""
    return (
        Change(account_table(JOINED, account), room, b""),
        Change(room_table(JOINERS, room), account, name.encode()),
    )


def joins_no_more(account: str, room: str) -> Sequence[Change]:
    """An account leaves a room that it may have joined."""
    return (
        Change(account_table(JOINED, account), room, None),
        Change(room_table(JOINERS, room), account, None),
    )


def _kept(person: Person, rooms: Iterable[str], name: str | None = None) -> Change:
    """What is kept of a guest with a session over HTTP: the rooms, and if given a chosen name."""
    named = person.named or name is not None
    guest = GuestSession(person.id, name or person.name, named, (*rooms,), person.address)
    return Change(GUESTS, person.kept, encode(guest))
