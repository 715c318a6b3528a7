"""The log of people (`--log-people`): which name was used from which address, and when.

It is for operators who have to answer reports of abuse, and off by default, because addresses are
personal data.  It never contains what people say.
"""

from __future__ import annotations

from twisted.logger import Logger

from ..chat.elsewhere import Elsewhere
from ..chat.person import Person
from ..chat.service import ChatService
from ..model.addresses import Address

_log = Logger()


class PeopleLog:
    """Logs the names of this node's persons and visitors (`chatd.chat.people.PeopleObserver`)."""

    def __init__(self, chat: ChatService) -> None:
        """Begin to log."""
        chat.people.observers.append(self)
        chat.visitor_observers.append(self.visited)

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
