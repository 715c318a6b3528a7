"""Judgements (`chatd.chat.judge`): pure functions from commands and state to units."""

from __future__ import annotations

import pytest

from chatd.chat import judge
from chatd.chat.limits import TokenBucket
from chatd.chat.person import Person
from chatd.chat.room import Room
from chatd.model.errors import NotAllowed, NotInRoom
from chatd.model.events import (
    Arrived,
    Departed,
    Joined,
    Left,
    NameChanged,
    Renamed,
    Said,
    Told,
    TopicSet,
)
from chatd.model.identity import decode_holder
from chatd.model.policy import Action, OpenPolicy
from chatd.model.roomstate import RoomState, decode_state
from chatd.model.units import Change, Expect
from chatd.stream.eventlog import EventLog
from chatd.testing.policies import DenyAll

OPEN = OpenPolicy()


def room(name: str = "dev", version: int = 7, members: int = 0) -> Room:
    made = Room(name, EventLog(10))
    made.set_state(RoomState(), version)
    for number in range(members):
        made.set_member(f"p{number}", f"p{number}")
    return made


def person(name: str = "ada", version: int = 5, *rooms: Room, named: bool = True) -> Person:
    made = Person("a1", name, name.casefold(), TokenBucket(0, lambda: 0.0), named=named)
    made.version = version
    for joined in rooms:
        made.rooms[joined.name] = joined
        joined.set_member(made.key, made.name)
    return made


def visitor() -> Person:
    return Person("", "cron", "cron", TokenBucket(0, lambda: 0.0), named=True, visiting=True)


def test_a_message_expects_the_settings_of_its_room_and_the_name_of_its_sender() -> None:
    """Whoever changes either makes the message stale, so none is shown behind a ban or under a name
    that is another's.
    """
    dev = room()
    unit = judge.speak(OPEN, person("ada", 5, dev), dev, Said, "hello")
    assert unit.events == (Said("dev", "ada", "hello"),)
    assert unit.changes == ()
    assert unit.expects == (Expect("rooms", "dev", 7), Expect("names", "ada", 5))


def test_a_visitor_speaks_while_nobody_holds_the_name() -> None:
    """The name is free at the id of the message, whatever happens on other nodes."""
    unit = judge.speak(OPEN, visitor(), room(), Said, "hello")
    assert Expect("names", "cron", 0) in unit.expects


def test_the_first_event_of_a_room_brings_it_into_being() -> None:
    """The room's cell is written with it, and expected to be absent: two firsts are one room."""
    new = room(version=0)
    unit = judge.speak(OPEN, visitor(), new, Said, "hello")
    assert unit.changes == (Change("rooms", "dev", b"{}"),)
    assert Expect("rooms", "dev", 0) in unit.expects


def test_only_members_speak() -> None:
    """A person who was put out meanwhile is refused when the message is judged again."""
    with pytest.raises(NotInRoom):
        judge.speak(OPEN, person(), room(), Said, "hello")


def test_a_topic_is_a_setting_of_the_room() -> None:
    """It is in the room's cell, and the event tells it."""
    dev = room()
    unit = judge.set_topic(OPEN, person("ada", 5, dev), dev, "plans")
    assert unit.events == (TopicSet("dev", "ada", "plans"),)
    [change] = unit.changes
    assert (change.table, change.key) == ("rooms", "dev")
    assert decode_state(change.value or b"").topic == "plans"


def test_a_private_message_expects_both_names() -> None:
    """It reaches the two persons whom it was judged for, and nobody who took a name since."""
    unit = judge.tell(OPEN, person("ada", 5), person("bob", 6), "psst")
    assert unit.events == (Told("ada", "bob", "psst"),)
    assert set(unit.expects) == {Expect("names", "ada", 5), Expect("names", "bob", 6)}


def test_who_enters_takes_a_name_that_is_absent() -> None:
    """The store decides between two who want one name."""
    lobby = room("lobby")
    ada = person("Ada", 0)
    unit = judge.enter(OPEN, ada, lobby)
    assert unit.events == [Joined("lobby", "Ada"), Arrived("lobby", "Ada")]
    assert Expect("names", "ada", 0) in unit.expects
    held = {change.table: change for change in unit.changes}
    assert decode_holder(held["names"].value or b"").name == "Ada"
    assert held["in:lobby"] == Change("in:lobby", "ada", b"Ada")


def test_a_guest_arrives_in_presence_only() -> None:
    """History does not announce guests; the presence stream has them."""
    unit = judge.enter(OPEN, person("guest-0001", 0, named=False), room("lobby"))
    assert unit.events == [Arrived("lobby", "guest-0001")]


def test_a_crowded_room_announces_nobody_singly() -> None:
    """Two hundred joins in a row are read by nobody."""
    unit = judge.join(OPEN, person(), room(members=judge.CROWD + 1))
    assert unit.events == [Arrived("dev", "ada")]


def test_joining_does_not_make_messages_stale() -> None:
    """It changes no setting, so it leaves the cell that messages expect alone."""
    unit = judge.join(OPEN, person(), room())
    assert [change.table for change in unit.changes] == ["in:dev"]


def test_the_end_of_a_person_frees_the_name_and_leaves_every_room() -> None:
    """All of it in one unit: there is no moment at which half of the person is here."""
    dev, ops = room("dev"), room("ops")
    unit = judge.end(person("ada", 5, dev, ops), "bye")
    assert list(unit.events) == [
        Left("dev", "ada", "bye"),
        Departed("dev", "ada", "bye", quit=True),
        Left("ops", "ada", "bye"),
        Departed("ops", "ada", "bye", quit=True),
    ]
    assert set(unit.changes) == {
        Change("in:dev", "ada", None),
        Change("in:ops", "ada", None),
        Change("names", "ada", None),
    }
    assert unit.expects == [Expect("names", "ada", 5)]


def test_a_rename_moves_the_name_and_every_membership() -> None:
    """And expects that the new name is free."""
    dev = room()
    unit = judge.rename(OPEN, person("ada", 5, dev), "Eve", "eve")
    assert list(unit.events) == [Renamed("dev", "ada", "Eve"), NameChanged("dev", "ada", "Eve")]
    assert {(c.table, c.key): c.value is None for c in unit.changes} == {
        ("names", "ada"): True,
        ("names", "eve"): False,
        ("in:dev", "ada"): True,
        ("in:dev", "eve"): False,
    }
    assert Expect("names", "eve", 0) in unit.expects


def test_another_spelling_of_the_own_name_needs_no_free_name() -> None:
    """The cell is the person's already."""
    unit = judge.rename(OPEN, person("ada", 5, room()), "ADA", "ada")
    assert unit.expects == [Expect("names", "ada", 5)]
    assert Change("in:dev", "ada", b"ADA") in unit.changes


def test_the_first_chosen_name_is_announced_as_joining() -> None:
    """Nobody was told of the guest."""
    unit = judge.rename(OPEN, person("guest-0001", 5, room(), named=False), "ada", "ada")
    assert Joined("dev", "ada") in unit.events


def test_without_announcements_nothing_is_left_for_a_disk() -> None:
    """What a full disk refuses is dropped, and the person comes and goes all the same."""
    new = room("dev", version=0)
    quiet = judge.quietly(judge.join(OPEN, person(), new))
    assert quiet.events == [Arrived("dev", "ada")]
    assert [change.table for change in quiet.changes] == ["in:dev"]
    assert quiet.expects == [Expect("names", "ada", 5), Expect("in:dev", "ada", 0)]


@pytest.mark.parametrize(
    "command",
    [
        lambda one, place: judge.speak(DenyAll(), one, place, Said, "x"),
        lambda one, place: judge.set_topic(DenyAll(), one, place, "x"),
        lambda one, place: judge.tell(DenyAll(), one, one, "x"),
        lambda one, place: judge.enter(DenyAll(), one, place),
        lambda one, place: judge.join(DenyAll(), one, place),
        lambda one, place: judge.rename(DenyAll(), one, "eve", "eve"),
    ],
)
def test_every_command_but_leaving_asks_the_policy(command) -> None:
    """A policy that denies everything is heard by all of them."""
    dev = room()
    with pytest.raises(NotAllowed):
        command(person("ada", 5, dev), dev)


def test_an_action_that_the_open_policy_does_not_know_is_denied() -> None:
    """What is new is denied until a policy names it."""

    class New:
        value = "do something new"

    with pytest.raises(NotAllowed):
        OPEN.may(person(), New(), None)  # type: ignore[arg-type]
    for action in Action:
        OPEN.may(person(), action, room())
