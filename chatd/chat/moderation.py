"""Moderation: carries out what owners, ops and administrators ask.

1. Whom a command means is found out first (`chatd.chat.targets`), then its room is loaded, then it
   is judged (`chatd.chat.judge_roles`, `judge_bans`, `judge_members`, `judge_texts`).
2. What follows for readers and for people who are in the room is not decided here: it follows from
   what is shown (`chatd.chat.consequences`), on every node.
3. A room that is hidden from the asker is refused before anything else is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, succeed

from ..model import moderation as asked
from ..model.commands import Command
from ..model.errors import ChatError
from ..model.events import MESSAGES
from ..model.names import clean_room, name_key
from ..model.policy import Action
from ..model.restrictions import Restriction
from ..model.units import Unit
from ..stream.eventlog import Entry
from . import judge_bans, judge_members, judge_roles, judge_texts
from .admission import Admission
from .arguments import key_of, network_in, new_id, reason, shown, until
from .arrivals import Outcome
from .journal import Journal
from .lane import ALONE, in_order
from .people import People
from .person import Person
from .readers import Readers
from .redactions import PageAfter, find_entry
from .room import Room
from .rooms import Rooms
from .rulings import By, Target, new_stamp
from .targets import Targets, need_somebody

RECENT = 1000
"""Messages among which one's own last one is looked for."""

Commands = dict[type[Command], Callable[[Any, Person, bytes | None], Outcome]]
"""What carries out each command: see `ChatService.perform`."""
Judgement = Callable[[By, Room, Target], Unit]
NO_TARGET = Target("", "")
"""Of a command that is about nobody."""


class Moderation:
    """Carries out moderators' commands."""

    def __init__(
        self,
        journal: Journal,
        people: People,
        rooms: Rooms,
        readers: Readers,
        admission: Admission,
        targets: Targets,
        now: Callable[[], int],
        page_after: PageAfter,
    ) -> None:
        """`now` tells microseconds since the Unix epoch, and `page_after` reads a room's past."""
        self._journal = journal
        self._people = people
        self._rooms = rooms
        self._readers = readers
        self._admission = admission
        self._targets = targets
        self._now = now
        self._page_after = page_after
        self.commands: Commands = {
            asked.Configure: self._configure,
            asked.GiveRole: self._give_role,
            asked.Kick: self._kick,
            asked.Ban: self._ban,
            asked.Unban: self._unban,
            asked.Mute: self._mute,
            asked.Unmute: self._unmute,
            asked.Admit: self._admit,
            asked.Dismiss: self._dismiss,
            asked.Redact: self._redact,
        }
        """What carries out each command: see `ChatService.perform`."""

    # -- questions -------------------------------------------------------------------------------

    def bans(self, person: Person, room: Room) -> list[tuple[str, Restriction]]:
        """The bans from a room that hold now, with their ids.

        Addresses are in them for administrators only.  Raises as the policy does.
        """
        self._readers.policy.may(person, Action.SEE_BANS, room)
        return shown(room.rights.bans, self._now(), places=person.admin)

    def mutes(self, person: Person, room: Room) -> list[tuple[str, Restriction]]:
        """The mutes in a room that hold now: see `bans`."""
        self._readers.policy.may(person, Action.SEE_BANS, room)
        return shown(room.rights.mutes, self._now(), places=person.admin)

    def last_message(self, person: Person, room: Room) -> int | None:
        """The id of the last message in memory that a person has said in a room, and that was not
        deleted; None: there is none.
        """
        for entry in reversed(room.log.latest(RECENT, MESSAGES)):
            event = entry.event
            if (
                judge_texts.is_author(person, entry)
                and getattr(event, "redacted", None) is not True
            ):
                return entry.id
        return None

    def members(self, person: Person, room: Room) -> list[str]:
        """The names of a room's members, in alphabetical order.  Raises as the policy does."""
        self._readers.policy.may(person, Action.ADMIT, room)
        return sorted(room.rights.admitted.values(), key=str.casefold)

    # -- settings and roles ----------------------------------------------------------------------

    def _configure(self, command: asked.Configure, person: Person, key: bytes | None) -> Outcome:
        joined: dict[str, str] = {}

        def judged(by: By, room: Room, _: Target) -> Unit:
            members = {**joined, **self._accounts_in(room)}
            return judge_roles.configure(by, room, command, members)

        def look_up(room: Room) -> Deferred[object]:
            try:
                self._readers.policy.may(person, Action.CONFIGURE, room)
            except ChatError:  # it is refused when it is judged, unless it is a repeat
                return succeed(None)
            return self._targets.joined(room.name).addCallback(joined.update)

        before = look_up if command.access == "members" else None
        return self._rule(command.room, None, Action.SLOW_DOWN, person, key, judged, before=before)

    def _accounts_in(self, room: Room) -> dict[str, str]:
        """The accounts whose persons are in a room: names by key."""
        held = self._people.held
        return {
            key: name
            for key, name in room.members.items()
            if key in held and held[key].account is not None
        }

    def _give_role(self, command: asked.GiveRole, person: Person, key: bytes | None) -> Outcome:
        def judged(by: By, room: Room, target: Target) -> Unit:
            return judge_roles.give_role(by, room, target, command.role)

        return self._rule(command.room, command.name, Action.GIVE_VOICE, person, key, judged)

    # -- putting out, banning, muting ------------------------------------------------------------

    def _kick(self, command: asked.Kick, person: Person, key: bytes | None) -> Outcome:
        text = reason(command.text)

        def judged(by: By, room: Room, target: Target) -> Unit:
            return judge_bans.kick(by, room, target, text)

        return self._rule(command.room, command.name, Action.KICK, person, key, judged)

    def _ban(self, command: asked.Ban, person: Person, key: bytes | None) -> Outcome:
        text, ends = reason(command.text), until(self._now(), command.seconds)
        id_ = new_id()
        network = network_in(command.who)
        name = None if network else command.who

        def judged(by: By, room: Room, target: Target) -> Unit:
            return judge_bans.ban(by, room, network or target, id_, ends, text)

        return self._rule(command.room, name, Action.BAN, person, key, judged, anybody=True)

    def _unban(self, command: asked.Unban, person: Person, key: bytes | None) -> Outcome:
        who = network_in(command.who) or command.who

        def judged(by: By, room: Room, _: Target) -> Unit:
            return judge_bans.unban(by, room, who, key_of(who))

        return self._rule(command.room, None, Action.BAN, person, key, judged)

    def _mute(self, command: asked.Mute, person: Person, key: bytes | None) -> Outcome:
        text, ends = reason(command.text), until(self._now(), command.seconds)

        def judged(by: By, room: Room, target: Target) -> Unit:
            return judge_bans.mute(by, room, target, ends, text)

        return self._rule(command.room, command.name, Action.MUTE, person, key, judged)

    def _unmute(self, command: asked.Unmute, person: Person, key: bytes | None) -> Outcome:
        def judged(by: By, room: Room, _: Target) -> Unit:
            return judge_bans.unmute(by, room, command.name, key_of(command.name))

        return self._rule(command.room, None, Action.MUTE, person, key, judged)

    # -- members, and what was said --------------------------------------------------------------

    def _admit(self, command: asked.Admit, person: Person, key: bytes | None) -> Outcome:
        judged = judge_members.admit
        return self._rule(command.room, command.name, Action.ADMIT, person, key, judged)

    def _dismiss(self, command: asked.Dismiss, person: Person, key: bytes | None) -> Outcome:
        judged = judge_members.dismiss
        return self._rule(command.room, command.name, Action.ADMIT, person, key, judged)

    def _redact(self, command: asked.Redact, person: Person, key: bytes | None) -> Outcome:
        def judge(room: Room, entry: Entry | None) -> Outcome:
            def judged(by: By, room: Room, _: Target) -> Unit:
                return judge_texts.redact(by, room, self._rooms.redacted.latest(entry))

            return self._submit(room, None, Action.READ, person, key, judged)

        def find() -> Outcome:
            loading = self._rooms.load(command.room)
            return loading.addCallback(
                lambda room: find_entry(room, command.id, self._page_after).addCallback(
                    partial(judge, room)
                )
            )

        clean_room(command.room)
        self._admission.spend(person)
        return in_order(person, ALONE, find)

    # -- the way of a command --------------------------------------------------------------------

    def _rule(
        self,
        room: str,
        name: str | None,
        action: Action,
        person: Person,
        key: bytes | None,
        judgement: Judgement,
        *,
        anybody: bool = False,
        before: Callable[[Room], Deferred[object]] | None = None,
    ) -> Outcome:
        """Carry out a command in a room, on somebody if there is a name: a person or an account, or
        `anybody`.  `action` is the least that the asker has to be allowed; `before` looks up what
        is judged by.
        """
        where = clean_room(room)
        if name is not None:
            name_key(name)
        self._admission.spend(person)

        def find() -> Outcome:
            finding = succeed(NO_TARGET) if name is None else self._targets.find(name, where)
            return finding.addCallback(load)

        def load(target: Target) -> Outcome:
            somebody = name is not None and not anybody
            wanted = (target, somebody)
            loading = self._rooms.load(where)

            def submit(room: Room) -> Outcome:
                ready = succeed(None) if before is None else before(room)
                return ready.addCallback(
                    lambda _: self._submit(room, wanted, action, person, key, judgement)
                )

            return loading.addCallback(submit)

        return in_order(person, ALONE, find)

    def _submit(
        self,
        room: Room,
        wanted: tuple[Target, bool] | None,
        action: Action,
        person: Person,
        key: bytes | None,
        judgement: Judgement,
    ) -> Outcome:
        stamp = new_stamp(self._now())

        def judged() -> Unit:
            by = By(person, self._readers.policy, self._now(), stamp)
            target, somebody = wanted or (NO_TARGET, False)
            try:
                if target is not NO_TARGET:
                    target = self._targets.again(target)
                if somebody:
                    need_somebody(target)
            except ChatError:
                by.policy.may(person, action, room)
                raise
            unit = judgement(by, room, target)
            return unit if key is None else unit._replace(request_key=key)

        return self._journal.submit(judged, room)
