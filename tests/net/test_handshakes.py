"""TLS handshakes that are never finished, and first requests that never arrive."""

from __future__ import annotations

import pytest
from twisted.internet.interfaces import ISSLTransport
from zope.interface import classImplements

from chatd.net.handshakes import HANDSHAKE_SECONDS
from chatd.testing import FakeConnection

from ..kit.server import MemoryServer
from ..kit.timers import timers


class TlsConnection(FakeConnection):
    """A connection over TLS whose handshake the test completes."""


classImplements(TlsConnection, ISSLTransport)  # type: ignore[misc]

DOORS = ["line_door", "http_door"]


@pytest.mark.parametrize("door", DOORS)
def test_an_unfinished_handshake_is_cut_at_its_deadline(door: str) -> None:
    """No session, connection or timer is left behind."""
    server = MemoryServer()
    wire = TlsConnection(getattr(server, door))
    server.chat.advance(HANDSHAKE_SECONDS - 1)
    assert not wire.lost
    server.chat.advance(2)
    assert wire.lost
    assert wire.received() == b""
    assert (server.here, len(server.peers)) == ([], 0)
    assert timers(server.chat.clock) == []


@pytest.mark.parametrize("door", DOORS)
def test_a_client_that_hangs_up_during_its_handshake_leaves_nothing(door: str) -> None:
    """No session, connection or timer."""
    server = MemoryServer()
    TlsConnection(getattr(server, door)).hang_up()
    assert (server.here, len(server.peers)) == ([], 0)
    assert timers(server.chat.clock) == []


@pytest.mark.parametrize("door", DOORS)
def test_a_finished_handshake_has_no_deadline(door: str) -> None:
    """The line door greets after the handshake."""
    server = MemoryServer()
    wire = TlsConnection(getattr(server, door))
    wire.protocol.handshakeCompleted()
    server.chat.advance(HANDSHAKE_SECONDS + 1)
    assert not wire.lost
    if door == "line_door":
        assert wire.received().startswith(b"== welcome")


def test_shutdown_does_not_wait_for_a_handshake() -> None:
    """The connection is cut at once."""
    server = MemoryServer()
    wire = TlsConnection(server.line_door)
    server.going_down().stopService()
    server.chat.settle()
    assert wire.lost


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n", b"G"])
def test_an_unfinished_first_request_is_cut_at_its_deadline(sent: bytes) -> None:
    """The idle timeout or the request's own, even if single bytes keep coming."""
    server = MemoryServer()
    wire = server.http().wire
    wire.send(sent)
    for _ in range(18):
        server.chat.advance(5)
        if sent:
            wire.send(b"x")
    assert wire.lost
