"""HTTP connections without a channel: new ones, and those that only poll."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory

from chatd.http.bounds import IDLE_SECONDS, LATE_SECONDS
from chatd.http.channel import ChatChannel
from chatd.http.unparsed import UnparsedConnection
from chatd.model.addresses import address_of
from chatd.net.connections import LINGER_SECONDS
from chatd.net.stalls import LAST_SECONDS, STALL_SECONDS
from chatd.testing.policies import DenyIf

from ..kit.http import HttpClient, head
from ..kit.server import MemoryServer, peer
from ..kit.timers import timers

EVENTS = "/rooms/lobby/events"
STREAM = head("GET", "/rooms/lobby/events", "Accept: text/event-stream")


def protocol_of(http: HttpClient) -> object:
    """What handles the connection's bytes."""
    return http.wire.protocol


def test_the_first_packet_makes_a_channel(server: MemoryServer, http: HttpClient) -> None:
    """Which stays for the requests that follow."""
    assert isinstance(protocol_of(http), UnparsedConnection)
    for _ in range(2):
        assert http.get("/healthz").status == 200
        assert isinstance(protocol_of(http), ChatChannel)


def test_a_known_stream_needs_no_channel(server: MemoryServer) -> None:
    """The connection is the stream's, which is drained and counted like any other."""
    first, second = server.http(), server.http()
    first.wire.send(STREAM)
    assert isinstance(protocol_of(first), ChatChannel)
    second.wire.send(STREAM)
    assert type(protocol_of(second)).__name__ == "Stream"
    assert len(server.peers) == 2
    server.say("hello")
    assert b"hello" in second.wire.received()
    second.wire.end_input()
    assert second.closed
    assert len(server.peers) == 1


def test_a_connection_that_only_polls_needs_no_channel(server: MemoryServer) -> None:
    """Another request makes one, which goes on with polls."""
    http = server.http()
    newest = server.say("one")
    for since in (0, newest - 1):
        assert http.get(f"{EVENTS}?since={since}").texts == ["one"]
        assert http.get(f"{EVENTS}?since={since}&wait=1").texts == ["one"]
    assert isinstance(protocol_of(http), UnparsedConnection)
    assert http.get("/healthz").status == 200
    assert isinstance(protocol_of(http), ChatChannel)
    assert http.get(f"{EVENTS}?since=0").texts == ["one"]
    http.wire.hang_up()
    assert not len(server.peers)


def test_a_stream_may_begin_on_a_connection_that_has_polled(server: MemoryServer) -> None:
    """It takes the connection over, as it would a new one."""
    server.http().wire.send(STREAM)
    http = server.http()
    server.say("one")
    assert http.get(f"{EVENTS}?since=0").texts == ["one"]
    http.wire.send(STREAM)
    assert type(protocol_of(http)).__name__ == "Stream"
    server.say("two")
    assert b'"two"' in http.wire.received()


def test_a_held_poll_whose_client_sends_no_more_is_given_up_soon(server: MemoryServer) -> None:
    """The client may have closed the connection: a half-close looks the same."""
    http = server.http()
    newest = server.say("one")
    http.send("GET", f"{EVENTS}?since={newest}")
    http.wire.end_input()
    server.chat.advance(LINGER_SECONDS - 0.1)
    assert not http.closed
    server.chat.advance(0.2)
    assert http.closed
    assert not server.lobby.readers
    assert not len(server.peers)


def test_a_client_that_does_not_read_its_answer_is_disconnected(server: MemoryServer) -> None:
    """At the stall timeout, and its next poll is not answered before it has read."""
    http = server.http()
    newest = server.say("one")
    http.send("GET", f"{EVENTS}?since={newest}")
    server.say("two")
    http.wire.fill()
    http.send("GET", f"{EVENTS}?since={newest}")
    assert [answer.texts for answer in http.responses()] == [["two"]]
    http.wire.drain()
    server.chat.settle()
    assert http.response().texts == ["two"]
    http.wire.fill()
    server.chat.advance(STALL_SECONDS + LAST_SECONDS + 1)
    assert http.closed


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_the_gate_judges_the_address_that_a_proxy_has_told(
    server: MemoryServer, accept: str
) -> None:
    """With the PROXY protocol (`haproxy:`): not the address of the proxy."""
    banned = address_of("192.0.2.66")
    server.chat.service.readers.policy = DenyIf(lambda who, what, room: who.address == banned)
    request = head("GET", f"{EVENTS}?since=0", f"Accept: {accept}")
    server.say("one")
    door = HAProxyWrappingFactory(server.http_door)
    for _ in range(2):
        for host, status in (("192.0.2.7", b"200"), ("192.0.2.66", b"403")):
            wire = server.chat.connect(door, peer("127.0.0.1"))
            wire.send(f"PROXY TCP4 {host} 127.0.0.1 1 2\r\n".encode())
            wire.send(request)
            server.chat.settle()
            assert wire.received().startswith(b"HTTP/1.1 " + status)


def test_connections_are_closed_in_turn_when_nothing_comes(server: MemoryServer) -> None:
    """Each after its own idle timeout; one that has sent a request in between stays."""
    first = server.http()
    server.chat.advance(IDLE_SECONDS / 2)
    second, third = server.http(), server.http()
    server.chat.advance(IDLE_SECONDS / 2 + LATE_SECONDS + LINGER_SECONDS + 1)
    third.get("/healthz")
    assert (first.closed, second.closed, third.closed) == (True, False, False)
    server.chat.advance(IDLE_SECONDS / 2)
    assert (second.closed, third.closed) == (True, False)
    third.wire.hang_up()
    server.chat.settle()
    assert not timers(server.chat.clock)


def test_a_request_just_after_the_idle_timeout_is_answered(
    server: MemoryServer, http: HttpClient
) -> None:
    """It was on its way when the time was over; the connection is closed then."""
    server.chat.advance(IDLE_SECONDS + 1)
    answer = http.get("/healthz")
    assert answer.status == 200
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize("how", ["hangs up", "half-closes"])
def test_a_client_that_sends_nothing_leaves_nothing_behind(
    server: MemoryServer, http: HttpClient, how: str
) -> None:
    """No timer, and no connection that a shutdown would wait for."""
    assert len(server.peers) == 1
    if how == "hangs up":
        http.wire.hang_up()
    else:
        http.wire.end_input()
        assert http.closed
    assert not len(server.peers)
    assert not timers(server.chat.clock)


def test_a_channel_that_cannot_be_made_leaves_no_peer_behind(
    server: MemoryServer, http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shutdown would wait for it."""

    def fail(channel: ChatChannel, transport: Any) -> None:
        raise RuntimeError("no channel")

    monkeypatch.setattr(ChatChannel, "makeConnection", fail)
    waiting = protocol_of(http)
    assert isinstance(waiting, UnparsedConnection)
    with pytest.raises(RuntimeError):
        waiting.dataReceived(STREAM)
    assert not len(server.peers)
