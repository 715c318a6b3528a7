"""The base of doors at which people speak, as a door of lines."""

from __future__ import annotations

import pytest

from chatd.chat.room import LOBBY
from chatd.codecs.lines import CURRENT, refusal
from chatd.codecs.streams import PlainCodec
from chatd.doors.pushing import PushFactory
from chatd.doors.speaking import LINES_A_TURN, SpeakingConnection
from chatd.model.commands import Rename, Say
from chatd.model.errors import ChatError, UnknownCommand
from chatd.stream.eventlog import Entry
from chatd.testing import FakeConnection
from chatd.testing.policies import DenyAll

from ..kit.server import MemoryServer


class ParrotCodec(PlainCodec):
    """Lines as the line door has them."""

    name = "parrot"
    gap = b">> events were missed here\r\n"

    def encode(self, entry: Entry) -> bytes:
        return CURRENT.encode(entry)

    def refuse(self, error: ChatError) -> bytes:
        return refusal(error)


class Parrot(SpeakingConnection):
    """Every line is said."""

    codec = ParrotCodec()

    def line_received(self, line: str) -> None:
        if line == "oops":
            raise UnknownCommand("that is no word")
        if name := line.removeprefix("I am ").strip() if line.startswith("I am ") else "":
            self.perform(Rename(name), lambda _: self.transport.write(b"so be it\r\n"))
        else:
            self.perform(Say(LOBBY, line))


def opened(server: MemoryServer) -> FakeConnection:
    return server.chat.connect(PushFactory(Parrot, server.chat.service, server.peers))


def connect(server: MemoryServer, name: str = "ada") -> FakeConnection:
    """A client whose person has that name."""
    wire = opened(server)
    wire.send(b"I am %b\r\n" % name.encode())
    server.chat.settle()
    assert b"so be it" in wire.received()
    return wire


def told(server: MemoryServer, wire: FakeConnection) -> list[str]:
    server.chat.settle()
    return wire.received().decode().splitlines()


def test_a_client_reads_what_it_says_and_what_others_say(server: MemoryServer) -> None:
    """Its person is in the lobby."""
    wire = connect(server)
    assert server.here == ["ada"]
    wire.send(b"hel", b"lo\r\n")
    assert told(server, wire) == ["<ada> hello"]
    server.say("hi")
    assert told(server, wire) == ["<bob> hi"]


def test_lines_that_come_in_before_the_person_has_entered_are_carried_out(
    server: MemoryServer,
) -> None:
    """In order."""
    wire = opened(server)
    wire.send(b"I am ada\r\none\r\ntwo\r\n")
    assert told(server, wire)[-2:] == ["<ada> one", "<ada> two"]


def test_a_refused_line_is_told_and_the_next_one_is_carried_out(server: MemoryServer) -> None:
    """Whether the door refuses it, or the chat, at once or later."""
    wire = connect(server)
    connect(server, "eve")
    told(server, wire)
    wire.send(b"oops\r\nI am eve\r\n" + b"x" * 10_000 + b"\r\nhello\r\n")
    lines = told(server, wire)
    assert lines[0] == "!! that is no word"
    assert any("eve" in line and line.startswith("!! ") for line in lines)
    assert any("too long" in line for line in lines)
    assert lines[-1] == "<ada> hello"


def test_no_line_is_carried_out_while_the_client_does_not_read(server: MemoryServer) -> None:
    """TCP holds the rest back."""
    wire = connect(server)
    wire.fill()
    assert wire.producerState == "paused"
    wire.send(b"hello\r\n")
    server.chat.settle()
    assert server.chat.texts("lobby") == []
    wire.drain()
    assert told(server, wire) == ["<ada> hello"]
    assert wire.producerState == "producing"


def test_many_lines_at_once_are_carried_out_over_several_turns(server: MemoryServer) -> None:
    """Other connections have their turn."""
    wire = connect(server)
    many = 3 * LINES_A_TURN
    wire.send(b"".join(b"%d\r\n" % number for number in range(many)))
    assert wire.producerState == "paused"
    assert told(server, wire) == [f"<ada> {number}" for number in range(many)]
    assert wire.producerState == "producing"


def test_a_client_that_half_closes_is_shown_what_it_said(server: MemoryServer) -> None:
    """And is disconnected then; its person leaves."""
    wire = connect(server)
    wire.send(b"hello\r\nbye")
    wire.end_input()
    assert told(server, wire) == ["<ada> hello", "<ada> bye"]
    assert wire.lost
    assert server.here == []


@pytest.mark.parametrize("when", ["entering", "entered"])
def test_a_person_whose_connection_is_lost_has_left(server: MemoryServer, when: str) -> None:
    """Also one who was still entering."""
    calls = len(server.chat.clock.getDelayedCalls())
    wire = connect(server) if when == "entered" else opened(server)
    wire.hang_up()
    server.chat.settle()
    assert server.here == []
    assert len(server.peers) == 0
    assert len(server.chat.clock.getDelayedCalls()) == calls


def test_a_server_that_goes_down_answers_what_it_has_accepted(server: MemoryServer) -> None:
    """And tells the client why it closes."""
    wire = connect(server)
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


def test_a_person_who_may_not_read_is_told_why_and_leaves(server: MemoryServer) -> None:
    """The policy decides, at any time."""
    wire = connect(server)
    server.chat.service.readers.policy = DenyAll()
    assert told(server, wire)[0].startswith("!! ")
    assert wire.lost
