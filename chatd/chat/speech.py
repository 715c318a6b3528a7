"""What people say: messages, topics, private messages."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred

from ..model.commands import Act, Say, SetTopic, Tell
from ..model.events import Acted, Said
from ..model.names import clean_room
from ..model.text import MAX_TOPIC, clean_phrase, clean_text
from ..model.units import Unit
from . import judge
from .admission import Admission
from .attendance import Attendance
from .journal import Journal
from .lane import ALONE, in_order
from .people import People
from .person import Person
from .readers import Readers
from .room import Room
from .rooms import Rooms

Outcome = Deferred[int | None]


class Speech:
    """Carries out what puts a text before others."""

    def __init__(
        self,
        journal: Journal,
        people: People,
        rooms: Rooms,
        readers: Readers,
        admission: Admission,
        attendance: Attendance,
        max_text: int,
    ) -> None:
        """`max_text` is in bytes of UTF-8."""
        self._journal = journal
        self._people = people
        self._rooms = rooms
        self._readers = readers
        self._admission = admission
        self._attendance = attendance
        self._max_text = max_text

    def speak(self, command: Say | Act, person: Person, key: bytes | None) -> Outcome:
        """Say something in a room."""
        text = clean_text(command.text, self._max_text)
        event = Said if isinstance(command, Say) else Acted
        name = clean_room(command.room)
        group = name if person.visiting or name in person.rooms else ALONE

        def judged(room: Room) -> Unit:
            return judge.speak(self._readers.policy, person, room, event, text)

        return self._in_room(person, name, group, key, judged)

    def set_topic(self, command: SetTopic, person: Person, key: bytes | None) -> Outcome:
        """Set a room's topic."""
        text = clean_phrase(command.text, MAX_TOPIC, "topic")

        def judged(room: Room) -> Unit:
            return judge.set_topic(self._readers.policy, person, room, text)

        return self._in_room(person, clean_room(command.room), ALONE, key, judged)

    def tell(self, command: Tell, person: Person, key: bytes | None) -> Outcome:
        """Say something to one person only."""
        text = clean_text(command.text, self._max_text)
        self._people.person(command.to)  # known at once: said at once, and not counted
        self._admission.spend(person)

        def tell() -> Unit:
            to = self._people.person(command.to)
            return judge.tell(self._readers.policy, person, to, text)._replace(request_key=key)

        return in_order(person, ALONE, lambda: self._journal.submit(tell))

    def _in_room(
        self,
        person: Person,
        name: str,
        group: str,
        key: bytes | None,
        judgement: Callable[[Room], Unit],
    ) -> Outcome:
        """Something that a person does in a room, who comes in for it if need be."""
        self._attendance.check_rooms(person, name)
        self._admission.spend(person)

        def act(room: Room) -> Outcome:
            def judged() -> Unit:
                self._rooms.check_new(room)
                unit = judgement(room)
                return unit if key is None else unit._replace(request_key=key)

            if person.visiting or room.name in person.rooms:
                return self._journal.submit(judged, room)
            joined = self._attendance.join(person, room)
            return joined.addCallback(lambda _: self._journal.submit(judged, room))

        def load() -> Outcome:
            room = self._rooms.live(name)
            if room is not None:
                return act(room)
            return self._rooms.load(name).addCallback(act)

        return in_order(person, group, load)
