"""Clients whose network dies without a word."""

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
from chatd.doors.line.lines import NOP_SECONDS
from chatd.net.liveness import (
    LIVENESS_SECONDS,
    PROBE_AFTER,
    PROBE_EVERY,
    PROBES,
    user_timeout,
    watch_for_death,
)
from chatd.net.tcp import PeerDead

from ..kit.server import MemoryServer
from ..kit.tcp import TcpPair

IAC, NOP = b"\xff", b"\xf1"
SOON = 90.0
"""Seconds after which a dead client is gone: about a minute and a half."""


# -- WebSocket -------------------------------------------------------------------------------------


class Deaf:
    """A WebSocket that was opened, and whose network is dead."""

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


def test_a_websocket_that_does_not_answer_its_pings_is_cut_off() -> None:
    """And the guest of that connection has left."""
    server = MemoryServer()
    deaf = Deaf(server)
    deaf.wire.send(b"\x81\xa4\0\0\0\0" + b'{"type":"say","text":"hi","ref":"abc"}'[:36])
    server.chat.advance(SOON)
    assert deaf.wire.lost
    assert server.here == []


def test_a_websocket_that_answers_stays() -> None:
    """For as long as it does."""
    server = MemoryServer()
    wire = Deaf(server).wire
    for _ in range(30):
        server.chat.advance(12)
        wire.send(PONG)
    assert not wire.lost
    server.chat.advance(SOON)
    assert wire.lost


def test_the_name_of_a_client_that_died_is_free_with_its_connection() -> None:
    """The session was last heard of before the pings began to fail: it has no more grace."""
    server = MemoryServer()
    deaf = Deaf(server, "ada")
    server.chat.advance(SOON)
    assert deaf.wire.lost
    assert server.here == []
    server.http().enter("ada")


def test_a_session_that_is_still_used_outlives_a_reader_that_died() -> None:
    """Its other requests count."""
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
def test_a_session_whose_event_stream_tcp_found_dead_is_over(
    reason: Exception, here: list[str]
) -> None:
    """One that was closed has its grace: a page reloads."""
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
def test_an_idle_telnet_client_gets_a_sign_of_life_below_a_minute(shown: bytes) -> None:
    """One that it does not show; proxies that cut idle connections see traffic."""
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


def test_a_client_that_is_no_telnet_gets_no_byte_unasked() -> None:
    """A netcat would show it."""
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
def test_every_accepted_connection_has_tcps_deadlines(
    listening: socket.socket, stall: float, timeout: float
) -> None:
    """From the socket that listens; a reader that may stall longer is not cut off by TCP."""
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


def test_an_idle_connection_is_found_dead_within_a_minute_and_a_half() -> None:
    """By the numbers, whether or not `TCP_USER_TIMEOUT` is set."""
    assert PROBE_AFTER + PROBE_EVERY * PROBES <= SOON
    assert PROBE_AFTER + PROBE_EVERY < LIVENESS_SECONDS <= SOON - PROBE_EVERY


def deafen(sock: socket.socket) -> None:
    """Have the kernel drop all that comes in for a socket (`SO_ATTACH_FILTER`): a dead network."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # ret 0
    filter_ = struct.pack("HL", 1, ctypes.addressof(program))
    sock.setsockopt(socket.SOL_SOCKET, 26, filter_)


def test_a_peer_that_acknowledges_nothing_is_reported_as_dead() -> None:
    """Over a real socket that acknowledges nothing: a dead peer is an error of its own."""
    wire = TcpPair()
    deafen(wire.client)
    sock: Any = wire.server.socket
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 300)
    wire.server.write(b"is anybody there?")
    readable, _, _ = select([sock], [], [], 20)
    assert readable
    assert isinstance(wire.server.doRead(), PeerDead)
    wire.close()
