"""Streams over HTTP: what server-sent events and JSON lines have in common."""

from __future__ import annotations

import pytest

from chatd.net.heartbeat import HEARTBEAT_SECONDS

from ..kit.http import HttpClient
from ..kit.server import MemoryServer
from ..kit.timers import timers

EVENTS = "/rooms/lobby/events?since=now"
STYLES = {"sse": "text/event-stream", "ndjson": "application/x-ndjson"}
styles = pytest.mark.parametrize("style", STYLES)


def opened(server: MemoryServer, style: str) -> HttpClient:
    """A stream that has received `ready`, and nothing after it."""
    http = server.http()
    http.send("GET", EVENTS, headers={"Accept": STYLES[style]})
    server.chat.settle()
    assert b"ready" in http.streamed()
    return http


@styles
def test_head_of_a_stream_is_answered_at_once(
    server: MemoryServer, http: HttpClient, style: str
) -> None:
    """It opens no reader."""
    readers = server.lobby.readers
    response = http.request("HEAD", EVENTS, headers={"Accept": STYLES[style]})
    assert (response.status, response.body) == (200, b"")
    assert response.headers["content-type"].startswith(STYLES[style])
    assert server.lobby.readers == readers


@styles
def test_input_pipelined_behind_a_stream_is_ignored(server: MemoryServer, style: str) -> None:
    """A stream does not end, so no later request could be answered; the stream continues."""
    http = opened(server, style)
    http.wire.send(b"GET /rooms HTTP/1.1\r\nHost: chat.example\r\n\r\n", b"\xff" * 100_000)
    server.chat.settle()
    assert http.streamed() == b""
    server.say("hello")
    assert b"hello" in http.streamed()


@styles
@pytest.mark.parametrize("way", ["half-closed", "lost"])
def test_stream_of_a_disconnected_client_leaves_nothing_behind(
    server: MemoryServer, style: str, way: str
) -> None:
    """No reader, no connection to wait for at the shutdown, no heartbeat."""
    readers, calls = server.lobby.readers, len(timers(server.chat.clock))
    http = opened(server, style)
    assert server.lobby.readers == readers + 1
    if way == "lost":
        http.wire.hang_up()
    else:
        http.wire.end_input()
        assert http.closed
    server.chat.settle()
    assert (server.lobby.readers, len(server.peers)) == (readers, 0)
    assert len(timers(server.chat.clock)) == calls


@styles
def test_stream_under_backpressure_is_sent_no_heartbeat(server: MemoryServer, style: str) -> None:
    """Its client has enough to read; afterwards the heartbeats continue."""
    http = opened(server, style)
    http.wire.fill()
    server.chat.advance(HEARTBEAT_SECONDS + 1)
    assert http.streamed() == b""
    http.wire.drain()
    server.chat.advance(HEARTBEAT_SECONDS + 1)
    assert set(http.streamed()) in (set(b":\n"), set(b"\n"))


@styles
def test_stream_ends_with_its_session(server: MemoryServer, style: str) -> None:
    """The response is complete, and has no later message."""
    ada = server.http()
    ada.enter("ada")
    http = server.http()
    http.headers = ada.headers
    http.send("GET", EVENTS, headers={"Accept": STYLES[style]})
    server.chat.settle()
    assert ada.request("DELETE", "/session").status == 204
    assert http.closed
    server.say("unheard")
    assert b"unheard" not in http.response().body
