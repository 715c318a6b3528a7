"""The log of people (`--log-people`): which name was used from which address, and when.

It is for operators who have to answer reports of abuse, and off by default, because addresses are
personal data.  It never contains what people say.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from ..chat.elsewhere import Elsewhere
from ..chat.person import Person
from ..chat.service import ChatService
from ..model.addresses import Address

_log = Logger()


class PeopleLog:
    """Logs the names of this node's persons and visitors (`chatd.chat.people.PeopleObserver`)."""

    def __init__(self, chat: ChatService) -> None:
        """The log is off until `switch` is called."""
        self._chat = chat
        self.on = False

    def switch(self, on: bool) -> None:
        """Start or stop logging."""
        if on == self.on:
            return
        self.on = on
        observers: tuple[tuple[list[Any], Any], ...] = (
            (self._chat.people.observers, self),
            (self._chat.visitor_observers, self.visited),
        )
        for those, own in observers:
            if on:
                those.append(own)
            else:
                those.remove(own)

    def came(self, person: Person | Elsewhere) -> None:
        """See `PeopleObserver.came`.  A person of another node is in that node's log."""
        if isinstance(person, Person):
            _log.info(
                "{kind} {id} took the name {name}, from {address}",
                kind="guest" if person.account is None else "account",
                id=person.id,
                name=person.name,
                address=str(person.address),
            )

    def went(self, person: Person | Elsewhere, id_: int) -> None:
        """See `PeopleObserver.went`."""
        if isinstance(person, Person):
            _log.info("{id} gave up the name {name}", id=person.id, name=person.name)

    def visited(self, name: str, address: Address) -> None:
        """A visitor sends a command."""
        _log.info("a visitor used the name {name}, from {address}", name=name, address=str(address))
