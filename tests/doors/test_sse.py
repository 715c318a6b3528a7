"""Server-sent events, as clients read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from chatd.net.heartbeat import HEARTBEAT_SECONDS

from ..kit.http import HttpClient
from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"
SSE = {"Accept": "text/event-stream"}
NDJSON = {"Accept": "application/x-ndjson"}


class Message(NamedTuple):
    """What a client's code gets for one block."""

    id: str
    event: str
    data: str


class SseReader:
    """A client like most libraries: it delivers every block, even one without data, and drops what
    has no blank line after it.
    """

    def __init__(self, http: HttpClient, target: str = EVENTS, **headers: str) -> None:
        self.http = http
        self.retry: int | None = None
        self.last_id = ""
        self._rest = ""
        http.send("GET", target, headers={**SSE, **headers})

    def messages(self) -> Iterator[Message]:
        """The messages that have come since the last call, each with JSON in it."""
        *blocks, self._rest = (self._rest + self.http.streamed().decode()).split("\n\n")
        for block in blocks:
            fields = {"id": "", "event": "", "data": ""}
            for line in block.split("\n"):
                if not line.startswith(":"):
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
            self.retry = int(fields.pop("retry", self.retry or 0))
            message = Message(**fields)
            json.loads(message.data)
            assert message.event, "a block without a type"
            self.last_id = message.id or self.last_id
            yield message


def test_sse_stream_without_events_begins_with_ready(
    server: MemoryServer, http: HttpClient
) -> None:
    """It has the id to resume from, and `retry:`."""
    client = SseReader(http)
    place = server.chat.room("lobby").log.last
    assert [*client.messages()] == [Message(f"{place}", "ready", f'{{"next":{place}}}')]
    assert client.retry == 2000


def test_sse_stream_begins_with_stored_events_and_ready_follows_them(
    server: MemoryServer, http: HttpClient
) -> None:
    """Live events follow `ready`."""
    ids = server.stored("one", "two")
    client = SseReader(http)
    first, second, ready = client.messages()
    assert client.retry == 2000
    assert [first.id, second.id, ready.id] == [f"{ids[0]}", f"{ids[1]}", f"{ids[1]}"]
    assert (first.event, ready.event) == ("message", "ready")
    server.stored("three")
    assert [message.event for message in client.messages()] == ["message"]


def test_sse_heartbeat_is_a_comment_and_no_block(server: MemoryServer, http: HttpClient) -> None:
    """A comment line alone, in a chunk of its own, at least every 15 seconds."""
    client = SseReader(http)
    assert len([*client.messages()]) == 1
    for _ in range(5):
        server.chat.advance(15)
        assert [*client.messages()] == []
    assert re.fullmatch(r"(:\n){5,7}", client._rest)
    assert HEARTBEAT_SECONDS < 15
    server.stored("hello")
    assert [message.event for message in client.messages()] == ["message"]


def test_sse_client_resumes_from_the_id_of_ready(server: MemoryServer, http: HttpClient) -> None:
    """`ready` has an id even if there were no events."""
    client = SseReader(http)
    assert [message.event for message in client.messages()] == ["ready"]
    http.wire.hang_up()
    ids = server.stored("meanwhile")
    again = SseReader(server.http(), Last_Event_ID="", **{"Last-Event-ID": client.last_id})
    assert [message.id for message in again.messages()] == [f"{ids[0]}", f"{ids[0]}"]


def test_sse_stream_of_several_rooms_is_ready_after_the_events_of_all(
    server: MemoryServer, http: HttpClient
) -> None:
    """The events are in one order, each once."""
    server.say("1", room="dev")
    server.say("2", room="lobby")
    server.say("3", room="dev")
    client = SseReader(http, "/events?rooms=lobby,dev,empty&since=0")
    assert [message.event for message in client.messages()] == [*["message"] * 3, "ready"]


def test_message_stored_while_an_sse_stream_opens_comes_once(
    server: MemoryServer, http: HttpClient
) -> None:
    """Although the fan-out of it to other readers is still pending in that turn."""
    SseReader(server.http())
    service = server.chat.service
    server.have_accepted("under way")
    server.chat.clock.advance(0)
    server.chat.clock.advance(0)
    client = SseReader(http, f"{EVENTS}?since={service.horizon - 1}")
    server.chat.settle()
    assert [message.event for message in client.messages()] == ["message", "ready"]
    server.stored("live")
    assert [message.event for message in client.messages()] == ["message"]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_sse_stream_declares_utf_8(server: MemoryServer, version: str) -> None:
    """Some libraries would read it as Latin-1 otherwise."""
    wire = server.chat.connect(server.http_door)
    wire.send(
        f"GET {EVENTS} HTTP/{version}\r\nHost: chat\r\nAccept: text/event-stream\r\n\r\n".encode()
    )
    server.chat.settle()
    head = wire.received().lower()
    assert b"\r\ncontent-type: text/event-stream; charset=utf-8\r\n" in head


# -- refused streams -------------------------------------------------------------------------------


@pytest.fixture
def refusing() -> MemoryServer:
    """A server whose sessions may have one reader."""
    return MemoryServer(readers_per_session=1)


@pytest.mark.parametrize("how", ["too-many", "unavailable"])
def test_sse_stream_refused_for_load_is_a_200_that_ends(refusing: MemoryServer, how: str) -> None:
    """With `retry:`, because an `EventSource` gives up for good on any other status."""
    http = refusing.http()
    http.enter("ada")
    open_ = refusing.http()
    open_.headers = http.headers
    open_.send("GET", EVENTS, headers=SSE)
    if how == "unavailable":
        refusing.peers.draining = True
    answer = http.request("GET", EVENTS, headers=SSE)
    assert (answer.status, answer.headers["content-type"]) == (
        200,
        "text/event-stream; charset=utf-8",
    )
    found = re.fullmatch(r": .*\nretry: (\d+)\n", answer.body.decode())
    assert found
    assert 1000 <= int(found[1]) < 20_000


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/rooms/a%20b/events", 400),
        ("/events", 400),
        (f"{EVENTS}?access_token=x", 401),
        ("/x", 404),
    ],
)
def test_sse_stream_refused_for_its_request_has_the_error_status(
    http: HttpClient, target: str, status: int
) -> None:
    """Reconnecting would not help."""
    assert http.request("GET", target, headers=SSE).status == status


@pytest.mark.parametrize("headers", [NDJSON, {}, {"Accept": "*/*"}], ids=str)
def test_other_requests_refused_for_load_have_status_503(
    server: MemoryServer, http: HttpClient, headers: dict[str, str]
) -> None:
    """Only an `EventSource` needs the status 200."""
    server.peers.draining = True
    assert http.request("GET", EVENTS, headers=headers).refusal == (503, "unavailable")
    again = server.http().request("POST", "/session", headers=SSE)
    assert again.refusal == (503, "unavailable")
