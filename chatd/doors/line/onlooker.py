"""New clients of the line door: guests, or where guests are not allowed, onlookers until they sign
in.

1. An onlooker is no person: it has no name, is not present in any room, and for each of its
   commands the policy is asked as for a reader without a session.  With `--guests read` it reads
   open rooms.
2. It signs in with `/login NAME PASSWORD`, or makes an account with `/register NAME PASSWORD`.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from ...chat.card import LINE
from ...chat.person import Person
from ...chat.room import LOBBY, Room
from ...chat.service import ChatService
from ...chat.sessions import Session
from ...model.addresses import Address
from ...model.errors import ChatError, NoSession
from ...model.policy import Action


def come_in(service: ChatService, address: Address) -> Deferred[Session]:
    """The session of a client that has just connected, or has signed out.

    Raises or fails with `Banned`, `Unavailable`, and the errors of `Arrivals.enter`.
    """
    if service.sign_in.rules.guests == "full":
        entering = service.arrivals.enter("", address, card=LINE)
        return entering.addCallback(Session, address)
    person = Person("", "", "", named=False, visiting=True, address=address)
    session = Session(person, address)
    try:
        service.readers.check(session, Action.LIST)
    except NoSession:  # there is nothing to read
        return succeed(session)

    def look_in(lobby: Room) -> Session:
        try:
            service.readers.check_reading(session, lobby)
        except ChatError:
            return session
        person.rooms[LOBBY] = lobby
        return session

    return service.rooms.load(LOBBY).addCallback(look_in)


def is_onlooker(person: Person) -> bool:
    """Whether the client has not signed in, on a server where guests may not come in."""
    return person.visiting and person.account is None
