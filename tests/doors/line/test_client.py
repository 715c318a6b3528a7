"""How a client of the line door is greeted, and what it is shown first."""

from __future__ import annotations

import re

from ...kit.server import MemoryServer
from ...kit.terminal import TODAY, Terminal, untimed


def test_whoever_connects_is_greeted_as_a_guest(server: MemoryServer) -> None:
    """With a name, the room, and who is there; in answers only."""
    welcome, where, who = Terminal(server).greeting
    assert re.fullmatch(r"== welcome, guest-0001: .*/nick.*/help.*/quit.*rlwrap nc.*", welcome)
    assert where == "== you are in #lobby"
    assert who == "== 1 here: guest-0001"


def test_a_guest_may_speak_at_once(server: MemoryServer) -> None:
    """Under the name that the greeting gave."""
    assert Terminal(server).type("hello") == ["<guest-0001> hello"]


def test_every_guest_has_a_name_of_their_own(server: MemoryServer) -> None:
    """Also after others have gone."""
    first, second = Terminal(server), Terminal(server)
    first.wire.hang_up()
    third = Terminal(server)
    assert third.type("who am I?") == ["<guest-0003> who am I?"]
    assert second.heard() == ["<guest-0003> who am I?"]


def test_the_last_ten_messages_come_first(server: MemoryServer, bob: Terminal) -> None:
    """Between a line that says so and one that ends them; what happened around them is left out."""
    for number in range(12):
        bob.type(f"{number}", "/topic tea")
    begin, day, *messages, end, _, _, _ = Terminal(server).greeting
    assert begin == "== the last 10 messages in #lobby:"
    assert day == f"== {TODAY}"
    assert untimed(messages) == [f"<bob> {number}" for number in range(2, 12)]
    assert end == "== end of the last messages"


def test_what_was_shown_on_coming_in_is_not_shown_again(
    server: MemoryServer, bob: Terminal
) -> None:
    """Live is what comes after."""
    bob.type("old")
    newcomer = Terminal(server)
    assert "<bob> old" in untimed(newcomer.greeting[2:3])
    bob.type("new")
    assert newcomer.heard() == ["<bob> new"]


def test_guests_come_and_go_unannounced(server: MemoryServer, bob: Terminal) -> None:
    """Only a name makes it worth telling."""
    Terminal(server).wire.hang_up()
    server.chat.settle()
    assert bob.heard() == []


def test_a_connection_that_ends_has_left(ada: Terminal, bob: Terminal) -> None:
    """At once, and the name is free."""
    ada.wire.hang_up()
    bob.chat.settle()
    assert bob.heard() == ["-- ada left #lobby"]
    assert bob.type("/nick ada")[0] == "== you are now ada"
