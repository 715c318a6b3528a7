"""TLS connections whose client never finishes its handshake."""

from __future__ import annotations

import pytest
from twisted.internet.interfaces import ISSLTransport
from zope.interface import classImplements

from chatd.net.handshakes import HANDSHAKE_SECONDS
from chatd.testing import FakeConnection

from ..kit.server import MemoryServer


class SecureConnection(FakeConnection):
    """A connection over TLS, whose handshake is done when the test says so."""


classImplements(SecureConnection, ISSLTransport)  # type: ignore[misc]

DOORS = ["line_door", "http_door"]


@pytest.mark.parametrize("door", DOORS)
def test_a_handshake_that_is_not_finished_in_time_ends_the_connection(door: str) -> None:
    """And leaves nothing behind: no session, no connection, no timer."""
    server = MemoryServer()
    wire = SecureConnection(getattr(server, door))
    server.chat.advance(HANDSHAKE_SECONDS - 1)
    assert not wire.lost
    server.chat.advance(2)
    assert wire.lost
    assert wire.received() == b""
    assert (server.here, len(server.peers)) == ([], 0)
    assert server.chat.clock.getDelayedCalls() == []


@pytest.mark.parametrize("door", DOORS)
def test_a_client_that_goes_during_its_handshake_leaves_no_timer(door: str) -> None:
    """Nor a session."""
    server = MemoryServer()
    SecureConnection(getattr(server, door)).hang_up()
    assert (server.here, len(server.peers)) == ([], 0)
    assert server.chat.clock.getDelayedCalls() == []


@pytest.mark.parametrize("door", DOORS)
def test_a_handshake_that_is_finished_has_no_deadline_any_more(door: str) -> None:
    """The greeting comes behind it."""
    server = MemoryServer()
    wire = SecureConnection(getattr(server, door))
    wire.protocol.handshakeCompleted()
    server.chat.advance(HANDSHAKE_SECONDS + 1)
    assert not wire.lost
    if door == "line_door":
        assert wire.received().startswith(b"== welcome")


def test_a_server_that_goes_down_waits_for_no_handshake() -> None:
    """The connection is cut at once."""
    server = MemoryServer()
    wire = SecureConnection(server.line_door)
    server.going_down().stopService()
    server.chat.settle()
    assert wire.lost


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", b"G"])
def test_a_first_request_that_does_not_come_in_ends_the_connection(sent: bytes) -> None:
    """Within the idle time, or the request's own, however it trickles."""
    server = MemoryServer()
    wire = server.http().wire
    wire.send(sent)
    for _ in range(18):
        server.chat.advance(5)
        if sent:
            wire.send(b"x")
    assert wire.lost
