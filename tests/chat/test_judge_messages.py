"""Judgements of messages (`chatd.chat.judge_messages`)."""

from __future__ import annotations

import pytest

from chatd.chat import judge_messages
from chatd.model.errors import NotInRoom
from chatd.model.events import Said, Told, TopicSet
from chatd.model.roomstate import decode_state
from chatd.model.units import Change, Expect

from ..kit.judging import OPEN, person, room, visitor


def test_a_message_expects_the_settings_of_its_room_and_the_name_of_its_sender() -> None:
    """A change of either makes the message stale, so no message is shown after a ban that forbids
    it, or under a name that another person holds by then.
    """
    dev = room()
    unit = judge_messages.speak(OPEN, person("ada", 5, dev), dev, Said, "hello")
    assert unit.events == (Said("dev", "ada", "hello"),)
    assert unit.changes == ()
    assert unit.expects == (Expect("rooms", "dev", 7), Expect("names", "ada", 5))


def test_a_message_of_a_visitor_expects_that_no_person_holds_the_name() -> None:
    """The name is free at the id of the message, whatever happens on other nodes."""
    unit = judge_messages.speak(OPEN, visitor(), room(), Said, "hello")
    assert Expect("names", "cron", 0) in unit.expects


def test_the_first_event_of_a_room_creates_it() -> None:
    """Its unit writes the room's cell, and expects it to be absent: of two, one creates it."""
    new = room(version=0)
    unit = judge_messages.speak(OPEN, visitor(), new, Said, "hello")
    assert unit.changes == (Change("rooms", "dev", b"{}"),)
    assert Expect("rooms", "dev", 0) in unit.expects


def test_only_members_speak() -> None:
    """A person who was kicked meanwhile is refused when the message is judged again."""
    with pytest.raises(NotInRoom):
        judge_messages.speak(OPEN, person(), room(), Said, "hello")


def test_a_topic_is_a_setting_of_the_room() -> None:
    """It is in the room's cell, and the event tells it."""
    dev = room()
    unit = judge_messages.set_topic(OPEN, person("ada", 5, dev), dev, "plans")
    assert unit.events == (TopicSet("dev", "ada", "plans"),)
    [change] = unit.changes
    assert (change.table, change.key) == ("rooms", "dev")
    assert decode_state(change.value or b"").topic == "plans"


def test_a_private_message_expects_both_names() -> None:
    """It reaches the two persons that it was judged for, and no person who took a name since."""
    unit = judge_messages.tell(OPEN, person("ada", 5), person("bob", 6), "psst")
    assert unit.events == (Told("ada", "bob", "psst"),)
    assert set(unit.expects) == {Expect("names", "ada", 5), Expect("names", "bob", 6)}
