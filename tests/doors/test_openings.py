"""Openings: which streams begin without being parsed, and that they begin as parsed ones do."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from wsproto.utilities import generate_accept_token

from chatd.http.request import ChatRequest
from chatd.net.connections import LINGER_SECONDS
from chatd.testing import FakeConnection
from chatd.testing.policies import DenyAll

from ..kit.server import HOST, MemoryServer, peer

SSE = "Accept: text/event-stream\r\n"
KEYS = "dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA=="


def stream_bytes(query: str = "since=now", head: str = SSE, host: str = "chat.example") -> bytes:
    """The request of a stream."""
    return f"GET /rooms/lobby/events?{query} HTTP/1.1\r\nHost: {host}\r\n{head}\r\n".encode()


def upgrade(key: str) -> str:
    """The headers of a WebSocket's handshake."""
    return (
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    )


class Dialling:
    """Connections to the HTTP door, and how many of their requests were parsed."""

    def __init__(self, server: MemoryServer) -> None:
        self.server = server
        self.parsed = 0
        self.wire: FakeConnection
        """The latest connection."""

    def dial(self, data: bytes, host: str = HOST) -> bytes:
        """Send a connection's first packet; returns the answer so far, without its date."""
        received = ChatRequest.requestReceived

        def count(request: ChatRequest, *args: bytes) -> None:
            self.parsed += 1
            received(request, *args)

        with patch.object(ChatRequest, "requestReceived", count):
            self.wire = self.server.chat.connect(self.server.http_door, peer(host))
            self.wire.send(data)
            self.server.chat.settle()
        lines = self.wire.received().split(b"\r\n")
        return b"\r\n".join(line for line in lines if not line.startswith(b"Date:"))


@pytest.fixture
def dialling(server: MemoryServer) -> Dialling:
    """No connection yet."""
    return Dialling(server)


def heads(answer: bytes) -> tuple[set[bytes], bytes]:
    """The lines of the head, whose order means nothing, and the body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return set(head.split(b"\r\n")), body


@pytest.mark.parametrize("query", ["", "since=now", "since=0", "since=0&limit=1", "limit=1"])
@pytest.mark.parametrize("media", ["text/event-stream", "application/x-ndjson"])
def test_second_stream_is_not_parsed_and_begins_like_the_first(
    server: MemoryServer, dialling: Dialling, query: str, media: str
) -> None:
    """To the byte, except for the date; also after events that the first one was not sent."""
    server.stored("one", "two")
    words = stream_bytes(query, f"Accept: {media}\r\n")
    first, second = dialling.dial(words), dialling.dial(words)
    assert heads(first) == heads(second)
    assert b"ready" in second
    assert dialling.parsed == 1
    server.say("three")
    third, newest = dialling.dial(words), dialling.wire
    assert dialling.parsed == 1
    assert (b"three" in third) == (query != "since=now")
    server.say("four")
    assert b"four" in newest.received()


def test_websocket_is_recognised_whatever_its_key_and_answers_to_it(
    server: MemoryServer, dialling: Dialling
) -> None:
    """It takes commands like any other."""
    for key in KEYS:
        answer = dialling.dial(stream_bytes("", upgrade(key)))
        assert generate_accept_token(key.encode()) in answer
        assert b'"type":"ready"' in answer
    assert dialling.parsed == 1
    dialling.wire.send(b"\x89\x80\0\0\0\0")
    server.chat.settle()
    assert dialling.wire.received() == b"\x8a\0"


@pytest.mark.parametrize("since", ["", "since=1"])
def test_last_event_id_goes_before_the_cursor_in_the_target(
    server: MemoryServer, dialling: Dialling, since: str
) -> None:
    """A browser repeats its first URL."""
    one, two = server.stored("one", "two")
    for id_, texts in ((two, 0), (one, 1), (0, 2)):
        answer = dialling.dial(stream_bytes(since, f"{SSE}Last-Event-ID: {id_}\r\n"))
        assert answer.count(b'"text"') == texts
    assert dialling.parsed == 1


def test_cursor_that_the_server_never_issued_is_a_gap(
    server: MemoryServer, dialling: Dialling
) -> None:
    """As for a request that is parsed."""
    last = server.say("one")
    answers = [dialling.dial(stream_bytes(f"since={id_}")) for id_ in (last, 10**17, 10**17)]
    assert b"event: gap" in answers[1]
    assert answers[1] == answers[2]
    assert dialling.parsed == 1


@pytest.mark.parametrize(
    "head",
    [
        SSE + "Origin: http://chat.example\r\n",
        SSE + "Cookie: other=1\r\n",
        SSE + "X-Forwarded-For: 198.51.100.7\r\n",
        SSE + "Expect: 100-continue\r\n",
        upgrade(KEYS[0]).replace(KEYS[0], "x"),
        upgrade(KEYS[0]) + f"sec-websocket-key: {KEYS[1]}\r\n",
        SSE + "Last-Event-ID: 1\r\nlast-event-id: 2\r\n",
        SSE + f"X-Long: {'x' * 4096}\r\n",
    ],
)
def test_stream_that_depends_on_more_than_its_bytes_or_is_refused_is_parsed(
    dialling: Dialling, head: str
) -> None:
    """On each connection, beside a stream that is known."""
    for known in (SSE, upgrade(KEYS[0])):
        dialling.dial(stream_bytes(head=known))
    for _ in range(2):
        dialling.dial(stream_bytes(head=head))
    assert dialling.parsed == 4


def test_stream_of_a_session_is_parsed(server: MemoryServer, dialling: Dialling) -> None:
    """Its token may have ended meanwhile."""
    token = server.http().post("/session", {"name": "ada"}).json["token"]
    for _ in range(2):
        assert b"ready" in dialling.dial(stream_bytes(f"access_token={token}"))
    assert dialling.parsed == 2


def test_request_is_recognised_only_if_it_is_whole_and_alone(dialling: Dialling) -> None:
    """Otherwise its bytes could be those of two requests."""
    words = stream_bytes()
    dialling.dial(words)
    assert b"ready" in dialling.dial(words + b"GET / HTTP/1.1\r\n\r\n")
    assert dialling.parsed == 2
    assert dialling.dial(words[:30]) == b""


def test_each_client_is_judged_by_its_address(server: MemoryServer, dialling: Dialling) -> None:
    """A known stream is refused like one that is parsed."""
    words = stream_bytes()
    assert b"ready" in dialling.dial(words)
    reader = dialling.wire
    server.chat.service.readers.policy = DenyAll()
    server.chat.settle()
    assert b"event: end" in reader.received()
    for _ in range(2):
        assert dialling.dial(words).startswith(b"HTTP/1.1 403")


def test_opening_is_forgotten_with_its_last_stream(
    server: MemoryServer, dialling: Dialling
) -> None:
    """It keeps no room in memory."""
    words = stream_bytes()
    for _ in range(2):
        dialling.dial(words)
        dialling.wire.hang_up()
        server.chat.advance(LINGER_SECONDS)
    assert dialling.parsed == 2


def test_no_stream_is_known_while_draining_or_with_other_host_names(
    server: MemoryServer, dialling: Dialling
) -> None:
    """The request is parsed, and refused."""
    words = stream_bytes()
    dialling.dial(words)
    server.hosts.replace(["other.example"])
    assert dialling.dial(words).startswith(b"HTTP/1.1 421")
    server.hosts.replace(["chat.example"])
    assert b"ready" in dialling.dial(words)
    server.peers.draining = True
    assert b"ready" not in dialling.dial(words)
