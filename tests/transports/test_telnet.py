"""The line door: what is typed, and what comes back."""

from __future__ import annotations

import re
import tracemalloc
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from chatd.codecs.lines import COMMANDS
from chatd.codecs.timed import written
from chatd.commands import Say
from chatd.testing import START, FakeConnection
from chatd.transports.lines import COMMANDS_A_TURN, LINES_A_TURN

from .hold import Hold
from .house import House

IAC, DONT, DO, WONT, WILL, SB, SE = b"\xff", b"\xfe", b"\xfd", b"\xfc", b"\xfb", b"\xfa", b"\xf0"
ECHO = b"\x01"
TODAY = written(datetime.fromtimestamp(START))
NOW = f"{datetime.fromtimestamp(START):%H:%M}"


def untimed(lines: list[str]) -> list[str]:
    """The lines without the time that each of them begins with."""
    assert all(re.match(r"\d\d:\d\d ", line) for line in lines)
    return [line[6:] for line in lines]


class Terminal:
    """Somebody with telnet or netcat."""

    def __init__(self, house: House, *typed: str) -> None:
        self.chat = house.chat
        self.wire = house.line()
        self.greeting = self.heard()
        if typed:
            self.type(*typed)

    def type(self, *lines: str) -> list[str]:
        """Type lines, and see what comes of it."""
        self.wire.send("".join(f"{line}\r\n" for line in lines).encode())
        self.chat.settle()
        return self.heard()

    def heard(self) -> list[str]:
        """The lines that have come since; each ends with CRLF."""
        *lines, rest = self.wire.received().decode().split("\r\n")
        assert rest == ""
        assert not any("\n" in line for line in lines)
        return lines


@pytest.fixture
def bob(house: House) -> Terminal:
    """Somebody who is there already."""
    return Terminal(house, "/nick bob")


@pytest.fixture
def ada(house: House, bob: Terminal) -> Terminal:
    """Somebody who has just come, and whose coming was noticed."""
    ada = Terminal(house, "/nick ada")
    bob.heard()
    return ada


# -- coming in -------------------------------------------------------------------------------------


def test_whoever_connects_is_greeted_as_a_guest(house: House) -> None:
    """With a name, the room, and who is there; in answers only."""
    welcome, where, who = Terminal(house).greeting
    assert re.fullmatch(r"== welcome, guest-0001: .*/nick.*/help.*/quit.*rlwrap nc.*", welcome)
    assert where == "== you are in #lobby"
    assert who == "== 1 here: guest-0001"


def test_a_guest_may_speak_at_once(house: House) -> None:
    """Under the name that the greeting gave."""
    assert Terminal(house).type("hello") == ["<guest-0001> hello"]


def test_every_guest_has_a_name_of_their_own(house: House) -> None:
    """Also after others have gone."""
    first, second = Terminal(house), Terminal(house)
    first.wire.hang_up()
    third = Terminal(house)
    assert third.type("who am I?") == ["<guest-0003> who am I?"]
    assert second.heard() == ["<guest-0003> who am I?"]


def test_the_last_ten_messages_come_first(house: House, bob: Terminal) -> None:
    """Between a line that says so and one that ends them; what happened around them is left out."""
    for number in range(12):
        bob.type(f"{number}", "/topic tea")
    begin, day, *messages, end, _, _, _ = Terminal(house).greeting
    assert begin == "== the last 10 messages in #lobby:"
    assert day == f"== {TODAY}"
    assert untimed(messages) == [f"<bob> {number}" for number in range(2, 12)]
    assert end == "== end of the last messages"


def test_what_was_shown_on_coming_in_is_not_shown_again(house: House, bob: Terminal) -> None:
    """Live is what comes after."""
    bob.type("old")
    newcomer = Terminal(house)
    assert "<bob> old" in untimed(newcomer.greeting[2:3])
    bob.type("new")
    assert newcomer.heard() == ["<bob> new"]


def test_guests_come_and_go_unannounced(house: House, bob: Terminal) -> None:
    """Only a name makes it worth telling."""
    Terminal(house).wire.hang_up()
    house.chat.settle()
    assert bob.heard() == []


def test_taking_a_name_is_joining(house: House, bob: Terminal) -> None:
    """Until then one was a guest."""
    guest = Terminal(house)
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


def test_who_tells_who_is_here(house: House, ada: Terminal) -> None:
    """In the order of the alphabet, guests too."""
    Terminal(house)
    assert ada.type("/who") == ["== 3 here: ada, bob, guest-0003"]


def test_who_tells_of_another_room(house: House, ada: Terminal, bob: Terminal) -> None:
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


def test_msg_is_for_one_person_only(house: House, ada: Terminal, bob: Terminal) -> None:
    """The sender sees whom it went to; a third sees nothing."""
    third = Terminal(house)
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
    house = House(history=10)
    ada, bob = Terminal(house, "/nick ada"), Terminal(house, "/nick bob")
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


def test_whoever_comes_into_a_room_is_told_its_topic(house: House, ada: Terminal) -> None:
    """On joining, and on connecting."""
    ada.type("/topic tea", "/join dev", "/topic cake")
    assert "== you are in #lobby; topic: tea" in Terminal(house).greeting
    assert "== you are in #dev; topic: cake" in Terminal(house).type("/join dev")


def test_history_shows_the_last_events(ada: Terminal) -> None:
    """As many as were asked for, or twenty; between a line that says so and one that ends them."""
    ada.type(*(f"{number}" for number in range(30)))
    begin, day, *events, end = ada.type("/history 3")
    assert begin == "== the last 3 events in #lobby:"
    assert day == f"== {TODAY}"
    assert untimed(events) == ["<ada> 27", "<ada> 28", "<ada> 29"]
    assert re.fullmatch(r"== end of the history; /since \d+ .*", end)
    assert len(ada.type("/history")) == 20 + 3


def test_history_of_an_empty_room_says_so(house: House) -> None:
    """And shows nothing."""
    guest = Terminal(house, "/join dev")
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
    house = House(history=10)
    ada, bob = Terminal(house, "/nick ada", "/echo off"), Terminal(house)
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


def test_r_answers_the_last_private_message(house: House, ada: Terminal, bob: Terminal) -> None:
    """That one got, and not the last that one sent."""
    cy = Terminal(house, "/nick cy")
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


def test_a_new_day_has_a_line_of_its_own(house: House, ada: Terminal) -> None:
    """Once, before its first event."""
    ada.type("/time utc", "one")
    house.chat.advance(86_400)
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
    for usage in COMMANDS.values():
        assert sum(line.startswith(f"== {usage.form}") for line in lines) == 1
    assert any("//" in line for line in lines)


@pytest.mark.parametrize("command", COMMANDS)
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


def test_quit_ends_in_every_room(house: House, ada: Terminal, bob: Terminal) -> None:
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
        ("   ", r"!! .*nothing.*"),
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


def test_rooms_are_read_in_one_order(house: House, ada: Terminal, bob: Terminal) -> None:
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


# -- bytes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"one\ntwo\n", b"one\r\ntwo\r\n", b"one\r\0two\r\0", b"one\rtwo\r", b"\n\none\n\r\ntwo\n\n"],
    ids=["lf", "crlf", "cr-nul", "cr", "empty-lines"],
)
@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_every_line_ending_counts(ada: Terminal, data: bytes, size: int) -> None:
    """However the packets are cut; empty lines are nothing."""
    ada.wire.send(*([data[i : i + size] for i in range(0, len(data), size)] if size else [data]))
    ada.chat.settle()
    assert ada.heard() == ["<ada> one", "<ada> two"]


def test_nothing_but_text_is_sent_to_who_sends_text(ada: Terminal, bob: Terminal) -> None:
    """No option byte comes first, ever."""
    ada.wire.send(b"caf\xc3\xa9\n")
    ada.chat.settle()
    assert IAC not in ada.wire.received()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (IAC + DO + ECHO, IAC + WONT + ECHO),
        (IAC + WILL + ECHO, IAC + DONT + ECHO),
        (IAC + WONT + ECHO, b""),
        (IAC + DONT + ECHO, b""),
        (IAC + SB + b"\x18\x00xterm" + IAC + SE, b""),
        (IAC + SB + b"\x1f\x00\xff\xff\x00\n" + IAC + SE, b""),
        (IAC + b"\xf4" + IAC + DO + b"\x06", IAC + WONT + b"\x06"),
        (IAC + b"\xf1", b""),
    ],
    ids=["do", "will", "wont", "dont", "terminal-type", "window-size", "ctrl-c", "nop"],
)
@pytest.mark.parametrize("size", [0, 1])
def test_telnet_options_are_declined_and_never_reach_a_message(
    ada: Terminal, sent: bytes, answered: bytes, size: int
) -> None:
    """Cut anywhere."""
    data = b"he" + sent + b"llo\r\n"
    ada.wire.send(*([data[i : i + size] for i in range(0, len(data), size)] if size else [data]))
    ada.chat.settle()
    assert ada.wire.received() == answered + b"<ada> hello\r\n"


def test_thousands_of_option_bytes_are_not_answered_without_end(ada: Terminal) -> None:
    """Each may cost an answer, but not forever; the connection lives."""
    for _ in range(100):
        ada.wire.send((IAC + DO + ECHO) * 1000)
    assert len(ada.wire.received()) < 10_000
    assert ada.type("hello") == ["<ada> hello"]


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (b"caf\xe9", "caf\ufffd"),
        (b"\xc3\xa9\xc3", "é\ufffd"),
        (b"a\xff\xffb", "a\ufffdb"),
        (b"a\xffb", "a\ufffdb"),
        (b"\xed\xa0\x80!", "\ufffd\ufffd\ufffd!"),
        (b"a\0b", "ab"),
        (b"helo\x08lo", "hello"),
        (b"\xe6\x97\xa5\xe6\x9c\xac\x7f!", "日!"),
        (b"wrong\x15right word\x17", "right"),
        (b"x\xff\xed\xff\xec\xff\xee\xff\xefy", "xy"),
        (b"helo\xff\xf7lo", "hello"),
        (b"\xc3\xff\xf3\xff\xfd\x06ber", "Über"),
    ],
    ids=repr,
)
def test_bytes_that_are_no_utf8_become_replacement_characters(
    ada: Terminal, bob: Terminal, sent: bytes, shown: str
) -> None:
    """The rest of the line stays."""
    ada.wire.send(sent + b"\n")
    ada.chat.settle()
    assert bob.heard() == [f"<ada> {shown}"]


def test_a_line_that_is_too_long_costs_one_error(ada: Terminal, bob: Terminal) -> None:
    """None of it is said, and the connection lives."""
    ada.wire.send(b"x" * 5000, b"y" * 20_000, b"z\nnext\n")
    ada.chat.settle()
    error, following = ada.heard()
    assert re.fullmatch(r"!! .*too long.*4096.*", error)
    assert following == "<ada> next"
    assert bob.heard() == ["<ada> next"]


def test_the_longest_message_is_as_long_as_the_server_says(ada: Terminal, bob: Terminal) -> None:
    """In bytes, and not one more, whatever command it is said with."""
    longest = "é" * 2048
    assert ada.type(longest, f"/me {longest}") == [f"<ada> {longest}", f"* ada {longest}"]
    assert ada.type(f"{longest}x")[0].startswith("!! ")
    assert ada.type(f"/msg bob {longest}") == [f"[to bob] {longest}"]


@pytest.mark.parametrize(
    ("piece", "megabytes"),
    [(b"x" * 64, 100), (IAC + SB + b"x" * 62, 8), (b"\0" * 64, 8), ((IAC + b"\xf1") * 32, 1)],
    ids=["letters", "subnegotiation", "nul", "nop"],
)
def test_megabytes_without_an_end_take_no_memory(
    ada: Terminal, piece: bytes, megabytes: int
) -> None:
    """What cannot become a line is forgotten as it comes."""
    packet = piece * 1024
    tracemalloc.start()
    try:
        for _ in range(megabytes * 16):
            ada.wire.send(packet)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2**20
    assert not ada.wire.lost
    ada.wire.send(IAC + SE + b"\n")
    assert ada.type("hello")[-1] == "<ada> hello"


@pytest.mark.parametrize(
    "first",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /a b HTTP/1.1\r\nHost: x\r\n\r\ntext",
        b"POST /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\nhello\r\n",
        b"\x05\x01\x00\r\nhello\r\n",
    ],
    ids=["get", "post", "long", "http2", "options", "ssh", "tls", "socks"],
)
@pytest.mark.parametrize("size", [0, 1])
def test_another_protocol_ends_the_connection_and_nothing_of_it_is_said(
    house: House, bob: Terminal, first: bytes, size: int
) -> None:
    """Nor is it replayed; one line says what this port is for."""
    page = Terminal(house)
    page.wire.send(
        *([first[i : i + size] for i in range(0, len(first), size)] if size else [first])
    )
    page.wire.send(b"/nick evil\r\nhello\r\n")
    house.chat.settle()
    assert page.wire.lost
    (error,) = page.heard()
    assert error.startswith("!! ")
    assert bob.heard() == []
    assert bob.type("/who") == ["== 1 here: bob"]
    assert house.chat.texts("lobby") == []


def test_another_protocol_is_known_at_the_end_of_input_too(house: House) -> None:
    """`printf 'GET x HTTP/1.0' | nc -N` says nothing."""
    page = Terminal(house)
    page.wire.send(b"FOO /x HTTP/1.0")
    page.wire.end_input()
    house.chat.settle()
    assert page.wire.lost
    assert house.chat.texts("lobby") == []


def test_whoever_has_spoken_may_quote_a_request(ada: Terminal) -> None:
    """Only the first line tells what kind of client it is."""
    assert ada.type("GET / HTTP/1.1") == ["<ada> GET / HTTP/1.1"]


# -- the end of input ------------------------------------------------------------------------------


def test_the_last_line_needs_no_end(house: House, bob: Terminal) -> None:
    """`printf 'hello' | nc -N` says hello."""
    guest = Terminal(house)
    guest.wire.send(b"one\nhello")
    guest.wire.end_input()
    house.chat.settle()
    assert bob.heard() == ["<guest-0002> one", "<guest-0002> hello"]


def test_what_was_said_is_echoed_before_the_connection_closes(house: House) -> None:
    """The end of input is not the end of the conversation."""
    guest = Terminal(house)
    hold = Hold(house)
    guest.wire.send(b"hello\n")
    guest.wire.end_input()
    house.chat.settle()
    assert not guest.wire.lost
    hold.release()
    assert guest.heard() == ["<guest-0001> hello"]
    assert guest.wire.lost


def test_what_the_store_refuses_is_told_before_the_connection_closes(house: House) -> None:
    """So `nc -N` shows it."""
    guest = Terminal(house)
    house.chat.store.refusing = True
    guest.wire.send(b"hello\n/msg guest-0001 hello\n")
    guest.wire.end_input()
    house.chat.settle()
    assert [line[:3] for line in guest.heard()] == ["!! ", "!! "]
    assert guest.wire.lost


def test_who_says_nothing_more_and_nothing_at_all_is_let_go(house: House) -> None:
    """`nc -N </dev/null` gets the greeting."""
    guest = Terminal(house)
    guest.wire.end_input()
    assert guest.wire.lost


def test_an_end_of_input_waits_for_a_slow_reader(house: House, bob: Terminal) -> None:
    """What it still has to be given is given first."""
    guest = Terminal(house)
    guest.wire.fill()
    guest.wire.send(b"hello\n")
    guest.wire.end_input()
    bob.type("hi")
    assert not guest.wire.lost
    assert guest.heard() == []
    guest.wire.drain()
    house.chat.settle()
    assert guest.heard() == ["<bob> hi", "<guest-0002> hello"]
    assert guest.wire.lost


# -- too much, too slowly --------------------------------------------------------------------------


@pytest.fixture
def limited() -> House:
    """A chat that takes five messages a second, twenty at once."""
    return House(message_rate=5)


def test_who_says_too_much_is_told_once_and_nothing_is_lost(limited: House) -> None:
    """What is too much follows one by one, on the clock."""
    guest, reader = Terminal(limited), Terminal(limited)
    lines = [f"{number}" for number in range(30)]
    told = guest.type(*lines)
    assert [line for line in told if line.startswith("!! ")] == told[:1]
    assert reader.heard() == [f"<guest-0001> {line}" for line in lines[:20]]
    for line in lines[20:]:
        limited.chat.advance(0.1)
        assert reader.heard() == []
        limited.chat.advance(0.1001)
        assert reader.heard() == [f"<guest-0001> {line}"]
    assert not any(line.startswith("!! ") for line in guest.heard())


def test_who_was_slowed_down_may_be_told_again_later(limited: House) -> None:
    """Once for each time that it begins."""
    guest = Terminal(limited)
    for _ in range(2):
        told = guest.type(*("x" * 21))
        limited.chat.advance(10)
        told += guest.heard()
        assert sum(line.startswith("!! ") for line in told) == 1
        assert told.count("<guest-0001> x") == 21


def test_input_is_held_back_while_one_is_slowed_down(limited: House) -> None:
    """TCP keeps what the server does not want yet, and nobody else waits."""
    guest, other = Terminal(limited), Terminal(limited)
    guest.type(*("x" * 21))
    assert guest.wire.producerState == "paused"
    assert other.type("hi")[-1] == "<guest-0002> hi"
    limited.chat.advance(1)
    assert guest.wire.producerState == "producing"


def test_a_long_paste_before_the_end_of_input_is_said_whole(limited: House) -> None:
    """`nc -N < file` takes its time, but it ends."""
    guest, reader = Terminal(limited), Terminal(limited)
    guest.wire.send(b"x\n" * 40)
    guest.wire.end_input()
    limited.chat.advance(3)
    assert not guest.wire.lost
    limited.chat.advance(3)
    assert guest.wire.lost
    assert reader.heard() == ["<guest-0001> x"] * 40


def test_who_reads_too_slowly_is_told_how_much_was_missed() -> None:
    """Exactly."""
    house = House(history=10)
    ada, bob = Terminal(house, "/nick ada"), Terminal(house, "/nick bob")
    ada.heard()
    ada.wire.fill()
    bob.type(*(f"{number}" for number in range(50)))
    assert ada.heard() == []
    ada.wire.drain()
    gap, *rest = ada.heard()
    assert gap == ">> 40 events were missed here; /history 40 shows what is left"
    assert rest == [f"<bob> {number}" for number in range(40, 50)]


def test_a_gap_in_another_room_is_told_with_its_name() -> None:
    """And the current room, which was quiet, has none."""
    house = House(history=10)
    ada, bob = Terminal(house, "/nick ada", "/join dev"), Terminal(house, "/nick bob")
    ada.heard()
    ada.wire.fill()
    bob.type(*(f"{number}" for number in range(15)))
    ada.wire.drain()
    gap, *rest = ada.heard()
    assert gap == "#lobby >> 5 events were missed here; /history 5 shows what is left"
    assert rest == [f"#lobby <bob> {number}" for number in range(5, 15)]


def test_what_a_slow_reader_types_waits(ada: Terminal, bob: Terminal) -> None:
    """Who does not read the answers cannot ask for more."""
    ada.wire.fill()
    ada.type("hello", "/who")
    assert ada.wire.producerState == "paused"
    assert bob.heard() == []
    ada.wire.drain()
    ada.chat.settle()
    assert ada.wire.producerState == "producing"
    assert bob.heard() == ["<ada> hello"]
    assert sorted(ada.heard()) == ["<ada> hello", "== 2 here: ada, bob"]


def test_a_room_joined_while_the_way_is_full_begins_with_its_replay(house: House) -> None:
    """What was said there before comes once."""
    ada, bob = Terminal(house, "/nick ada"), Terminal(house, "/nick bob")
    ada.heard()
    bob.type("/join dev", "old")
    bob.type("/room lobby")
    ada.wire.fill()
    bob.type("lobby one")
    ada.wire.send(b"/join dev\r\n")
    ada.wire.drain()
    house.chat.settle()
    lines = ada.heard()
    assert [line.removeprefix("#lobby ") for line in lines if "<bob>" in line] == [
        "<bob> lobby one",
        f"{NOW} <bob> old",
    ]


class NarrowConnection(FakeConnection):
    """A connection that the next write fills."""

    narrow = False

    def write(self, data: bytes) -> None:
        """Send, and be full."""
        super().write(data)
        if self.narrow:
            self.narrow = False
            self.fill()


def test_a_room_joined_in_the_moment_the_way_fills_begins_with_its_replay(house: House) -> None:
    """Between what was stored and what is shown there is a moment; nothing comes twice for it."""
    wire = NarrowConnection(house.line_door)
    wire.received()

    def join(_: object) -> None:
        wire.narrow = True
        wire.send(b"/join dev\r\n")

    service = house.chat.service
    bob = service.visitor("bob")
    service.perform(bob, Say("lobby", "one"))
    service.perform(bob, Say("dev", "two")).addCallback(join)
    house.chat.settle()
    wire.drain()
    house.chat.settle()
    lines = wire.received().decode().split("\r\n")
    assert [line for line in lines if "<bob>" in line] == ["<bob> one", f"{NOW} <bob> two"]


# -- ends ------------------------------------------------------------------------------------------

STEPS = [b"/ni", b"ck ada\n", b"hello\n", b"/join dev\n", b"\xff\xfd", b"\x01", b"hi\n/me wa", b"v"]


@pytest.mark.parametrize("steps", range(len(STEPS) + 1))
@pytest.mark.parametrize("settled", [True, False], ids=["settled", "at-once"])
def test_a_connection_that_breaks_leaves_nothing_behind(
    house: House, steps: int, settled: bool
) -> None:
    """Whenever it does: no session, no name, no reader, no timer."""
    terminal = Terminal(house)
    for step in STEPS[:steps]:
        terminal.wire.send(step)
        if settled:
            house.chat.settle()
    terminal.wire.received()
    terminal.wire.hang_up(Failure(ConnectionLost()))
    house.chat.settle()
    assert terminal.wire.received() == b""
    service = house.chat.service
    assert [room.name for room in service.rooms() if room.people] == []
    assert [service.room(name).readers for name in ("lobby", "dev")] == [0, 0]
    assert house.chat.clock.getDelayedCalls() == []
    service.end(service.enter("ada"))


def _place(lines: list[str]) -> str:
    (place,) = re.findall(r"/since (\d+)", lines[-1])
    return str(place)


# -- one packet, many lines ------------------------------------------------------------------------


def test_a_question_waits_for_what_was_said_before_it(ada: Terminal) -> None:
    """Many lines in one packet are carried out in order, questions too."""
    heard = ada.type("/topic tea", "/topic", "one", "/history 1")
    assert heard.index("-- ada set the topic: tea") < heard.index("== the topic of #lobby: tea")
    assert heard.index("<ada> one") < heard.index("== the last 1 event in #lobby:")


def test_echo_is_as_it_was_when_the_line_was_said(ada: Terminal) -> None:
    """Not as it is when the line is stored."""
    heard = ada.type("/echo off", "hidden", "/echo on", "shown", "/echo off")
    assert [line for line in heard if line.startswith("<")] == ["<ada> shown"]


def test_one_connection_does_not_keep_the_others_waiting(house: House) -> None:
    """However many lines came in one packet, others have their turn in between."""
    wire = house.line()
    wire.received()
    service = house.chat.service
    with patch.object(service, "perform", wraps=service.perform) as perform:
        wire.send(b"x\n" * 1000)
        assert perform.call_count == LINES_A_TURN
        house.chat.settle()
    assert wire.received().count(b"> x\r\n") == 1000


def test_of_commands_fewer_are_carried_out_in_a_turn(house: House) -> None:
    """The answer to one may take as long as fifty messages."""
    wire = house.line()
    wire.received()
    wire.send(b"/help nick\n" * 20)
    assert wire.received().count(b"\n") == COMMANDS_A_TURN
    house.chat.settle()
    assert wire.received().count(b"\n") == 20 - COMMANDS_A_TURN


@pytest.mark.parametrize("line", ["/rooms", "/help nick", "/echo on", "/nothing", "\x1b", "/me"])
def test_commands_and_mistakes_without_end_follow_one_by_one(house: House, line: str) -> None:
    """Ten a second, forty at once; it is told once, and none is lost.  Nobody types so fast."""
    guest = Terminal(house)
    told = guest.type(*[line] * 60)
    assert 40 <= len(told) <= 42
    assert sum("too fast" in answer for answer in told) == 1
    house.chat.advance(1)
    told += guest.heard()
    assert 50 <= len(told) <= 53
    house.chat.advance(2)
    told += guest.heard()
    assert len(told) == 61
    assert guest.wire.producerState == "producing"
    assert guest.type("hello") == ["<guest-0001> hello"]


def test_a_command_is_read_as_it_was_typed(ada: Terminal) -> None:
    """What would be taken out of a text is not taken out of a name: it is refused."""
    heard = ada.type("/nick \u202eeve", "/nick a\x1bb", "/join \u202edev")
    assert [line[:2] for line in heard] == ["!!"] * 3
