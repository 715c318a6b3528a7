"""Commands of the line door about rooms."""

from __future__ import annotations

import re

from ....kit.server import MemoryServer
from ....kit.terminal import TODAY, Terminal, untimed


def test_who_lists_the_people_of_the_current_room(server: MemoryServer, ada: Terminal) -> None:
    """In alphabetical order, guests too."""
    Terminal(server)
    assert ada.type("/who") == ["== 3 here: ada, bob, guest-0003"]


def test_who_lists_the_people_of_another_room(
    server: MemoryServer, ada: Terminal, bob: Terminal
) -> None:
    """With or without the hash; of an empty room it says so."""
    bob.type("/join dev")
    assert ada.type("/who dev", "/who #DEV") == ["== 1 in #dev: bob"] * 2
    assert ada.type("/who nowhere") == ["== nobody is in #nowhere"]


def test_rooms_lists_rooms_with_people(ada: Terminal, bob: Terminal) -> None:
    """With the number of people, and the topic."""
    bob.type("/join dev", "/topic tea")
    assert ada.type("/rooms") == ["== #dev: 1 here; tea", "== #lobby: 2 here"]


def test_question_about_a_room_does_not_create_it(ada: Terminal) -> None:
    """`/rooms` does not list it."""
    ada.type("/who nowhere")
    assert ada.type("/rooms") == ["== #lobby: 2 here"]


def test_client_is_shown_the_topic_of_a_room_it_enters(server: MemoryServer, ada: Terminal) -> None:
    """On joining, and on connecting."""
    ada.type("/topic tea", "/join dev", "/topic cake")
    assert "== you are in #lobby; topic: tea" in Terminal(server).greeting
    assert "== you are in #dev; topic: cake" in Terminal(server).type("/join dev")


def test_joining_makes_a_room_the_current_one(ada: Terminal, bob: Terminal) -> None:
    """Messages go there, and the people of the room read the join."""
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
    """Before the room's own line, as on connecting; none of them is delivered again."""
    bob.type("/join dev", *(f"{number}" for number in range(11)))
    begin, day, *messages, end, here, _, joined = ada.type("/join dev")
    assert begin == "== the last 10 messages in #dev:"
    assert day == f"== {TODAY}"
    assert untimed(messages) == [f"<bob> {number}" for number in range(1, 11)]
    assert end == "== end of the last messages"
    assert here == "== you are in #dev"
    assert joined == "-- ada joined #dev"
    assert ada.heard() == []


def test_joining_again_only_switches_the_current_room(ada: Terminal, bob: Terminal) -> None:
    """There is no replay and no announcement."""
    ada.type("/join dev", "/room lobby", "hello")
    bob.heard()
    assert ada.type("/join dev") == ["== you are in #dev", "== 1 here: ada"]
    assert bob.heard() == []


def test_events_of_other_rooms_have_the_room_before_them(ada: Terminal, bob: Terminal) -> None:
    """Events of every kind; those of the current room have none."""
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


def test_events_of_several_rooms_come_in_one_order(
    server: MemoryServer, ada: Terminal, bob: Terminal
) -> None:
    """However many rooms the client is in."""
    ada.type("/join dev")
    bob.type("/join dev", "/room lobby")
    ada.heard()
    bob.type("1", "/room dev", "2", "/room lobby", "3", "/room dev", "4")
    assert ada.heard() == ["#lobby <bob> 1", "<bob> 2", "#lobby <bob> 3", "<bob> 4"]


def test_switching_rooms_neither_repeats_nor_loses_messages(ada: Terminal, bob: Terminal) -> None:
    """This holds for messages of the same turn, before and after the switch."""
    ada.type("/join dev")
    bob.wire.send(b"before\n")
    ada.wire.send(b"/room lobby\n")
    bob.wire.send(b"after\n")
    ada.chat.settle()
    assert [line for line in ada.heard() if "<bob>" in line] == ["<bob> before", "<bob> after"]


def test_leaving_makes_another_room_the_current_one(ada: Terminal, bob: Terminal) -> None:
    """Messages of the room that was left do not come any more."""
    ada.type("/join dev")
    assert ada.type("/leave lobby") == ["== you have left #lobby"]
    assert bob.heard() == ["-- ada left #lobby"]
    bob.type("unheard")
    assert ada.type("/join lobby")[-1] == "-- ada joined #lobby"
    assert ada.type("/leave") == ["== you have left #lobby", "== you are in #dev"]
    assert ada.type("hi") == ["<ada> hi"]


def test_commands_that_need_a_room_fail_after_leaving_the_last_one(ada: Terminal) -> None:
    """Until the client joins a room; commands that need no room still work."""
    assert ada.type("/leave") == ["== you have left #lobby"]
    for line in ("hello", "/me waves", "/topic", "/topic tea", "/who", "/history", "/since 1"):
        (error,) = ada.type(line)
        assert re.fullmatch(r"!! .*no room.*/join.*", error)
    assert ada.type("/leave")[0].startswith("!! ")
    assert ada.type("/rooms") == ["== #lobby: 1 here"]
    assert ada.type("/join lobby", "back")[-1] == "<ada> back"
