"""How persons say something: messages, topics, private messages.

1. A person who is not in a room joins it by speaking there, unless that is refused; a visitor
   (`Person.visiting`) does not.
2. Whom a private message is for is decided when it is sent, even if the name changes hands before
   the message is stored.
3. A visitor speaks under a name that is nobody's: no person may hold it when the message is stored,
   and no account may have registered it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec import UNSET
from msgspec.structs import replace
from twisted.internet.defer import fail, succeed

from ..model.commands import Act, NotifyPrivately, Say, SetTopic, Tell
from ..model.errors import ChatError
from ..model.events import Acted, Said
from ..model.names import clean_room
from ..model.policy import Action, entered
from ..model.text import MAX_TOPIC, clean_phrase, clean_text
from ..model.units import Unit
from . import judge_messages
from .accounts import Claim
from .attendance import Attendance
from .core import Core
from .correspondence import Correspondence
from .departures import Departures
from .elsewhere import Elsewhere
from .journal import Outcome
from .lane import ALONE, in_order
from .person import Person
from .room import LOBBY, Room


class Speech:
    """Carries out the commands that send a text to others."""

    def __init__(
        self,
        core: Core,
        departures: Departures,
        attendance: Attendance,
        correspondence: Correspondence,
    ) -> None:
        self._journal = core.journal
        self._accounts = core.accounts
        self._people = core.people
        self._rooms = core.rooms
        self._readers = core.readers
        self._admission = core.admission
        self._departures = departures
        self._attendance = attendance
        self._correspondence = correspondence

    def speak(
        self,
        event: Callable[..., Said | Acted],
        command: Say | Act,
        person: Person,
        key: bytes | None,
        *,
        outside: bool = False,
    ) -> Outcome:
        """Say something in a room; see `ChatService.perform`.  `event` is as for
        `judge_messages.speak`.  The person joins the room for that, unless `outside`.
        """
        text = clean_text(command.text, self._admission.limits.text)
        name = clean_room(command.room)

        def judged(room: Room) -> Unit:
            policy = self._readers.policy
            return judge_messages.speak(policy, person, room, event, text, key, outside=outside)

        if outside and name not in person.rooms:
            self._admission.spend(person)
            return in_order(person, name, self._stay_out, name, judged)
        return self._in_room(person, name, name, Action.SPEAK, judged)

    def set_topic(self, command: SetTopic, person: Person, key: bytes | None) -> Outcome:
        """Set a room's topic; see `ChatService.perform`."""
        text = clean_phrase(command.text, MAX_TOPIC, "topic")
        name = clean_room(command.room)
        kept = name == LOBBY or name in self._rooms.index
        if not (text or kept or person.lane):
            self._readers.policy.may(person, Action.SET_TOPIC, self._rooms.live(name))
            self._admission.spend(person)
            return succeed(None)  # nothing to clear, and the empty topic must not create the room

        def judged(room: Room) -> Unit:
            return judge_messages.set_topic(self._readers.policy, person, room, text, key)

        return self._in_room(person, name, ALONE, Action.SET_TOPIC, judged)

    def tell(self, command: Tell, person: Person, key: bytes | None) -> Outcome:
        """Send a private message to one person; see `ChatService.perform`.  Between accounts it is
        kept (`chatd.chat.correspondence`).
        """
        text = clean_text(command.text, self._admission.limits.text)
        notice = isinstance(command, NotifyPrivately) or UNSET

        def judged(to: Person | Elsewhere) -> Unit:
            return judge_messages.tell(self._readers.policy, person, to, text, key, notice=notice)

        # The receiver is the person who holds the name now.  If there is none, an earlier command
        # of the sender may be about to take the name: then it is looked up again at judgement.
        holder = self._people.find(command.to)
        if self._correspondence.keeps(person, holder):
            self._admission.spend(person)
            send = self._correspondence.send
            return in_order(person, ALONE, send, person, command.to, judged)
        if holder is None and person.lane is None:
            holder = self._people.person(command.to)
        self._admission.spend(person)

        def tell() -> Unit:
            return judged(
                self._people.current(holder) if holder else self._people.person(command.to)
            )

        return in_order(person, ALONE, self._when_unclaimed, person, tell, self._journal.submit)

    def _in_room(
        self,
        person: Person,
        name: str,
        group: str,
        action: Action,
        judged: Callable[[Room], Unit],
    ) -> Outcome:
        """Have a person do something in a room, in the order of the person's commands."""
        if person.lane is None and name not in person.rooms:
            self._attendance.check_rooms(person, name)
        self._admission.spend(person)
        return in_order(person, group, self._act, person, name, action, judged)

    def _act(
        self, person: Person, name: str, action: Action, judged: Callable[[Room], Unit]
    ) -> Outcome:
        """Judge a command whose turn has come; if the person is not in the room, join it first,
        unless `action` would be refused there.
        """
        room = person.rooms.get(name)
        if room is not None:  # the room exists: it has a member
            return self._journal.submit(partial(judged, room), room)
        if person.visiting:
            loaded = self._rooms.loaded(name)
            if loaded is not None:
                return self._visit(person, judged, loaded)
            return self._rooms.load(name).addCallback(partial(self._visit, person, judged))

        def join(room: Room) -> Outcome:
            try:
                self._readers.policy.may(person, action, entered(room))
            except ChatError:
                return fail()
            return self._attendance.join(person, room).addCallback(
                lambda _: self._journal.submit(partial(judged, room), room)
            )

        return self._rooms.load(name).addCallback(join)

    def _stay_out(self, name: str, judged: Callable[[Room], Unit]) -> Outcome:
        """A person does something in a room that the person is not in."""
        loading = self._rooms.load(name)
        return loading.addCallback(lambda room: self._journal.submit(partial(judged, room), room))

    def _visit(self, person: Person, judged: Callable[[Room], Unit], room: Room) -> Outcome:
        """Have a visitor do something in a room, which this may create."""

        def submit(judgement: Callable[[], Unit]) -> Outcome:
            self._rooms.directory.reserve(room, person.address)
            submitted = self._journal.submit(judgement, room)
            return self._rooms.directory.claimed(room, submitted)

        return self._when_unclaimed(person, partial(judged, room), submit)

    def _when_unclaimed(
        self,
        person: Person,
        judgement: Callable[[], Unit],
        submit: Callable[[Callable[[], Unit]], Outcome],
    ) -> Outcome:
        """Submit a command.  A visitor's command waits until a leaving person has freed the name,
        and is refused if a person holds the name or an account has registered it.
        """
        if not person.visiting or person.account is not None:
            return submit(judgement)

        def claimed(claim: Claim) -> Outcome:
            def judged() -> Unit:
                self._people.check_visitor(person)
                claim.check()
                unit = judgement()
                return replace(unit, expects=(*unit.expects, *claim.expects))

            return submit(judged)

        if self._people.leaving(person.key) is None:
            claim = self._accounts.live_claim(person.name)
            if claim is not None:  # nearly always
                return claimed(claim)
        free = self._departures.when_free(person.key)
        return free.addCallback(lambda _: self._accounts.claim(person.name)).addCallback(claimed)
