"""Commands of the line door with a text for others."""

from __future__ import annotations

import pytest

from ....kit.server import MemoryServer
from ....kit.terminal import Terminal


def test_me_sends_an_action(ada: Terminal, bob: Terminal) -> None:
    """Readers see `* ada waves`."""
    assert ada.type("/me waves") == ["* ada waves"]
    assert bob.heard() == ["* ada waves"]


def test_msg_is_delivered_to_one_person_only(
    server: MemoryServer, ada: Terminal, bob: Terminal
) -> None:
    """The sender sees to whom it went; a third person sees nothing."""
    third = Terminal(server)
    assert ada.type("/msg BOB psst  you") == ["[to bob] psst  you"]
    assert bob.heard() == ["[ada] psst  you"]
    assert third.heard() == []


def test_msg_to_oneself_is_delivered_once(ada: Terminal) -> None:
    """It has the form of the sender's copy."""
    assert ada.type("/msg ada note") == ["[to ada] note"]


def test_private_messages_are_ordered_among_room_messages(ada: Terminal, bob: Terminal) -> None:
    """A reader has one order for everything that it reads."""
    ada.type("one", "/msg bob two", "three", "/msg bob four")
    assert bob.heard() == ["<ada> one", "[ada] two", "<ada> three", "[ada] four"]


def test_private_message_is_not_lost_in_a_burst() -> None:
    """Even if one turn has more messages than the log holds."""
    server = MemoryServer(history=10)
    ada, bob = Terminal(server, "/nick ada"), Terminal(server, "/nick bob")
    lines = [f"{number}" for number in range(15)]
    ada.heard()
    ada.type(*lines[:5], "/msg bob psst", *lines[5:])
    said = [f"<ada> {line}" for line in lines]
    assert bob.heard() == [*said[:5], "[ada] psst", *said[5:]]


def test_topic_is_shown_set_and_cleared(ada: Terminal, bob: Terminal) -> None:
    """Everyone reads the event of a new topic; only the client that asks gets the answer."""
    assert ada.type("/topic") == ["== #lobby has no topic"]
    assert ada.type("/topic tea  and cake") == ["-- ada set the topic: tea and cake"]
    assert ada.type("/topic") == ["== the topic of #lobby: tea and cake"]
    assert ada.type("/topic -") == ["-- ada cleared the topic"]
    assert bob.heard() == ["-- ada set the topic: tea and cake", "-- ada cleared the topic"]
    assert ada.type("/topic") == ["== #lobby has no topic"]


@pytest.mark.parametrize("line", ["/topic", "/topic ", "/TOPIC   "])
def test_topic_without_words_shows_the_topic(ada: Terminal, bob: Terminal, line: str) -> None:
    """`/topic -` clears it, so a bare `/topic` never does."""
    ada.type("/topic tea")
    bob.heard()
    assert ada.type(line) == ["== the topic of #lobby: tea"]
    assert bob.heard() == []


def test_r_replies_to_the_last_private_message_received(
    server: MemoryServer, ada: Terminal, bob: Terminal
) -> None:
    """Not to the person to whom the last one was sent."""
    cy = Terminal(server, "/nick cy")
    bob.type("/msg ada one")
    cy.type("/msg ada two")
    bob.heard()
    assert ada.type("/msg bob three", "/r four")[-2:] == ["[to bob] three", "[to cy] four"]
    assert cy.heard()[-1] == "[ada] four"
    assert bob.heard() == ["[ada] three"]


def test_private_messages_are_delivered_to_people_in_no_room(ada: Terminal, bob: Terminal) -> None:
    """They belong to no room."""
    ada.type("/leave")
    bob.type("/msg ada psst")
    assert ada.heard() == ["[bob] psst"]
