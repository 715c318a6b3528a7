"""The line door's commands: what is typed, and what comes back."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from chatd.codecs.timed import written
from chatd.doors.line.commands import COMMANDS
from chatd.testing import START

from ...kit.server import MemoryServer
from ...kit.terminal import NOW, TODAY, Terminal, untimed


@pytest.fixture
def bob(server: MemoryServer) -> Terminal:
    """Somebody who is there already."""
    return Terminal(server, "/nick bob")


@pytest.fixture
def ada(server: MemoryServer, bob: Terminal) -> Terminal:
    """Somebody who has just come, and whose coming was noticed."""
    ada = Terminal(server, "/nick ada")
    bob.heard()
    return ada


# -- coming in -------------------------------------------------------------------------------------


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


def test_taking_a_name_is_joining(server: MemoryServer, bob: Terminal) -> None:
    """Until then one was a guest."""
    guest = Terminal(server)
    assert guest.type("/nick ada") == ["== you are now ada", "-- ada joined #lobby"]
    assert bob.heard() == ["-- ada joined #lobby"]


def test_taking_another_name_is_told(ada: Terminal, bob: Terminal) -> None:
    """To everyone, and the sender gets an answer besides."""
    assert ada.type("/nick eve") == ["== you are now eve", "-- ada is now eve"]
    assert bob.heard() == ["-- ada is now eve"]


def test_a_connection_that_ends_has_left(ada: Terminal, bob: Terminal) -> None:
    """At once, and the name is free."""
    ada.wire.hang_up()
    bob.chat.settle()
    assert bob.heard() == ["-- ada left #lobby"]
    assert bob.type("/nick ada")[0] == "== you are now ada"


# -- commands --------------------------------------------------------------------------------------


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


def test_me_is_an_action(ada: Terminal, bob: Terminal) -> None:
    """`* ada waves`."""
    assert ada.type("/me waves") == ["* ada waves"]
    assert bob.heard() == ["* ada waves"]


def test_msg_is_for_one_person_only(server: MemoryServer, ada: Terminal, bob: Terminal) -> None:
    """The sender sees whom it went to; a third sees nothing."""
    third = Terminal(server)
    assert ada.type("/msg BOB psst  you") == ["[to bob] psst  you"]
    assert bob.heard() == ["[ada] psst  you"]
    assert third.heard() == []


def test_msg_to_oneself_comes_once(ada: Terminal) -> None:
    """As one's own."""
    assert ada.type("/msg ada note") == ["[to ada] note"]


def test_private_messages_keep_their_place_among_the_others(ada: Terminal, bob: Terminal) -> None:
    """One order for all that one reader sees."""
    ada.type("one", "/msg bob two", "three", "/msg bob four")
    assert bob.heard() == ["<ada> one", "[ada] two", "<ada> three", "[ada] four"]


def test_no_private_message_is_lost_in_a_burst() -> None:
    """Not even when more is said in one turn than the log holds."""
    server = MemoryServer(history=10)
    ada, bob = Terminal(server, "/nick ada"), Terminal(server, "/nick bob")
    lines = [f"{number}" for number in range(15)]
    ada.heard()
    ada.type(*lines[:5], "/msg bob psst", *lines[5:])
    said = [f"<ada> {line}" for line in lines]
    assert bob.heard() == [*said[:5], "[ada] psst", *said[5:]]


def test_topic_is_shown_set_and_cleared(ada: Terminal, bob: Terminal) -> None:
    """Everyone is told of a new one; the question is answered to the asker."""
    assert ada.type("/topic") == ["== #lobby has no topic"]
    assert ada.type("/topic tea  and cake") == ["-- ada set the topic: tea and cake"]
    assert ada.type("/topic") == ["== the topic of #lobby: tea and cake"]
    assert ada.type("/topic -") == ["-- ada cleared the topic"]
    assert bob.heard() == ["-- ada set the topic: tea and cake", "-- ada cleared the topic"]
    assert ada.type("/topic") == ["== #lobby has no topic"]


def test_whoever_comes_into_a_room_is_told_its_topic(server: MemoryServer, ada: Terminal) -> None:
    """On joining, and on connecting."""
    ada.type("/topic tea", "/join dev", "/topic cake")
    assert "== you are in #lobby; topic: tea" in Terminal(server).greeting
    assert "== you are in #dev; topic: cake" in Terminal(server).type("/join dev")


def test_history_shows_the_last_events(ada: Terminal) -> None:
    """As many as were asked for, or twenty; between a line that says so and one that ends them."""
    ada.type(*(f"{number}" for number in range(30)))
    begin, day, *events, end = ada.type("/history 3")
    assert begin == "== the last 3 events in #lobby:"
    assert day == f"== {TODAY}"
    assert untimed(events) == ["<ada> 27", "<ada> 28", "<ada> 29"]
    assert re.fullmatch(r"== end of the history; /since \d+ .*", end)
    assert len(ada.type("/history")) == 20 + 3


def test_history_of_an_empty_room_says_so(server: MemoryServer) -> None:
    """And shows nothing."""
    guest = Terminal(server, "/join dev")
    assert guest.type("/history") == ["== nothing has happened in #dev yet"]


def test_since_shows_what_came_after_an_event(ada: Terminal, bob: Terminal) -> None:
    """The number that ends the history, or the last `/since`, is where to go on."""
    ada.type("one")
    place = _place(ada.type("/history"))
    bob.type("two", "/topic tea")
    ada.heard()
    begin, *events, end = ada.type(f"/since {place}")
    assert begin == "== 2 events in #lobby since then:"
    assert events == ["<bob> two", "-- bob set the topic: tea"]
    assert ada.type(f"/since {_place([end])}")[0] == "== 0 events in #lobby since then:"


@pytest.mark.parametrize("place", ["1", "999999999999999999"], ids=["before-memory", "future"])
def test_since_tells_of_a_gap(ada: Terminal, place: str) -> None:
    """From before this server's memory and from the future alike: then comes all that there is."""
    ada.type("one")
    _, gap, *events, _ = ada.type(f"/since {place}")
    assert gap == ">> events were missed here; /history shows what is left"
    assert events[-1] == "<ada> one"


def test_echo_off_drops_ones_own_messages_only(ada: Terminal, bob: Terminal) -> None:
    """Others still come, and so do answers; on brings them back."""
    ada.type("/echo off")
    assert ada.type("unheard", "/me waves unseen", "/who") == ["== 2 here: ada, bob"]
    assert bob.type("hi")[-1:] == ["<bob> hi"]
    assert ada.heard() == ["<bob> hi"]
    ada.type("/echo on")
    assert ada.type("heard") == ["<ada> heard"]


def test_echo_off_drops_each_of_a_burst() -> None:
    """Also when more is said in one turn than the log holds."""
    server = MemoryServer(history=10)
    ada, bob = Terminal(server, "/nick ada", "/echo off"), Terminal(server)
    lines = [f"{number}" for number in range(25)]
    assert ada.type(*lines) == []
    assert bob.heard() == [f"<ada> {line}" for line in lines]


@pytest.mark.parametrize("line", ["/topic", "/topic ", "/TOPIC   "])
def test_a_bare_topic_never_clears_the_topic(ada: Terminal, bob: Terminal, line: str) -> None:
    """It shows it."""
    ada.type("/topic tea")
    bob.heard()
    assert ada.type(line) == ["== the topic of #lobby: tea"]
    assert bob.heard() == []


def test_a_path_is_said_and_is_no_command(ada: Terminal, bob: Terminal) -> None:
    """`make | nc -N`: a word with a second slash."""
    line = "/usr/bin/ld: undefined reference to `main'"
    assert ada.type(line) == [f"<ada> {line}"]
    assert bob.heard() == [f"<ada> {line}"]


def test_after_literal_on_every_line_is_said(ada: Terminal, bob: Terminal) -> None:
    """As it is, until the connection ends."""
    lines = ["/quit", "//x", "  /y", "/literal off", "/nick eve"]
    (answer, *heard) = ada.type("/literal on", *lines)
    assert answer.startswith("== ")
    assert heard == [f"<ada> {line}" for line in lines]
    assert bob.heard() == heard


def test_short_forms_do_the_same(ada: Terminal, bob: Terminal) -> None:
    """/j, /part, /names, /w, /m and /exit."""
    assert ada.type("/names") == ada.type("/w") == ["== 2 here: ada, bob"]
    assert ada.type("/j dev")[0] == "== you are in #dev"
    assert ada.type("/part")[0] == "== you have left #dev"
    assert ada.type("/m bob psst") == ["[to bob] psst"]
    assert ada.type("/exit bye") == ["== goodbye"]
    assert ada.wire.lost
    assert bob.heard()[-2:] == ["[ada] psst", "-- ada left #lobby (bye)"]


def test_r_answers_the_last_private_message(
    server: MemoryServer, ada: Terminal, bob: Terminal
) -> None:
    """That one got, and not the last that one sent."""
    cy = Terminal(server, "/nick cy")
    bob.type("/msg ada one")
    cy.type("/msg ada two")
    bob.heard()
    assert ada.type("/msg bob three", "/r four")[-2:] == ["[to bob] three", "[to cy] four"]
    assert cy.heard()[-1] == "[ada] four"
    assert bob.heard() == ["[ada] three"]


def test_time_stands_before_every_event(ada: Terminal, bob: Terminal) -> None:
    """Other rooms' and private ones too; answers have none; off ends it."""
    ada.type("/join dev", "/time on")
    bob.type("hello", "/msg ada psst")
    ada.type("/who")
    assert ada.type("hi") == [f"{NOW} <ada> hi"]
    bob.type("again")
    assert ada.heard() == [f"{NOW} #lobby <bob> again"]
    bob.type("/msg ada psst")
    assert ada.heard() == [f"{NOW} [bob] psst"]
    assert ada.type("/time off")[0].startswith("== ")
    assert ada.type("hi") == ["<ada> hi"]


def test_time_may_be_utc(ada: Terminal) -> None:
    """Whatever the server's own time zone is."""
    ada.type("/time utc")
    (line,) = ada.type("hi")
    assert line == f"{datetime.fromtimestamp(START, UTC):%H:%M} <ada> hi"


def test_a_new_day_has_a_line_of_its_own(server: MemoryServer, ada: Terminal) -> None:
    """Once, before its first event."""
    ada.type("/time utc", "one")
    server.chat.advance(86_400)
    day = written(datetime.fromtimestamp(START + 86_400, UTC))
    assert ada.type("two")[0] == f"== {day}"
    assert not any(line.startswith("==") for line in ada.type("three"))
    heard = ada.type("/history 2", "/since 0")
    assert heard.count(f"== {day}") == 2


def test_times_come_while_the_way_is_full_too(ada: Terminal, bob: Terminal) -> None:
    """What was missed is shown with them, and nothing twice."""
    ada.type("/time on")
    ada.wire.fill()
    bob.type("one", "two")
    ada.wire.drain()
    assert ada.heard() == [f"{NOW} <bob> one", f"{NOW} <bob> two"]


def test_help_lists_every_command(ada: Terminal) -> None:
    """Each with its form, and the way to say a line that starts with a slash."""
    lines = ada.type("/help")
    assert all(line.startswith("== ") for line in lines)
    for usage in COMMANDS:
        assert sum(line.startswith(f"== {usage.form}") for line in lines) == 1
    assert any("//" in line for line in lines)


@pytest.mark.parametrize("command", [row.name for row in COMMANDS])
def test_help_explains_each_command(ada: Terminal, command: str) -> None:
    """With or without its slash, in either case."""
    (line,) = ada.type(f"/help {command}")
    assert line == f"== {COMMANDS[command].form}: {COMMANDS[command].help}"
    assert ada.type(f"/HELP /{command.upper()}") == [line]


def test_quit_says_a_parting_word(ada: Terminal, bob: Terminal) -> None:
    """To the room; the connection ends with an answer."""
    assert ada.type("/quit so long") == ["== goodbye"]
    assert ada.wire.lost
    assert bob.heard() == ["-- ada left #lobby (so long)"]


def test_quit_ends_in_every_room(server: MemoryServer, ada: Terminal, bob: Terminal) -> None:
    """Each is told."""
    bob.type("/join dev")
    ada.type("/join dev", "/quit")
    assert [line for line in bob.heard() if "left" in line] == [
        "#lobby -- ada left #lobby",
        "-- ada left #dev",
    ]


def test_what_was_said_before_leaving_is_echoed(ada: Terminal) -> None:
    """In the same packet: the echo is the acknowledgement."""
    ada.type("/join dev")
    said = [line for line in ada.type("last words", "/leave") if "last words" in line]
    assert said == ["<ada> last words"]


def test_what_was_said_before_quitting_is_said(ada: Terminal, bob: Terminal) -> None:
    """And comes before the leave, in the same packet or not."""
    assert ada.type("last words", "/quit") == ["<ada> last words", "== goodbye"]
    assert bob.heard() == ["<ada> last words", "-- ada left #lobby"]


def test_nothing_is_said_after_quitting(ada: Terminal, bob: Terminal) -> None:
    """Neither in the same packet nor in a later one."""
    ada.wire.send(b"before\n/quit\nafter\n", b"later\n")
    ada.chat.settle()
    assert bob.heard() == ["<ada> before", "-- ada left #lobby"]


@pytest.mark.parametrize(
    "word", ["\u200b\u2060", "x" * 4200, "\x1b[2J"], ids=["invisible", "long", "control"]
)
def test_a_parting_word_that_is_no_text_keeps_nobody_here(
    ada: Terminal, bob: Terminal, word: str
) -> None:
    """The session is over all the same, and its name free."""
    ada.wire.send(f"/quit {word}\n".encode())
    ada.chat.settle()
    if not ada.wire.lost:
        ada.wire.hang_up()
        ada.chat.settle()
    assert [line.split(" (")[0] for line in bob.heard()] == ["-- ada left #lobby"]
    assert bob.type("/who") == ["== 1 here: bob"]
    assert bob.type("/nick ada")[0] == "== you are now ada"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("/foo", "!! no such command /foo; /help lists them"),
        ("/jion dev", r"!! no such command /jion \(did you mean /join\?\); /help lists them"),
        ("/exti", r"!! no such command /exti \(did you mean /exit\?\); /help lists them"),
        ("/join a b", r"!! /join takes one room.*nothing was done.*/join ROOM"),
        (" /nick eve", r"!! that was not said: .*"),
        ("\t/msg bob psst", r"!! that was not said: .*"),
        ("  //x", r"!! that was not said: .*"),
        ("/r hi", r"!! nobody has sent you.*/msg NAME TEXT"),
        ("/r", r"!! .*/r TEXT"),
        ("/time", r"!! .*/time on\|off\|utc"),
        ("/literal", r"!! .*/literal on"),
        ("/literal off", r"!! .*/literal on"),
        ("/help foo", "!! no such command /foo; /help lists them"),
        ("/nick", r"!! .*/nick NAME"),
        ("/nick two words", r"!! .*/nick NAME"),
        ("/nick bob", r"!! .*bob.* in use.*"),
        ("/nick BOB", r"!! .* in use.*"),
        ("/nick #bob", r"!! .*letters.*"),
        ("/nick guest-0001", r"!! guest.*"),
        ("/join", r"!! .*/join ROOM"),
        ("/join a/b", r"!! .*room.*"),
        ("/join ..", r"!! .*room.*"),
        ("/leave dev", r"!! .*not in #dev.*"),
        ("/room dev", r"!! .*not in #dev.*/join.*"),
        ("/who <x>", r"!! .*room.*"),
        ("/rooms here", r"!! .*/rooms"),
        ("/me", r"!! .*/me TEXT"),
        ("/msg", r"!! .*/msg NAME TEXT"),
        ("/msg bob", r"!! .*/msg NAME TEXT"),
        ("/msg nobody hi", r"!! nobody.*"),
        ("/topic " + "x" * 401, r"!! .*400.*"),
        ("/history many", r"!! .*/history \[N\]"),
        ("/history -1", r"!! .*/history \[N\]"),
        ("/history ²", r"!! .*/history \[N\]"),
        ("/since", r"!! .*/since ID"),
        ("/since yesterday", r"!! .*/since ID"),
        ("/since 99999999999999999999999", r"!! .*/since ID"),
        ("/echo", r"!! .*/echo on\|off"),
        ("/echo maybe", r"!! .*/echo on\|off"),
        ("/ space", r"!! no such command /.*"),
        ("   ", r"!! .*empty.*"),
    ],
)
def test_a_mistake_costs_one_line(ada: Terminal, bob: Terminal, line: str, told: str) -> None:
    """It says what is wrong; nobody else hears of it, and the next line is taken."""
    (error,) = ada.type(line)
    assert error == told or re.fullmatch(told, error)
    assert ada.type("next") == ["<ada> next"]
    assert bob.heard() == ["<ada> next"]


# -- rooms -----------------------------------------------------------------------------------------


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


def test_private_messages_come_in_no_room_at_all(ada: Terminal, bob: Terminal) -> None:
    """They belong to none."""
    ada.type("/leave")
    bob.type("/msg ada psst")
    assert ada.heard() == ["[bob] psst"]


def test_a_name_change_is_told_in_every_room_at_once(ada: Terminal, bob: Terminal) -> None:
    """Bob shares two rooms with ada and hears of it in both."""
    ada.type("/join dev")
    bob.type("/join dev")
    bob.heard()
    ada.type("/nick eve")
    assert bob.heard() == ["#lobby -- ada is now eve", "-- ada is now eve"]


def _place(lines: list[str]) -> str:
    (place,) = re.findall(r"/since (\d+)", lines[-1])
    return str(place)
