"""Streams over HTTP: what server-sent events and JSON lines have in common."""

from __future__ import annotations

import pytest

from chatd.net.heartbeat import HEARTBEAT_SECONDS

from ..kit.http import HttpClient
from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events?since=now"
STYLES = {"sse": "text/event-stream", "ndjson": "application/x-ndjson"}
styles = pytest.mark.parametrize("style", STYLES)


def opened(server: MemoryServer, style: str) -> HttpClient:
    """A stream that is ready, and has been read so far."""
    http = server.http()
    http.send("GET", EVENTS, headers={"Accept": STYLES[style]})
    server.chat.settle()
    assert b"ready" in http.streamed()
    return http


@styles
def test_head_of_a_stream_is_its_head(server: MemoryServer, http: HttpClient, style: str) -> None:
    """It is answered at once, and nobody reads."""
    readers = server.lobby.readers
    response = http.request("HEAD", EVENTS, headers={"Accept": STYLES[style]})
    assert (response.status, response.body) == (200, b"")
    assert response.headers["content-type"].startswith(STYLES[style])
    assert server.lobby.readers == readers


@styles
def test_what_a_client_sends_behind_its_stream_s_request_is_ignored(
    server: MemoryServer, style: str
) -> None:
    """The answer does not end, so nothing could be answered; the stream goes on."""
    http = opened(server, style)
    http.wire.send(b"GET /rooms HTTP/1.1\r\nHost: chat.example\r\n\r\n", b"\xff" * 100_000)
    server.chat.settle()
    assert http.streamed() == b""
    server.say("hello")
    assert b"hello" in http.streamed()


@styles
@pytest.mark.parametrize("way", ["half-closed", "lost"])
def test_a_stream_whose_client_is_gone_leaves_nothing_behind(
    server: MemoryServer, style: str, way: str
) -> None:
    """No reader, no connection that is waited for at the end, no heartbeat."""
    readers, calls = server.lobby.readers, len(server.chat.clock.getDelayedCalls())
    http = opened(server, style)
    assert server.lobby.readers == readers + 1
    if way == "lost":
        http.wire.hang_up()
    else:
        http.wire.end_input()
        assert http.closed
    server.chat.settle()
    assert (server.lobby.readers, len(server.peers)) == (readers, 0)
    assert len(server.chat.clock.getDelayedCalls()) == calls


@styles
def test_a_stream_that_is_full_is_sent_no_heartbeat(server: MemoryServer, style: str) -> None:
    """Its client has enough to read; when it has read, the heartbeats go on."""
    http = opened(server, style)
    http.wire.fill()
    server.chat.advance(HEARTBEAT_SECONDS + 1)
    assert http.streamed() == b""
    http.wire.drain()
    server.chat.advance(HEARTBEAT_SECONDS + 1)
    assert set(http.streamed()) in (set(b":\n"), set(b"\n"))


@styles
def test_a_stream_ends_with_its_session(server: MemoryServer, style: str) -> None:
    """Whole, and what is said then is not in it."""
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
