"""Moderation: the commands of owners, ops and administrators in rooms.

1. This module checks a command's arguments and picks its judgement (`chatd.chat.judge_roles`,
   `judge_bans`, `judge_members`, `judge_texts`); `chatd.chat.room_rulings` carries it out.
2. What follows for readers, and for people in the room, is not decided here: each node does that
   when the unit is shown (`chatd.chat.consequences`).
3. For a moderator from whom the room is hidden, that refusal comes before any other.
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
from ..model.names import clean_room
from ..model.policy import Action
from ..model.restrictions import Restriction
from ..model.units import Unit
from ..stream.eventlog import Entry
from . import judge_bans, judge_members, judge_roles, judge_texts
from .arguments import key_of, network_in, new_id, reason, shown, until
from .core import Core
from .journal import Outcome
from .lane import ALONE, in_order
from .person import Person
from .redactions import PageAfter, find_entry
from .room import Room
from .room_rulings import RoomRulings
from .rulings import By, Target
from .targets import Targets

RECENT = 1000
"""Messages, the newest ones in memory, among which a person's own last one is looked for."""

Commands = dict[type[Command], Callable[[Any, Person, bytes | None], Outcome]]
"""What carries out each command: see `ChatService.perform`."""


class Moderation:
    """Carries out moderators' commands in rooms."""

    def __init__(
        self,
        core: Core,
        targets: Targets,
        rulings: RoomRulings,
        now: Callable[[], int],
        page_after: PageAfter,
    ) -> None:
        """`now` tells microseconds since the Unix epoch; `page_after` reads a room's history."""
        self._people = core.people
        self._rooms = core.rooms
        self._readers = core.readers
        self._admission = core.admission
        self._targets = targets
        self._rulings = rulings
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
        """The bans from a room that are in force, with their ids.  Only administrators get the
        addresses in them.  Raises `NotAllowed`, `NotFound`, `Banned`.
        """
        self._readers.policy.may(person, Action.SEE_BANS, room)
        return shown(room.rights.bans, self._now(), places=person.admin)

    def mutes(self, person: Person, room: Room) -> list[tuple[str, Restriction]]:
        """The mutes in a room that are in force: see `bans`."""
        self._readers.policy.may(person, Action.SEE_BANS, room)
        return shown(room.rights.mutes, self._now(), places=person.admin)

    def last_message(self, person: Person, room: Room) -> int | None:
        """The id of the person's last message in a room that is in memory and not deleted; None:
        there is none.
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
        """The names of a room's members in alphabetical order.  Raises as `bans` does."""
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
            except ChatError:  # the judgement refuses it, unless it repeats a known request
                return succeed(None)
            return self._targets.joined(room.name).addCallback(joined.update)

        before = look_up if command.access == "members" else None
        return self._rulings.rule(
            command.room, None, Action.SLOW_DOWN, person, key, judged, before=before
        )

    def _accounts_in(self, room: Room) -> dict[str, str]:
        """The accounts whose persons are present in a room: names by key."""
        held = self._people.held
        return {
            key: name
            for key, name in room.members.items()
            if key in held and held[key].account is not None
        }

    def _give_role(self, command: asked.GiveRole, person: Person, key: bytes | None) -> Outcome:
        def judged(by: By, room: Room, target: Target) -> Unit:
            return judge_roles.give_role(by, room, target, command.role)

        return self._rulings.rule(
            command.room, command.name, Action.GIVE_VOICE, person, key, judged
        )

    # -- kicks, bans and mutes -------------------------------------------------------------------

    def _kick(self, command: asked.Kick, person: Person, key: bytes | None) -> Outcome:
        text = reason(command.text)

        def judged(by: By, room: Room, target: Target) -> Unit:
            return judge_bans.kick(by, room, target, text)

        return self._rulings.rule(command.room, command.name, Action.KICK, person, key, judged)

    def _ban(self, command: asked.Ban, person: Person, key: bytes | None) -> Outcome:
        text, ends = reason(command.text), until(self._now(), command.seconds)
        id_ = new_id()
        network = network_in(command.who)
        name = None if network else command.who

        def judged(by: By, room: Room, target: Target) -> Unit:
            return judge_bans.ban(by, room, network or target, id_, ends, text)

        return self._rulings.rule(command.room, name, Action.BAN, person, key, judged, anybody=True)

    def _unban(self, command: asked.Unban, person: Person, key: bytes | None) -> Outcome:
        who = network_in(command.who) or command.who

        def judged(by: By, room: Room, _: Target) -> Unit:
            return judge_bans.unban(by, room, who, key_of(who))

        return self._rulings.rule(command.room, None, Action.BAN, person, key, judged)

    def _mute(self, command: asked.Mute, person: Person, key: bytes | None) -> Outcome:
        text, ends = reason(command.text), until(self._now(), command.seconds)

        def judged(by: By, room: Room, target: Target) -> Unit:
            return judge_bans.mute(by, room, target, ends, text)

        return self._rulings.rule(command.room, command.name, Action.MUTE, person, key, judged)

    def _unmute(self, command: asked.Unmute, person: Person, key: bytes | None) -> Outcome:
        def judged(by: By, room: Room, _: Target) -> Unit:
            return judge_bans.unmute(by, room, command.name, key_of(command.name))

        return self._rulings.rule(command.room, None, Action.MUTE, person, key, judged)

    # -- members and messages --------------------------------------------------------------------

    def _admit(self, command: asked.Admit, person: Person, key: bytes | None) -> Outcome:
        judged = partial(judge_members.admit, once=command.once)
        return self._rulings.rule(command.room, command.name, Action.ADMIT, person, key, judged)

    def _dismiss(self, command: asked.Dismiss, person: Person, key: bytes | None) -> Outcome:
        judged = judge_members.dismiss
        return self._rulings.rule(command.room, command.name, Action.ADMIT, person, key, judged)

    def _redact(self, command: asked.Redact, person: Person, key: bytes | None) -> Outcome:
        text = reason(command.text)

        def judge(room: Room, entry: Entry | None) -> Outcome:
            def judged(by: By, room: Room, _: Target) -> Unit:
                return judge_texts.redact(by, room, self._rooms.redacted.latest(entry), text)

            return self._rulings.submit(room, None, Action.READ, person, key, judged)

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
