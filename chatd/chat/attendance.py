"""Coming into rooms and going out of them, and taking another name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.defer import fail, succeed

from ..model.commands import Join, Leave, Rename
from ..model.errors import ChatError, NotAllowed, NotInRoom, TooManyRooms
from ..model.names import clean_room, name_key
from ..model.policy import Action, Policy
from ..model.text import clean_phrase
from ..model.units import Unit
from . import judge, judge_accounts
from .accounts import Accounts, Claim
from .admission import Admission
from .arrivals import Arrivals, Outcome
from .journal import Journal
from .lane import ALONE, in_order
from .people import People
from .person import Person
from .presence import Unannounced
from .readers import Readers
from .room import Room
from .rooms import Rooms


class Attendance:
    """Carries out what changes who is where."""

    def __init__(
        self,
        arrivals: Arrivals,
        journal: Journal,
        accounts: Accounts,
        people: People,
        rooms: Rooms,
        readers: Readers,
        admission: Admission,
        max_text: int,
    ) -> None:
        """`max_text` is in bytes of UTF-8."""
        self._arrivals = arrivals
        self._journal = journal
        self._accounts = accounts
        self._people = people
        self._rooms = rooms
        self._readers = readers
        self._admission = admission
        self._max_text = max_text

    def come_in(self, command: Join, person: Person, key: bytes | None) -> Outcome:
        """Join a room; by a personal token, for the account."""
        name = clean_room(command.room)
        if person.account is not None and person.visiting:
            present = self._present(person)
            if present is not None:
                return self.come_in(command, present, key)
            return self._while_away(person, name, partial(judge_accounts.join, person))
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
            self._arrivals.tallies.arrived(unannounced)
            return id_

        try:
            self._rooms.directory.found(room, person.address)
        except ChatError:
            return fail()
        joining = self._journal.submit(join, room, quiet=True)
        return self._rooms.directory.claimed(room, joining).addCallback(joined)

    def go_out(self, command: Leave, person: Person, key: bytes | None) -> Outcome:
        """Leave a room; by a personal token, for the account."""
        name = clean_room(command.room)
        if person.account is not None and person.visiting:
            present = self._present(person)
            if present is not None:
                return self.go_out(command, present, key)
            return self._while_away(person, name, partial(judge_accounts.leave, person))
        if name not in person.rooms and person.lane is None:
            return self._not_in(person, name)
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
                self._arrivals.tallies.departed(unannounced)
                self._rooms.directory.left(room, person.address)
                self._arrivals.when_left(person, room)
                return id_

            return self._journal.submit(leave, room, quiet=True).addCallback(left)

        return in_order(person, ALONE, leave_room)

    def _present(self, person: Person) -> Person | None:
        """The account's own person, while it is here, for a program that acts as the account."""
        present = self._people.own(person.key)
        return present if present and present.account and not present.ended else None

    def _while_away(
        self, person: Person, name: str, judgement: Callable[[Policy, Room], Unit]
    ) -> Outcome:
        """An account that is not present joins a room, or leaves it."""
        assert person.account is not None
        self._admission.spend(person)

        def found(joined: Sequence[str]) -> Outcome:
            most = self._admission.limits.rooms_per_session
            if name not in joined and len(joined) >= most:
                raise TooManyRooms(f"you are in {most} rooms, the most there may be; leave one")
            return self._rooms.load(name).addCallback(loaded)

        def loaded(room: Room) -> Outcome:
            return self._journal.submit(lambda: judgement(self._readers.policy, room), room)

        return self._accounts.joined(person.account).addCallback(found)

    def displace(self, person: Person) -> Outcome:
        """A guest has to give its name back, and goes on under one from the server."""

        def rename() -> Unit:
            name = self._people.guest_name()
            return judge.rename(self._readers.policy, person, name, name, chosen=False)

        return in_order(person, ALONE, self._journal.submit, rename, person)

    def put_out(self, person: Person, room: Room) -> None:
        """A person may not be in a room any more, and leaves it."""
        unannounced = Unannounced()

        def leave() -> Unit:
            if room.name not in person.rooms:
                return Unit()
            unannounced.judge(person, [room])
            return judge.leave(person, room, "")

        def left(_: object) -> None:
            self._arrivals.tallies.departed(unannounced)
            self._arrivals.when_left(person, room)

        leaving = self._journal.submit(leave, room, quiet=True).addCallback(left)
        leaving.addErrback(lambda failure: failure.trap(ChatError))

    def _not_in(self, person: Person, name: str) -> Outcome:
        """Refuse to leave a room in which the person is not; one that is hidden is not there."""
        error = NotInRoom(f"you are not in #{name}")
        if not self._rooms.index.known(name).state.closed:
            raise error

        def refuse(room: Room) -> Outcome:
            self._readers.policy.may(person, Action.READ, room)
            return fail(error)

        return self._rooms.load(name).addCallback(refuse)

    def check_rooms(self, person: Person, name: str) -> None:
        """A person is about to be in that room.  Raises `TooManyRooms`."""
        most = self._admission.limits.rooms_per_session
        if name not in person.rooms and len(person.rooms) >= most and not person.visiting:
            raise TooManyRooms(f"you are in {most} rooms, the most there may be; leave one first")

    # -- under another name ----------------------------------------------------------------------

    def rename(self, command: Rename, person: Person, key: bytes | None) -> Outcome:
        """Take another name."""
        if person.account is not None and command.name != person.name:
            raise NotAllowed(
                f"the name of an account does not change; you are {person.name} everywhere"
            )
        wanted = self._people.free_name(command.name, own=person)
        if wanted == person.name and person.lane is None:
            return succeed(None)
        self._admission.spend_rename(person)
        unannounced = Unannounced()

        def rename(claim: Claim) -> Unit:
            claim.check()
            new = self._people.free_name(command.name, own=person)
            if new == person.name:
                return Unit()
            if not person.named:
                unannounced.judge(person, person.rooms.values(), named=True)
            return judge.rename(self._readers.policy, person, new, name_key(new), claim.expects)

        def renamed(id_: int | None) -> int | None:
            self._arrivals.tallies.arrived(unannounced)
            return id_

        def submit() -> Outcome:
            free = succeed(None) if person.ended else self._arrivals.when_free(name_key(wanted))
            claiming = free.addCallback(lambda _: self._accounts.claim(wanted))
            return claiming.addCallback(
                lambda claim: self._journal.submit(partial(rename, claim), person, quiet=True)
            )

        return in_order(person, ALONE, submit).addCallback(renamed)
