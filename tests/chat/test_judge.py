"""Judgements (`chatd.chat.judge`): pure functions from commands and state to units."""

from __future__ import annotations

import pytest

from chatd.chat import judge, judge_messages
from chatd.model.errors import NotAllowed
from chatd.model.events import (
    Arrived,
    Departed,
    Joined,
    Left,
    NameChanged,
    Renamed,
    Said,
)
from chatd.model.identity import decode_holder
from chatd.model.policy import Action
from chatd.model.units import Change, Expect
from chatd.testing.policies import DenyAll

from ..kit.judging import OPEN, person, room


def test_entering_expects_that_the_name_is_free() -> None:
    """So the store lets one of two persons have a name."""
    lobby = room("lobby")
    ada = person("Ada", 0)
    unit = judge.enter(OPEN, ada, lobby)
    assert unit.events == [Joined("lobby", "Ada"), Arrived("lobby", "Ada")]
    assert Expect("names", "ada", 0) in unit.expects
    held = {change.table: change for change in unit.changes}
    assert decode_holder(held["names"].value or b"").name == "Ada"
    assert held["in:lobby"] == Change("in:lobby", "ada", b"Ada")


def test_a_guest_arrives_in_the_presence_stream_only() -> None:
    """History does not announce guests; the presence stream has them."""
    unit = judge.enter(OPEN, person("guest-0001", 0, named=False), room("lobby"))
    assert unit.events == [Arrived("lobby", "guest-0001")]


def test_a_crowded_room_announces_no_single_join() -> None:
    """The presence stream has the arrival; the log gets a sum later."""
    unit = judge.join(OPEN, person(), room(members=judge.CROWD + 1))
    assert unit.events == [Arrived("dev", "ada")]


def test_joining_does_not_make_messages_stale() -> None:
    """It changes no setting, so it leaves the cell that messages expect alone."""
    unit = judge.join(OPEN, person(), room())
    assert [change.table for change in unit.changes] == ["in:dev"]


def test_the_end_of_a_person_frees_the_name_and_leaves_every_room() -> None:
    """It is one unit, so no reader sees the person half gone."""
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
    """The guest's own arrival was not announced."""
    unit = judge.rename(OPEN, person("guest-0001", 5, room(), named=False), "ada", "ada")
    assert Joined("dev", "ada") in unit.events


def test_a_unit_without_announcements_needs_no_disk() -> None:
    """So persons come and go while the disk is full."""
    new = room("dev", version=0)
    quiet = judge.without_announcements(judge.join(OPEN, person(), new))
    assert quiet.events == [Arrived("dev", "ada")]
    assert [change.table for change in quiet.changes] == ["in:dev"]
    assert quiet.expects == [Expect("names", "ada", 5), Expect("in:dev", "ada", 0)]


@pytest.mark.parametrize(
    "command",
    [
        lambda one, place: judge_messages.speak(DenyAll(), one, place, Said, "x"),
        lambda one, place: judge_messages.set_topic(DenyAll(), one, place, "x"),
        lambda one, place: judge_messages.tell(DenyAll(), one, one, "x"),
        lambda one, place: judge.enter(DenyAll(), one, place),
        lambda one, place: judge.join(DenyAll(), one, place),
        lambda one, place: judge.rename(DenyAll(), one, "eve", "eve"),
    ],
)
def test_every_command_but_leaving_asks_the_policy(command) -> None:
    """A policy that denies everything refuses each of them."""
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
