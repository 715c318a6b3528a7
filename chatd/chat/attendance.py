"""Coming and going: persons enter, join, leave, are renamed, and end.

Whether a person is here does not depend on the store: if it refuses to keep an announcement, the
person comes or goes without one (`chatd.chat.journal`, rule 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from ..model.addresses import Address
from ..model.commands import Join, Leave, Rename
from ..model.errors import ChatError, InDoubt, NotInRoom, TooManyRooms, Unavailable
from ..model.events import RoomEvent
from ..model.names import clean_name, clean_room, name_key
from ..model.text import clean_phrase
from ..model.units import Unit
from . import judge
from .admission import Admission
from .journal import Journal
from .lane import ALONE, in_order
from .people import Elsewhere, People
from .person import Person
from .presence import Tallies, Unannounced
from .readers import Readers
from .room import LOBBY, Room
from .rooms import Rooms

LEAVE_SECONDS = 1.0
"""Seconds after which a leave that the store refused is put again: a name must become free."""

Outcome = Deferred[int | None]


class Attendance:
    """Carries out what changes who is where."""

    def __init__(
        self,
        clock: IReactorTime,
        journal: Journal,
        people: People,
        rooms: Rooms,
        readers: Readers,
        admission: Admission,
        max_text: int,
    ) -> None:
        """`max_text` is in bytes of UTF-8."""
        self._clock = clock
        self._journal = journal
        self._people = people
        self._rooms = rooms
        self._readers = readers
        self._admission = admission
        self._max_text = max_text
        self._tallies = Tallies(clock, self._announce)
        self._awaited: dict[Person, list[Deferred[None]]] = {}
        """What is fired when persons have left whose names are wanted."""

    # -- into the chat, and out of it ------------------------------------------------------------

    def enter(self, name: str, address: Address) -> Deferred[Person]:
        """A new person in the lobby: of that name and announced, or a guest without one."""
        self._journal.check()
        if name:
            self._people.free_name(name)  # what is known at once is said at once
            coming = self.when_free(name_key(clean_name(name)))
            coming.addCallback(lambda _: self._rooms.load(LOBBY))
        else:
            coming = self._rooms.load(LOBBY)
        return coming.addCallback(self._enter, name, address)

    def when_free(self, key: str) -> Deferred[Any]:
        """Fires when no person who is about to leave has the name with that key.

        Not to be waited for by commands of persons who are about to leave: they might wait for each
        other.
        """
        person = self._people.leaving(key)
        if person is None:
            return succeed(None)
        left: Deferred[None] = Deferred()
        self._awaited.setdefault(person, []).append(left)
        return left

    def _enter(self, lobby: Room, name: str, address: Address) -> Deferred[Person]:
        def make(id_: str) -> Person:
            shown = self._people.free_name(name) if name else self._people.guest_name()
            key = name_key(shown) if name else shown  # a guest's name is its own key
            bucket = self._admission.bucket()
            return Person(id_, shown, key, bucket, named=bool(name), address=address)

        try:
            person = self._people.coming(make)
        except ChatError:
            return fail()

        unannounced = Unannounced()

        def enter() -> Unit:
            if self._people.own(person.key) is person:
                return Unit()  # a unit that was in doubt has been stored
            if name:
                self._people.free_name(name)
            elif person.key in self._people:
                person.name = person.key = self._people.guest_name()
            unannounced.judge(person, [lobby], coming=1)
            return judge.enter(self._readers.policy, person, lobby)

        def entered(_: object) -> Person:
            self._tallies.arrived(unannounced)
            return person

        def refused(failure: Failure) -> Failure:
            if failure.check(InDoubt):
                # The store may have taken the name, and no door has the person: free it later.
                person.ended = True
                self._clock.callLater(LEAVE_SECONDS, self._end, person, "")
            else:
                self._people.gone(person)
            return failure

        return self._journal.submit(enter, lobby, quiet=True).addCallbacks(entered, refused)

    def end(self, person: Person, text: str) -> Outcome:
        """The person leaves every room, and the name becomes free."""
        if person.ended:
            return succeed(None)
        person.ended = True
        try:
            parting = clean_phrase(text, self._max_text)
        except ChatError:
            parting = ""  # a person may always leave: drop parting words that are not valid
        return in_order(person, ALONE, self._end, person, parting)

    def _end(self, person: Person, parting: str) -> Outcome:
        if self._journal.draining:
            self._has_left(person)
            return succeed(None)
        unannounced = Unannounced()
        rooms = list(person.rooms.values())

        def end() -> Unit:
            if self._people.own(person.key) is not person:
                return Unit()
            unannounced.judge(person, person.rooms.values())
            return judge.end(person, parting)

        def ended(_: object) -> None:
            self._people.gone(person)
            self._tallies.departed(unannounced)
            for room in rooms:
                self._rooms.directory.left(room, person.address)
            self._has_left(person)

        def refused(failure: Failure) -> None:
            failure.trap(ChatError)
            if not self._journal.draining:
                self._clock.callLater(LEAVE_SECONDS, self._end, person, parting)

        return self._journal.submit(end, person, quiet=True).addCallbacks(ended, refused)

    def _has_left(self, person: Person) -> None:
        for left in self._awaited.pop(person, []):
            left.callback(None)

    def release(self, person: Elsewhere, rooms: Sequence[Room], announced: bool) -> Outcome:
        """A person of a node that is gone leaves these rooms, and the name becomes free."""
        unannounced = Unannounced()

        def release() -> Unit:
            held = self._people.held.get(person.key)
            if not isinstance(held, Elsewhere) or held.id != person.id:
                return Unit()
            there = [room for room in rooms if held.key in room.members]
            if announced:
                unannounced.judge(held, there)
            return judge.release(held, there, announce=announced)

        def released(id_: int | None) -> int | None:
            self._tallies.departed(unannounced)
            return id_

        return self._journal.submit(release, rooms, quiet=True).addCallback(released)

    def claim_again(self, person: Person) -> Outcome:
        """A person of this node whose name was lost takes it again, or if somebody else has it by
        now, a guest's.
        """

        def claim() -> Unit:
            if person.ended or self._people.own(person.key) is person:
                return Unit()
            if person.key in self._people:
                person.name = person.key = self._people.guest_name()
                person.named = False
            return judge.claim_again(self._readers.policy, person)

        def refused(failure: Failure) -> None:
            failure.trap(Unavailable, InDoubt)
            self._clock.callLater(LEAVE_SECONDS, self.claim_again, person)

        return self._journal.submit(claim, person).addErrback(refused)

    # -- into a room, and out of it --------------------------------------------------------------

    def come_in(self, command: Join, person: Person, key: bytes | None) -> Outcome:
        """Join a room."""
        name = clean_room(command.room)
        if person.lane is None:
            if name in person.rooms:
                return succeed(None)
            self.check_rooms(person, name)
        self._admission.spend(person)
        return in_order(
            person,
            ALONE,
            lambda: self._rooms.load(name).addCallback(lambda room: self.join(person, room)),
        )

    def join(self, person: Person, room: Room) -> Outcome:
        """Let a person into a room, who need not ask for it: who speaks in a room is in it."""
        unannounced = Unannounced()

        def join() -> Unit:
            if room.name in person.rooms:
                return Unit()
            self.check_rooms(person, room.name)
            unannounced.judge(person, [room], coming=1)
            return judge.join(self._readers.policy, person, room)

        def joined(id_: int | None) -> int | None:
            self._tallies.arrived(unannounced)
            return id_

        try:
            self._rooms.directory.found(room, person.address)
        except ChatError:
            return fail()
        joining = self._journal.submit(join, room, quiet=True)
        return self._rooms.directory.claimed(room, joining).addCallback(joined)

    def go_out(self, command: Leave, person: Person, key: bytes | None) -> Outcome:
        """Leave a room."""
        name = clean_room(command.room)
        if name not in person.rooms and person.lane is None:
            raise NotInRoom(f"you are not in #{name}")
        parting = clean_phrase(command.text, self._max_text)
        self._admission.charge(person)

        def leave_room() -> Outcome:
            room = person.rooms.get(name)
            if room is None:
                return fail(NotInRoom(f"you are not in #{name}"))

            unannounced = Unannounced()

            def leave() -> Unit:
                if name not in person.rooms:
                    return Unit()
                unannounced.judge(person, [room])
                return judge.leave(person, room, parting)

            def left(id_: int | None) -> int | None:
                self._tallies.departed(unannounced)
                self._rooms.directory.left(room, person.address)
                return id_

            return self._journal.submit(leave, room, quiet=True).addCallback(left)

        return in_order(person, ALONE, leave_room)

    def check_rooms(self, person: Person, name: str) -> None:
        """A person is about to be in that room.  Raises `TooManyRooms`."""
        most = self._admission.limits.rooms_per_session
        if name not in person.rooms and len(person.rooms) >= most and not person.visiting:
            raise TooManyRooms(f"you are in {most} rooms, the most there may be; leave one first")

    # -- under another name ----------------------------------------------------------------------

    def rename(self, command: Rename, person: Person, key: bytes | None) -> Outcome:
        """Take another name."""
        wanted = self._people.free_name(command.name, own=person)
        if wanted == person.name and person.lane is None:
            return succeed(None)
        self._admission.spend_rename(person)
        unannounced = Unannounced()

        def rename() -> Unit:
            new = self._people.free_name(command.name, own=person)
            if new == person.name:
                return Unit()
            if not person.named:
                unannounced.judge(person, person.rooms.values(), named=True)
            return judge.rename(self._readers.policy, person, new, name_key(new))

        def renamed(id_: int | None) -> int | None:
            self._tallies.arrived(unannounced)
            return id_

        def submit() -> Outcome:
            free = succeed(None) if person.ended else self.when_free(name_key(wanted))
            return free.addCallback(lambda _: self._journal.submit(rename, person, quiet=True))

        return in_order(person, ALONE, submit).addCallback(renamed)

    # -- what is announced -----------------------------------------------------------------------

    def _announce(self, room: Room, event: RoomEvent) -> None:
        """Put an event into a room that no person asked for."""
        if not self._journal.draining:
            announced = self._journal.submit(
                lambda: Unit((event,), room.founding, (room.expect,)), room
            )
            announced.addErrback(lambda failure: failure.trap(ChatError))
