"""The rooms in memory, loading them, and how many there may be (`chatd.chat.rooms`)."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from twisted.internet.defer import Deferred

from chatd.chat.person import Person
from chatd.chat.room import Room
from chatd.chat.rooms import RELOAD_SECONDS
from chatd.model.commands import Join, Leave, Rename, Say, SetTopic
from chatd.model.errors import BadRoom, ChatError, Unavailable
from chatd.model.events import Joined, Said
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import events, forget_rooms, read, reading, refused
from ..kit.garbage import existing_rooms


def say(chat: InMemoryChat, text: str, room: str = "lobby") -> Deferred[int | None]:
    """A visitor says something."""
    return chat.service.perform(chat.service.visitor("ada"), Say(room, text))


def said(chat: InMemoryChat, text: str, room: str = "lobby") -> int:
    """Its id."""
    answer = say(chat, text, room)
    chat.settle()
    return result_of(answer) or 0


def names(chat: InMemoryChat) -> list[str]:
    """The rooms as they are listed."""
    return [listing.name for listing in chat.service.rooms.listings()]


# -- in memory -----------------------------------------------------------------------------------


def test_rooms_are_those_where_somebody_is_or_something_was_said(chat: InMemoryChat) -> None:
    """In alphabetical order; asking for a room, or reading it, makes it none of them."""
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
def test_a_room_has_a_name_that_one_can_write(chat: InMemoryChat, name: str) -> None:
    """At once, before the store is asked."""
    with pytest.raises(BadRoom):
        chat.service.rooms.load(name)


def test_a_room_that_is_in_memory_is_there_at_once(chat: InMemoryChat) -> None:
    """By every spelling; one that is not is asked for once, however many want it."""
    waiting = [chat.service.rooms.load(name) for name in ("dev", "#Dev", "DEV")]
    assert not any(room.called for room in waiting)
    chat.settle()
    room, *others = map(result_of, waiting)
    assert others == [room, room]
    assert chat.service.rooms.load("dev").called
    assert room.name == "dev"


def test_a_room_that_is_not_in_use_leaves_memory(chat: InMemoryChat) -> None:
    """Nobody can fill it by asking for rooms, or by looking into them."""
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
    forget_rooms(chat)
    said(chat, "ho", "dev")
    assert chat.room("dev").names == ["guest-0001"] * (keeps == "a member")
    assert chat.texts("dev") == ["hi"] * (keeps == "a message") + ["ho"]
    assert outlet is None or read(outlet) == ["ho"]


def test_what_was_accepted_is_shown_though_everybody_has_left(chat: InMemoryChat) -> None:
    """The room is kept for it."""
    guest = chat.enter()
    chat.service.perform(guest, Say("dev", "hi"))
    chat.service.end(guest)
    chat.settle()
    assert events(chat, "dev") == [Said("dev", "guest-0001", "hi")]


# -- loading -------------------------------------------------------------------------------------


def test_a_room_that_is_loaded_in_between_has_everything_once(chat: InMemoryChat) -> None:
    """What was shown before it was asked for, and what is shown while and after it is loaded; what
    is under way is not there too early, or twice.
    """
    other = InMemoryChat(node=chat)
    said(other, "one", "dev")
    chat.store.hold("shown", "reads")
    said(other, "two", "dev")
    loading = chat.service.rooms.load("dev")
    chat.settle()
    chat.store.release("shown")
    chat.settle()
    said(other, "three", "dev")
    assert not loading.called
    chat.store.release()
    chat.settle()
    room = result_of(loading)
    assert [getattr(entry.event, "text", "") for entry in room.log.since(0).entries] == [
        "one",
        "two",
        "three",
    ]


def test_a_command_for_a_room_that_is_being_loaded_waits_for_it(chat: InMemoryChat) -> None:
    """It is judged by the room as it is, and not by an empty one."""
    chat.perform(chat.service.visitor("ada"), SetTopic("dev", "tea"))
    forget_rooms(chat)
    chat.store.hold("reads")
    answers = [say(chat, "1", "dev"), say(chat, "2", "dev")]
    chat.settle()
    assert not any(answer.called for answer in answers)
    chat.store.release()
    chat.settle()
    assert [refused(answer) for answer in answers] == [None, None]
    assert (chat.texts("dev"), chat.room("dev").state.topic) == (["1", "2"], "tea")


def test_a_past_that_cannot_be_read_is_read_when_it_can_be(chat: InMemoryChat) -> None:
    """Not asked for by everybody who comes; until then a reader is told of a gap, and afterwards
    nothing is missing, nor there twice.
    """
    ids = [said(chat, text, "dev") for text in ("one", "two")]
    forget_rooms(chat)
    chat.store.unreadable = True
    early = reading(chat, chat.room("dev"), cursor=ids[0])
    chat.settle()
    said(chat, "three", "dev")
    assert read(early) == ["GAP", "three"]
    chat.store.unreadable = False
    chat.advance(RELOAD_SECONDS)
    chat.room("dev")
    chat.settle()
    assert read(reading(chat, chat.room("dev"), cursor=ids[0])) == ["two", "three"]
    said(chat, "four", "dev")
    assert read(early) == ["GAP", "three", "four"]
    assert chat.texts("dev") == ["one", "two", "three", "four"]


def test_a_past_that_stays_unreadable_is_asked_for_now_and_then(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many come."""
    said(chat, "one", "dev")
    forget_rooms(chat)
    asked: list[str] = []
    load = chat.store.load

    def counting(room: str, until: int) -> Any:
        asked.append(room)
        return load(room, until)

    monkeypatch.setattr(chat.store, "load", counting)
    chat.store.unreadable = True
    for _ in range(3):
        for _ in range(10):
            said(chat, "hi", "dev")
            reading(chat, chat.room("dev"))
        chat.advance(RELOAD_SECONDS)
    assert asked == ["dev"] * 3


def test_a_new_room_can_be_used_though_the_store_cannot_be_read(chat: InMemoryChat) -> None:
    """It has no past that could be missing; that nobody registered the visitor's name is known."""
    assert said(chat, "hi")
    chat.store.unreadable = True
    room = chat.room("new")
    assert not room.log.incomplete
    assert said(chat, "hi", "new")


class Loading(RuleBasedStateMachine):
    """Rooms that are loaded at any moment, beside a node on which they were in memory all along."""

    def __init__(self) -> None:
        super().__init__()
        self.chat = InMemoryChat(history=4)
        self.other = InMemoryChat(node=self.chat, history=4)
        self.kept = [self.other.room(name) for name in ("lobby", "dev")]
        self.people: list[Person] = []
        self.loading: list[Deferred[Room]] = []
        self.count = 0

    @rule(where=st.integers(0, 1), name=st.sampled_from(["", "ada", "bob"]))
    def enter(self, where: int, name: str) -> None:
        chat = (self.chat, self.other)[where]
        if len(self.people) < 6:
            try:
                entering = chat.service.enter(name)
            except ChatError:
                return
            entering.addCallbacks(self.people.append, lambda failure: failure.trap(ChatError))

    @rule(
        who=st.integers(0, 5),
        what=st.sampled_from(["say", "topic", "join", "leave", "rename", "end"]),
        room=st.sampled_from(["lobby", "dev"]),
    )
    def perform(self, who: int, what: str, room: str) -> None:
        self.count += 1
        text = f"n{self.count}"
        commands = {
            "say": Say(room, text),
            "topic": SetTopic(room, text),
            "join": Join(room),
            "leave": Leave(room),
            "rename": Rename(text),
        }
        if who >= len(self.people):
            return
        person = self.people[who]
        service = next(
            chat.service
            for chat in (self.chat, self.other)
            if person.id.startswith(chat.service.people._start)
        )
        if what == "end":
            service.end(self.people.pop(who))
            return
        try:
            outcome = service.perform(person, commands[what])
        except ChatError:
            return
        outcome.addErrback(lambda failure: failure.trap(ChatError) and None)

    @rule(room=st.sampled_from(["lobby", "dev"]))
    def load(self, room: str) -> None:
        self.loading.append(self.chat.service.rooms.load(room))

    @rule()
    def forget(self) -> None:
        self.loading = [room for room in self.loading if not room.called]
        self.chat.service.rooms._warm.clear()
        gc.collect(0)

    @rule(what=st.sampled_from(["appends", "shown", "reads"]), where=st.integers(0, 1))
    def hold(self, what: Any, where: int) -> None:
        (self.chat, self.other)[where].store.hold(what)

    @rule(where=st.integers(0, 1))
    def release(self, where: int) -> None:
        (self.chat, self.other)[where].store.release()

    @rule()
    def turn(self) -> None:
        self.chat.settle()

    @invariant()
    def a_loaded_room_equals_one_that_was_always_there(self) -> None:
        if self.chat.service.horizon != self.other.service.horizon:
            return
        for room in self.kept:
            loaded = self.chat.service.rooms.live(room.name)
            if loaded is not None:
                same(loaded, room)

    def teardown(self) -> None:
        for chat in (self.chat, self.other):
            chat.store.release()
        self.chat.settle()
        self.chat.advance(3)
        assert all(room.called for room in self.loading)
        for room in self.kept:
            same(self.chat.room(room.name), room)


def same(one: Room, other: Room) -> None:
    """Two nodes have the same room."""
    assert one.members == other.members
    assert sorted(one.names) == sorted(other.names)
    assert (one.state, one.version) == (other.state, other.version)
    ends = [(e.id, e.event) for e in one.log.since(0).entries]
    others = [(e.id, e.event) for e in other.log.since(0).entries]
    assert ends == others
    assert one.log.since(max(one.log.floor, other.log.floor)).complete
    if len(ends) == 4:
        assert one.log.floor == other.log.floor


TestLoading = Loading.TestCase
TestLoading.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


# -- so many rooms -------------------------------------------------------------------------------


def test_there_are_so_many_rooms() -> None:
    """Whoever would make one more is told; those there are can be used."""
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


def test_rooms_that_are_only_spoken_in_yet_count() -> None:
    """However slow the store is; a room that did not come into being is given back."""
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


def test_a_room_comes_into_being_once_though_two_speak_in_it_first(chat: InMemoryChat) -> None:
    """In one turn, or on two nodes: the second is judged again."""
    two = InMemoryChat(node=chat)
    eve = chat.enter("eve")
    outcomes = [say(chat, "1", "dev"), say(two, "2", "dev"), say(chat, "3", "dev")]
    outcomes.append(chat.service.perform(eve, Say("dev", "4")))
    chat.settle()
    assert [refused(outcome) for outcome in outcomes] == [None] * 4
    assert sorted(chat.texts("dev")) == sorted(two.texts("dev")) == ["1", "2", "3", "4"]
    assert Joined("dev", "eve") in events(chat, "dev")
