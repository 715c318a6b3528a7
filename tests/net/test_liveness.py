"""Dead peers: clients whose network fails without closing the connection."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterator
from select import select
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from chatd.chat.sessions import GRACE_SECONDS
from chatd.doors.line.factory import NOP_SECONDS
from chatd.net.connections import Connections
from chatd.net.liveness import (
    LIVENESS_SECONDS,
    PROBE_AFTER,
    PROBE_EVERY,
    PROBES,
    user_timeout,
    watch_for_death,
)
from chatd.net.tcp import PeerDead
from chatd.testing.clock import StrictClock

from ..kit.server import MemoryServer
from ..kit.tcp import TcpPair

IAC, NOP = b"\xff", b"\xf1"
DEAD_WITHIN = 90.0
"""Seconds after which a dead client must be disconnected."""


# -- WebSocket -------------------------------------------------------------------------------------


class DeadWebSocket:
    """An open WebSocket whose client answers nothing."""

    def __init__(self, server: MemoryServer, name: str = "") -> None:
        http = server.http()
        if name:
            http.enter(name)
        self.wire = http.wire
        token = http.headers.get("Authorization", "")
        self.wire.send(
            b"GET /rooms/lobby/events HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            + (f"Authorization: {token}\r\n" if token else "").encode()
            + b"\r\n"
        )
        assert b" 101 " in self.wire.received()


PONG = b"\x8a\x80\0\0\0\0"


def test_a_websocket_that_answers_no_ping_is_disconnected() -> None:
    """The guest of that connection leaves."""
    server = MemoryServer()
    deaf = DeadWebSocket(server)
    deaf.wire.send(b"\x81\xa4\0\0\0\0" + b'{"type":"say","text":"hi","ref":"abc"}'[:36])
    server.chat.advance(DEAD_WITHIN)
    assert deaf.wire.lost
    assert server.here == []


def test_a_websocket_that_answers_pings_stays() -> None:
    """For as long as it answers."""
    server = MemoryServer()
    wire = DeadWebSocket(server).wire
    for _ in range(30):
        server.chat.advance(12)
        wire.send(PONG)
    assert not wire.lost
    server.chat.advance(DEAD_WITHIN)
    assert wire.lost


def test_a_dead_client_s_name_is_free_when_it_is_disconnected() -> None:
    """Its session was last used before the pings failed, so no grace period is left."""
    server = MemoryServer()
    deaf = DeadWebSocket(server, "ada")
    server.chat.advance(DEAD_WITHIN)
    assert deaf.wire.lost
    assert server.here == []
    server.http().enter("ada")


def test_a_session_in_use_outlives_its_dead_reader() -> None:
    """Other requests of the session renew its grace period."""
    server = MemoryServer()
    http = server.http()
    http.enter("ada")
    http.send("GET", "/rooms/lobby/events", headers={"Accept": "text/event-stream"})
    server.chat.advance(60)
    other = server.http()
    other.headers = http.headers
    assert other.get("/session").status == 200
    http.wire.hang_up(Failure(PeerDead()))
    server.chat.advance(GRACE_SECONDS - 1)
    assert server.here == ["ada"]
    server.chat.advance(2)
    assert server.here == []


@pytest.mark.parametrize(
    ("reason", "here"), [(PeerDead(), []), (ConnectionLost(), ["ada"])], ids=["dead", "closed"]
)
def test_a_session_ends_with_its_dead_event_stream_but_not_with_a_closed_one(
    reason: Exception, here: list[str]
) -> None:
    """A closed stream starts the grace period, because a page may be reloading."""
    server = MemoryServer()
    http = server.http()
    http.enter("ada")
    http.send("GET", "/rooms/lobby/events", headers={"Accept": "text/event-stream"})
    server.chat.advance(LIVENESS_SECONDS + 10)
    http.wire.hang_up(Failure(reason))
    server.chat.advance(1)
    assert server.here == here


# -- the line door ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shown", [IAC + b"\xfb\x01", IAC + b"\xf4", b"hello\r\0"])
def test_an_idle_telnet_client_gets_a_nop_within_a_minute(shown: bytes) -> None:
    """Telnet clients do not show it, and proxies that cut idle connections see traffic."""
    server = MemoryServer()
    wire = server.line()
    wire.send(shown)
    server.chat.settle()
    wire.received()
    server.chat.advance(NOP_SECONDS + 1)
    assert wire.received() == IAC + NOP
    wire.fill()
    server.chat.advance(NOP_SECONDS + 1)
    assert wire.received() == b""
    wire.drain()
    wire.hang_up()
    server.chat.advance(60)
    assert server.chat.clock.getDelayedCalls() == []


def test_a_netcat_client_gets_no_telnet_bytes() -> None:
    """It would show them."""
    server = MemoryServer()
    wire = server.line()
    wire.send(b"hello\r\n")
    server.chat.settle()
    wire.received()
    server.chat.advance(600)
    assert wire.received() == b""


# -- TCP, over real sockets ------------------------------------------------------------------------


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def option(sock: socket.socket, name: str) -> int:
    return sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))


@pytest.mark.parametrize(("stall", "timeout"), [(60, 75), (10, 75), (600, 615), (0, 0)])
def test_accepted_connections_have_keepalive_and_user_timeout(
    listening: socket.socket, stall: float, timeout: float
) -> None:
    """Inherited from the listening socket; the user timeout is longer than the stall timeout."""
    watch_for_death(listening, stall)
    assert user_timeout(stall) == timeout
    with socket.create_connection(listening.getsockname()) as client:
        accepted, _ = listening.accept()
        with accepted, client:
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert option(accepted, "TCP_KEEPIDLE") == PROBE_AFTER
            assert option(accepted, "TCP_KEEPINTVL") == PROBE_EVERY
            assert option(accepted, "TCP_KEEPCNT") == PROBES
            assert option(accepted, "TCP_USER_TIMEOUT") == timeout * 1000


def test_another_stall_timeout_is_used_for_connections_that_begin_then(
    listening: socket.socket,
) -> None:
    """On every port that is watched."""
    connections = Connections(StrictClock())
    connections.listening.append(listening)
    connections.expect_stalls(600)
    with socket.create_connection(listening.getsockname()) as client:
        accepted, _ = listening.accept()
        with accepted, client:
            assert option(accepted, "TCP_USER_TIMEOUT") == 615_000


def test_keepalive_finds_a_dead_peer_in_time() -> None:
    """By arithmetic, with or without `TCP_USER_TIMEOUT`."""
    assert PROBE_AFTER + PROBE_EVERY * PROBES <= DEAD_WITHIN
    assert PROBE_AFTER + PROBE_EVERY < LIVENESS_SECONDS <= DEAD_WITHIN - PROBE_EVERY


def drop_incoming(sock: socket.socket) -> None:
    """Have the kernel drop everything that a socket receives (`SO_ATTACH_FILTER`), as in a dead
    network.
    """
    program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # ret 0
    filter_ = struct.pack("HL", 1, ctypes.addressof(program))
    sock.setsockopt(socket.SOL_SOCKET, 26, filter_)


def test_a_peer_that_acknowledges_nothing_is_reported_as_dead() -> None:
    """Over a real socket: the connection ends with `PeerDead`, not another error."""
    wire = TcpPair()
    drop_incoming(wire.client)
    sock: Any = wire.server.socket
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 300)
    wire.server.write(b"is anybody there?")
    readable, _, _ = select([sock], [], [], 20)
    assert readable
    assert isinstance(wire.server.doRead(), PeerDead)
    wire.close()
