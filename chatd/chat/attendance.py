"""How persons join and leave rooms, and how guests change their names.

1. `join_by_command`, `leave_by_command` and `rename` carry out commands; `join`, `evict` and
   `rename_guest` are what the server itself does to a person.
2. A personal token acts for its account.  If the account's person is present, that person joins or
   leaves; otherwise only the account's list of joined rooms changes.
3. A room that is hidden from the person is refused like a room that does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from twisted.internet.defer import fail, succeed

from ..model.commands import Join, Leave, Rename
from ..model.errors import ChatError, NotAllowed, NotInRoom, TooManyRooms
from ..model.names import clean_room, name_key
from ..model.policy import Action, Policy, check_scope
from ..model.text import clean_phrase
from ..model.units import Unit
from . import judge, judge_accounts
from .accounts import Claim
from .core import Core
from .departures import Departures
from .journal import Outcome
from .lane import ALONE, in_order
from .person import Person
from .presence import Unannounced
from .room import Room


class Attendance:
    """Changes which rooms a person is in, and which name it has."""

    def __init__(self, core: Core, departures: Departures) -> None:
        self._journal = core.journal
        self._accounts = core.accounts
        self._people = core.people
        self._rooms = core.rooms
        self._readers = core.readers
        self._admission = core.admission
        self._departures = departures

    # -- rooms -----------------------------------------------------------------------------------

    def join_by_command(self, command: Join, person: Person, key: bytes | None) -> Outcome:
        """Join a room, as the command asks; see `ChatService.perform`."""
        name = clean_room(command.room)
        check_scope(person, Action.JOIN)
        if person.account is not None and person.visiting:
            present = self._present(person)
            if present is not None:
                return self.join_by_command(command, present, key)
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
        """Have a person join a room.  A person who speaks in a room joins it by that.

        Fails with `BadRoom`, `NotAllowed`, `TooMany`, `TooManyRooms`, `Unavailable`.
        """
        unannounced = Unannounced()

        def join() -> Unit:
            if room.name in person.rooms:
                return Unit()
            self.check_rooms(person, room.name)
            unannounced.judge(person, [room], coming=1)
            return judge.join(self._readers.policy, person, room)

        def joined(id_: int | None) -> int | None:
            self._departures.tallies.arrived(unannounced)
            return id_

        try:
            self._rooms.directory.reserve(room, person.address)
        except ChatError:
            return fail()
        joining = self._journal.submit(join, room, quiet=True)
        return self._rooms.directory.claimed(room, joining).addCallback(joined)

    def leave_by_command(self, command: Leave, person: Person, key: bytes | None) -> Outcome:
        """Leave a room, as the command asks; see `ChatService.perform`."""
        name = clean_room(command.room)
        check_scope(person, Action.JOIN)
        if person.account is not None and person.visiting:
            present = self._present(person)
            if present is not None:
                return self.leave_by_command(command, present, key)
            return self._while_away(person, name, partial(judge_accounts.leave, person))
        if name not in person.rooms and person.lane is None:
            return self._not_in(person, name)
        parting = clean_phrase(command.text, self._admission.limits.text)
        self._admission.charge(person)

        def leave_room() -> Outcome:
            room = person.rooms.get(name)
            if room is None:
                return fail(NotInRoom(f"you are not in #{name}"))

            def left(id_: int | None) -> int | None:
                self._rooms.directory.left(room, person.address)
                self._departures.when_left(person, room)
                return id_

            return self._leave(person, room, parting).addCallback(left)

        return in_order(person, ALONE, leave_room)

    def evict(self, person: Person, room: Room, by: str, why: str) -> None:
        """Have a person leave a room that it may no longer be in.  `by` is the moderator who caused
        that, empty if unknown, and `why` the reason given.
        """
        leaving = self._leave(person, room, why, by)
        leaving.addCallback(lambda _: self._departures.when_left(person, room))
        leaving.addErrback(lambda failure: failure.trap(ChatError))

    def _leave(self, person: Person, room: Room, parting: str, by: str = "") -> Outcome:
        unannounced = Unannounced()

        def leave() -> Unit:
            if room.name not in person.rooms:
                return Unit()
            unannounced.judge(person, [room])
            return judge.leave(person, room, parting, by)

        def left(id_: int | None) -> int | None:
            self._departures.tallies.departed(unannounced)
            return id_

        return self._journal.submit(leave, room, quiet=True).addCallback(left)

    def _present(self, person: Person) -> Person | None:
        """The person of the account that a personal token acts for, if that person is present."""
        present = self._people.own(person.key)
        return present if present and present.account and not present.ended else None

    def _while_away(
        self, person: Person, name: str, judgement: Callable[[Policy, Room], Unit]
    ) -> Outcome:
        """Have an account that is not present join a room, or leave it."""
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

    def _not_in(self, person: Person, name: str) -> Outcome:
        """Refuse to leave a room that the person is not in.  For a hidden room the policy answers,
        so that the refusal does not reveal that the room exists.
        """
        error = NotInRoom(f"you are not in #{name}")
        if not self._rooms.index.known(name).state.closed:
            raise error

        def refuse(room: Room) -> Outcome:
            self._readers.policy.may(person, Action.READ, room)
            return fail(error)

        return self._rooms.load(name).addCallback(refuse)

    def check_rooms(self, person: Person, name: str) -> None:
        """Raise `TooManyRooms` if the person is not in that room and may join no more rooms."""
        most = self._admission.limits.rooms_per_session
        if name not in person.rooms and len(person.rooms) >= most and not person.visiting:
            raise TooManyRooms(f"you are in {most} rooms, the most there may be; leave one first")

    # -- names -----------------------------------------------------------------------------------

    def rename(self, command: Rename, person: Person, key: bytes | None) -> Outcome:
        """Give a guest the name that the command asks for; see `ChatService.perform`."""
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
            self._departures.tallies.arrived(unannounced)
            return id_

        def submit() -> Outcome:
            free = succeed(None) if person.ended else self._departures.when_free(name_key(wanted))
            claiming = free.addCallback(lambda _: self._accounts.claim(wanted))
            return claiming.addCallback(
                lambda claim: self._journal.submit(partial(rename, claim), person, quiet=True)
            )

        return in_order(person, ALONE, submit).addCallback(renamed)

    def rename_guest(self, person: Person) -> Outcome:
        """Give a guest a name from the server, because an account claims the present one."""

        def rename() -> Unit:
            name = self._people.guest_name()
            return judge.rename(self._readers.policy, person, name, name, chosen=False)

        return in_order(person, ALONE, self._journal.submit, rename, person)
