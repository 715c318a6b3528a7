"""Which rooms exist, and who may bring how many into being."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.directory import READ_ONLY
from chatd.chat.person import Person
from chatd.codecs.json import JSON
from chatd.model.addresses import LOCAL, Address, address_of, is_public
from chatd.model.commands import Join, Leave, Say, SetTopic
from chatd.model.errors import TooMany, Unavailable
from chatd.model.identity import Stranger
from chatd.stream.subscriber import Subscriber
from chatd.testing import FakeOutlet, InMemoryChat, result_of

HOME, OFFICE = Address("1.1.1.1"), Address("8.8.8.8")


def read(chat: InMemoryChat, name: str, address: Address = HOME) -> Subscriber:
    """A reader of a room, from an address."""
    service, room = chat.service, chat.room(name)
    service.watch(room, address)
    owner = Stranger(address)
    reader = service.readers.open(owner, [(room, JSON)], FakeOutlet(), service.horizon)
    reader.start()
    return reader


def performed(chat: InMemoryChat, person: Person, *commands: Any) -> None:
    for command in commands:
        chat.perform(person, command)


def listed(chat: InMemoryChat) -> list[str]:
    return [room.name for room in chat.service.rooms.listings()]


# -- existing ------------------------------------------------------------------------------------


def test_rooms_that_are_only_read_do_not_count() -> None:
    """However many are: all those that there may be can still be begun, by the readers' own address
    too."""
    chat = InMemoryChat(rooms=10, rooms_per_address=0)
    readers = [read(chat, f"invented-{number}") for number in range(READ_ONLY * 10)]
    ada = chat.enter("ada", HOME)
    performed(chat, ada, *[Join(f"r{number}") for number in range(9)])
    assert len(listed(chat)) == 10
    assert all(reader.reading for reader in readers)


def test_a_room_that_is_read_is_in_no_list() -> None:
    """Nor is it brought into being by being looked at."""
    chat = InMemoryChat()
    reader = read(chat, "invented")
    assert listed(chat) == []
    chat.service.perform(chat.service.visitor("bob"), Say("invented", "hi"))
    chat.settle()
    assert listed(chat) == ["invented"]
    assert reader.cursor == chat.service.horizon


@pytest.mark.parametrize("in_room", [False, True], ids=["from outside", "from inside"])
def test_a_room_with_an_empty_topic_and_nobody_in_it_is_gone(in_room: bool) -> None:
    """Clearing the topic of a room without events leaves nothing of it."""
    chat = InMemoryChat(rooms=3, rooms_per_address=0)
    for number in range(20):
        guest = chat.enter(address=OFFICE)
        performed(chat, guest, *[Join(f"r{number}")] * in_room, SetTopic(f"r{number}", ""))
        chat.service.end(guest)
        chat.settle()
    assert listed(chat) == []
    assert dict(chat.store.engine.logs) == {}
    performed(chat, chat.enter("ada", HOME), Join("dev"), Join("ops"))


def test_a_topic_that_was_set_can_be_cleared() -> None:
    """Also before the first is stored."""
    chat = InMemoryChat()
    ada = chat.enter()
    chat.service.perform(ada, SetTopic("dev", "tea"))
    chat.service.perform(ada, SetTopic("dev", ""))
    chat.settle()
    assert chat.room("dev").state.topic == ""
    assert chat.room("dev").log.count == 2


def test_a_room_whose_last_member_has_left_gives_its_place_back() -> None:
    """If nothing is kept of it."""
    chat = InMemoryChat(rooms=2)
    ada = chat.enter()
    for name in ("one", "two", "three"):
        performed(chat, ada, Join(name), Leave(name))
    performed(chat, ada, Join("four"))
    with pytest.raises(Unavailable, match="2 rooms"):
        chat.perform(ada, Join("five"))


def test_what_the_store_refused_leaves_no_room() -> None:
    """The place is given back."""
    chat = InMemoryChat(rooms=1, rooms_per_address=1)
    chat.store.refusing = True
    refused = chat.service.perform(chat.service.visitor("bob"), Say("dev", "lost"))
    chat.settle()
    with pytest.raises(Unavailable, match="nobody saw it"):
        result_of(refused)
    chat.store.refusing = False
    performed(chat, chat.service.visitor("bob"), Say("ops", "hi"))
    assert listed(chat) == ["ops"]


# -- by address ----------------------------------------------------------------------------------


def test_the_rooms_that_an_address_creates_have_a_limit() -> None:
    """Whichever way: joining, speaking, a topic; others go on, and so do rooms that exist."""
    chat = InMemoryChat(rooms_per_address=3)
    bob = chat.service.visitor("bob", OFFICE)
    ada = chat.enter("ada", OFFICE)
    performed(chat, bob, Say("one", "hi"), SetTopic("two", "tea"))
    performed(chat, ada, Join("three"))
    for command in (Say("four", "hi"), SetTopic("four", "tea")):
        with pytest.raises(TooMany, match="3 rooms were begun from your address"):
            chat.perform(bob, command)
    with pytest.raises(TooMany):
        chat.perform(ada, Join("four"))
    performed(chat, bob, Say("three", "hi"), Say("lobby", "hi"))
    performed(chat, chat.service.visitor("cy", HOME), Say("four", "hi"))
    performed(chat, ada, Join("four"))


def test_a_room_that_is_gone_does_not_count_for_its_address() -> None:
    """Guests come and go in hundreds of rooms, one after the other."""
    chat = InMemoryChat(rooms_per_address=2)
    guest = chat.enter(address=OFFICE)
    for number in range(100):
        performed(chat, guest, Join(f"r{number}"), Leave(f"r{number}"))
    performed(chat, guest, Join("one"), Join("two"))
    with pytest.raises(TooMany):
        chat.perform(guest, Join("three"))


@pytest.mark.parametrize(
    ("address", "most"), [(HOME, 5), (address_of("127.0.0.1"), 99), (LOCAL, 99)], ids=str
)
def test_an_address_has_a_share_of_all_rooms(address: Address, most: int) -> None:
    """A twentieth; where many come from one address, nearly all."""
    chat = InMemoryChat(rooms=100)
    visitor = chat.service.visitor("bob", address)
    performed(chat, visitor, *[Say(f"r{number}", "hi") for number in range(most)])
    with pytest.raises(TooMany, match=f"{most} rooms"):
        chat.perform(visitor, Say("more", "hi"))


@pytest.mark.parametrize(
    ("host", "public"),
    [("8.8.8.8", True), ("2606:4700::1", True), ("127.0.0.1", False), ("10.0.0.7", False),
     ("::1", False), ("fd00::7", False), (None, False)],
)  # fmt: skip
def test_addresses_are_public_or_not(host: str | None, public: bool) -> None:
    """IPv6 counts by its network."""
    assert is_public(address_of(host)) is public


# -- being read ----------------------------------------------------------------------------------


def test_readers_of_rooms_that_do_not_exist_have_a_limit() -> None:
    """From one address, and in all; rooms that exist can be read, and readers that go give way."""
    chat = InMemoryChat(rooms=4, rooms_per_address=1)
    performed(chat, chat.service.visitor("bob", HOME), Say("dev", "hi"))
    readers = [read(chat, f"a{number}") for number in range(READ_ONLY)]
    with pytest.raises(TooMany, match=f"{READ_ONLY} rooms in which nothing was ever said"):
        read(chat, "more")
    for name in ("dev", "lobby", "a0"):
        readers.append(read(chat, name))
    for host in ("8.8.8.8", "9.9.9.9", "4.4.4.4"):
        readers += [read(chat, f"{host}-{n}", Address(host)) for n in range(READ_ONLY)]
    with pytest.raises(Unavailable):
        read(chat, "more", Address("5.5.5.5"))
    for reader in readers:
        reader.stop()
    readers.clear()
    del reader
    assert read(chat, "more").reading
    assert chat.service.rooms.directory._read == {HOME: 1}


def test_a_room_that_its_last_member_has_left_counts_while_it_is_read() -> None:
    """Coming and going is no way around the bound."""
    chat = InMemoryChat(rooms_per_address=1)
    guest = chat.enter(address=HOME)
    readers = []
    for number in range(READ_ONLY):
        performed(chat, guest, Join(f"r{number}"))
        readers.append(read(chat, f"r{number}"))
        performed(chat, guest, Leave(f"r{number}"))
    with pytest.raises(TooMany):
        read(chat, "more")
