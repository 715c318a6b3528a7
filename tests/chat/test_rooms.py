"""The rooms in memory, and how many there may be (`chatd.chat.rooms`)."""

from __future__ import annotations

import pytest

from chatd.model.commands import Join, Leave, Say, SetTopic
from chatd.model.errors import BadRoom, Unavailable
from chatd.model.events import Joined, Said
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import events, evict_rooms, read, reading, refused, said, say
from ..kit.garbage import existing_rooms


def names(chat: InMemoryChat) -> list[str]:
    """The rooms as they are listed."""
    return [listing.name for listing in chat.service.rooms.listings()]


def test_the_list_has_the_rooms_with_members_or_events(chat: InMemoryChat) -> None:
    """In alphabetical order; a room is not listed because it was asked for, or read."""
    ada, guest = chat.enter("ada"), chat.enter()
    empty = chat.room("empty")
    reading(chat, empty)
    chat.perform(guest, Join("zoo"))
    chat.perform(ada, Say("dev", "hi"))
    chat.perform(ada, Leave("dev"))
    assert names(chat) == ["dev", "lobby", "zoo"]
    assert chat.room("empty") is empty
    listing = chat.service.rooms.listing("zoo")
    assert (listing.people, listing.first, listing.last) == (1, None, None)
    listing = chat.service.rooms.listing("dev")
    ends = [entry.id for entry in chat.entries("dev")]
    assert (listing.people, listing.first, listing.last) == (0, ends[0], ends[-1])


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "\ud800"])
def test_a_malformed_room_name_is_refused(chat: InMemoryChat, name: str) -> None:
    """At once, before the store is asked."""
    with pytest.raises(BadRoom):
        chat.service.rooms.load(name)


def test_a_room_that_is_in_memory_is_there_at_once(chat: InMemoryChat) -> None:
    """By every spelling.  For one that is not, the store is asked once, however many wait."""
    waiting = [chat.service.rooms.load(name) for name in ("dev", "#Dev", "DEV")]
    assert not any(room.called for room in waiting)
    chat.settle()
    room, *others = map(result_of, waiting)
    assert others == [room, room]
    assert chat.service.rooms.load("dev").called
    assert room.name == "dev"


def test_a_room_that_is_not_in_use_leaves_memory(chat: InMemoryChat) -> None:
    """Clients cannot fill the memory by asking for rooms or by reading them."""
    before = existing_rooms(chat)
    subscriber = reading(chat, chat.room("dev")).subscriber
    assert subscriber
    subscriber.stop()
    del subscriber
    assert existing_rooms(chat) == before


@pytest.mark.parametrize("keeps", ["a member", "a reader", "a message"])
def test_a_room_that_is_in_use_is_kept(chat: InMemoryChat, keeps: str) -> None:
    """By a member, a reader, or what was said: nothing of it is lost."""
    outlet = reading(chat, chat.room("dev")) if keeps == "a reader" else None
    if keeps == "a member":
        chat.perform(chat.enter(), Join("dev"))
    elif keeps == "a message":
        said(chat, "hi", "dev")
    evict_rooms(chat)
    said(chat, "ho", "dev")
    assert chat.room("dev").names == ["guest-0001"] * (keeps == "a member")
    assert chat.texts("dev") == ["hi"] * (keeps == "a message") + ["ho"]
    assert outlet is None or read(outlet) == ["ho"]


def test_an_accepted_message_is_shown_though_all_have_left(chat: InMemoryChat) -> None:
    """The room is kept for it."""
    guest = chat.enter()
    chat.service.perform(guest, Say("dev", "hi"))
    chat.service.end(guest)
    chat.settle()
    assert events(chat, "dev") == [Said("dev", "guest-0001", "hi")]


def test_rooms_have_a_limit() -> None:
    """One more is refused; the existing ones can be used."""
    chat = InMemoryChat(rooms=3)
    for room in ("lobby", "one", "two"):
        said(chat, "hi", room)
    outcomes = [
        say(chat, "hi", "three"),
        chat.service.perform(chat.enter(), Join("three")),
        chat.service.perform(chat.enter("bob"), SetTopic("three", "x")),
    ]
    chat.settle()
    assert [refused(outcome) for outcome in outcomes] == [Unavailable] * 3
    with pytest.raises(Unavailable, match="3 rooms"):
        chat.perform(chat.enter(), Join("three"))
    assert said(chat, "hi", "one")
    assert reading(chat, chat.room("three"))
    assert names(chat) == ["lobby", "one", "two"]


def test_rooms_that_are_being_created_count() -> None:
    """However slow the store is.  A room that was refused by the store counts no more."""
    chat = InMemoryChat(rooms=3)
    guest = chat.enter()
    chat.store.hold("appends")
    outcomes = [say(chat, "hi", "one"), chat.service.perform(guest, Join("two"))]
    chat.settle()
    outcomes += [say(chat, "hi", name) for name in ("three", "one", "lobby")]
    chat.settle()
    chat.store.release()
    chat.settle()
    assert [refused(outcome) for outcome in outcomes] == [None, None, Unavailable, None, None]
    assert names(chat) == ["lobby", "one", "two"]
    chat.service.end(guest)
    chat.settle()
    chat.store.refusing = True
    lost = say(chat, "hi", "four")
    chat.settle()
    assert refused(lost) is Unavailable
    chat.store.refusing = False
    assert said(chat, "hi", "three")
    with pytest.raises(Unavailable, match="3 rooms"):
        chat.perform(chat.service.visitor("ada"), Say("four", "hi"))
    assert chat.service.rooms.directory._claims == {}


def test_two_first_messages_create_a_room_once(chat: InMemoryChat) -> None:
    """In one turn, or on two nodes: the second is judged again."""
    two = InMemoryChat(node=chat)
    eve = chat.enter("eve")
    outcomes = [say(chat, "1", "dev"), say(two, "2", "dev"), say(chat, "3", "dev")]
    outcomes.append(chat.service.perform(eve, Say("dev", "4")))
    chat.settle()
    assert [refused(outcome) for outcome in outcomes] == [None] * 4
    assert sorted(chat.texts("dev")) == sorted(two.texts("dev")) == ["1", "2", "3", "4"]
    assert Joined("dev", "eve") in events(chat, "dev")
