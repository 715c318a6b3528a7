"""Loading rooms from the store (`chatd.chat.room_loading`)."""

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
from chatd.chat.room_loading import RELOAD_SECONDS
from chatd.model.commands import Join, Leave, Rename, Say, SetTopic
from chatd.model.errors import ChatError
from chatd.testing import InMemoryChat, result_of

from ..kit.chat import evict_rooms, read, reading, refused, said, say


def test_events_shown_while_a_room_loads_are_in_it_once(chat: InMemoryChat) -> None:
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
    evict_rooms(chat)
    chat.store.hold("reads")
    answers = [say(chat, "1", "dev"), say(chat, "2", "dev")]
    chat.settle()
    assert not any(answer.called for answer in answers)
    chat.store.release()
    chat.settle()
    assert [refused(answer) for answer in answers] == [None, None]
    assert (chat.texts("dev"), chat.room("dev").state.topic) == (["1", "2"], "tea")


def test_history_that_could_not_be_read_is_loaded_later(chat: InMemoryChat) -> None:
    """Not asked for by everybody who comes; until then a reader is told of a gap, and afterwards
    nothing is missing, nor there twice.
    """
    ids = [said(chat, text, "dev") for text in ("one", "two")]
    evict_rooms(chat)
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


def test_loading_an_unreadable_room_is_tried_again_at_intervals(
    chat: InMemoryChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many come."""
    said(chat, "one", "dev")
    evict_rooms(chat)
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
    """It has no history that could be missing; that the visitor's name is free is known."""
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
        self.chat.service.rooms._loader._warm.clear()
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
