"""How a client of the line door is greeted, and what it is shown first."""

from __future__ import annotations

import re

from ...kit.server import MemoryServer
from ...kit.terminal import TODAY, Terminal, untimed


def test_client_is_greeted_as_a_guest(server: MemoryServer) -> None:
    """With its name, the room, and the people in it; all of them as lines of answers."""
    welcome, where, who = Terminal(server).greeting
    assert re.fullmatch(r"== welcome, guest-0001: .*/nick.*/help.*/quit.*rlwrap nc.*", welcome)
    assert len(welcome) < 80
    assert where == "== you are in #lobby"
    assert who == "== 1 here: guest-0001"


def test_guest_may_speak_at_once(server: MemoryServer) -> None:
    """Under the name that the greeting gave."""
    assert Terminal(server).type("hello") == ["<guest-0001> hello"]


def test_every_guest_gets_a_new_name(server: MemoryServer) -> None:
    """A name is not given again when its guest has left."""
    first, second = Terminal(server), Terminal(server)
    first.wire.hang_up()
    third = Terminal(server)
    assert third.type("who am I?") == ["<guest-0003> who am I?"]
    assert second.heard() == ["<guest-0003> who am I?"]


def test_greeting_begins_with_the_last_ten_messages(server: MemoryServer, bob: Terminal) -> None:
    """Between a first and a last line that say what they are; other events are left out."""
    for number in range(12):
        bob.type(f"{number}", "/topic tea")
    begin, day, *messages, end, _, _, _ = Terminal(server).greeting
    assert begin == "== the last 10 messages in #lobby:"
    assert day == f"== {TODAY}"
    assert untimed(messages) == [f"<bob> {number}" for number in range(2, 12)]
    assert end == "== end of the last messages"


def test_replayed_messages_are_not_delivered_again(server: MemoryServer, bob: Terminal) -> None:
    """Live delivery begins after the replay."""
    bob.type("old")
    newcomer = Terminal(server)
    assert "<bob> old" in untimed(newcomer.greeting[2:3])
    bob.type("new")
    assert newcomer.heard() == ["<bob> new"]


def test_guests_join_and_leave_without_an_announcement(server: MemoryServer, bob: Terminal) -> None:
    """Only people with a chosen name are announced."""
    Terminal(server).wire.hang_up()
    server.chat.settle()
    assert bob.heard() == []


def test_person_leaves_when_the_connection_ends(ada: Terminal, bob: Terminal) -> None:
    """At once, and the name is free."""
    ada.wire.hang_up()
    bob.chat.settle()
    assert bob.heard() == ["-- ada left #lobby"]
    assert bob.type("/nick ada")[0] == "== you are now ada"
