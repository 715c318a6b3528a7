"""Readers of an `InMemoryChat`, and what is found in its logs."""

from __future__ import annotations

import gc
import json
from typing import Any

from chatd.chat.accounts import Proof
from chatd.chat.owners import Owner
from chatd.chat.person import Person
from chatd.chat.sessions import LastingSession
from chatd.codecs.json import JSON
from chatd.model.addresses import LOCAL, Address
from chatd.model.errors import ChatError
from chatd.model.events import Event
from chatd.model.identity import Stranger
from chatd.model.units import is_presence
from chatd.stream.feed import Source
from chatd.stream.places import Place
from chatd.testing import FakeOutlet, InMemoryChat, result_of


def events(chat: InMemoryChat, room: str = "lobby") -> list[Event]:
    """The events in a room's log."""
    return [entry.event for entry in chat.entries(room)]


def with_account(
    chat: InMemoryChat, name: str, *, admin: bool = False, address: Address = LOCAL
) -> Person:
    """A person who has come in, and is taken for the account of that name."""
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
    """The outlet of a reader that was made by the gate: from now on, or from a cursor."""
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
    """The events that a reader was given, in its order."""
    return [e for batch in outlet.batches for e in json.loads(b"[%b]" % batch.chunk)]


def read(outlet: FakeOutlet) -> list[str]:
    """The texts that a reader was given, and GAP where it was told of one."""
    found = []
    for batch in outlet.batches:
        found += ["GAP"] * bool(batch.gaps)
        found += [e["text"] for e in json.loads(b"[%b]" % batch.chunk) if e["type"] == "message"]
    return found


def forget_rooms(chat: InMemoryChat) -> None:
    """Time has passed and other rooms were asked for: rooms that are not in use leave memory."""
    chat.service.rooms._warm.clear()
    gc.collect()


def refused(outcome: Any) -> type[Exception] | None:
    """What a Deferred has failed with, None if it has succeeded; it must have fired."""
    results: list[Any] = []
    outcome.addBoth(results.append)
    assert results, "the Deferred has not fired"
    value = getattr(results[0], "value", None)
    assert value is None or isinstance(value, ChatError), value
    return type(value) if value else None


def looked_up(chat: InMemoryChat, *names: str) -> None:
    """It is known whether these names are registered: a claim of one is judged in its own turn."""
    for name in names:
        chat.service.accounts.claim(name)
    chat.settle()


PASSWORD = "correct horse battery"
"""A password that is taken."""


def settled(chat: InMemoryChat, outcome: Any) -> Any:
    """What comes of it when all has happened that happens by itself."""
    chat.settle()
    return result_of(outcome)


def registered(
    chat: InMemoryChat, name: str, password: str = PASSWORD, address: Address = LOCAL
) -> Proof:
    """An account that was made, and that nobody is signed in to."""
    proof: Proof = settled(chat, chat.service.sign_in.register(name, password, address))
    return proof


def signed_in(
    chat: InMemoryChat, name: str, password: str = PASSWORD, address: Address = LOCAL
) -> LastingSession:
    """A new session of an account."""
    service = chat.service
    proof = settled(chat, service.sign_in.prove(name, password, address))
    session: LastingSession = settled(chat, service.signed_in.begin(proof, address, "test"))
    return session


def restarted(chat: InMemoryChat) -> InMemoryChat:
    """The same chat after a restart: the engine has what a file would have kept."""
    settled(chat, chat.service.drain())
    settled(chat, chat.service.stopService())
    cells = chat.store.engine.cells
    for table in list(cells._tables):
        if is_presence(table):
            del cells._tables[table]
    return InMemoryChat(node=chat, restarted=True)
