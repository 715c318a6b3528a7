"""Invites: links by which accounts become members of a room.

1. A code has 128 random bits.  It is sent once, to its maker; only its hash is stored.
2. Every code that cannot be used gets the same refusal, whatever is wrong with it.
3. If two accounts use the last use of a code at the same time, one becomes a member: both units
   expect the same version of the room's cell.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from ..model.errors import ChatError, Malformed, NoSession, NotAllowed, NotFound
from ..model.policy import Action, check_scope
from ..model.restrictions import MICROS
from ..model.rights import Invite, Invited, decode_invited
from ..model.units import INVITES, Cell, Unit
from . import judge_members
from .arguments import new_id
from .core import Core
from .journal import Outcome
from .judge_members import NO_INVITE
from .lane import ALONE, in_order
from .person import Person
from .room import Room
from .room_rulings import Judgement, RoomRulings
from .rulings import By, Target

USUAL_SECONDS = 7 * 86_400
"""Seconds for which an invite can be used, by default."""
MOST_SECONDS = 365 * 86_400
"""The longest time for which an invite can be used, in seconds."""
MOST_USES = 1000
"""The most uses of one invite."""
MAX_CODE = 64
"""The longest code that is looked up, in characters."""
NEEDS_INVITE = "it takes an invite to make an account here; ask a member for a new one"


class Made(NamedTuple):
    """A new invite, with its code, which is not stored."""

    id: str
    code: str


class Invitation(NamedTuple):
    """An invite with which a client registers an account."""

    room: Room
    id: str

    def use(self, key: str, name: str, now: int) -> Unit:
        """The unit by which a new account of that key and name uses it.  Raises `NotAllowed`."""
        try:
            return judge_members.register_by_invite(self.room, self.id, key, name, now)
        except ChatError:
            raise NotAllowed(NEEDS_INVITE) from None


class Invites:
    """Makes invites and lets accounts use them."""

    def __init__(self, core: Core, rulings: RoomRulings, now: Callable[[], int]) -> None:
        """`now` tells microseconds since the Unix epoch."""
        self._journal = core.journal
        self._rooms = core.rooms
        self._readers = core.readers
        self._admission = core.admission
        self._store = core.store
        self._rulings = rulings
        self._now = now

    def make(
        self, person: Person, room: str, seconds: int | None = None, uses: int | None = None
    ) -> Deferred[Made]:
        """Make an invite that can be used for `seconds` and `uses` times; by default once, within
        `USUAL_SECONDS`.  Raises `Malformed`, and raises and fails as `RoomRulings.rule` does.
        """
        seconds = USUAL_SECONDS if seconds is None else seconds
        uses = 1 if uses is None else uses
        if not 1 <= seconds <= MOST_SECONDS:
            raise Malformed(f"seconds has to be from 1 to {MOST_SECONDS}")
        if not 1 <= uses <= MOST_USES:
            raise Malformed(f"uses has to be from 1 to {MOST_USES}")
        made = Made(new_id(), secrets.token_urlsafe(16))
        until = self._now() + seconds * MICROS

        def judged(by: By, room: Room, _: Target) -> Unit:
            invite = Invite(hash_of(made.code), until, uses, by.name)
            return judge_members.make_invite(by, room, made.id, invite)

        return self._rule(person, room, judged).addCallback(lambda _: made)

    def revoke(self, person: Person, room: str, id_: str) -> Outcome:
        """Revoke an invite.  Fails with `NotFound`, and raises and fails as `RoomRulings.rule`
        does.
        """
        return self._rule(
            person, room, lambda by, room, _: judge_members.revoke_invite(by, room, id_)
        )

    def of(self, person: Person, room: Room) -> list[tuple[str, Invite]]:
        """The usable invites of a room, with their ids.  Raises `NotAllowed`, `NotFound`."""
        self._readers.policy.may(person, Action.INVITE, room)
        now = self._now()
        return [(id_, one) for id_, one in room.rights.invites.items() if one.until > now]

    def use(self, person: Person, code: str) -> Deferred[str]:
        """Make an account a member of the invite's room; fires with the room's name.

        Raises `NoSession` for a guest and `NotAllowed` for a token that only reads; fails with
        `NotFound` for a code that cannot be used.
        """
        if person.account is None:
            raise NoSession("an invite is for people with an account; sign in or register first")
        check_scope(person, Action.JOIN)
        self._admission.spend(person)

        def use(found: Invited) -> Deferred[str]:
            loading = self._rooms.load(found.room)
            return loading.addCallback(submit, found.id).addCallback(lambda _: found.room)

        def submit(room: Room, id_: str) -> Outcome:
            return self._journal.submit(
                lambda: judge_members.use_invite(person, room, id_, self._now()), room
            )

        return in_order(person, ALONE, lambda: self.find(code).addCallback(use))

    def to_register(self, code: str | None) -> Deferred[Invitation]:
        """The invite for a registration.  Fails with `NotAllowed` if the code is missing or cannot
        be used, and with `Unavailable`.
        """

        def load(found: Invited) -> Deferred[Invitation]:
            return self._rooms.load(found.room).addCallback(loaded, found.id)

        def loaded(room: Room, id_: str) -> Invitation:
            invite = room.rights.invites.get(id_)
            if invite is None or invite.until <= self._now():
                raise NotFound(NO_INVITE)
            return Invitation(room, id_)

        def none(failure: Failure) -> Invitation:
            failure.trap(NotFound)
            raise NotAllowed(NEEDS_INVITE)

        return self.find(code or "").addCallback(load).addErrback(none)

    def find(self, code: str) -> Deferred[Invited]:
        """The room and id of the invite with that code.  Fails with `NotFound`, `Unavailable`."""
        if not code or len(code) > MAX_CODE:
            return fail(NotFound(NO_INVITE))
        key = hash_of(code)

        def found(cells: Mapping[str, Cell]) -> Deferred[Invited]:
            if key not in cells:
                return fail(NotFound(NO_INVITE))
            return succeed(decode_invited(cells[key].value))

        return self._store.get(INVITES, [key]).addCallback(found)

    def _rule(self, person: Person, room: str, judgement: Judgement) -> Outcome:
        return self._rulings.rule(room, None, Action.INVITE, person, None, judgement)


def hash_of(code: str) -> str:
    """The hash of a code, which is stored in its place."""
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()
