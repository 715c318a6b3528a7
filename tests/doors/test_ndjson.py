"""Events as JSON lines, as programs read them."""

from __future__ import annotations

import json
import re
from typing import Any

from ..kit.http import HttpClient, written
from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"
NDJSON = {"Accept": "application/x-ndjson"}


def lines(http: HttpClient) -> list[Any]:
    """The lines that have come since the last call; None for a heartbeat."""
    *found, rest = http.streamed().decode().split("\n")
    assert rest == ""
    return [json.loads(line or "null") for line in found]


def test_ndjson_stream_has_events_and_ready(server: MemoryServer, http: HttpClient) -> None:
    """Each event with its time, in one line, whatever its text."""
    ids = server.stored("one\ntwo", "é☕")
    http.send("GET", f"{EVENTS}?since=0", headers=NDJSON)
    first, second, ready = lines(http)
    assert (first["id"], first["text"], first["room"]) == (ids[0], "one\ntwo", "lobby")
    assert (second["id"], second["text"]) == (ids[1], "é☕")
    assert ready == {"type": "ready", "next": ids[1]}
    server.stored("live")
    assert [told["text"] for told in lines(http)] == ["live"]


def test_ndjson_stream_has_a_media_type_and_heartbeats(server: MemoryServer) -> None:
    """A heartbeat is a blank line, at least every 15 seconds."""
    wire = server.chat.connect(server.http_door)
    wire.send(written("GET", EVENTS, b"", NDJSON))
    server.chat.settle()
    head, _, body = wire.received().partition(b"\r\n\r\n")
    assert b"\r\ncontent-type: application/x-ndjson\r\n" in head.lower()
    assert re.fullmatch(rb'[0-9a-f]+\r\n{"type":"ready","next":\d+}\n\r\n', body)
    server.chat.advance(15)
    assert wire.received() == b"1\r\n\n\r\n"


def test_ndjson_stream_to_http_1_0_is_not_chunked(server: MemoryServer) -> None:
    """HTTP/1.0 has no chunks; the end of the connection ends the answer."""
    wire = server.chat.connect(server.http_door)
    wire.send(f"GET {EVENTS} HTTP/1.0\r\nAccept: application/x-ndjson\r\n\r\n".encode())
    server.chat.settle()
    body = wire.received().partition(b"\r\n\r\n")[2]
    assert json.loads(body)["type"] == "ready"


def test_ndjson_stream_tells_a_gap() -> None:
    """A gap is an object of its own, as on a WebSocket."""
    server = MemoryServer(history=10)
    http = server.http()
    place = server.say("forgotten")
    server.stored(*map(str, range(12)))
    http.send("GET", f"{EVENTS}?since={place}", headers=NDJSON)
    gap, *events, ready = lines(http)
    assert gap == {"type": "gap"}
    assert [event["text"] for event in events] == [*map(str, range(2, 12))]
    assert ready["type"] == "ready"
