"""Commands of the line door about rooms."""

from __future__ import annotations

import re

from ....kit.server import MemoryServer
from ....kit.terminal import TODAY, Terminal, untimed


def test_who_tells_who_is_here(server: MemoryServer, ada: Terminal) -> None:
    """In the order of the alphabet, guests too."""
    Terminal(server)
    assert ada.type("/who") == ["== 3 here: ada, bob, guest-0003"]


def test_who_tells_of_another_room(server: MemoryServer, ada: Terminal, bob: Terminal) -> None:
    """With or without its hash, and of an empty one that nobody is there."""
    bob.type("/join dev")
    assert ada.type("/who dev", "/who #DEV") == ["== 1 in #dev: bob"] * 2
    assert ada.type("/who nowhere") == ["== nobody is in #nowhere"]


def test_rooms_lists_where_somebody_is(ada: Terminal, bob: Terminal) -> None:
    """With how many, and the topic."""
    bob.type("/join dev", "/topic tea")
    assert ada.type("/rooms") == ["== #dev: 1 here; tea", "== #lobby: 2 here"]


def test_rooms_does_not_list_what_was_only_asked_about(ada: Terminal) -> None:
    """A question makes no room."""
    ada.type("/who nowhere")
    assert ada.type("/rooms") == ["== #lobby: 2 here"]


def test_whoever_comes_into_a_room_is_told_its_topic(server: MemoryServer, ada: Terminal) -> None:
    """On joining, and on connecting."""
    ada.type("/topic tea", "/join dev", "/topic cake")
    assert "== you are in #lobby; topic: tea" in Terminal(server).greeting
    assert "== you are in #dev; topic: cake" in Terminal(server).type("/join dev")


def test_joining_makes_a_room_the_current_one(ada: Terminal, bob: Terminal) -> None:
    """What is typed is said there, and everyone there is told of the coming."""
    bob.type("/join dev")
    assert ada.type("/join #Dev") == [
        "== you are in #dev",
        "== 2 here: ada, bob",
        "-- ada joined #dev",
    ]
    assert bob.heard()[-1] == "-- ada joined #dev"
    assert ada.type("hi") == ["<ada> hi"]
    assert bob.heard() == ["<ada> hi"]


def test_joining_shows_the_last_ten_messages(ada: Terminal, bob: Terminal) -> None:
    """Before the room itself, as on connecting, and then none of them again."""
    bob.type("/join dev", *(f"{number}" for number in range(11)))
    begin, day, *messages, end, here, _, joined = ada.type("/join dev")
    assert begin == "== the last 10 messages in #dev:"
    assert day == f"== {TODAY}"
    assert untimed(messages) == [f"<bob> {number}" for number in range(1, 11)]
    assert end == "== end of the last messages"
    assert here == "== you are in #dev"
    assert joined == "-- ada joined #dev"
    assert ada.heard() == []


def test_joining_again_only_goes_there(ada: Terminal, bob: Terminal) -> None:
    """No replay, no announcement."""
    ada.type("/join dev", "/room lobby", "hello")
    bob.heard()
    assert ada.type("/join dev") == ["== you are in #dev", "== 1 here: ada"]
    assert bob.heard() == []


def test_other_rooms_stand_before_what_is_said_there(ada: Terminal, bob: Terminal) -> None:
    """Whatever it is; in the current room there is nothing before it."""
    ada.type("/join dev")
    bob.type("hello", "/me waves", "/topic tea")
    assert ada.heard() == [
        "#lobby <bob> hello",
        "#lobby * bob waves",
        "#lobby -- bob set the topic: tea",
    ]
    ada.type("/room lobby")
    bob.type("hello again")
    assert ada.heard() == ["<bob> hello again"]


def test_rooms_are_read_in_one_order(server: MemoryServer, ada: Terminal, bob: Terminal) -> None:
    """However many one is in."""
    ada.type("/join dev")
    bob.type("/join dev", "/room lobby")
    ada.heard()
    bob.type("1", "/room dev", "2", "/room lobby", "3", "/room dev", "4")
    assert ada.heard() == ["#lobby <bob> 1", "<bob> 2", "#lobby <bob> 3", "<bob> 4"]


def test_going_to_a_room_shows_nothing_twice(ada: Terminal, bob: Terminal) -> None:
    """And loses nothing of what was said there meanwhile."""
    ada.type("/join dev")
    bob.wire.send(b"before\n")
    ada.wire.send(b"/room lobby\n")
    bob.wire.send(b"after\n")
    ada.chat.settle()
    assert [line for line in ada.heard() if "<bob>" in line] == ["<bob> before", "<bob> after"]


def test_leaving_goes_on_in_another_room(ada: Terminal, bob: Terminal) -> None:
    """What is said in the one that was left does not come any more."""
    ada.type("/join dev")
    assert ada.type("/leave lobby") == ["== you have left #lobby"]
    assert bob.heard() == ["-- ada left #lobby"]
    bob.type("unheard")
    assert ada.type("/join lobby")[-1] == "-- ada joined #lobby"
    assert ada.type("/leave") == ["== you have left #lobby", "== you are in #dev"]
    assert ada.type("hi") == ["<ada> hi"]


def test_after_leaving_the_last_room_there_is_nowhere_to_speak(ada: Terminal) -> None:
    """Until one joins another; commands that need no room still work."""
    assert ada.type("/leave") == ["== you have left #lobby"]
    for line in ("hello", "/me waves", "/topic", "/topic tea", "/who", "/history", "/since 1"):
        (error,) = ada.type(line)
        assert re.fullmatch(r"!! .*no room.*/join.*", error)
    assert ada.type("/leave")[0].startswith("!! ")
    assert ada.type("/rooms") == ["== #lobby: 1 here"]
    assert ada.type("/join lobby", "back")[-1] == "<ada> back"
