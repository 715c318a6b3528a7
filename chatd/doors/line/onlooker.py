"""New clients of the line door: guests, or where guests are not allowed, onlookers until they sign
in.

1. An onlooker is no person: it has no name, is not present in any room, and for each of its
   commands the policy is asked as for a reader without a session.  With `--guests read` it reads
   open rooms.
2. It signs in with `/login NAME PASSWORD`, or makes an account with `/register NAME PASSWORD`; the
   refusal of whatever takes a person says so (`sign_in_first`).
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed

from ...chat.card import LINE
from ...chat.person import Person
from ...chat.room import LOBBY, Room
from ...chat.rules import Rules
from ...chat.service import ChatService
from ...chat.sessions import Session
from ...model.addresses import Address
from ...model.errors import ChatError, NoSession
from ...model.policy import Action

COME_IN = "guests may come in by now; connect again, or sign in with /login NAME PASSWORD"
"""The refusal of an onlooker that was connected before guests might come in."""
LOGIN = "/login NAME PASSWORD"
REGISTER = {"open": "/register NAME PASSWORD", "invite": "/register NAME PASSWORD #invite=CODE"}
"""How an onlooker makes an account, by the rule for that; where registering is closed it cannot."""


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


def sign_in_first(rules: Rules) -> NoSession:
    """The refusal of what an onlooker cannot do, with the ways to become a person."""
    if rules.guests == "full":
        return NoSession(COME_IN)
    register = REGISTER.get(rules.register)
    return NoSession(f"sign in first: {LOGIN}{f', or {register}' if register else ''}")
