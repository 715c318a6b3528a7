"""Judgements: a command and the state that it is judged by become a unit.

This module has what all judgements share, and those of persons who enter, leave, join and rename;
messages are in `chatd.chat.judge_messages`, moderation is in `judge_roles` and its neighbours.

1. These functions are pure: they read persons and rooms as last shown, change nothing, and may be
   called again for the same command when their unit was stale.
2. A judgement asks the policy, and raises a `ChatError` to refuse the command.
3. A unit expects every cell that its judgement rests on: the room's settings, and that the person
   still holds the name.  Joining and leaving rewrite no room's settings, so they make no message
   stale.
4. An event that creates a room writes the room's cell too (`Room.founding`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct, field

from ..model.account import GuestSession, encode
from ..model.events import (
    Arrived,
    Departed,
    Event,
    Joined,
    Left,
    NameChanged,
    Renamed,
    RoomEvent,
)
from ..model.identity import Holder, Identity, Stranger, encode_holder
from ..model.policy import Action, Policy
from ..model.units import (
    GUESTS,
    JOINED,
    JOINERS,
    NAMES,
    ROOMS,
    TOLD,
    Change,
    Expect,
    Unit,
    account_table,
    is_presence,
    room_table,
)
from .card import PLAIN, Card
from .elsewhere import Elsewhere
from .person import Person
from .room import Room

CROWD = 100
"""The most people in a room whose joins and leaves are announced one by one; above it they are
counted, and the sums are announced (`chatd.chat.presence`)."""


def crowded(room: Room, coming: int = 0) -> bool:
    """Whether joins and leaves in the room are only counted, once `coming` more are in it."""
    return len(room.names) + coming > CROWD


def announced(person: Person | Elsewhere, room: Room, coming: int = 0) -> bool:
    """Whether a person's join or leave becomes an event in the room's history: the name is a chosen
    one, and the room is not crowded.
    """
    return person.named and not crowded(room, coming)


def enter(
    policy: Policy, person: Person, room: Room | None, claimed: Sequence[Expect] = ()
) -> Unit:
    """A person takes a free name and joins its first room, if one is given.  `claimed` are the
    cells that must be unchanged for the name to be free (`Claim.expects`).  Raises `NotAllowed`.
    """
    policy.may(person, Action.ENTER)
    draft = Draft()
    draft.changes.append(hold(person, person.name, person.key))
    draft.expects += (Expect(NAMES, person.key, 0), *claimed)
    if room is not None:
        draft.arrive(person, room)
        if person.kept:
            draft.changes.append(kept(person, [room.name]))
    return draft.unit()


def join(policy: Policy, person: Person, room: Room) -> Unit:
    """A person joins a room.  Raises `NotAllowed`."""
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
        draft.changes.append(kept(person, [*person.rooms, room.name]))
    draft.expects += (room.expect, person.expect, Expect(room.table, person.key, 0))
    return draft.unit()


def leave(person: Person, room: Room, text: str, by: str = "") -> Unit:
    """A person leaves a room, which the policy cannot forbid; with `by`, that moderator puts the
    person out, for the reason `text`.
    """
    draft = Draft()
    draft.depart(person, room, text, quit=False, by=by)
    if person.account is not None:
        draft.changes += no_longer_joins(person.account, room.name)
    elif person.kept:
        draft.changes.append(kept(person, [name for name in person.rooms if name != room.name]))
    draft.expects.append(person.expect)
    return draft.unit()


def end(person: Person, text: str) -> Unit:
    """A person leaves every room, and its name becomes free."""
    draft = Draft()
    for room in person.rooms.values():
        draft.depart(person, room, text, quit=True)
    draft.changes.append(Change(NAMES, person.key, None))
    if person.kept:
        draft.changes += forgotten(person.kept)
    draft.expects.append(person.expect)
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
    """A guest takes another name, which is free, or another spelling of its own; `key` is that
    name's key, `claimed` as for `enter`, and `chosen` is False for a name from the server.

    Raises `NotAllowed`, and `Banned` if the new name is banned from a room that the guest is in.
    """
    policy.may(person, Action.RENAME)
    for room in person.rooms.values():
        if room.rights.bans:  # one of them may ban the new name
            policy.may(_renamed_to(person, name, key), Action.READ, room)
    draft = Draft()
    old = person.key if key != person.key else None
    if old:
        draft.changes.append(Change(NAMES, old, None))
        draft.expects.append(Expect(NAMES, key, 0))
    draft.changes.append(hold(person, name, key, named=chosen))
    if person.kept:
        draft.changes.append(kept(person, person.rooms, name))
    draft.expects.append(person.expect)
    draft.expects += claimed
    for room in person.rooms.values():
        draft.create(room, person)
        draft.events += _renamed(person, room, name)
        if old:
            draft.changes.append(room.member(old, None))
        draft.changes.append(room.member(key, name))
    return draft.unit()


def _renamed_to(person: Person, name: str, key: str) -> Identity:
    """The identity that the person will have under another name, for the policy."""
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


def without_announcements(unit: Unit, *, deleting: bool = False) -> Unit:
    """The unit without its stored announcements: its presence events and presence cells only, and
    with `deleting` the durable cells that it deletes.

    People come and go even when the store is full; only the announcements are missing then.
    """
    return Unit(
        [event for event in unit.events if not isinstance(event, RoomEvent)],
        [
            change
            for change in unit.changes
            if is_presence(change.table) or (deleting and change.value is None)
        ],
        [expect for expect in unit.expects if expect.table != ROOMS],
    )


class Draft(Struct):
    """A unit under construction."""

    events: list[Event] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    expects: list[Expect] = field(default_factory=list)

    def create(self, room: Room, founder: Person | None = None) -> None:
        """Create the room if it has no cell yet: the unit has an event in it."""
        if room.founding:
            self.changes += room.founded_by(founder)
            self.expects.append(room.expect)

    def arrive(self, person: Person, room: Room) -> None:
        """Add that the person joins a room on entering the chat."""
        if announced(person, room, 1):
            self.create(room, person)
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
        by: str = "",
    ) -> None:
        """Add that the person leaves a room or (`quit`) the chat; `announce` is False if the room's
        history must not have it.  With `by`, that moderator puts the person out, for the reason
        `text`.
        """
        if announce and announced(person, room):
            self.create(room)
            self.events.append(Left(room.name, person.name, "" if by else text, person.signed))
        self.events.append(Departed(room.name, person.name, text, quit, by))
        self.changes.append(room.member(person.key, None))

    def unit(self) -> Unit:
        """The finished unit."""
        return Unit(self.events, self.changes, self.expects)


def _renamed(person: Person, room: Room, name: str) -> Iterable[Event]:
    if person.named:
        yield Renamed(room.name, person.name, name)
    elif not crowded(room):
        yield Joined(room.name, name)
    yield NameChanged(room.name, person.name, name)


def hold(
    person: Person,
    name: str,
    key: str,
    *,
    named: bool | None = None,
    card: Card | None = None,
    account: bool | None = None,
) -> Change:
    """The change by which a person holds a name.  `named` is whether it is a chosen one, `account`
    whether the person is an account's; these and `card` are by default what the person has.
    """
    named = person.named if named is None else named
    account = person.account is not None if account is None else account
    address = "" if account else person.address
    card = card or person.card
    holder = Holder(
        person.id,
        name,
        named,
        account,
        person.admin,
        address,
        "" if account else person.kept,
        "" if card.user == PLAIN.user else card.user,
        card.realname,
        card.bot,
        card.away,
        not card.invisible,
    )
    return Change(NAMES, key, encode_holder(holder))


def joins(account: str, name: str, room: str) -> Sequence[Change]:
    """The changes by which an account joins a room, and stays joined while it is away."""
    return (
        Change(account_table(JOINED, account), room, b""),
        Change(room_table(JOINERS, room), account, name.encode()),
    )


def no_longer_joins(account: str, room: str) -> Sequence[Change]:
    """The changes by which an account is no longer joined to a room."""
    return (
        Change(account_table(JOINED, account), room, None),
        Change(room_table(JOINERS, room), account, None),
    )


def forgotten(kept: str) -> Sequence[Change]:
    """The changes that end a guest's session over HTTP; `kept` is the hash of its token."""
    return (Change(GUESTS, kept, None), Change(TOLD, kept, None))


def kept(person: Person, rooms: Iterable[str], name: str | None = None) -> Change:
    """The change that stores a guest's session over HTTP, with its rooms and its name; `name` is a
    newly chosen one.
    """
    named = person.named or name is not None
    guest = GuestSession(
        person.id, name or person.name, named, (*rooms,), person.address, person.owner
    )
    return Change(GUESTS, person.kept, encode(guest))
