"""The base of every door that pushes, tested with a door of JSON lines."""

from __future__ import annotations

import json

import pytest
from twisted.internet.interfaces import ISSLTransport
from zope.interface import directlyProvides

from chatd.chat.room import LOBBY
from chatd.codecs.ndjson import NDJSON
from chatd.doors.push_door import PushConnection, PushFactory
from chatd.model.errors import Unavailable
from chatd.model.identity import Stranger
from chatd.net.handshakes import HANDSHAKE_SECONDS
from chatd.net.heartbeat import HEARTBEAT_SECONDS
from chatd.net.peers import RETRY_SECONDS, SPREAD_SECONDS
from chatd.net.stalls import STALL_SECONDS
from chatd.testing import FakeConnection
from chatd.testing.policies import DenyAll

from ..kit.server import MemoryServer


class Tape(PushConnection):
    """A reader of two rooms."""

    codec = NDJSON

    def begin(self) -> None:
        self.read_rooms(Stranger(self.address), LOBBY, "dev")


def opened(server: MemoryServer) -> FakeConnection:
    return server.chat.connect(PushFactory(Tape, server.chat.service, server.peers))


def connect(server: MemoryServer) -> FakeConnection:
    """A client that has received `ready`."""
    wire = opened(server)
    server.chat.settle()
    assert [told["type"] for told in lines(wire)] == ["ready"]
    return wire


def lines(wire: FakeConnection) -> list[dict[str, object]]:
    return [json.loads(line) for line in wire.received().splitlines() if line]


def texts(wire: FakeConnection) -> list[object]:
    return [line["text"] for line in lines(wire)]


def test_events_of_all_rooms_are_sent(server: MemoryServer) -> None:
    """As they happen."""
    wire = connect(server)
    server.say("one")
    server.say("two", room="dev")
    assert texts(wire) == ["one", "two"]


def test_slow_client_is_sent_the_rest_when_it_reads(server: MemoryServer) -> None:
    """Its cursor waits; no queue is kept for it."""
    wire = connect(server)
    wire.fill()
    server.say("one", "two")
    assert wire.received() == b""
    wire.drain()
    server.chat.settle()
    assert texts(wire) == ["one", "two"]


def test_client_that_is_slow_before_its_rooms_are_loaded_is_sent_no_event(
    server: MemoryServer,
) -> None:
    """Its reader begins paused."""
    wire = opened(server)
    wire.fill()
    server.chat.settle()
    server.say("hello")
    assert "message" not in [line["type"] for line in lines(wire)]
    wire.drain()
    server.chat.settle()
    assert texts(wire) == ["hello"]


def test_stalled_client_is_disconnected_with_the_reason(server: MemoryServer) -> None:
    """The error has the code `too-slow`."""
    wire = connect(server)
    wire.fill()
    server.chat.advance(STALL_SECONDS + 2)
    (told,) = lines(wire)
    assert told["code"] == "too-slow"
    assert wire.lost


def test_idle_connection_is_sent_heartbeats(server: MemoryServer) -> None:
    """If its codec has them."""
    wire = connect(server)
    server.chat.advance(HEARTBEAT_SECONDS + 1)
    assert wire.received() == NDJSON.heartbeat


def test_shutdown_is_announced_with_a_reconnect_delay(server: MemoryServer) -> None:
    """It comes after all events, and the connection closes."""
    wire = connect(server)
    server.going_down().stopService()
    server.chat.settle()
    (told,) = lines(wire)
    assert told["code"] == "unavailable"
    retry = told["retry"]
    assert isinstance(retry, int)
    assert RETRY_SECONDS * 1000 <= retry <= (RETRY_SECONDS + SPREAD_SECONDS) * 1000
    assert wire.lost


def test_revoked_reader_gets_the_reason(server: MemoryServer) -> None:
    """Then the connection closes."""
    wire = connect(server)
    server.chat.service.readers.policy = DenyAll()
    (told,) = lines(wire)
    assert told["code"] == "not-allowed"
    assert wire.lost


def test_client_that_may_not_read_gets_the_reason(server: MemoryServer) -> None:
    """At once, and the connection closes."""
    server.chat.service.readers.policy = DenyAll()
    wire = opened(server)
    server.chat.settle()
    (told,) = lines(wire)
    assert told["code"] == "not-allowed"
    assert wire.lost


@pytest.mark.parametrize("when", ["loading", "reading"])
def test_disconnected_client_leaves_nothing_behind(server: MemoryServer, when: str) -> None:
    """No reader, no connection to wait for at the shutdown, no heartbeat."""
    readers, calls = server.lobby.readers, len(server.chat.clock.getDelayedCalls())
    wire = opened(server)
    if when == "reading":
        server.chat.settle()
    wire.hang_up()
    server.chat.settle()
    assert server.lobby.readers == readers
    assert len(server.peers) == 0
    assert len(server.chat.clock.getDelayedCalls()) == calls


def test_refused_connection_gets_the_error_in_the_codecs_form(server: MemoryServer) -> None:
    """Its message is unchanged."""
    factory = PushFactory(Tape, server.chat.service, server.peers)
    told = json.loads(factory.rejection(Unavailable("too many are connected")))
    assert told["message"] == "too many are connected"


class Secure(FakeConnection):
    """A connection over TLS whose handshake is not done."""

    def __init__(self, factory: PushFactory) -> None:
        directlyProvides(self, ISSLTransport)
        super().__init__(factory)


def test_tls_connection_opens_no_reader_before_its_handshake(server: MemoryServer) -> None:
    """A handshake that takes too long ends the connection."""
    factory = PushFactory(Tape, server.chat.service, server.peers)
    done, never, going = (Secure(factory) for _ in range(3))
    done.protocol.handshakeCompleted()
    server.chat.settle()
    assert [line["type"] for line in lines(done)] == ["ready"]
    going.protocol.drain()
    assert going.lost
    server.chat.advance(HANDSHAKE_SECONDS + 1)
    assert never.lost
    assert never.received() == b""
    assert not done.lost
