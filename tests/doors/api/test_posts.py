"""Plain posts: carried out and answered as parsed ones; nothing else is taken for one."""

from __future__ import annotations

import re
from contextlib import nullcontext
from ipaddress import ip_network
from typing import Any, cast
from unittest.mock import patch

import pytest
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory

from chatd.chat.rules import Rules
from chatd.doors.api.posts import PlainPosts
from chatd.http.proxies import Proxies
from chatd.http.unparsed import UnparsedConnection
from chatd.model.errors import ChatError, NoSession, NotAllowed, NotFound
from chatd.model.identity import Identity
from chatd.model.metrics import RARE
from chatd.model.policy import Action, RoomView
from chatd.testing.policies import DenyIf

from ...kit.parser import none_parsed
from ...kit.posts import (
    FORM,
    JSON,
    TEXT,
    all_parsed,
    answer,
    connect,
    post,
    prepared,
    status,
    without_date,
)
from ...kit.secure import all_secure
from ...kit.server import HOST, MemoryServer, peer

PLAIN = [
    post("hello", TEXT),
    post("hello"),
    post('{"text":"hello","type":"action"}', JSON),
    post("text=hello+you&type=action", FORM),
    post("1+1=2", "User-Agent: curl/8.5.0", "Accept: */*", FORM),
    post("\N{SNOWMAN}", "Content-Type: Text/Plain; charset=UTF-8", "Connection: Keep-Alive"),
    post("\ufeffhello", "Accept: */*", "Accept-Encoding: gzip", "User-Agent: x", TEXT),
    post("hello", TEXT, room="new"),
    post("hello", TEXT, room="Lobby", query="name=bob-1&_=2"),
    post("hello", TEXT, query="name=x&_"),
    post("x" * 3000, TEXT),
    post(b"a\x00\xffb", TEXT),
]
REFUSED = [
    (400, post("", TEXT)),
    (400, post("")),
    (400, post(" \n ", TEXT)),
    (400, post(b"\x00", TEXT)),
    (400, post('{"text":1}', JSON)),
    (400, post('{"text":"a","x":1}', JSON)),
    (400, post("{", JSON)),
    (400, post(b'{"text":"\xff"}', JSON)),
    (415, post("hello", "Content-Type: text/html")),
    (415, post("hello", "Content-Type: text/plain; charset=latin-1")),
    (413, post("x" * 1001, TEXT)),
    (400, post("hello", TEXT, query="name=" + "x" * 33)),
    (400, post("hello", TEXT, query="name=" + "x" * 2000)),
    (400, post("hello", TEXT, query="name=guest-1")),
    (400, post("hello", TEXT, query="name=...")),
    (409, post("hello", TEXT, query="name=Cy")),
    (403, post("hello", TEXT, room="quiet")),
    (404, post("hello", TEXT, room="hidden")),
]


@pytest.mark.parametrize("packet", PLAIN, ids=range(len(PLAIN)))
def test_a_plain_post_is_answered_to_the_byte_as_a_parsed_one(packet: bytes) -> None:
    """Without twisted.web, whether its body comes with its head or behind it; and the connection's
    second post too.
    """
    begin, _, body = packet.partition(b"\r\n\r\n")
    parsed_server = MemoryServer()
    with all_parsed():
        parsed = answer(parsed_server, packet) + answer(parsed_server, packet)
    assert status(parsed) == 201
    for packets in ([packet], [begin + b"\r\n\r\n", body]):
        server = MemoryServer()
        wire = connect(server)
        with none_parsed():
            for _ in range(2):
                wire.send(*packets)
                server.chat.settle()
        assert without_date(wire.received()) == parsed
        assert isinstance(wire.protocol, UnparsedConnection)
        for room in ("lobby", "new"):
            assert server.chat.texts(room) == parsed_server.chat.texts(room)
            assert server.kinds(room) == parsed_server.kinds(room)


@pytest.mark.parametrize(("code", "packet"), REFUSED, ids=range(len(REFUSED)))
def test_a_plain_post_is_refused_to_the_byte_as_a_parsed_one(code: int, packet: bytes) -> None:
    """Without twisted.web; each refusal counts once, and the connection stays open."""
    server = prepared()
    with all_parsed():
        parsed = answer(server, packet)
    assert status(parsed) == code
    before = RARE.refusals.total()
    with none_parsed():
        wire = connect(server)
        wire.send(packet)
        server.chat.settle()
        assert without_date(wire.received()) == parsed
        assert RARE.refusals.total() == before + 1
        wire.send(post("good"))
        server.chat.settle()
        assert status(wire.received()) == 201
    assert server.chat.texts("lobby") == ["good"]


def test_plain_posts_spend_the_same_rate_as_parsed_ones() -> None:
    """All visitors of one address share one rate, whichever way their requests take."""

    def codes(server: MemoryServer, plain: int) -> list[int]:
        told = []
        for turn in range(10):
            with all_parsed() if turn % 3 >= plain else nullcontext():
                told.append(status(answer(server, post("hello", query=f"name=v{turn}"))))
        return told

    expected = codes(MemoryServer(message_rate=1), 0)
    assert {*expected} == {201, 429}
    server = MemoryServer(message_rate=1)
    assert codes(server, 2) == expected
    assert codes(MemoryServer(message_rate=1), 3) == expected
    with all_parsed():
        parsed = answer(server, post("hello"))
    assert b"Retry-After: " in parsed
    assert answer(server, post("hello")) == parsed
    assert status(answer(server, post("hello"), host="192.0.2.9")) == 201


@pytest.mark.parametrize("error", [NotAllowed, NotFound, NoSession])
@pytest.mark.parametrize("reads", [False, True])
def test_a_plain_post_passes_the_policy(error: type[ChatError], reads: bool) -> None:
    """With the client's own address, and the visitor's name; a refusal does not tell that a room
    exists which the client may not read.
    """
    server = MemoryServer()
    asked: list[tuple[str, str, Action]] = []

    class Refusing:
        def may(self, identity: Identity, action: Action, room: RoomView | None = None) -> None:
            asked.append((identity.name, identity.address, action))
            if action is Action.SPEAK:
                raise error("not here")
            if not reads:
                raise NotFound("nothing here")

    server.chat.service.readers.policy = Refusing()
    with all_parsed():
        parsed = answer(server, post("hello"), host="192.0.2.7")
    expected = [*asked]
    asked.clear()
    with none_parsed():
        assert answer(server, post("hello"), host="192.0.2.7") == parsed
    assert asked == expected
    assert ("ada", "192.0.2.7", Action.SPEAK) in asked
    assert server.chat.texts("lobby") == []


def test_an_internal_error_is_logged_and_answered_as_that_of_a_parsed_post(
    server: MemoryServer, logged_errors: list[str]
) -> None:
    """With the same refusal, but for its id."""
    with patch.object(server.chat.service, "perform", side_effect=ZeroDivisionError("oops")):
        with all_parsed():
            parsed = answer(server, post("hello"))
        plain = answer(server, post("hello"))
    assert status(plain) == 503
    without_id = [re.sub(rb"error [0-9a-f]{8}", b"error", data) for data in (parsed, plain)]
    assert without_id[0] == without_id[1]
    assert len(logged_errors) == 2
    logged_errors.clear()


def test_an_error_while_a_room_is_judged_is_answered_too(
    server: MemoryServer, logged_errors: list[str]
) -> None:
    """The connection goes on."""
    service, wire = server.chat.service, connect(server)
    with (
        patch.object(service, "perform", side_effect=NoSession("sign in")),
        patch.object(service.rooms, "load", side_effect=ZeroDivisionError("oops")),
    ):
        wire.send(post("hello"))
        server.chat.settle()
    assert status(wire.received()) == 503
    assert "oops" in logged_errors.pop()
    wire.send(post("hello"))
    server.chat.settle()
    assert status(wire.received()) == 201


def test_the_address_is_the_one_that_a_proxy_has_told(server: MemoryServer) -> None:
    """With the PROXY protocol (`haproxy:`): not the address of the proxy."""
    server.chat.service.readers.policy = DenyIf(lambda who, _, __: who.address == "192.0.2.66")
    door = HAProxyWrappingFactory(server.http_door)
    for host, code in (("192.0.2.7", 201), ("192.0.2.66", 403)):
        wire = server.chat.connect(door, peer("127.0.0.1"))
        wire.send(f"PROXY TCP4 {host} 127.0.0.1 1 2\r\n".encode())
        with none_parsed():
            wire.send(post("hello"), post("hello"))
            server.chat.settle()
        assert status(wire.received()) == code


@pytest.mark.parametrize(
    "packet",
    [
        post("hello", "Cookie: a=b"),
        post("hello", "Authorization: Bearer x"),
        post("hello", "Chatd-Session: x"),
        post("hello", "Origin: http://chat.example"),
        post("hello", "Sec-Fetch-Site: same-origin"),
        post("hello", "X-Forwarded-For: 192.0.2.9"),
        post("hello", "Forwarded: for=192.0.2.9"),
        post("hello", "Idempotency-Key: k"),
        post("hello", "Expect: 100-continue"),
        post("hello", "Transfer-Encoding: chunked"),
        post("hello", "Content-Encoding: gzip"),
        post("hello", "Connection: close"),
        post("hello", "X-Any: 1"),
        post("hello", "Content-Length: 5"),
        post("hello", length="+5"),
        post("hello", length=4),
        post("hello", length=6),
        post("hello", length=""),
        post("hello", length=99999),
        post("x" * 4096),
        post("hello", query=""),
        post("hello", query="name="),
        post("hello", query="name=a&name=b"),
        post("hello", query="_&name=a"),
        post("hello", query="name=%61"),
        post("hello", query="name=ada&access_token=x"),
        post("hello", query="name=ada&ticket=x"),
        post("hello", query="name=ada&message=x"),
        post("hello", room="."),
        post("hello", room="x" * 65),
        post("hello", room="l%6fbby"),
        post("hello").replace(b"POST", b"PUT"),
        post("hello").replace(b"1.1", b"1.0"),
        post("hello").replace(b"chat.example", b"evil.example"),
        post("hello").replace(b"Host: chat.example\r\n", b""),
        post("hello").replace(b"/messages?", b"/messages/?"),
        post("hello").replace(b"/messages?", b"/topic?"),
        post("hello").replace(b"/rooms/lobby", b"/people/cy"),
        post("hello") * 2,
        b"\r\n" + post("hello"),
    ],
    ids=range(40),
)
def test_other_requests_are_parsed(server: MemoryServer, packet: bytes) -> None:
    """A session, a page, a proxy, a repeated request, another syntax: the resource tree decides."""
    posts: PlainPosts = cast(Any, server.http_door.fast_path).posts
    assert posts.read(packet, server.http_door, secure=False) is None
    with all_parsed():
        parsed = answer(MemoryServer(), packet)
    assert answer(server, packet) == parsed


@pytest.mark.parametrize("guests", ["none", "read"])
def test_where_guests_may_not_speak_posts_are_parsed(guests: str) -> None:
    """And refused there, before the room is looked at."""
    server = MemoryServer(rules=Rules(guests=guests))  # type: ignore[arg-type]
    with all_parsed():
        parsed = answer(server, post("hello"))
    assert status(parsed) in (401, 403)
    assert answer(server, post("hello")) == parsed


def test_a_body_above_the_limit_is_refused(server: MemoryServer) -> None:
    """Also on a connection that has posted before, when a reload has lowered the limit."""
    wire = connect(server)
    wire.send(post("hello"))
    server.chat.settle()
    assert status(wire.received()) == 201
    server.http_door.max_body = 4
    wire.send(post("hello"))
    server.chat.settle()
    assert status(wire.received()) == 413
    assert server.chat.texts("lobby") == ["hello"]


def test_a_host_for_which_a_proxy_vouches_is_parsed() -> None:
    """The same bytes from another peer are refused."""
    server = MemoryServer(proxies=Proxies([ip_network("192.0.2.200")]))
    packet = post("hello").replace(b"chat.example", b"elsewhere.example")
    for host, code in (("192.0.2.200", 201), (HOST, 421)) * 2:
        assert status(answer(server, packet, host=host)) == code


def test_a_host_that_is_known_no_longer_is_refused(server: MemoryServer) -> None:
    """From the next post on, also on an open connection."""
    wire = connect(server)
    wire.send(post("hello"))
    server.chat.settle()
    server.hosts.replace(["other.example"])
    wire.received()
    wire.send(post("hello"))
    assert status(wire.received()) == 421


def test_answers_over_tls_tell_browsers_to_use_tls(server: MemoryServer) -> None:
    """Then posts are parsed, from the next one on; without `--hsts` they are plain."""
    with all_secure():
        wire = connect(server)
        for seconds in (0, 60):
            server.strict.seconds = seconds
            wire.send(post("hello"))
            server.chat.settle()
            assert (b"max-age=60" in wire.received()) == bool(seconds)
