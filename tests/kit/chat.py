"""Readers of an `InMemoryChat`, and what is found in its logs."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from chatd.chat.accounts import Proof
from chatd.chat.administration import console
from chatd.chat.owners import Owner
from chatd.chat.person import Person
from chatd.chat.sessions import LastingSession
from chatd.codecs.json import JSON
from chatd.model.account import encode
from chatd.model.addresses import LOCAL, Address, address_of
from chatd.model.audit import Record
from chatd.model.commands import Command, Say
from chatd.model.errors import ChatError
from chatd.model.events import Event
from chatd.model.identity import Stranger
from chatd.model.rights import Role
from chatd.model.units import ACCOUNTS, Change, Unit, is_presence
from chatd.stream.feed import Source
from chatd.stream.places import Place
from chatd.testing import FakeOutlet, InMemoryChat, result_of

HERE = address_of("192.0.2.7")
"""An address that is not of the Internet."""
PUBLIC = address_of("8.8.8.8")
SHARED = address_of("2001:db8:1:2::5")


def events(chat: InMemoryChat, room: str = "lobby") -> list[Event]:
    """The events in a room's log."""
    return [entry.event for entry in chat.entries(room)]


def with_account(
    chat: InMemoryChat, name: str, *, admin: bool = False, address: Address = LOCAL
) -> Person:
    """A person who has entered, and counts as the account of that name."""
    person = chat.enter(name, address)
    person.account, person.admin = person.key, admin
    return person


def private(person: Person) -> list[Event]:
    """The events in a person's inbox."""
    return [entry.event for entry in person.inbox.log.since(0).entries]


def reading(
    chat: InMemoryChat,
    *sources: Source,
    owner: Owner | None = None,
    cursor: int | None = None,
    outlet: FakeOutlet | None = None,
) -> FakeOutlet:
    """The outlet of a reader that the gate has opened, from now on or from a cursor."""
    outlet = outlet or FakeOutlet()
    service = chat.service
    place = Place(service.horizon) if cursor is None else service.place(sources, cursor)
    views = [(source, JSON) for source in sources]
    outlet.subscriber = service.readers.open(
        owner or Stranger(), views, outlet, place.cursor, places=place.logs, gaps=place.gaps
    )
    outlet.subscriber.start()
    return outlet


def given_to(outlet: FakeOutlet) -> list[dict[str, Any]]:
    """The events that an outlet has received, in its order."""
    return [e for batch in outlet.batches for e in json.loads(b"[%b]" % batch.chunk)]


def read(outlet: FakeOutlet) -> list[str]:
    """The texts that an outlet has received, with GAP in place of each gap."""
    found = []
    for batch in outlet.batches:
        found += ["GAP"] * bool(batch.gaps)
        found += [e["text"] for e in json.loads(b"[%b]" % batch.chunk) if e["type"] == "message"]
    return found


def evict_rooms(chat: InMemoryChat) -> None:
    """Drop the rooms that are not in use from memory, as time and other rooms would."""
    chat.service.rooms._loader._warm.clear()
    gc.collect()


def refused(outcome: Any) -> type[Exception] | None:
    """The type of the error of a Deferred, or None if it has succeeded; it must have fired."""
    results: list[Any] = []
    outcome.addBoth(results.append)
    assert results, "the Deferred has not fired"
    value = getattr(results[0], "value", None)
    assert value is None or isinstance(value, ChatError), value
    return type(value) if value else None


def looked_up(chat: InMemoryChat, *names: str) -> None:
    """Make known whether these names are registered, so that a claim of one is judged in its own
    turn.
    """
    for name in names:
        chat.service.accounts.claim(name)
    chat.settle()


PASSWORD = "correct horse battery"
"""A password that is taken."""


def settled(chat: InMemoryChat, outcome: Any) -> Any:
    """The result of a Deferred after everything that happens without input."""
    chat.settle()
    return result_of(outcome)


def registered(
    chat: InMemoryChat, name: str, password: str = PASSWORD, address: Address = LOCAL
) -> Proof:
    """A new account that no session is signed in to."""
    proof: Proof = settled(chat, chat.service.sign_in.register(name, password, address))
    return proof


def administrator(chat: InMemoryChat, name: str, address: Address = LOCAL) -> Proof:
    """The first administrator's account, that nobody is signed in to."""
    proof: Proof = settled(
        chat, chat.service.sign_in.register(name, PASSWORD, address, claim=chat.service.claims.code)
    )
    return proof


def set_account(chat: InMemoryChat, proof: Proof, **fields: Any) -> None:
    """Change an account as another node might, or the console: its rights, its epoch."""
    account = proof.record.value
    assert account is not None
    changed = Change(ACCOUNTS, proof.record.key, encode(replace(account, **fields)))
    settled(chat, chat.service._journal.submit(lambda: Unit((), (changed,))))


def signed_in(
    chat: InMemoryChat, name: str, password: str = PASSWORD, address: Address = LOCAL
) -> LastingSession:
    """A new session of an account."""
    service = chat.service
    proof = settled(chat, service.sign_in.prove(name, password, address))
    session: LastingSession = settled(chat, service.signed_in.begin(proof, address, "test"))
    return session


def program(name: str) -> Person:
    """A program that acts for an account by a personal token."""
    person = Person("", name, name, named=True, visiting=True)
    person.account = name
    return person


def restarted(chat: InMemoryChat) -> InMemoryChat:
    """The same chat after a restart, with the cells that a file would have kept."""
    settled(chat, chat.service.drain())
    settled(chat, chat.service.stopService())
    cells = chat.store.engine.cells
    for table in list(cells._tables):
        if is_presence(table):
            del cells._tables[table]
    return InMemoryChat(node=chat, restarted=True)


def refusal(chat: InMemoryChat, person: Person, command: Command) -> ChatError:
    """Why a command is refused."""
    with pytest.raises(ChatError) as refused:
        chat.perform(person, command)
    return refused.value


def role(chat: InMemoryChat, person: Person, room: str = "dev") -> Role:
    """The role that a person has in a room."""
    return chat.room(room).rights.role(person.subject)


def last(chat: InMemoryChat, room: str = "dev") -> Any:
    """The last event of a room."""
    return events(chat, room)[-1]


def register(chat: InMemoryChat, name: str, **options: Any) -> Deferred[Any]:
    """Begin to register a name."""
    return chat.service.sign_in.register(name, PASSWORD, options.pop("address", LOCAL), **options)


def audit(chat: InMemoryChat) -> list[Record]:
    """The newest records of the audit trail, the oldest of them first."""
    by = console(chat.service.admission.bucket())
    found, _ = settled(chat, chat.service.audit_trail.page(by, None, 1000))
    return [record for _, record in reversed(found)]


def outcome(chat: InMemoryChat, begin: Any) -> type[Exception] | None:
    """What something is refused with, at once or later."""
    try:
        deferred = begin()
    except Exception as error:
        return type(error)
    chat.settle()
    return refused(deferred)


def say(chat: InMemoryChat, text: str, room: str = "lobby") -> Deferred[int | None]:
    """Begin to send a message of a visitor."""
    return chat.service.perform(chat.service.visitor("ada"), Say(room, text))


def said(chat: InMemoryChat, text: str, room: str = "lobby") -> int:
    """Send a message of a visitor; returns its id, or 0 if there is none."""
    answer = say(chat, text, room)
    chat.settle()
    return result_of(answer) or 0
