"""Plain polls: they are answered as parsed polls are, and no other request is taken for one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chatd.doors.polls.longpoll import PollRequest
from chatd.doors.polls.plain import PlainPolls
from chatd.http.channel import ChatChannel
from chatd.http.proxies import Proxies
from chatd.model.identity import Identity, Stranger
from chatd.model.policy import Action, RoomView
from chatd.testing.policies import DenyAll

from ...kit.http import head
from ...kit.parser import none_parsed
from ...kit.secure import all_secure
from ...kit.server import HOST, MemoryServer, peer

EVENTS = "/rooms/lobby/events"


def poll(query: str = "since=0", *headers: str, room: str = "lobby") -> bytes:
    """A poll as bytes."""
    return head("GET", f"/rooms/{room}/events?{query}", *headers)


@contextmanager
def all_parsed() -> Iterator[None]:
    """No poll is plain."""
    with patch.object(PlainPolls, "read", lambda *_: None):
        yield


def asked(server: MemoryServer, packet: bytes, host: str = HOST) -> bytes:
    """What a new connection that sends this packet receives at once."""
    wire = server.chat.connect(server.http_door, peer(host))
    wire.send(packet)
    server.chat.settle()
    return wire.received()


def without_date(data: bytes) -> list[bytes]:
    """The lines of some answers; the order of headers means nothing."""
    return sorted(line for line in data.split(b"\r\n") if not line.startswith(b"Date:"))


@pytest.mark.parametrize(
    "query",
    ["since=0", "since=0&limit=1", "limit=9999&since=0", "since=0&wait=0", "x=y&since=1&wait=1.5"],
)
def test_a_plain_poll_is_answered_to_the_byte_as_a_parsed_one(
    server: MemoryServer, query: str
) -> None:
    """Without twisted.web; the connection's second poll too."""
    server.say("one", "two")
    with all_parsed():
        parsed = asked(server, poll(query))
    assert b'"one"' in parsed
    with none_parsed():
        wire = server.chat.connect(server.http_door, peer(HOST))
        for _ in range(2):
            wire.send(poll(query))
            server.chat.settle()
            assert without_date(wire.received()) == without_date(parsed)


def test_a_plain_poll_is_held_until_there_is_an_event(server: MemoryServer) -> None:
    """And then answered in the same turn."""
    newest = server.say("one")
    wire = server.chat.connect(server.http_door, peer(HOST))
    with none_parsed():
        wire.send(poll(f"since={newest}"))
        server.chat.settle()
        assert wire.received() == b""
        server.say("two")
    assert b'"two"' in wire.received()


@pytest.mark.parametrize(
    ("query", "seconds"), [("", 25), ("&wait=3", 3), ("&wait=0.5", 0.5), ("&wait=999", 60)]
)
def test_a_plain_poll_waits_as_long_as_it_asks(
    server: MemoryServer, query: str, seconds: float
) -> None:
    """Twenty-five seconds by default, and a minute at most."""
    newest = server.say("one")
    wire = server.chat.connect(server.http_door, peer(HOST))
    wire.send(poll(f"since={newest}{query}"))
    server.chat.advance(seconds - 0.1)
    assert wire.received() == b""
    server.chat.advance(0.4)
    assert b'"events":[]' in wire.received()


def test_a_plain_poll_passes_the_policy(server: MemoryServer) -> None:
    """A refused one gets the refusal of a parsed one."""
    server.say("one")
    assert b'"one"' in asked(server, poll())
    server.chat.service.readers.policy = DenyAll()
    refused = asked(server, poll("since=1"))
    assert refused.startswith(b"HTTP/1.1 403")
    with all_parsed():
        assert without_date(asked(server, poll("since=1"))) == without_date(refused)


def test_the_policy_is_asked_about_the_client_s_own_address(server: MemoryServer) -> None:
    """Not about that of the client whose poll was the first."""
    asking: list[str] = []

    class Noting(DenyAll):
        def may(self, identity: Identity, action: Action, room: RoomView | None = None) -> None:
            asking.append(identity.address)

    server.chat.service.readers.policy = Noting()
    for number in (1, 2):
        asked(server, poll("since=0&limit=7"), f"192.0.2.{number}")
        assert f"192.0.2.{number}" in asking


def test_rooms_read_by_plain_polls_are_counted(server: MemoryServer) -> None:
    """As those of parsed polls: see `Directory.read`."""
    room = server.chat.room("quiet")
    assert not room.counted
    asked(server, poll(room="quiet"))
    assert room.counted


@pytest.mark.parametrize(
    "packet",
    [
        poll("since=0", "Cookie: a=b"),
        poll("since=0", "Authorization: Bearer x"),
        poll("since=0", "Chatd-Session: x"),
        poll("since=0", "Origin: http://chat.example"),
        poll("since=0", "X-Forwarded-For: 192.0.2.9"),
        poll("since=0", "Accept: text/plain"),
        poll("since=0", "Accept: text/event-stream"),
        poll("since=0", "Last-Event-ID: 1"),
        poll("since=0", "Upgrade: websocket"),
        poll("since=0", "Connection: close"),
        poll("since=0&before=1"),
        poll("since=0&access_token=x"),
        poll("since=0&ticket=x"),
        poll("since=0&limit=0"),
        poll("since=0&limit=-1"),
        poll("since=0&wait=x"),
        poll("since=0&rooms=dev"),
        poll("since=0").replace(b"GET", b"HEAD"),
        poll("since=0").replace(b"chat.example", b"evil.example"),
        poll(room="."),
        poll(room="x" * 65),
        head("GET", "/rooms/lobby/messages?since=0"),
        head("GET", "/events?since=0"),
    ],
    ids=range(23),
)
def test_other_requests_are_parsed(server: MemoryServer, packet: bytes) -> None:
    """A session, a page, a proxy, another format, a refusal: the resource tree decides."""
    server.say("one")
    read = PlainPolls.read

    def refuse_to_read(polls: PlainPolls, data: bytes, stranger: Stranger) -> PollRequest | None:
        assert read(polls, data, stranger) is None
        return None

    with patch.object(PlainPolls, "read", refuse_to_read):
        assert asked(server, packet).startswith(b"HTTP/1.1 ")


def test_a_host_for_which_a_proxy_vouches_is_parsed() -> None:
    """The same bytes from another peer are refused."""
    server = MemoryServer(proxies=Proxies([ip_network("192.0.2.200")]))
    packet = poll().replace(b"chat.example", b"elsewhere.example")
    server.say("one")
    for host, status in (("192.0.2.200", b"200"), (HOST, b"421")) * 2:
        assert asked(server, packet, host).startswith(b"HTTP/1.1 " + status)


def test_a_host_that_is_known_no_longer_is_refused(server: MemoryServer) -> None:
    """From the next connection on."""
    server.say("one")
    assert asked(server, poll()).startswith(b"HTTP/1.1 200")
    server.hosts.replace(["other.example"])
    assert asked(server, poll()).startswith(b"HTTP/1.1 421")


def test_answers_over_tls_tell_browsers_to_use_tls(server: MemoryServer) -> None:
    """A first poll with the header `Strict-Transport-Security` is parsed."""
    server.strict.seconds = 60
    server.say("one")
    with all_secure():
        assert b"max-age=60" in asked(server, poll())


def test_a_server_that_goes_down_answers_no_plain_poll(server: MemoryServer) -> None:
    """It refuses, or asks the client to connect anew."""
    server.say("one")
    server.peers.retiring = True
    assert b"Connection: close" in asked(server, poll())
    server.peers.draining = True
    assert asked(server, poll()).startswith(b"HTTP/1.1 503")


QUERIES = st.lists(
    st.sampled_from(["limit", "wait", "since", "x", "before", "name", "reader", "rooms"]).flatmap(
        lambda name: st.sampled_from(["0", "1", "2.5", "9" * 19, "", "a", "%30", "-1"]).map(
            lambda value: f"{name}={value}"
        )
    ),
    max_size=3,
)
HEADERS = st.lists(
    st.sampled_from(
        [
            *("Accept: */*", "Accept: text/html, application/json;q=0.5", "Accept: text/plain"),
            *("Connection: keep-alive", "Cookie: a=b", "X-A: 1"),
            *("User-Agent: x", "Content-Length: 1", "Expect: 100-continue", "Host: a", "Bad"),
        ]
    ),
    max_size=3,
)


@given(
    query=QUERIES,
    headers=HEADERS,
    room=st.sampled_from(["lobby", "Lobby", "new", "l%6fbby", ""]),
    since=st.sampled_from(["first", "newest", 0, 10**17]),
    behind=st.sampled_from([b"", b"", head("GET", "/healthz"), b"x"]),
    cuts=st.lists(st.integers(0, 300), max_size=2),
)
def test_whatever_is_sent_the_answers_are_those_of_the_full_parser(
    query: Sequence[str],
    headers: Sequence[str],
    room: str,
    since: str | int,
    behind: bytes,
    cuts: Sequence[int],
) -> None:
    """At once, after an event, and when the wait is over, however the bytes are cut."""

    def talk(server: MemoryServer) -> list[bytes]:
        ids = {"first": server.say("one"), "newest": server.say("two")}
        number = ids.get(str(since), since)
        packet = poll("&".join([f"since={number}", *query]), *headers, room=room) + behind
        wire = server.chat.connect(server.http_door, peer(HOST))
        for begin, end in pairwise([0, *sorted(cuts), len(packet)]):
            if packet[begin:end] and not wire.lost:
                wire.send(packet[begin:end])
                server.chat.settle()
        told = [wire.received()]
        server.say("three")
        told.append(wire.received())
        server.chat.advance(61)
        return [*told, wire.received()]

    heard = talk(MemoryServer())
    with all_parsed():
        parsed = talk(MemoryServer())
    assert [*map(without_date, heard)] == [*map(without_date, parsed)]


STEPS = st.lists(
    st.sampled_from(
        [
            *("poll", "poll", "wait=0", "limit=1", "wait=1", "healthz", "a half", "two"),
            *("say", "say", "some seconds", "half a minute", "end", "drain"),
        ]
    ),
    max_size=7,
)
"""Without `full` and `read`: a poll of a client that does not read may be answered at once, or with
later events when it reads.
"""


class Conversation:
    """A client's connection that polls, with all that may happen on it."""

    def __init__(self, server: MemoryServer) -> None:
        self.server = server
        self.newest = server.say("one")
        self.wire = server.chat.connect(server.http_door, peer(HOST))
        self.input_over = False

    def step(self, what: str) -> tuple[list[bytes], bool]:
        """Have it happen; returns what the client gets, and whether the connection is lost."""
        server, wire = self.server, self.wire
        polls = poll(f"since={self.newest}")
        packets = {
            "poll": polls,
            "wait=0": poll(f"since={self.newest}&wait=0"),
            "limit=1": poll(f"since={self.newest}&limit=1"),
            "wait=1": poll(f"since={self.newest}&wait=1"),
            "healthz": head("GET", "/healthz"),
            "a half": polls[: len(polls) // 2],
            "two": polls + poll("since=0"),
        }
        if what in packets and not (self.input_over or wire.lost):
            wire.send(packets[what])
        elif what == "say":
            server.say("more")
        elif what == "some seconds":
            server.chat.advance(5)
        elif what == "half a minute" and not server.peers.draining:  # a shutdown takes five seconds
            server.chat.advance(30)
        elif what == "full" and wire.producer:
            wire.fill()
        elif what == "read" and wire.producer:
            wire.drain()
        elif what == "end" and not (self.input_over or wire.lost):
            self.input_over = True
            wire.end_input()
        elif what == "drain" and not server.peers.draining:
            server.peers.draining = True
            for connection in server.peers:
                connection.drain()
        server.chat.settle()
        return without_date(wire.received()), wire.lost


@given(steps=STEPS)
@example(steps=["poll", "full", "say", "poll", "read"])
@example(steps=["poll", "end", "full", "say", "read"])
@example(steps=["wait=0", "healthz", "poll", "end", "some seconds"])
def test_a_conversation_without_a_channel_is_that_of_one_with_a_channel(
    steps: Sequence[str],
) -> None:
    """Further polls, other requests, pipelined bytes, a client that does not read, the end of its
    input, and a shutdown: each step has the same outcome.
    """

    def outcomes(*, channel: bool) -> list[tuple[list[bytes], bool]]:
        conversation = Conversation(MemoryServer())
        outcomes = [conversation.step("poll")]
        if channel:
            conversation.wire.fill()
            conversation.wire.drain()
        assert isinstance(conversation.wire.protocol, ChatChannel) == channel
        outcomes += map(conversation.step, steps)
        conversation.wire.hang_up()
        conversation.server.chat.settle()
        assert not len(conversation.server.peers)
        assert not conversation.server.chat.service.readers.polls
        return outcomes

    without = outcomes(channel=False)
    assert without == outcomes(channel=True)
    # A learned poll waits until the client reads, and has another idle timer than a parsed one.
    if not {"full", "drain", "half a minute"} & {*steps}:
        with all_parsed():
            assert without == outcomes(channel=True)
