"""A client that half-closes the connection behind its request gets its answer, on every door."""

from __future__ import annotations

from typing import Any

import pytest

from chatd.net.connections import LINGER_SECONDS
from chatd.testing import FakeConnection

from ..kit.server import MemoryServer

EVENTS = b"GET /rooms/lobby/events"
END = b" HTTP/1.1\r\nHost: chat\r\n"
SAID = {
    "line": b"hello\n",
    "irc": b"NICK ada\r\nUSER ada 0 * :A\r\nJOIN #lobby\r\n"
    b"PRIVMSG #lobby :hello\r\nNAMES #lobby\r\n",
    "post": b"POST /rooms/lobby/messages?name=ada"
    + END
    + b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
    "parsed": b"POST /rooms/lobby/messages?name=ada"
    + END
    + b"Content-Type: application/json\r\nContent-Length: 16\r\n\r\n"
    + b'{"text":"hello"}',
    "classic": b"GET /?name=ada&message=hello" + END + b"\r\n",
}
"""The bytes with which a client says "hello" in the lobby."""
ANSWERED = {
    "line": b"<guest-0001> hello\r\n",
    "irc": b" 366 ada #lobby ",
    "post": b"HTTP/1.1 201 ",
    "parsed": b"HTTP/1.1 201 ",
    "classic": b"HTTP/1.1 200 ",
}
STREAMS = {
    "sse": b"Accept: text/event-stream\r\n\r\n",
    "ndjson": b"Accept: application/x-ndjson\r\n\r\n",
    "websocket": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
}


def connect(server: MemoryServer, door: str) -> FakeConnection:
    """A client's connection to the port of a door."""
    ports: dict[str, Any] = {
        "line": server.line_door,
        "irc": server.irc_door,
        "classic": server.classic_door,
    }
    return server.chat.connect(ports.get(door, server.http_door))


@pytest.mark.parametrize("door", SAID)
def test_message_with_a_half_close_behind_it_is_stored_and_answered(
    server: MemoryServer, door: str
) -> None:
    """The answer waits for the store, and then the connection is closed."""
    wire = connect(server, door)
    server.chat.settle()
    server.hold_appends()
    wire.send(SAID[door])
    wire.end_input()
    server.chat.settle()
    assert not wire.lost
    server.release_appends()
    server.chat.settle()
    assert ANSWERED[door] in wire.received()
    assert "hello" in server.chat.texts("lobby")
    assert wire.lost
    assert len(server.peers) == 0


@pytest.mark.parametrize("held", [False, True])
def test_poll_with_a_half_close_behind_it_is_answered(server: MemoryServer, held: bool) -> None:
    """A poll that is held is answered if something is said within `LINGER_SECONDS`."""
    last = server.say("earlier") if held else 0
    if not held:
        server.say("hello")
    wire = connect(server, "http")
    wire.send(EVENTS + b"?since=%d" % last + END + b"\r\n")
    wire.end_input()
    server.chat.settle()
    if held:
        server.say("hello")
        server.chat.settle()
    answer = wire.received()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"hello" in answer
    assert wire.lost
    assert len(server.peers) == 0


@pytest.mark.parametrize("style", STREAMS)
def test_stream_ends_when_its_client_half_closes(server: MemoryServer, style: str) -> None:
    """The client may have disconnected: a half-close looks the same."""
    wire = connect(server, "http")
    wire.send(EVENTS + END + STREAMS[style])
    server.chat.settle()
    assert wire.received().startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 101 "))
    wire.end_input()
    server.chat.settle()
    assert wire.lost
    assert len(server.peers) == 0
    assert server.lobby.readers == 0


@pytest.mark.parametrize("request_line", [b"GET /", b"GET  / HTTP/1.1\r\n"], ids=["begun", "bad"])
def test_incomplete_request_is_closed_or_refused(server: MemoryServer, request_line: bytes) -> None:
    """Nothing waits for the rest of a request that cannot come."""
    wire = connect(server, "http")
    wire.send(request_line)
    wire.end_input()
    server.chat.advance(LINGER_SECONDS)
    assert wire.lost
    assert len(server.peers) == 0
