"""Deleting private messages between accounts.

1. An author deletes what it sent; an administrator deletes the messages of others too, and names
   either account of the conversation.  An administrator does not read conversations by that.
2. The message keeps its id, names and time, and its text is kept nowhere from then on: as that of a
   message in a room.
3. The server tells both accounts of the deletion.  It does not tell a recipient who ignored the
   sender, because that recipient never got the message.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace
from twisted.internet.defer import Deferred

from ..model.errors import BadName, NoSuchPerson, NotAllowed, NotFound
from ..model.events import Letter
from ..model.moderation import RedactPrivately
from ..model.names import name_key
from ..model.policy import Action
from ..model.units import Unit
from . import judge_letters
from .accounts import Record
from .arguments import reason
from .core import Core
from .correspondence import NOBODY
from .journal import Outcome
from .lane import ALONE, in_order
from .letters import Letters
from .person import Person
from .rulings import By, new_stamp


class LetterDeletion:
    """Carries out the deletion of private messages."""

    def __init__(self, core: Core, letters: Letters, now: Callable[[], int]) -> None:
        """`now` tells microseconds since the Unix epoch."""
        self._journal = core.journal
        self._accounts = core.accounts
        self._readers = core.readers
        self._admission = core.admission
        self._letters = letters
        self._now = now

    def redact(self, command: RedactPrivately, person: Person, key: bytes | None) -> Outcome:
        """Delete a private message; see `ChatService.perform`.  Fires with the id of the deletion,
        or with None if the message was deleted already.

        Raises `NotAllowed`, `RateLimited`, `BadText`; fails with `NoSuchPerson`, `NotFound`,
        `NotAllowed`, `Unavailable`.
        """
        text = reason(command.text)
        self._readers.policy.may(person, Action.WRITE_PRIVATELY)
        if person.account is None and not person.admin:
            raise NotAllowed("private messages are kept, and deleted, between accounts only")
        try:
            partner = name_key(command.to)
        except BadName:
            raise NoSuchPerson(NOBODY) from None
        self._admission.spend(person)

        def find() -> Outcome:
            return self._accounts.find(partner).addCallback(found_partner)

        def found_partner(record: Record) -> Outcome:
            if record.value is None:
                raise NoSuchPerson(NOBODY)
            finding = Deferred.fromCoroutine(self._find(person, partner, command.id))
            return finding.addCallback(found, record.value.name)

        def found(letter: Letter | None, name: str) -> Outcome:
            if letter is None:
                raise NotFound(f"there is no private message of that id with {name}")
            stamp = new_stamp(self._now())

            def judged() -> Unit:
                by = By(person, self._readers.policy, self._now(), stamp)
                unit = judge_letters.redact(by, command.id, letter, text)
                return unit if key is None else replace(unit, request_key=key)

            return self._journal.submit(judged)

        return in_order(person, ALONE, find)

    async def _find(self, person: Person, partner: str, id_: int) -> Letter | None:
        """The message that a person means; see `RedactPrivately`."""
        if person.account is not None:
            letter = await self._letters.find(person.account, partner, id_)
            if letter is not None:
                return letter
        if not person.admin:
            return None
        return await self._letters.find_anywhere(partner, id_)
