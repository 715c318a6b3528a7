"""Commands of the line door about the connection."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chatd.codecs.timed import written
from chatd.doors.line.commands import COMMANDS
from chatd.testing import START

from ....kit.server import MemoryServer
from ....kit.terminal import NOW, Terminal


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


def test_literal_on_makes_every_line_a_message(ada: Terminal, bob: Terminal) -> None:
    """Lines stay unchanged until the connection ends."""
    lines = ["/quit", "//x", "  /y", "/literal off", "/nick eve"]
    (answer, *heard) = ada.type("/literal on", *lines)
    assert answer.startswith("== ")
    assert heard == [f"<ada> {line}" for line in lines]
    assert bob.heard() == heard


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
