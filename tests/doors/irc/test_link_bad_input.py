"""What clients may send, and others must not notice.

Every test also fails if an error is logged.
"""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.doors.irc.commands import COMMANDS
from chatd.testing import result_of

from ...kit.irc import NEAR, IrcWire, register
from ...kit.server import MemoryServer

WORDS = [
    "",
    " ",
    " :",
    " *",
    " #",
    " #dev",
    " #dev :",
    " dev bob",
    " #dev #dev #dev #dev #dev",
    " bob :hi",
    " ,,,, ,,,,",
    " a,b,#c,* x,y",
    " 0 0 0 0",
    " -1 99999999999999999999",
    " \x01 \x02 \x03",
    " \N{COMBINING ACUTE ACCENT} \N{RIGHT-TO-LEFT OVERRIDE} \N{GRINNING FACE}",
    " LATEST #dev timestamp=x y",
    " LATEST #dev * -1",
    " +draft/multiline",
    " +1 draft/multiline #dev",
    " #dev +bbbbbbbb-o *!*@* ~!@ \x7f",
    " + " + ",".join(f"n{number}" for number in range(90)),
    " " + "x" * 400,
]
"""What is put behind each command."""
SOME = st.sampled_from(("#dev", "bob", "ada", "*", "", ":", "+", "0", "x", ",", "#dev,bob"))
ANY = SOME | st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20)


def alive(server: MemoryServer, client: IrcWire) -> bool:
    """Whether a client is served, once what it has sent was carried out."""
    for _ in range(100):
        if client.closed:
            return False
        if client.commands("PING here")[-1:] == ["PONG"]:
            return True
        server.chat.advance(1)
    return False


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("registered", [True, False], ids=["registered", "not registered"])
def test_every_command_takes_any_words(server: MemoryServer, name: str, registered: bool) -> None:
    """Or refuses them; the connections of others stay."""
    bob = register(server, "bob", rooms="#dev")
    caps = ("message-tags", "labeled-response", "draft/chathistory", "draft/multiline")
    client = register(server, "ada", *caps, rooms="#dev") if registered else IrcWire(server)
    for words in WORDS:
        client.send(f"{name}{words}", f"@label=1;+typing=x;batch=1 {name}{words}")
        server.chat.advance(1)
    assert alive(server, client) or name in ("QUIT", "PASS")
    assert alive(server, bob)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(COMMANDS)), st.lists(ANY, max_size=4)), max_size=25)
)
def test_commands_in_any_order_with_any_words_do_others_no_harm(
    commands: list[tuple[str, list[str]]],
) -> None:
    """Before, during and after registration."""
    server = MemoryServer()
    bob, client = register(server, "bob", rooms="#dev"), IrcWire(server)
    client.send("CAP REQ :batch draft/multiline", "NICK ada", "USER ada 0 * :A", "CAP END")
    for name, words in commands:
        client.send(" ".join((name, *words)))
        server.chat.advance(0.5)
    assert alive(server, bob)


@pytest.mark.parametrize(
    "line",
    [
        b"@" + b"a" * 8190 + b" " + b"PRIVMSG #dev :" + b"x" * 496,
        b"@+typing=" + b"a" * 4090 + b" PRIVMSG #dev :hi",
        b"PRIVMSG #dev :" + b"x" * 8703,
        b"x" * 1_000_000,
        b":" + b"x" * 600 + b" PRIVMSG #dev :hi",
    ],
    ids=["tags and line", "tags", "line", "endless line", "source"],
)
def test_what_is_too_long_is_refused_and_the_next_line_is_not(
    server: MemoryServer, line: bytes
) -> None:
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    ada.read()
    ada.wire.send(line + b"\r\nPRIVMSG #dev :next\r\n")
    assert ada.commands() == ["417"]
    assert [text.rpartition(":")[2] for text in bob.read()] == ["next"]


@pytest.mark.parametrize(
    ("line", "answer"), [(b"PRIVMSG #dev :" + b"x" * 600, "417"), (b"PRIVMSG #dev :\xff", "FAIL")]
)
def test_a_line_that_is_refused_behind_user_is_answered_behind_the_welcome(
    server: MemoryServer, line: bytes, answer: str
) -> None:
    """In one packet, as bots send them: answers come in the order of the lines."""
    client = IrcWire(server)
    client.wire.send(b"NICK ada\r\nUSER ada 0 * :A\r\n" + line + b"\r\n")
    server.chat.settle()
    commands = client.commands()
    assert commands[0] == "001"
    assert commands[-1] == answer


@pytest.mark.parametrize(
    "line",
    [
        b"\xff",
        b"x" * 600,
        b"NONSENSE",
        b"PRIVMSG #no :hi",
        b"PRIVMSG #dev :" + b"x" * 490,
        b"TAGMSG #dev",
        b"JOIN dev",
        b"KICK #no bob",
        b"AWAY",
        b"CHATHISTORY LATEST #dev * 1000",
        b"MARKREAD #no timestamp=2025-01-01T00:00:00.000Z",
    ],
)
def test_a_flood_of_lines_that_are_no_messages_is_slowed(server: MemoryServer, line: bytes) -> None:
    """To ten a second, after the first hundred.  What follows waits too, and no line is lost."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    server.chat.advance(60)  # registration has been paid for
    ada.wire.send((line + b"\r\n") * 160 + b"PRIVMSG #dev :done\r\n")
    server.chat.settle()
    assert any("too fast" in text for text in ada.read())
    server.chat.advance(5)
    assert server.chat.texts("dev") == []
    server.chat.advance(2)
    assert server.chat.texts("dev") == ["done"]
    assert bob.read()[-1].endswith("PRIVMSG #dev :done")


def test_a_text_that_does_not_fit_behind_its_senders_name_is_refused_whole(
    server: MemoryServer,
) -> None:
    """The longest line that fits is said, with one byte more nothing is."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    ada.ask("PRIVMSG #dev :x")
    (told,) = bob.read()
    room = 510 - len(told) + 1
    assert ada.commands("PRIVMSG #dev :" + "x" * room) == []
    assert bob.read()[0].endswith("x" * room)
    assert ada.commands("PRIVMSG #dev :" + "x" * (room + 1)) == ["417"]
    assert bob.read() == []


def test_a_carriage_return_ends_a_line_and_is_relayed_to_nobody(server: MemoryServer) -> None:
    """So nobody makes another's client read a line that the server did not write."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    ada.read()
    ada.wire.send(
        b"PRIVMSG #dev :one\rPRIVMSG #dev :two\nTOPIC #dev :a\r\r\nPRIVMSG #dev :x\x00y\r\n"
    )
    assert ada.commands() == ["TOPIC"]
    lines = bob.read()
    assert [line.split(" ", 1)[1] for line in lines[:3]] == [
        "PRIVMSG #dev :one",
        "PRIVMSG #dev :two",
        "TOPIC #dev :a",
    ]
    assert not any(set(line) & set("\r\n\0") for line in lines)
    ada.ask(r"@label=1;+typing=a\r\nQUIT TAGMSG #dev")
    assert not any("QUIT" in line for line in bob.read())


def test_latin_1_is_refused_and_its_sender_stays(server: MemoryServer) -> None:
    """Its next line is said."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    ada.read()
    ada.wire.send("PRIVMSG #dev :caf\xe9\r\n".encode("latin-1") + "PRIVMSG #dev :café\r\n".encode())
    (line,) = ada.read()
    assert line.startswith("FAIL PRIVMSG INVALID_UTF8 :")
    assert [text.rpartition(":")[2] for text in bob.read()] == ["café"]


def authenticate(password: str) -> str:
    """What a client sends behind `AUTHENTICATE`."""
    return base64.b64encode(f"ada\0ada\0{password}".encode()).decode()


def test_an_answer_of_400_bytes_is_whole_with_the_empty_part_behind_it(
    server: MemoryServer,
) -> None:
    """The specification's end of an answer whose length is a multiple of 400."""
    password = "".join(chr(0x4E00 + number) for number in range(92)) + "correct horse 16"
    made = server.chat.service.sign_in.register("ada", password, NEAR)  # type: ignore[arg-type]
    server.chat.settle()
    result_of(made)
    part = authenticate(password)
    assert len(part) == 400
    client = IrcWire(server, NEAR)
    client.ask("CAP REQ :sasl", "AUTHENTICATE PLAIN")
    assert client.commands(f"AUTHENTICATE {part}") == []
    assert client.commands("AUTHENTICATE +") == ["900", "903"]


@pytest.mark.parametrize("cut", ["AUTHENTICATE *", "AUTHENTICATE " + "A" * 401, "CAP END"])
def test_a_sign_in_that_is_broken_off_in_the_middle_leaves_nothing(
    server: MemoryServer, cut: str
) -> None:
    """Its first part is not a part of the next one, and registration goes on."""
    client = IrcWire(server, NEAR)
    client.ask("CAP REQ :sasl", "AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 400)
    client.ask(cut)
    if cut != "CAP END":
        assert client.commands("AUTHENTICATE PLAIN", "AUTHENTICATE ==") == ["AUTHENTICATE", "904"]
    assert client.commands("NICK ada", "USER ada 0 * :A", "CAP END")[0] == "001"


def test_a_connection_that_is_lost_in_the_middle_of_a_sign_in_leaves_nothing(
    server: MemoryServer,
) -> None:
    """Neither a person nor a client that counts as unregistered."""
    client = IrcWire(server, NEAR)
    client.ask("CAP REQ :sasl", "AUTHENTICATE PLAIN", "AUTHENTICATE " + "A" * 400)
    client.wire.hang_up()
    server.chat.settle()
    assert server.irc.unregistered == 0


def test_a_nick_is_changed_in_the_middle_of_registration(server: MemoryServer) -> None:
    """Before the end of negotiation the last one counts; afterwards it is a change like any."""
    client = IrcWire(server)
    client.send("CAP LS 302", "NICK one", "USER x 0 * :X", "NICK two")
    assert client.ask("CAP END")[-1] == "221 two +i"
    other = IrcWire(server)
    server.hold_appends()
    other.send("NICK three", "USER x 0 * :X", "NICK four")
    assert other.read() == []
    server.release_appends()
    lines = other.read()
    assert lines[0].startswith("001 three ")
    assert lines[-1].endswith(" NICK four")
    assert server.chat.service.people.own("three") is None


def test_nobody_speaks_into_a_members_room_from_outside(server: MemoryServer) -> None:
    """The answer is that of a channel that does not exist."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob")
    ada.ask("MODE #dev +i")
    lines = ("PRIVMSG #dev :hi", "NOTICE #dev :hi", "PRIVMSG #dev :\x01ACTION waves\x01")
    assert bob.commands(*lines) == bob.commands(*(line.replace("dev", "no") for line in lines))
    assert bob.commands(lines[0]) == ["403"]
    assert ada.read() == []
    assert server.chat.texts("dev") == []
