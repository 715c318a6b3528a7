"""The connections of the IRC door: bytes, pace, signs of life, the end."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from ...kit.garbage import no_garbage
from ...kit.irc import IrcWire, register, source
from ...kit.server import MemoryServer


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /irc HTTP/1.1\r\n\r\nNICK ada\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_another_protocol_ends_the_connection(server: MemoryServer, data: bytes) -> None:
    """And nothing of it is carried out."""
    client = IrcWire(server)
    client.wire.send(data)
    assert client.read() == ["ERROR :closing link: this port speaks IRC"]
    assert client.closed


def test_a_silent_client_is_pinged_and_then_disconnected(server: MemoryServer) -> None:
    """After 90 and 150 seconds."""
    ada = register(server, "ada", rooms="#lobby")
    server.chat.advance(89)
    assert ada.read() == []
    server.chat.advance(2)
    assert ada.read() == ["PING :irc.example"]
    server.chat.advance(58)
    assert not ada.closed
    server.chat.advance(3)
    assert ada.read() == ["ERROR :closing link: no sign of life for 150 seconds"]
    assert ada.closed
    assert server.here == []


def test_a_client_that_answers_ping_stays_connected(server: MemoryServer) -> None:
    """However long it says nothing else."""
    ada = register(server, "ada")
    for _ in range(5):
        server.chat.advance(91)
        assert ada.read() == ["PING :irc.example"]
        ada.send("PONG irc.example")
    assert not ada.closed


def test_a_client_that_never_registers_is_disconnected(server: MemoryServer) -> None:
    """After 150 seconds, whatever else it sends."""
    client = IrcWire(server)
    client.send("CAP LS 302", "NICK ada", "USER ada 0 * :A")
    for _ in range(15):
        server.chat.advance(10)
        client.send("PING x")
    assert client.read()[-1] == "ERROR :closing link: you have not registered within 150 seconds"
    assert client.closed
    assert server.irc.unregistered == 0


def test_commands_before_a_half_close_are_carried_out_and_answered(server: MemoryServer) -> None:
    """`printf … | nc -N`."""
    client = IrcWire(server)
    client.send("NICK ci", "USER ci 0 * :CI", "JOIN #dev")
    client.wire.send(b"PRIVMSG #dev :built")
    client.wire.end_input()
    text = "\n".join(client.read())
    assert "JOIN #dev" in text
    assert server.chat.texts("dev") == ["built"]
    assert client.closed


def test_received_lines_are_carried_out_after_the_client_has_closed(
    server: MemoryServer,
) -> None:
    """A script may close without reading the answers."""
    client = IrcWire(server)
    client.send("NICK ci", "USER ci 0 * :CI", "JOIN #dev", "PRIVMSG #dev :built", "QUIT")
    client.wire.hang_up()
    server.chat.settle()
    assert server.chat.texts("dev") == ["built"]
    assert server.chat.service.people.own("ci") is None


def test_begun_line_of_a_lost_connection_is_not_carried_out(server: MemoryServer) -> None:
    """The rest of it may be lost; a half-close (`nc -N`) ends a last line, a reset does not."""
    client = IrcWire(server)
    client.send("NICK ci", "USER ci 0 * :CI", "JOIN #dev")
    client.wire.send(b"PRIVMSG #dev :built\r\nPRIVMSG #dev :it does n")
    client.wire.hang_up(Failure(ConnectionLost()))
    server.chat.settle()
    assert server.chat.texts("dev") == ["built"]


def test_a_lost_connection_is_a_quit(server: MemoryServer) -> None:
    """Others are told at once."""
    ada, bob = register(server, "ada", rooms="#dev"), register(server, "bob", rooms="#dev")
    gone = source(server, "ada")
    ada.wire.hang_up()
    (line,) = bob.read()
    assert line.startswith(f":{gone} QUIT :")


def test_a_client_may_begin_with_a_hundred_commands(server: MemoryServer) -> None:
    """For each of its channels some: it is not slowed down."""
    ada = register(server, "ada")
    server.chat.advance(60)  # registration has been paid for
    rooms = [f"#r{number}" for number in range(30)]
    ada.ask(f"JOIN {','.join(rooms)}")
    lines = [line.format(room) for room in rooms for line in ("MODE {}", "WHO {}", "MODE {} b")]
    assert not [line for line in ada.ask(*lines, "PING :all") if "too fast" in line]


def test_a_slow_reader_resumes_from_its_cursor(server: MemoryServer) -> None:
    """Nothing is lost, and nothing is queued for it."""
    ada = register(server, "ada", rooms="#dev")
    ada.wire.fill()
    server.say(*(str(number) for number in range(300)), room="dev", name="bob")
    assert ada.read() == []
    ada.wire.drain()
    assert [line.rpartition(":")[2] for line in ada.read()] == [str(n) for n in range(300)]


def test_a_gap_is_reported_by_a_notice() -> None:
    """Before the events that follow: what is kept nowhere is never left out silently."""
    server = MemoryServer(history=10)
    ada = register(server, "ada", rooms="#dev")
    ada.wire.fill()
    server.say(*(str(number) for number in range(30)), room="dev", name="bob")
    ada.wire.drain()
    gap, *lines = ada.read()
    assert gap == "NOTICE #dev :20 messages were missed in #dev"
    assert [line.rpartition(":")[2] for line in lines] == [str(n) for n in range(20, 30)]


def test_clients_are_told_of_a_shutdown(server: MemoryServer) -> None:
    """By `ERROR`, with the reason."""
    ada = register(server, "ada")
    going = server.going_down()
    going.stopService()
    server.chat.settle()
    assert "ERROR :closing link: the server is going down; come back in a moment" in ada.read()
    assert ada.closed


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"PRIVMSG #dev :" + b"x" * 497, "417"),
        (b"x" * 9000, "417"),
        (b"@a=" + b"x" * 5000 + b" PING x", "417"),
        (b"PRIVMSG #dev :caf\xe9", "FAIL"),
        (b"\xff\xfe\xfd", "FAIL"),
        (b"JOIN \0#dev", "403"),
        (b"NONSENSE", "421"),
        (b":somebody PING x", "PONG"),
        (b"   ", None),
        (b"@tag", None),
    ],
)
def test_malformed_lines_are_answered_and_have_no_effect(
    server: MemoryServer, line: bytes, answer: str | None
) -> None:
    """And the client stays connected."""
    ada = register(server, "ada", rooms="#dev")
    ada.wire.send(line + b"\r\n")
    assert ada.commands() == ([answer] if answer else [])
    assert server.chat.texts("dev") == []
    assert not ada.closed


def test_ten_thousand_channels_in_one_line_are_too_long(server: MemoryServer) -> None:
    """None of them is joined."""
    ada = register(server, "ada")
    ada.wire.send(b"JOIN " + b",".join(b"#%d" % n for n in range(10_000)) + b"\r\n")
    assert ada.commands() == ["417"]


def test_lines_do_not_depend_on_packet_boundaries(server: MemoryServer) -> None:
    """A byte a packet; LF and CR end a line as CR LF does."""
    client = IrcWire(server)
    for byte in b"NICK ada\r\nUSER ada 0 * :A\nPING x\r":
        client.wire.send(bytes([byte]))
    assert client.commands()[-1] == "PONG"


def test_a_closed_connection_leaves_no_object_behind(server: MemoryServer) -> None:
    """Not even in a cycle."""
    register(server, "eve", rooms="#dev").wire.hang_up()
    server.chat.settle()
    with no_garbage():
        ada = register(server, "ada", "echo-message", rooms="#dev,#lobby")
        ada.ask("PRIVMSG #dev :hi", "MONITOR + bob", "QUIT")
        del ada
        server.chat.settle()


def test_a_stalled_client_gets_the_reason(server: MemoryServer) -> None:
    """When it reads again, it can tell why the connection has ended."""
    ada = register(server, "ada")
    ada.wire.fill()
    server.chat.advance(61)
    assert any("you read too slowly" in line for line in ada.read())


def test_accepted_messages_are_shown_before_a_shutdown(server: MemoryServer) -> None:
    """`ERROR` comes after their echo."""
    ada = register(server, "ada", "echo-message", rooms="#dev")
    server.hold_appends()
    ada.send("PRIVMSG #dev :hi")
    server.chat.settle()
    going = server.going_down()
    going.stopService()
    assert ada.read() == []
    server.release_appends()
    lines = ada.read()
    assert lines[0].endswith("PRIVMSG #dev :hi")
    assert lines[1] == "ERROR :closing link: the server is going down; come back in a moment"
    assert ada.closed
    assert server.chat.texts("dev") == ["hi"]
