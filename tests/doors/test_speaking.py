"""The base of doors at which people speak, tested with a door of lines."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.chat.room import LOBBY
from chatd.codecs.lines import CURRENT, refusal
from chatd.codecs.streams import PlainCodec
from chatd.doors.linequeue import CUT_OFF
from chatd.doors.push_door import PushFactory
from chatd.doors.speaking import LINES_A_TURN, SpeakingConnection
from chatd.model.commands import Rename, Say
from chatd.model.errors import ChatError, UnknownCommand
from chatd.stream.eventlog import Entry
from chatd.testing import FakeConnection
from chatd.testing.policies import DenyAll

from ..kit.server import MemoryServer


class ParrotCodec(PlainCodec):
    """Lines in the form of the line door."""

    name = "parrot"
    gap = b">> events were missed here\r\n"

    def encode(self, entry: Entry) -> bytes:
        return CURRENT.encode(entry)

    def refuse(self, error: ChatError) -> bytes:
        return refusal(error)


class Parrot(SpeakingConnection):
    """A connection that says every line, and a line `NAME: text` for a visitor of that name."""

    codec = ParrotCodec()

    def line_received(self, line: str) -> None:
        if line == "oops":
            raise UnknownCommand("that is no word")
        if name := line.removeprefix("I am ").strip() if line.startswith("I am ") else "":
            self.perform(Rename(name), lambda _: self.transport.write(b"so be it\r\n"))
        elif ": " in line:
            name, text = line.split(": ", 1)
            self.perform(Say(LOBBY, text), person=self.service.visitor(name, self.address))
        else:
            self.perform(Say(LOBBY, line))


def opened(server: MemoryServer) -> FakeConnection:
    return server.chat.connect(PushFactory(Parrot, server.chat.service, server.peers))


def connected(server: MemoryServer, name: str = "ada") -> FakeConnection:
    """A client whose person has that name."""
    wire = opened(server)
    wire.send(b"I am %b\r\n" % name.encode())
    server.chat.settle()
    assert b"so be it" in wire.received()
    return wire


def told(server: MemoryServer, wire: FakeConnection) -> list[str]:
    server.chat.settle()
    return wire.received().decode().splitlines()


def test_client_reads_its_own_messages_and_those_of_others(server: MemoryServer) -> None:
    """Its person is in the lobby."""
    wire = connected(server)
    assert server.here == ["ada"]
    wire.send(b"hel", b"lo\r\n")
    assert told(server, wire) == ["<ada> hello"]
    server.say("hi")
    assert told(server, wire) == ["<bob> hi"]


def test_lines_before_the_person_has_entered_are_carried_out(
    server: MemoryServer,
) -> None:
    """They are carried out in order afterwards."""
    wire = opened(server)
    wire.send(b"I am ada\r\none\r\ntwo\r\n")
    assert told(server, wire)[-2:] == ["<ada> one", "<ada> two"]


def test_refused_line_is_answered_and_the_next_one_carried_out(server: MemoryServer) -> None:
    """Whether the door refuses it, or the chat, at once or later."""
    wire = connected(server)
    connected(server, "eve")
    told(server, wire)
    wire.send(b"oops\r\nI am eve\r\n" + b"x" * 10_000 + b"\r\nhello\r\n")
    lines = told(server, wire)
    assert lines[0] == "!! that is no word"
    assert any("eve" in line and line.startswith("!! ") for line in lines)
    assert any("too long" in line for line in lines)
    assert lines[-1] == "<ada> hello"


def test_line_may_be_the_command_of_a_visitor(server: MemoryServer) -> None:
    """Its refusal goes to the connection, and the server waits for its outcome."""
    wire = connected(server)
    wire.send(b"cy: hello\r\nada: hello\r\n")
    lines = told(server, wire)
    assert lines[0].startswith("!! ")
    assert lines[1:] == ["<cy> hello"]
    server.hold_appends()
    wire.send(b"cy: wait\r\n")
    assert wire.protocol.owed
    server.release_appends()
    assert told(server, wire) == ["<cy> wait"]


def test_no_line_is_carried_out_while_the_client_does_not_read(server: MemoryServer) -> None:
    """The input is paused, so TCP holds the rest back."""
    wire = connected(server)
    wire.fill()
    assert wire.producerState == "paused"
    wire.send(b"hello\r\n")
    server.chat.settle()
    assert server.chat.texts("lobby") == []
    wire.drain()
    assert told(server, wire) == ["<ada> hello"]
    assert wire.producerState == "producing"


def test_many_lines_at_once_are_carried_out_over_several_turns(server: MemoryServer) -> None:
    """So other connections are served in between."""
    wire = connected(server)
    many = 3 * LINES_A_TURN
    wire.send(b"".join(b"%d\r\n" % number for number in range(many)))
    assert wire.producerState == "paused"
    assert told(server, wire) == [f"<ada> {number}" for number in range(many)]
    assert wire.producerState == "producing"


def test_half_closed_client_gets_its_messages_before_the_close(server: MemoryServer) -> None:
    """Then its person leaves."""
    wire = connected(server)
    wire.send(b"hello\r\nbye")
    wire.end_input()
    assert told(server, wire) == ["<ada> hello", "<ada> bye"]
    assert wire.lost
    assert server.here == []


def test_truncated_last_line_is_not_carried_out(server: MemoryServer) -> None:
    """Over TLS someone on the way may have cut it off; complete lines count.  The client gets the
    reason.
    """
    wire: Any = connected(server)
    wire.truncated = True
    wire.send(b"hello\r\nbye")
    wire.end_input()
    assert told(server, wire) == [f"!! {CUT_OFF}", "<ada> hello"]
    assert wire.lost


@pytest.mark.parametrize("when", ["entering", "entered"])
def test_person_leaves_when_the_connection_is_lost(server: MemoryServer, when: str) -> None:
    """Even one who is still entering."""
    calls = len(server.chat.clock.getDelayedCalls())
    wire = connected(server) if when == "entered" else opened(server)
    wire.hang_up()
    server.chat.settle()
    assert server.here == []
    assert len(server.peers) == 0
    assert len(server.chat.clock.getDelayedCalls()) == calls


def test_shutdown_answers_accepted_messages(server: MemoryServer) -> None:
    """Then the client gets the reason, and the connection closes."""
    wire = connected(server)
    server.hold_appends()
    wire.send(b"hello\r\n")
    server.going_down().stopService()
    server.chat.clock.advance(0)
    assert not wire.lost
    server.release_appends()
    lines = told(server, wire)
    assert lines[0] == "<ada> hello"
    assert "going down" in lines[-1]
    assert wire.lost


def test_revoked_person_gets_the_reason_and_leaves(server: MemoryServer) -> None:
    """The policy may change at any time."""
    wire = connected(server)
    server.chat.service.readers.policy = DenyAll()
    assert told(server, wire)[0].startswith("!! ")
    assert wire.lost
