"""Nodes of one chat agree, whatever happens in between (`chatd.chat.journal`, `chatd.store`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from chatd.chat.person import Person
from chatd.model.commands import Act, Command, Join, Leave, Rename, Say, SetTopic, Tell
from chatd.model.errors import ChatError, InDoubt, Unavailable
from chatd.model.events import RoomEvent, Said
from chatd.testing import FakeOutlet, InMemoryChat

from ..kit.chat import given_to, reading

NAMES = ["ada", "Ada", "bob", "eve"]
ROOMS = ["lobby", "dev", "ops"]


def state(chat: InMemoryChat) -> dict[str, Any]:
    """All that a node knows by what it was shown."""
    people = chat.service.people
    rooms = chat.service.rooms
    return {
        "names": {key: (held.name, held.version) for key, held in people.held.items()},
        "rooms": {name: rooms.index.known(name) for name in rooms.index},
        "ends": {name: rooms.index.ends(name) for name in rooms.index},
        "members": {name: chat.room(name).members for name in ROOMS},
        "logs": {name: [(e.id, e.event) for e in chat.entries(name)] for name in ROOMS},
    }


def _rename(name: str) -> Callable[[str, str], Command]:
    return lambda room, text: Rename(name)


def _tell(name: str) -> Callable[[str, str], Command]:
    return lambda room, text: Tell(name, text)


COMMANDS: list[Callable[[str, str], Command]] = [
    *(2 * [Say]),
    Act,
    SetTopic,
    lambda room, text: Join(room),
    lambda room, text: Leave(room),
    *map(_rename, NAMES),
    *map(_tell, NAMES),
]
"""Makes a command of a room and a text."""


class TwoNodes(RuleBasedStateMachine):
    """Commands on two nodes, in any interleaving with slow stores and refusals."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes = self.make()
        self.people: list[tuple[InMemoryChat, Person]] = []
        self.said: dict[str, list[str]] = {}
        self.acknowledged: dict[str, int] = {}
        self.refused: set[str] = set()
        self.doubtful: set[str] = set()
        self.count = 0
        # Rooms stay in memory, so that their folds are compared and not their loading only.
        self.rooms = [node.room(name) for node in self.nodes for name in ROOMS]

    def make(self) -> list[Any]:
        """Two nodes."""
        one = InMemoryChat()
        return [one, InMemoryChat(node=one)]

    @rule(node=st.integers(0, 1), name=st.sampled_from(["", *NAMES]))
    def enter(self, node: int, name: str) -> None:
        chat = self.nodes[node]

        def entered(person: Person) -> None:
            self.people.append((chat, person))

        with suppress(ChatError):
            chat.service.enter(name).addCallbacks(entered, refusal)

    # The drawn values must not depend on earlier results: over real connections those may differ
    # when Hypothesis replays an example.
    @rule(who=st.integers(0, 20), room=st.sampled_from(ROOMS), make=st.sampled_from(COMMANDS))
    def perform(self, who: int, room: str, make: Callable[[str, str], Command]) -> None:
        if not self.people:
            return
        chat, person = self.people[who % len(self.people)]
        self.count += 1
        text = f"{self.count}"
        command = make(room, text)
        self._perform(chat, person, command, text)

    def _perform(self, chat: InMemoryChat, person: Person, command: Command, text: str) -> None:
        try:
            performed: Deferred[int | None] = chat.service.perform(person, command)
        except ChatError:
            return
        if isinstance(command, Say):
            self.said.setdefault(person.id, []).append(text)
            performed.addCallbacks(
                lambda id_: self.acknowledged.__setitem__(text, id_),
                self._refused(text),
            )
        else:
            performed.addErrback(refusal)

    def _refused(self, text: str) -> Callable[[Failure], None]:
        def refused(failure: Failure) -> None:
            refusal(failure)
            (self.doubtful if failure.check(InDoubt) else self.refused).add(text)

        return refused

    @rule(who=st.integers(0, 20))
    def end(self, who: int) -> None:
        if not self.people:
            return
        chat, person = self.people.pop(who % len(self.people))
        chat.service.end(person, "bye")

    @rule(node=st.integers(0, 1), what=st.sampled_from(["appends", "shown", "reads"]))
    def slow(self, node: int, what: Any) -> None:
        self.nodes[node].store.hold(what)

    @rule(node=st.integers(0, 1))
    def quick(self, node: int) -> None:
        self.nodes[node].store.release()

    @rule(node=st.integers(0, 1), refusing=st.booleans())
    def full_disk(self, node: int, refusing: bool) -> None:
        self.nodes[node].store.refusing = refusing

    @rule(node=st.integers(0, 1), fate=st.sampled_from(["stored", "lost", None]))
    def doubt(self, node: int, fate: Literal["stored", "lost"] | None) -> None:
        self.nodes[node].store.doubting = fate

    @rule()
    def turn(self) -> None:
        self.nodes[0].clock.advance(0)

    @invariant()
    def a_name_has_one_holder(self) -> None:
        for chat in self.nodes:
            holders = [person.key for owner, person in self.people if owner is chat]
            shown = [key for key in holders if chat.service.people.own(key)]
            assert len(shown) == len(set(shown))

    def teardown(self) -> None:
        for chat in self.nodes:
            chat.store.refusing = False
            chat.store.doubting = None
            chat.store.release()
        for chat in self.nodes * 3:
            chat.settle()
            chat.advance(2)
        one, two = map(state, self.nodes)
        assert one == two
        for chat, person in self.people:
            assert chat.service.people.own(person.key) is person
            assert set(person.rooms) == {n for n in ROOMS if person.key in one["members"][n]}
        assert len(one["names"]) == len(self.people), "a name without a person"
        self._check_messages(one)

    def _check_messages(self, at_rest: dict[str, Any]) -> None:
        """Each acknowledged message stands once, at the id that was told; a refused one nowhere;
        and one person's messages stand in the order in which they were given.
        """
        ids = {
            event.text: id_
            for log in at_rest["logs"].values()
            for id_, event in log
            if isinstance(event, Said)
        }
        assert self.acknowledged == {text: ids[text] for text in self.acknowledged}
        assert not self.refused & ids.keys()
        assert self.acknowledged.keys() <= ids.keys() <= self.acknowledged.keys() | self.doubtful
        for texts in self.said.values():
            given = [ids[text] for text in texts if text in ids]
            assert given == sorted(given)


def refusal(failure: Failure) -> None:
    failure.trap(ChatError)


TestTwoNodes = TwoNodes.TestCase
TestTwoNodes.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_of_two_who_claim_a_name_at_once_one_gets_it() -> None:
    """On two nodes, neither of which knows of the other's claim when it judges its own."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    outcomes: list[object] = []
    for chat in (one, two):
        chat.service.enter("ada").addBoth(outcomes.append)
    one.settle()
    assert [type(outcome) for outcome in outcomes].count(Person) == 1
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, Failure)]
    assert getattr(refused.value, "code", "") == "name-in-use"


def test_no_message_stands_behind_a_change_of_settings_that_it_was_not_judged_by() -> None:
    """A message judged before a topic was shown is judged again when the topic is stored first."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    ada, bob = one.enter("ada"), two.enter("bob")
    judged: list[str] = []
    policy = two.service.readers.policy

    class Noting:
        def may(self, identity: Any, action: Any, room: Any = None) -> None:
            judged.append(room.state.topic if room else "")
            policy.may(identity, action, room)

    two.service.readers.policy = Noting()
    two.store.hold("appends")
    said = two.service.perform(bob, Say("lobby", "hello"))
    two.settle()
    one.perform(ada, SetTopic("lobby", "new"))
    two.store.release()
    two.settle()
    assert said.called
    assert [topic for topic in judged if topic in ("", "new")][-2:] == ["", "new"]


def test_a_store_that_refuses_lets_people_come_and_go_without_announcements() -> None:
    """A full disk hinders no arrival and no departure."""
    chat = InMemoryChat()
    chat.room("lobby")
    chat.store.refusing = True
    ada = chat.enter("ada")
    assert chat.room("lobby").names == ["ada"]
    chat.service.end(ada)
    chat.settle()
    assert chat.room("lobby").names == []
    assert chat.entries("lobby") == []
    eve = chat.enter("eve")
    with pytest.raises(Unavailable, match="nobody saw it"):
        chat.perform(eve, Say("lobby", "x"))
    assert not any(isinstance(e.event, RoomEvent) for e in chat.entries("lobby"))


def test_one_persons_messages_to_two_rooms_keep_their_order_when_the_first_is_stale() -> None:
    """The second waits until the first is shown, so it cannot overtake it."""
    one = InMemoryChat()
    two = InMemoryChat(node=one)
    ada, bob = one.enter("ada"), two.enter("bob")
    two.perform(bob, Join("dev"))
    two.store.hold("appends")
    ids: list[int | None] = []
    for text, room in (("first", "lobby"), ("second", "dev")):
        two.service.perform(bob, Say(room, text)).addCallback(ids.append)
    two.settle()
    one.perform(ada, SetTopic("lobby", "new"))
    two.store.release()
    two.settle()
    first = next(e for e in two.entries("lobby") if getattr(e.event, "text", "") == "first")
    second = next(e for e in two.entries("dev") if getattr(e.event, "text", "") == "second")
    assert first.id < second.id
    assert ids == [first.id, second.id]


class Following(RuleBasedStateMachine):
    """Readers through the gate, on two nodes whose logs are short and whose stores are slow."""

    def __init__(self) -> None:
        super().__init__()
        one = InMemoryChat(history=5)
        self.nodes = [one, InMemoryChat(node=one, history=5)]
        self.store_keeps_all = one.store.engine
        one.store.engine._history = 100_000
        self.began = one.service.horizon
        self.rooms = [[node.room(name) for name in ("lobby", "dev")] for node in self.nodes]
        self.readers: list[tuple[int, FakeOutlet]] = []
        self.count = 0

    @rule(where=st.integers(0, 1), rooms=st.sampled_from([(0,), (1,), (0, 1)]), old=st.booleans())
    def read(self, where: int, rooms: tuple[int, ...], old: bool) -> None:
        chat = self.nodes[where]
        if len(self.readers) < 8:
            sources = [self.rooms[where][room] for room in rooms]
            cursor = self.began if old else None
            outlet = reading(chat, *sources, cursor=cursor)
            self.readers.append((chat.service.horizon if cursor is None else cursor, outlet))

    @rule(where=st.integers(0, 1), room=st.sampled_from(["lobby", "dev"]), times=st.integers(1, 9))
    def speak(self, where: int, room: str, times: int) -> None:
        service = self.nodes[where].service
        for _ in range(times):
            self.count += 1
            service.perform(service.visitor("ada"), Say(room, str(self.count)))

    @precondition(lambda self: self.readers)
    @rule(which=st.integers(0, 7), full=st.booleans())
    def flow(self, which: int, full: bool) -> None:
        _, outlet = self.readers[which % len(self.readers)]
        assert outlet.subscriber
        if full:
            outlet.subscriber.pause()
        else:
            outlet.subscriber.resume()

    @rule(where=st.integers(0, 1), what=st.sampled_from(["appends", "shown", "reads"]))
    def slow(self, where: int, what: Any) -> None:
        self.nodes[where].store.hold(what)

    @rule(where=st.integers(0, 1))
    def quick(self, where: int) -> None:
        self.nodes[where].store.release()

    @rule()
    def turn(self) -> None:
        self.nodes[0].settle()

    def teardown(self) -> None:
        for chat in self.nodes:
            chat.store.release()
        self.nodes[0].settle()
        for _, outlet in self.readers:
            assert outlet.subscriber
            outlet.subscriber.resume()
        self.nodes[0].settle()
        logs = self.store_keeps_all.logs
        for cursor, outlet in self.readers:
            assert outlet.subscriber
            rooms = {feed.source.name for feed in outlet.subscriber.feeds}
            there = [entry.id for room in rooms if room in logs for entry in logs[room].entries]
            given = [event["id"] for event in given_to(outlet)]
            assert given == sorted(id_ for id_ in there if id_ > cursor)
            assert not any(batch.gaps for batch in outlet.batches)
            outlet.subscriber.stop()


TestFollowing = Following.TestCase
TestFollowing.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
