"""The line door's commands: what a client types, and the lines that it gets back."""

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
    """A client that is in the lobby already."""
    return Terminal(server, "/nick bob")


@pytest.fixture
def ada(server: MemoryServer, bob: Terminal) -> Terminal:
    """A client that has just taken a name; bob has read the event of it."""
    ada = Terminal(server, "/nick ada")
    bob.heard()
    return ada


# -- connecting ------------------------------------------------------------------------------------


def test_client_is_greeted_as_a_guest(server: MemoryServer) -> None:
    """With its name, the room, and the people in it; all of them as lines of answers."""
    welcome, where, who = Terminal(server).greeting
    assert re.fullmatch(r"== welcome, guest-0001: .*/nick.*/help.*/quit.*rlwrap nc.*", welcome)
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


def test_taking_a_first_name_is_announced_as_joining(server: MemoryServer, bob: Terminal) -> None:
    """Until then the person was a guest."""
    guest = Terminal(server)
    assert guest.type("/nick ada") == ["== you are now ada", "-- ada joined #lobby"]
    assert bob.heard() == ["-- ada joined #lobby"]


def test_name_change_is_shown_to_everyone_and_answered(ada: Terminal, bob: Terminal) -> None:
    """Everyone reads the event; its sender gets an answer as well."""
    assert ada.type("/nick eve") == ["== you are now eve", "-- ada is now eve"]
    assert bob.heard() == ["-- ada is now eve"]


def test_person_leaves_when_the_connection_ends(ada: Terminal, bob: Terminal) -> None:
    """At once, and the name is free."""
    ada.wire.hang_up()
    bob.chat.settle()
    assert bob.heard() == ["-- ada left #lobby"]
    assert bob.type("/nick ada")[0] == "== you are now ada"


# -- commands --------------------------------------------------------------------------------------


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


def test_client_is_shown_the_topic_of_a_room_it_enters(server: MemoryServer, ada: Terminal) -> None:
    """On joining, and on connecting."""
    ada.type("/topic tea", "/join dev", "/topic cake")
    assert "== you are in #lobby; topic: tea" in Terminal(server).greeting
    assert "== you are in #dev; topic: cake" in Terminal(server).type("/join dev")


def test_history_shows_the_last_events(ada: Terminal) -> None:
    """As many as were asked for, or twenty, between a first and a last line."""
    ada.type(*(f"{number}" for number in range(30)))
    begin, day, *events, end = ada.type("/history 3")
    assert begin == "== the last 3 events in #lobby:"
    assert day == f"== {TODAY}"
    assert untimed(events) == ["<ada> 27", "<ada> 28", "<ada> 29"]
    assert re.fullmatch(r"== end of the history; /since \d+ .*", end)
    assert len(ada.type("/history")) == 20 + 3


def test_history_of_an_empty_room_says_so(server: MemoryServer) -> None:
    """It shows no events."""
    guest = Terminal(server, "/join dev")
    assert guest.type("/history") == ["== nothing has happened in #dev yet"]


def test_since_shows_the_events_after_an_id(ada: Terminal, bob: Terminal) -> None:
    """The last line of `/history` and of `/since` has the id for the next `/since`."""
    ada.type("one")
    place = _since_id(ada.type("/history"))
    bob.type("two", "/topic tea")
    ada.heard()
    begin, *events, end = ada.type(f"/since {place}")
    assert begin == "== 2 events in #lobby since then:"
    assert events == ["<bob> two", "-- bob set the topic: tea"]
    assert ada.type(f"/since {_since_id([end])}")[0] == "== 0 events in #lobby since then:"


@pytest.mark.parametrize("place", ["1", "999999999999999999"], ids=["before-memory", "future"])
def test_since_shows_a_gap_for_an_unknown_id(ada: Terminal, place: str) -> None:
    """From before this server's memory and from the future alike; then come all events that there
    are.
    """
    ada.type("one")
    _, gap, *events, _ = ada.type(f"/since {place}")
    assert gap == ">> events were missed here; /history shows what is left"
    assert events[-1] == "<ada> one"


def test_echo_off_hides_only_the_senders_own_messages(ada: Terminal, bob: Terminal) -> None:
    """Other events and answers still come; `/echo on` shows them again."""
    ada.type("/echo off")
    assert ada.type("unheard", "/me waves unseen", "/who") == ["== 2 here: ada, bob"]
    assert bob.type("hi")[-1:] == ["<bob> hi"]
    assert ada.heard() == ["<bob> hi"]
    ada.type("/echo on")
    assert ada.type("heard") == ["<ada> heard"]


def test_echo_off_hides_every_message_of_a_burst() -> None:
    """Even if one turn has more messages than the log holds."""
    server = MemoryServer(history=10)
    ada, bob = Terminal(server, "/nick ada", "/echo off"), Terminal(server)
    lines = [f"{number}" for number in range(25)]
    assert ada.type(*lines) == []
    assert bob.heard() == [f"<ada> {line}" for line in lines]


@pytest.mark.parametrize("line", ["/topic", "/topic ", "/TOPIC   "])
def test_topic_without_words_shows_the_topic(ada: Terminal, bob: Terminal, line: str) -> None:
    """`/topic -` clears it, so a bare `/topic` never does."""
    ada.type("/topic tea")
    bob.heard()
    assert ada.type(line) == ["== the topic of #lobby: tea"]
    assert bob.heard() == []


def test_line_that_starts_with_a_path_is_a_message(ada: Terminal, bob: Terminal) -> None:
    """As from `make | nc -N`: its first word has a second slash."""
    line = "/usr/bin/ld: undefined reference to `main'"
    assert ada.type(line) == [f"<ada> {line}"]
    assert bob.heard() == [f"<ada> {line}"]


def test_literal_on_makes_every_line_a_message(ada: Terminal, bob: Terminal) -> None:
    """Lines stay unchanged until the connection ends."""
    lines = ["/quit", "//x", "  /y", "/literal off", "/nick eve"]
    (answer, *heard) = ada.type("/literal on", *lines)
    assert answer.startswith("== ")
    assert heard == [f"<ada> {line}" for line in lines]
    assert bob.heard() == heard


def test_aliases_do_what_their_commands_do(ada: Terminal, bob: Terminal) -> None:
    """/j, /part, /names, /w, /m and /exit."""
    assert ada.type("/names") == ada.type("/w") == ["== 2 here: ada, bob"]
    assert ada.type("/j dev")[0] == "== you are in #dev"
    assert ada.type("/part")[0] == "== you have left #dev"
    assert ada.type("/m bob psst") == ["[to bob] psst"]
    assert ada.type("/exit bye") == ["== goodbye"]
    assert ada.wire.lost
    assert bob.heard()[-2:] == ["[ada] psst", "-- ada left #lobby (bye)"]


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


def test_time_on_shows_the_time_of_every_event(ada: Terminal, bob: Terminal) -> None:
    """Of other rooms and private messages too; answers have none; `/time off` ends it."""
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


def test_date_line_precedes_the_first_event_of_a_day(server: MemoryServer, ada: Terminal) -> None:
    """It is shown once."""
    ada.type("/time utc", "one")
    server.chat.advance(86_400)
    day = written(datetime.fromtimestamp(START + 86_400, UTC))
    assert ada.type("two")[0] == f"== {day}"
    assert not any(line.startswith("==") for line in ada.type("three"))
    heard = ada.type("/history 2", "/since 0")
    assert heard.count(f"== {day}") == 2


def test_time_on_holds_after_backpressure(ada: Terminal, bob: Terminal) -> None:
    """Events that were held back have their times too, and none is shown twice."""
    ada.type("/time on")
    ada.wire.fill()
    bob.type("one", "two")
    ada.wire.drain()
    assert ada.heard() == [f"{NOW} <bob> one", f"{NOW} <bob> two"]


def test_help_lists_every_command(ada: Terminal) -> None:
    """With its form, and with how to send a message that starts with a slash."""
    lines = ada.type("/help")
    assert all(line.startswith("== ") for line in lines)
    for usage in COMMANDS:
        assert sum(line.startswith(f"== {usage.form}") for line in lines) == 1
    assert any("//" in line for line in lines)


@pytest.mark.parametrize("command", [row.name for row in COMMANDS])
def test_help_explains_each_command(ada: Terminal, command: str) -> None:
    """The name may have its slash, and any case."""
    (line,) = ada.type(f"/help {command}")
    assert line == f"== {COMMANDS[command].form}: {COMMANDS[command].help}"
    assert ada.type(f"/HELP /{command.upper()}") == [line]


def test_quit_sends_a_parting_text(ada: Terminal, bob: Terminal) -> None:
    """To the room; the client gets an answer, and the connection ends."""
    assert ada.type("/quit so long") == ["== goodbye"]
    assert ada.wire.lost
    assert bob.heard() == ["-- ada left #lobby (so long)"]


def test_quit_leaves_every_room(server: MemoryServer, ada: Terminal, bob: Terminal) -> None:
    """Each room has the event."""
    bob.type("/join dev")
    ada.type("/join dev", "/quit")
    assert [line for line in bob.heard() if "left" in line] == [
        "#lobby -- ada left #lobby",
        "-- ada left #dev",
    ]


def test_message_before_leave_in_one_packet_is_echoed(ada: Terminal) -> None:
    """The echo is the acknowledgement."""
    ada.type("/join dev")
    said = [line for line in ada.type("last words", "/leave") if "last words" in line]
    assert said == ["<ada> last words"]


def test_message_before_quit_is_delivered(ada: Terminal, bob: Terminal) -> None:
    """It precedes the leave, whether or not both came in one packet."""
    assert ada.type("last words", "/quit") == ["<ada> last words", "== goodbye"]
    assert bob.heard() == ["<ada> last words", "-- ada left #lobby"]


def test_lines_after_quit_are_ignored(ada: Terminal, bob: Terminal) -> None:
    """In the same packet and in a later one."""
    ada.wire.send(b"before\n/quit\nafter\n", b"later\n")
    ada.chat.settle()
    assert bob.heard() == ["<ada> before", "-- ada left #lobby"]


@pytest.mark.parametrize(
    "word", ["\u200b\u2060", "x" * 4200, "\x1b[2J"], ids=["invisible", "long", "control"]
)
def test_quit_with_an_invalid_text_still_ends_the_session(
    ada: Terminal, bob: Terminal, word: str
) -> None:
    """The name is free again."""
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
def test_invalid_line_is_answered_with_one_error(
    ada: Terminal, bob: Terminal, line: str, told: str
) -> None:
    """It says what is wrong; no other client reads it, and the next line is carried out."""
    (error,) = ada.type(line)
    assert error == told or re.fullmatch(told, error)
    assert ada.type("next") == ["<ada> next"]
    assert bob.heard() == ["<ada> next"]


# -- rooms -----------------------------------------------------------------------------------------


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


def test_private_messages_are_delivered_to_people_in_no_room(ada: Terminal, bob: Terminal) -> None:
    """They belong to no room."""
    ada.type("/leave")
    bob.type("/msg ada psst")
    assert ada.heard() == ["[bob] psst"]


def test_name_change_is_shown_in_every_shared_room(ada: Terminal, bob: Terminal) -> None:
    """Bob shares two rooms with ada and reads the event in both."""
    ada.type("/join dev")
    bob.type("/join dev")
    bob.heard()
    ada.type("/nick eve")
    assert bob.heard() == ["#lobby -- ada is now eve", "-- ada is now eve"]


def _since_id(lines: list[str]) -> str:
    (place,) = re.findall(r"/since (\d+)", lines[-1])
    return str(place)
