"""Rulings in rooms: how a command of a moderator is carried out.

1. First the target is found by its name (`chatd.chat.targets`), then the room is loaded, then the
   command is judged and submitted; all in the order of the moderator's commands.
2. A judgement that is repeated sees the same target, as known then: not another person who has
   taken the name meanwhile.
3. If the target cannot be found, the policy is asked first, so that the refusal reveals nothing of
   a room that is hidden from the moderator.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace
from twisted.internet.defer import Deferred, succeed

from ..model.errors import ChatError
from ..model.names import clean_room, name_key
from ..model.policy import Action
from ..model.units import Unit
from .core import Core
from .journal import Outcome
from .lane import ALONE, in_order
from .person import Person
from .room import Room
from .rulings import By, Target, new_stamp
from .targets import Targets, require_person

Judgement = Callable[[By, Room, Target], Unit]
"""Judges a command in a room; its target is `NO_TARGET` if the command has none."""
NO_TARGET = Target("", "")
"""The target of a command that has none."""


class RoomRulings:
    """Carries out rulings in rooms."""

    def __init__(self, core: Core, targets: Targets, now: Callable[[], int]) -> None:
        """`now` tells microseconds since the Unix epoch."""
        self._journal = core.journal
        self._rooms = core.rooms
        self._readers = core.readers
        self._admission = core.admission
        self._targets = targets
        self._now = now

    def rule(
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
        """Carry out a command of `person` in a room.

        `name` is the target's, or None.  It must be a person's or an account's, or with `anybody`
        may be free.  `action` is what the moderator must at least be allowed; `key` is the request
        key; `before` loads what the judgement needs, when the room is loaded.

        Raises `BadRoom`, `BadName`, `RateLimited`; fails as the judgement does, and with
        `NoSuchPerson`, `Unavailable`.
        """
        where = clean_room(room)
        if name is not None:
            name_key(name)
        self._admission.spend(person)

        def find() -> Outcome:
            finding = succeed(NO_TARGET) if name is None else self._targets.find(name, where)
            return finding.addCallback(load)

        def load(target: Target) -> Outcome:
            wanted = (target, name is not None and not anybody)
            loading = self._rooms.load(where)

            def submit(room: Room) -> Outcome:
                ready = succeed(None) if before is None else before(room)
                return ready.addCallback(
                    lambda _: self.submit(room, wanted, action, person, key, judgement)
                )

            return loading.addCallback(submit)

        return in_order(person, ALONE, find)

    def submit(
        self,
        room: Room,
        wanted: tuple[Target, bool] | None,
        action: Action,
        person: Person,
        key: bytes | None,
        judgement: Judgement,
    ) -> Outcome:
        """Judge a command in a loaded room, and submit its unit.  `wanted` is the target, with
        whether it must be a person or an account; None: the command has no target.
        """
        stamp = new_stamp(self._now())

        def judged() -> Unit:
            by = By(person, self._readers.policy, self._now(), stamp)
            target, required = wanted or (NO_TARGET, False)
            try:
                if target is not NO_TARGET:
                    target = self._targets.refresh(target)
                if required:
                    require_person(target)
            except ChatError:
                by.policy.may(person, action, room)
                raise
            unit = judgement(by, room, target)
            return unit if key is None else replace(unit, request_key=key)

        return self._journal.submit(judged, room)
