"""The order of one person's commands (`chatd.chat.lane`)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed

from chatd.chat.lane import ALONE, in_order
from chatd.chat.limits import TokenBucket
from chatd.chat.person import Person
from chatd.chat.room import Room
from chatd.model.commands import Say
from chatd.stream.eventlog import EventLog
from chatd.testing import InMemoryChat


def person() -> Person:
    made = Person("1", "ada", "ada", TokenBucket(0, lambda: 0.0), named=True)
    made.rooms = {name: Room(name, EventLog(1)) for name in ("dev", "ops")}
    return made


class Commands:
    """Commands of one person that end when a test lets them."""

    def __init__(self) -> None:
        self.person = person()
        self.judged: list[int] = []
        self.open: dict[int, Deferred[int]] = {}
        self.outcomes: list[object] = []

    def give(self, number: int, group: str) -> None:
        def judge() -> Deferred[int]:
            self.judged.append(number)
            self.open[number] = Deferred()
            return self.open[number]

        in_order(self.person, group, judge).addBoth(self.outcomes.append)

    def end(self, number: int) -> None:
        self.open.pop(number).callback(number)


def test_messages_to_one_room_are_under_way_together() -> None:
    """They change no state, so a paste does not wait for the store line by line."""
    commands = Commands()
    for number in (1, 2, 3):
        commands.give(number, "dev")
    assert commands.judged == [1, 2, 3]


def test_a_command_that_changes_state_waits_for_all_before_it() -> None:
    """It is judged by what they did, and they are judged by what was before it."""
    commands = Commands()
    commands.give(1, "dev")
    commands.give(2, ALONE)
    commands.give(3, "dev")
    assert commands.judged == [1]
    commands.end(1)
    assert commands.judged == [1, 2]
    commands.end(2)
    assert commands.judged == [1, 2, 3]


def test_a_message_to_another_room_waits() -> None:
    """A stale message is judged again behind those that were judged after it, which would turn the
    order round if these were not stale for the same reason.
    """
    commands = Commands()
    commands.give(1, "dev")
    commands.give(2, "ops")
    assert commands.judged == [1]
    commands.end(1)
    assert commands.judged == [1, 2]


def test_messages_to_a_room_that_the_person_is_not_in_go_one_by_one() -> None:
    """The first brings the person in, and the others must not do that again."""
    commands = Commands()
    for number in (1, 2, 3):
        commands.give(number, "new")
    assert commands.judged == [1]
    commands.person.rooms["new"] = Room("new", EventLog(1))
    commands.end(1)
    assert commands.judged == [1, 2, 3]


def test_a_person_without_commands_keeps_nothing() -> None:
    """Ten thousand who only read cost no lane each."""
    commands = Commands()
    commands.give(1, "dev")
    commands.end(1)
    assert commands.person.lane is None


def test_thousands_of_waiting_commands_that_end_at_once_do_not_nest() -> None:
    """Each would be judged within the one before it, until Python's stack is full."""
    one = person()
    first: Deferred[None] = Deferred()
    ended: list[object] = []
    in_order(one, ALONE, lambda: first)
    for _ in range(5000):
        in_order(one, ALONE, lambda: succeed(None)).addBoth(ended.append)
    first.callback(None)
    assert len(ended) == 5000


def test_a_command_that_is_refused_lets_the_next_one_go() -> None:
    """Whether its judgement raises or its outcome fails."""
    one = person()
    outcomes: list[object] = []

    def broken() -> Deferred[None]:
        raise ValueError

    in_order(one, ALONE, broken).addErrback(outcomes.append)
    in_order(one, ALONE, lambda: fail(ValueError())).addErrback(outcomes.append)
    in_order(one, ALONE, lambda: succeed(3)).addCallback(outcomes.append)
    assert outcomes[2] == 3
    assert one.lane is None


@given(st.lists(st.sampled_from(["dev", "ops", ALONE]), max_size=12), st.randoms())
def test_commands_are_judged_in_the_order_in_which_they_were_given(groups, random) -> None:
    """Whatever ends first; and nothing is under way beside what changes state."""
    commands = Commands()
    for number, group in enumerate(groups):
        commands.give(number, group)
        if commands.open and random.random() < 0.5:
            commands.end(random.choice(sorted(commands.open)))
        under_way = {groups[number] for number in commands.open}
        assert len(under_way) <= 1
        assert ALONE not in under_way or len(commands.open) == 1
    while commands.open:
        commands.end(random.choice(sorted(commands.open)))
    assert commands.judged == list(range(len(groups)))
    assert len(commands.outcomes) == len(groups)


def test_a_message_does_not_overtake_stale_ones_of_the_same_person() -> None:
    """The first one brings the room into being, which makes the second stale; the third is given
    when the first was shown, and before the second is judged again.
    """
    chat = InMemoryChat()
    ada = chat.enter()
    chat.store.hold("appends")

    def say(text: str) -> Deferred[int | None]:
        return chat.service.perform(ada, Say("lobby", text))

    say("one").addCallback(lambda _: say("three"))
    chat.settle()
    say("two")
    chat.settle()
    chat.store.release()
    chat.settle()
    assert chat.texts("lobby") == ["one", "two", "three"]
