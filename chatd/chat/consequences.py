"""Consequences: what each node does to its readers and people when a unit was shown.

1. When a room's revision changes, its readers are reviewed, and those people of this node who may
   no longer be in it leave it.
2. A person who was kicked reads up to the kick; then its readers of that room end.
3. What a guest was given ends when the guest has left.  A room that a guest created is reset when
   it is empty.  If only members could read it, its history is erased first, because a reset room is
   open to all; if its history cannot be erased, it stays closed.
4. A person who is banned from the server leaves, and its readers end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from ..model.errors import Banned, ChatError, Kicked, NotFound
from ..model.events import BanPlaced, Moderated, PutOut
from ..model.names import name_key
from ..model.policy import Action
from ..model.restrictions import Restrictions, decode_restriction
from ..model.units import BANS, ROOMS, Cell, Change, Unit
from ..store import Shown
from . import judge_guests
from .attendance import Attendance
from .core import Core
from .departures import Departures
from .elsewhere import Elsewhere
from .guest_grants import GuestGrants
from .person import Person
from .room import Room

EMPTY_SECONDS = 90.0
"""Seconds after a start until empty rooms that guests created are reset: until then the guests may
come back, within the grace of their sessions."""


class Consequences:
    """Acts on this node's readers and people, by what was shown."""

    _log = Logger()

    def __init__(
        self,
        core: Core,
        departures: Departures,
        attendance: Attendance,
        grants: GuestGrants,
        banned: Restrictions,
    ) -> None:
        """`banned` are the bans from the server, which are kept up to date here."""
        self._clock = core.clock
        self._store = core.store
        self._journal = core.journal
        self._people = core.people
        self._rooms = core.rooms
        self._readers = core.readers
        self._departures = departures
        self._attendance = attendance
        self._banned = banned
        self._grants = grants
        departures.when_left = self.left

    def opened(self, bans: Mapping[str, Cell]) -> None:
        """Take over the bans from the server that the store has on opening."""
        for id_, cell in bans.items():
            self._place(id_, cell.value)
        index = self._rooms.index
        borrowed = [name for name in index if index.known(name).state.borrowed]
        if borrowed:
            self._clock.callLater(EMPTY_SECONDS, self._reset_all, borrowed)

    # -- what was shown --------------------------------------------------------------------------

    def shown(self, shown: Shown) -> None:
        """A unit was shown, and its changes were folded."""
        for change in shown.changes:
            table = change.table
            if table == ROOMS:
                room = self._rooms.live(change.key)
                if room is not None:
                    self._revised(room, *_author(shown))
            elif table == BANS:
                self._server_ban(change)
            elif change.key.startswith("~") and change.value is not None:
                self._grants.note(change)

    def restated(self, room: Room) -> None:
        """Act on a room that was read again."""
        self._grants.restated(room)
        self._revised(room)

    def _revised(self, room: Room, by: str = "", why: str = "") -> None:
        self._readers.review(room)
        self._evict(room, by, why)

    def kicked(self, event: PutOut) -> None:
        """A person was kicked: end its readers of the room."""
        room = self._rooms.live(event.room)
        holder = self._people.find(event.target)
        if room is None:
            return
        subject = holder.subject if holder else name_key(event.target)
        why = f": {event.text}" if event.text else ""
        error = Kicked(f"you were put out of #{event.room} by {event.sender}{why}")
        self._readers.evict(room, subject, error)
        if isinstance(holder, Person) and not room.holds(holder):
            self.left(holder, room)

    def _evict(self, room: Room, by: str, why: str) -> None:
        """Have people of this node leave a room that they may no longer be in, because of what the
        moderator `by` did for the reason `why`.
        """
        if not room.state.closed and not room.rights.bans:
            return
        policy = self._readers.policy
        for key in list(room.members):
            person = self._people.own(key)
            if person is None or person.ended:
                continue
            try:
                policy.may(person, Action.READ, room)
            except (Banned, NotFound):
                self._attendance.evict(person, room, by, why)
            except ChatError:
                continue

    # -- bans from the server --------------------------------------------------------------------

    def _server_ban(self, change: Change) -> None:
        self._place(change.key, change.value)
        self._readers.review_all()
        if change.value is not None:
            self._expel()

    def anew(self) -> Deferred[Callable[[], object]]:
        """Read the bans from the server again; fires with a function that folds them.

        Fails with `Unavailable`.
        """

        def fold(bans: Mapping[str, Cell]) -> None:
            for id_, _ in list(self._banned):
                if id_ not in bans:
                    self._place(id_, None)
            for id_, cell in bans.items():
                self._place(id_, cell.value)
            self._readers.review_all()
            self._expel()

        read: Deferred[Any] = self._store.table(BANS)
        return read.addCallback(lambda bans: partial(fold, bans))

    def _expel(self) -> None:
        """Remove the people of this node who are banned from the server."""
        for person in list(self._people.local()):
            try:
                self._readers.policy.may(person, Action.ENTER)
            except Banned:
                person.sessions = 1  # end all of them at once
                self._departures.end(person, "")
            except ChatError:
                continue

    def _place(self, id_: str, value: bytes | None) -> None:
        try:
            self._banned.set(id_, None if value is None else decode_restriction(value))
        except (msgspec.DecodeError, ValueError) as problem:
            self._log.error("a ban from the server cannot be decoded: {problem}", problem=problem)

    # -- guests ----------------------------------------------------------------------------------

    def left(self, person: Person, room: Room | None) -> None:
        """A person of this node has left a room, or with None the chat, and so all rooms."""
        if room is not None and (room.state.borrowed or person.subject in room.rights.once):
            self._forget_guest(room.name, person, here=True)
        if room is None and person.account is None:
            for name in self._grants.pop(person.subject):
                self._forget_guest(name, person, here=False)

    def departed(self, person: Elsewhere, rooms: Collection[str]) -> None:
        """A person has left the chat, and so these rooms, because its node is gone."""
        for name in rooms:
            if self._rooms.index.known(name).state.borrowed:
                self._forget_guest(name, person, here=True)
        if person.account is None:
            for name in self._grants.pop(person.subject):
                self._forget_guest(name, person, here=False)

    def _forget_guest(self, name: str, person: Person | Elsewhere, *, here: bool) -> None:
        def forget(room: Room) -> Deferred[int | None]:
            judge: Callable[[], Unit] = partial(
                judge_guests.forget_guest, room, person.subject, here=here
            )
            forgotten = self._journal.submit(judge, room)
            return forgotten.addCallback(lambda _: self._reset(room))

        if not self._journal.draining:
            done = self._rooms.load(name).addCallback(forget)
            done.addErrback(lambda failure: failure.trap(ChatError))

    def _reset(self, room: Room) -> Deferred[int | None]:
        def kept() -> bool:
            return self._rooms.index.ends(room.name) is not None

        def judge() -> Unit:
            return judge_guests.reset(room, kept=kept())

        if room.state.borrowed and room.state.closed and not room.members and kept():
            erased = self._store.erase(room.name)
            return erased.addCallback(lambda _: self._journal.submit(judge, room))
        return self._journal.submit(judge, room)

    def _reset_all(self, names: list[str]) -> None:
        if not self._journal.draining:
            for name in names:
                done = self._rooms.load(name).addCallback(self._reset)
                done.addErrback(lambda failure: failure.trap(ChatError))


def _author(shown: Shown) -> tuple[str, str]:
    """The moderator whose command a unit carries out, and the reason of a ban; empty if there is
    none.
    """
    for entry in shown.entries:
        match entry.event:
            case BanPlaced(sender=by, text=why):
                return by, why
            case Moderated(sender=by):
                return by, ""
    return "", ""
