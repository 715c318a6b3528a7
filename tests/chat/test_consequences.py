"""What becomes of readers and people when a room's rights change."""

from __future__ import annotations

from chatd.chat.person import Person
from chatd.chat.sessions import Session
from chatd.model.commands import Join, Leave
from chatd.model.errors import NoSuchPerson, NotInRoom
from chatd.model.events import Departed, PutOut
from chatd.model.moderation import Kick
from chatd.testing import InMemoryChat

from ..kit.chat import given_to, last, reading, refusal


def test_a_kicked_person_is_out_and_may_come_back(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """The reader reads up to the kick, and ends."""
    dev = chat.room("dev")
    outlet = reading(chat, dev, owner=Session(bob))
    presence = reading(chat, dev.presence)
    chat.perform(ada, Kick("dev", "bob", "spam"))
    assert "dev" not in bob.rooms
    assert given_to(outlet)[-1]["type"] == "kick"
    assert [error.code for error in outlet.revocations] == ["kicked"]
    assert "spam" in outlet.revocations[0].message
    assert last(chat) == PutOut(room="dev", sender="ada", account=True, target="bob", text="spam")
    assert Departed("dev", "bob", "spam", by="ada") in [
        entry.event for entry in dev.presence.log.since(0).entries
    ]
    assert not presence.revocations
    chat.perform(bob, Join("dev"))
    assert "dev" in bob.rooms
    assert isinstance(refusal(chat, ada, Kick("dev", "guest-0009")), NoSuchPerson)
    chat.perform(bob, Leave("dev"))
    assert isinstance(refusal(chat, ada, Kick("dev", "bob")), NotInRoom)


def test_a_reader_of_several_rooms_goes_on_without_the_one(
    chat: InMemoryChat, ada: Person, bob: Person
) -> None:
    """After a kick and after a ban."""
    outlet = reading(chat, chat.room("dev"), chat.room("lobby"), owner=Session(bob))
    chat.perform(ada, Kick("dev", "bob"))
    assert [(room, error.code) for room, error in outlet.removals] == [("dev", "kicked")]
    assert not outlet.revocations
