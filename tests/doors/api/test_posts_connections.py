"""Connections that post plainly: the order of answers, the end of the input, and shutdowns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import Mock, patch

import pytest

from chatd.doors.api.posts import BODY_SECONDS
from chatd.http.bounds import IDLE_SECONDS, LATE_SECONDS, REQUEST_SECONDS
from chatd.http.channel import ChatChannel
from chatd.http.unparsed import UnparsedConnection
from chatd.net.connections import LINGER_SECONDS
from chatd.net.deadlines import PER_SECOND
from chatd.server.drain import ANSWER_SECONDS, GOODBYE_SECONDS, LOOK_SECONDS
from chatd.testing import FakeConnection

from ...kit.garbage import no_garbage
from ...kit.http import head
from ...kit.parser import none_parsed
from ...kit.posts import connect, post, status
from ...kit.secure import SecureConnection, all_secure
from ...kit.server import MemoryServer

HEALTH = head("GET", "/healthz")


@contextmanager
def fills(wire: FakeConnection) -> Iterator[None]:
    """Within this context, each write fills all buffers, and a close waits for them."""
    write, closes = wire.write, Mock()

    def write_much(data: bytes) -> None:
        write(data)
        wire.fill()

    with patch.multiple(wire, write=write_much, loseConnection=closes):
        yield
    if closes.called:
        wire.loseConnection()


def test_a_connection_may_post_and_poll_by_turns(server: MemoryServer) -> None:
    """Without a channel."""
    wire = connect(server)
    with none_parsed():
        for number in range(3):
            wire.send(post(f"text {number}"))
            server.chat.settle()
            assert status(wire.received()) == 201
            wire.send(head("GET", "/rooms/lobby/events?since=0&wait=0"))
            server.chat.settle()
            assert f"text {number}".encode() in wire.received()
    assert isinstance(wire.protocol, UnparsedConnection)


def test_a_connection_with_a_channel_may_post_plainly(server: MemoryServer) -> None:
    """Between other requests, which are parsed."""
    wire = connect(server)
    for request in (HEALTH, head("GET", "/rooms/lobby/events?since=0&wait=0")) * 2:
        wire.send(request)
        server.chat.settle()
        assert isinstance(wire.protocol, ChatChannel)
        with none_parsed():
            for packets in ([post("one")], [post("two")[:-3], b"two"]):
                wire.send(*packets)
                server.chat.settle()
    assert re.findall(rb"HTTP/1.1 (\d+)", wire.received()) == [b"200", b"201", b"201"] * 4
    assert server.chat.texts("lobby") == ["one", "two"] * 4


def test_requests_behind_a_post_are_answered_behind_it(server: MemoryServer) -> None:
    """They are put off until the command has an outcome."""
    wire = connect(server)
    server.hold_appends()
    wire.send(post("one"), post("two"), HEALTH)
    server.chat.settle()
    assert wire.received() == b""
    server.release_appends()
    told = wire.received()
    assert re.findall(rb"HTTP/1.1 (\d+)", told) == [b"201", b"201", b"200"]
    assert server.chat.texts("lobby") == ["one", "two"]


def test_a_client_that_ends_its_input_gets_its_answer(server: MemoryServer) -> None:
    """Then the connection is closed, as `nc -N` expects."""
    wire = connect(server)
    server.hold_appends()
    wire.send(post("hello"))
    wire.end_input()
    server.chat.settle()
    assert not wire.lost
    server.release_appends()
    assert status(wire.received()) == 201
    assert wire.lost


def test_a_client_that_ends_its_input_is_not_waited_for_long(server: MemoryServer) -> None:
    """It may have closed the connection: a half-close looks the same."""
    wire = connect(server)
    server.hold_appends()
    wire.send(post("hello"))
    wire.end_input()
    server.chat.advance(LINGER_SECONDS + 0.2)
    assert wire.lost
    server.release_appends()
    assert server.chat.texts("lobby") == ["hello"]


@pytest.mark.parametrize("full", [False, True])
def test_a_client_that_disconnects_has_said_it(server: MemoryServer, full: bool) -> None:
    """Nothing is written to the connection any more, and it leaves nothing behind."""
    wire = connect(server)
    server.hold_appends()
    wire.send(post("hello"))
    if full:
        wire.fill()
    wire.hang_up()
    server.release_appends()
    assert wire.value() == b""
    assert server.chat.texts("lobby") == ["hello"]
    assert not len(server.peers)


@pytest.mark.parametrize("begin", [[], [HEALTH]], ids=["no channel", "channel"])
def test_connections_that_post_leave_no_reference_cycles(
    server: MemoryServer, begin: list[bytes]
) -> None:
    """Their objects are freed at once, however they end."""
    with no_garbage():
        for end in ("answered", "refused", "awaited", "begun"):
            wire = connect(server)
            wire.send(*begin, post("hello"))
            server.chat.settle()
            if end == "refused":
                wire.send(post(""))
            elif end == "awaited":
                server.hold_appends()
                wire.send(post("hello"), post("hello"))
            elif end == "begun":
                wire.send(post("hello")[:-5])
            wire.hang_up()
            server.release_appends()
            del wire


def test_a_client_that_does_not_read_is_not_served_further(server: MemoryServer) -> None:
    """Its next post is said when it has read the answer to the one before."""
    wire = connect(server)
    wire.send(post("one"))
    wire.fill()
    wire.send(post("two"))
    server.chat.settle()
    assert server.chat.texts("lobby") == ["one"]
    wire.drain()
    server.chat.settle()
    assert server.chat.texts("lobby") == ["one", "two"]
    assert wire.received().count(b"HTTP/1.1 201") == 2


def test_an_answer_that_fills_the_buffer_leaves_nothing_behind(server: MemoryServer) -> None:
    """The connection gets a channel while the answer is written, and is closed by that."""
    wire = connect(server)
    server.hold_appends()
    wire.send(post("hello"))
    wire.end_input()
    with fills(wire), patch("chatd.net.stalls.lingers", lambda _: True):
        server.release_appends()
    assert status(wire.received()) == 201
    assert wire.lost
    assert not len(server.peers)
    assert not server.peers.stalls.count()


def test_a_request_whose_body_does_not_come_is_parsed(server: MemoryServer) -> None:
    """It is waited for as long as for that of any request, and then the request is refused."""
    wire = connect(server)
    begin = post("hello")[:-5]
    wire.send(begin)
    server.chat.advance(BODY_SECONDS + 0.2)
    assert isinstance(wire.protocol, ChatChannel)
    wire.send(b"hello")
    server.chat.settle()
    assert status(wire.received()) == 201
    wire = connect(server)
    wire.send(begin)
    server.chat.advance(REQUEST_SECONDS + BODY_SECONDS + 0.2)
    assert status(wire.received()) == 408
    assert server.chat.texts("lobby") == ["hello"]


def test_a_request_whose_body_comes_in_pieces_is_parsed(server: MemoryServer) -> None:
    """And so is what follows it."""
    wire = connect(server)
    wire.send(post("hello")[:-5], b"he", b"llo" + HEALTH)
    server.chat.settle()
    assert re.findall(rb"HTTP/1.1 (\d+)", wire.received()) == [b"201", b"200"]
    assert server.chat.texts("lobby") == ["hello"]


def test_a_connection_that_has_posted_is_closed_when_it_is_idle(server: MemoryServer) -> None:
    """Counted from its last answer."""
    wire = connect(server)
    for _ in range(3):
        wire.send(post("hello"))
        server.chat.advance(IDLE_SECONDS - 1)
    assert not wire.lost
    server.chat.advance(LATE_SECONDS + LINGER_SECONDS + 2)
    assert wire.lost
    assert not len(server.peers)


# -- the server has closed -------------------------------------------------------------------------


@pytest.mark.parametrize("before", [[], [post("one")]], ids=["parsed", "posted"])
def test_a_post_behind_the_last_request_is_not_said(
    server: MemoryServer, before: list[bytes]
) -> None:
    """Nor answered (RFC 9112, section 9.6), although a TLS connection passes on what it receives
    until the client closes too.
    """
    with all_secure():
        wire = connect(server)
        assert isinstance(wire, SecureConnection)
        wire.send(*before)
        server.chat.settle()
        wire.received()
        wire.send_on(head("GET", "/rooms", "Connection: close"), post("late"))
        server.chat.settle()
        assert re.findall(rb"HTTP/1.1 (\d+)", wire.received()) == [b"200"]
    assert server.chat.texts("lobby") == ["one"] * len(before)


@pytest.mark.parametrize("begin", [[], [HEALTH]], ids=["no channel", "channel"])
def test_a_post_that_crosses_the_end_of_an_idle_connection_is_not_said(
    server: MemoryServer, begin: list[bytes]
) -> None:
    """The client can send it again, and nothing is said twice: over TLS as over TCP."""
    with all_secure():
        wire = connect(server)
        assert isinstance(wire, SecureConnection)
        for request in (*begin, post("one")):
            wire.send(request)
            server.chat.settle()
        wire.received()
        wire.stop_within_a_record()  # the server's closing alert is on its way
        server.chat.advance(server.http_door.kept_seconds + 1 / PER_SECOND)
        wire.send(post("late"))
        server.chat.settle()
        wire.go_on()
        assert wire.received() == b""
        assert wire.lost
    assert server.chat.texts("lobby") == ["one"]
    assert not len(server.peers)


# -- the server goes down --------------------------------------------------------------------------


def test_an_accepted_post_is_answered_by_a_server_that_goes_down(server: MemoryServer) -> None:
    """After the time for goodbyes, too; the answer says that it is the last, and is."""
    wire = connect(server)
    server.hold_appends()
    wire.send(post("hello"))
    server.going_down().stopService()
    server.chat.advance(GOODBYE_SECONDS + 1)
    assert not wire.lost
    wire.send(post("late"))
    server.release_appends()
    told = wire.received()
    assert told.count(b"HTTP/1.1") == 1
    assert status(told) == 201
    assert b"\r\nConnection: close\r\n" in told
    assert wire.lost
    assert server.chat.texts("lobby") == ["hello"]


def test_a_post_that_is_never_stored_does_not_hold_up_a_shutdown(server: MemoryServer) -> None:
    """Its connection is aborted, without an answer."""
    wire = connect(server)
    server.hold_appends()
    wire.send(post("hello"))
    server.going_down().stopService()
    server.chat.advance(ANSWER_SECONDS + 0.2)
    assert wire.lost
    assert wire.value() == b""


@pytest.mark.parametrize("before", [[], [post("before")]], ids=["new", "known"])
def test_a_server_that_goes_down_accepts_no_plain_post(
    server: MemoryServer, before: list[bytes]
) -> None:
    """It refuses, and says so; one that retires accepts one more."""
    wires = [connect(server) for _ in range(3)]
    for wire in wires:
        wire.send(*before)
        server.chat.settle()
        wire.received()
    first, second, third = wires
    server.peers.retiring = True
    first.send(post("one"))
    server.chat.settle()
    told = first.received()
    assert (status(told), b"Connection: close" in told) == (201, True)
    second.send(post("two")[:-3])
    server.peers.draining = True
    second.send(b"two")
    assert status(second.received()) == 503
    third.send(post("three"))
    assert status(third.received()) == 503


def test_a_server_that_retires_waits_for_a_body(server: MemoryServer) -> None:
    """It belongs to a request that a client has begun."""
    wire = connect(server)
    wire.send(post("hello")[:-5])
    retired: list[object] = []
    server.going_down().retire().addCallback(retired.append)
    server.chat.settle()
    assert not retired
    wire.send(b"hello")
    server.chat.advance(LOOK_SECONDS)
    assert status(wire.received()) == 201
    assert retired


def test_input_that_was_put_off_stays_in_order_when_the_server_goes_down(
    server: MemoryServer,
) -> None:
    """The rest of a request comes behind its beginning, which waits for the client to read."""
    wire = connect(server)
    wire.send(post("one"))
    server.chat.settle()
    wire.fill()
    wire.received()
    wire.send(HEALTH[:20])
    server.going_down().stopService()
    server.chat.settle()
    wire.send(HEALTH[20:])
    wire.drain()
    server.chat.settle()
    assert status(wire.received()) == 503
