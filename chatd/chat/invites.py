"""Invites: links by which accounts become members of a room.

1. A code has 128 random bits.  Only its hash is kept, and it is told once.
2. Every code that cannot be used is refused alike, whatever is wrong with it.
3. Of two who use the last use of a code at once, one becomes a member: the room's revision decides.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import NamedTuple

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from ..model.errors import ChatError, Malformed, NoSession, NotAllowed, NotFound
from ..model.names import clean_room
from ..model.policy import Action
from ..model.restrictions import MICROS
from ..model.rights import Invite, Invited, decode_invited
from ..model.units import INVITES, Cell, Unit
from ..store import Store
from . import judge_members
from .admission import Admission
from .arguments import new_id
from .arrivals import Outcome
from .journal import Journal
from .judge_members import NO_INVITE
from .lane import ALONE, in_order
from .person import Person
from .readers import Readers
from .room import Room
from .rooms import Rooms
from .rulings import By, new_stamp

USUAL_SECONDS = 7 * 86_400
"""Seconds for which an invite can be used, if nothing else is asked for."""
MOST_SECONDS = 365 * 86_400
MOST_USES = 1000
"""Uses of one invite."""
MOST_INVITES = 100
"""Invites of one room that can be used."""
MAX_CODE = 64
NEEDS_INVITE = "it takes an invite to make an account here; ask a member for a new one"


class Made(NamedTuple):
    """An invite that was made; its code is told once."""

    id: str
    code: str


class Invitation(NamedTuple):
    """An invite that lets somebody register."""

    room: Room
    id: str

    def taken(self, key: str, name: str, now: int) -> Unit:
        """What it does for an account that is made with that key and name.  Raises `NotAllowed`."""
        try:
            return judge_members.register_by_invite(self.room, self.id, key, name, now)
        except ChatError:
            raise NotAllowed(NEEDS_INVITE) from None


class Invites:
    """Makes invites and lets accounts use them."""

    def __init__(
        self,
        journal: Journal,
        rooms: Rooms,
        readers: Readers,
        admission: Admission,
        store: Store,
        now: Callable[[], int],
    ) -> None:
        """`now` tells microseconds since the Unix epoch."""
        self._journal = journal
        self._rooms = rooms
        self._readers = readers
        self._admission = admission
        self._store = store
        self._now = now

    def make(
        self, person: Person, room: str, seconds: int | None = None, uses: int | None = None
    ) -> Deferred[Made]:
        """A new invite.  Raises and fails with `Malformed`, and as a command does."""
        seconds = USUAL_SECONDS if seconds is None else seconds
        uses = 1 if uses is None else uses
        if not 1 <= seconds <= MOST_SECONDS:
            raise Malformed(f"seconds has to be from 1 to {MOST_SECONDS}")
        if not 1 <= uses <= MOST_USES:
            raise Malformed(f"uses has to be from 1 to {MOST_USES}")
        made = Made(new_id(), secrets.token_urlsafe(16))
        until = self._now() + seconds * MICROS

        def judged(by: By, room: Room) -> Unit:
            invite = Invite(hash_of(made.code), until, uses, by.name)
            return judge_members.make_invite(by, room, made.id, invite)

        return self._rule(person, room, judged).addCallback(lambda _: made)

    def take_back(self, person: Person, room: str, id_: str) -> Outcome:
        """An invite can be used no more.  Fails with `NotFound`, and as a command does."""
        return self._rule(
            person, room, lambda by, room: judge_members.take_back_invite(by, room, id_)
        )

    def of(self, person: Person, room: Room) -> list[tuple[str, Invite]]:
        """The invites of a room that can be used, with their ids.  Raises as the policy does."""
        self._readers.policy.may(person, Action.INVITE, room)
        now = self._now()
        return [(id_, one) for id_, one in room.rights.invites.items() if one.until > now]

    def use(self, person: Person, code: str) -> Deferred[str]:
        """An account becomes a member; fires with the room's name.

        Raises `NoSession` for a guest, and fails with `NotFound` for a code that cannot be used.
        """
        if person.account is None:
            raise NoSession("an invite is for people with an account; sign in or register first")
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
        """The invite by which somebody wants to register.  Fails with `NotAllowed` if there is
        none, and with `Unavailable`.
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
        """Where a code leads.  Fails with `NotFound`, and with `Unavailable`."""
        if not code or len(code) > MAX_CODE:
            return fail(NotFound(NO_INVITE))
        key = hash_of(code)

        def found(cells: Mapping[str, Cell]) -> Deferred[Invited]:
            if key not in cells:
                return fail(NotFound(NO_INVITE))
            return succeed(decode_invited(cells[key].value))

        return self._store.get(INVITES, [key]).addCallback(found)

    def _rule(self, person: Person, name: str, judgement: Callable[[By, Room], Unit]) -> Outcome:
        where = clean_room(name)
        self._admission.spend(person)
        stamp = new_stamp(self._now())

        def submit(room: Room) -> Outcome:
            def judged() -> Unit:
                by = By(person, self._readers.policy, self._now(), stamp)
                return judgement(by, room)

            return self._journal.submit(judged, room)

        return in_order(person, ALONE, lambda: self._rooms.load(where).addCallback(submit))


def hash_of(code: str) -> str:
    """What is kept of a code."""
    return hashlib.sha256(code.encode(errors="replace")).hexdigest()
