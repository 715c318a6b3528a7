"""What people say: messages, topics, private messages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.defer import succeed

from ..model.commands import Act, Say, SetTopic, Tell
from ..model.events import Acted, Said
from ..model.names import clean_room
from ..model.policy import Action
from ..model.text import MAX_TOPIC, clean_phrase, clean_text
from ..model.units import Unit
from . import judge
from .accounts import Accounts, Claim
from .admission import Admission
from .arrivals import Arrivals, Outcome
from .attendance import Attendance
from .journal import Journal
from .lane import ALONE, in_order
from .people import People
from .person import Person
from .readers import Readers
from .room import LOBBY, Room
from .rooms import Rooms


class Speech:
    """Carries out what puts a text before others."""

    def __init__(
        self,
        journal: Journal,
        accounts: Accounts,
        people: People,
        rooms: Rooms,
        readers: Readers,
        admission: Admission,
        arrivals: Arrivals,
        attendance: Attendance,
        max_text: int,
    ) -> None:
        """`max_text` is in bytes of UTF-8."""
        self._journal = journal
        self._accounts = accounts
        self._people = people
        self._rooms = rooms
        self._readers = readers
        self._admission = admission
        self._arrivals = arrivals
        self._attendance = attendance
        self._max_text = max_text

    def speak(self, command: Say | Act, person: Person, key: bytes | None) -> Outcome:
        """Say something in a room."""
        text = clean_text(command.text, self._max_text)
        event = Said if isinstance(command, Say) else Acted
        name = clean_room(command.room)

        def judged(room: Room) -> Unit:
            return judge.speak(self._readers.policy, person, room, event, text, key)

        return self._in_room(person, name, name, judged)

    def set_topic(self, command: SetTopic, person: Person, key: bytes | None) -> Outcome:
        """Set a room's topic."""
        text = clean_phrase(command.text, MAX_TOPIC, "topic")
        name = clean_room(command.room)
        kept = name == LOBBY or name in self._rooms.index
        if not (text or kept or person.lane):
            self._readers.policy.may(person, Action.SET_TOPIC, self._rooms.live(name))
            self._admission.spend(person)
            return succeed(None)  # no topic to clear: that would be all that is kept of the room

        def judged(room: Room) -> Unit:
            return judge.set_topic(self._readers.policy, person, room, text, key)

        return self._in_room(person, name, ALONE, judged)

    def tell(self, command: Tell, person: Person, key: bytes | None) -> Outcome:
        """Say something to one person only."""
        text = clean_text(command.text, self._max_text)
        # Whom it is for is settled now, whatever becomes of the name until it is stored; unless an
        # earlier command of the sender is about to take the name.
        holder = self._people.find(command.to)
        if holder is None and person.lane is None:
            holder = self._people.person(command.to)
        self._admission.spend(person)

        def tell() -> Unit:
            to = self._people.still(holder) if holder else self._people.person(command.to)
            return judge.tell(self._readers.policy, person, to, text, key)

        return in_order(person, ALONE, self._when_free, person, tell, self._journal.submit)

    def _in_room(
        self, person: Person, name: str, group: str, judged: Callable[[Room], Unit]
    ) -> Outcome:
        """Something that a person does in a room, who comes in for it if need be."""
        if person.lane is None and name not in person.rooms:
            self._attendance.check_rooms(person, name)
        self._admission.spend(person)
        return in_order(person, group, self._act, person, name, judged)

    def _act(self, person: Person, name: str, judged: Callable[[Room], Unit]) -> Outcome:
        """Judge a command whose turn has come; its person joins the room first if need be."""
        room = person.rooms.get(name)
        if room is not None:  # the room exists: it has a member
            return self._journal.submit(partial(judged, room), room)
        if person.visiting:
            return self._rooms.load(name).addCallback(partial(self._visit, person, judged))

        def join(room: Room) -> Outcome:
            return self._attendance.join(person, room).addCallback(
                lambda _: self._journal.submit(partial(judged, room), room)
            )

        return self._rooms.load(name).addCallback(join)

    def _visit(self, person: Person, judged: Callable[[Room], Unit], room: Room) -> Outcome:
        """A visitor does something in a room, which that may bring into being."""

        def submit(judgement: Callable[[], Unit]) -> Outcome:
            self._rooms.directory.found(room, person.address)
            submitted = self._journal.submit(judgement, room)
            return self._rooms.directory.claimed(room, submitted)

        return self._when_free(person, partial(judged, room), submit)

    def _when_free(
        self,
        person: Person,
        judgement: Callable[[], Unit],
        submit: Callable[[Callable[[], Unit]], Outcome],
    ) -> Outcome:
        """Have a command submitted; that of a visitor when the person who had the name has left,
        and only if the name is not an account's.
        """
        if not person.visiting or person.account is not None:
            return submit(judgement)

        def claimed(claim: Claim) -> Outcome:
            def judged() -> Unit:
                self._people.check_visitor(person)
                claim.check()
                unit = judgement()
                return unit._replace(expects=(*unit.expects, *claim.expects))

            return submit(judged)

        free = self._arrivals.when_free(person.key)
        return free.addCallback(lambda _: self._accounts.claim(person.name)).addCallback(claimed)
