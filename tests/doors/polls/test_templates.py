"""Learned polls: which requests match a template, and which are parsed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest
from twisted.internet.address import IPv4Address

from chatd.doors.polls.longpoll import PollRequest
from chatd.doors.polls.plain import PlainPolls
from chatd.doors.request_bytes import MAX_TEMPLATE
from chatd.http.bounds import IDLE_SECONDS, LATE_SECONDS
from chatd.http.channel import ChatChannel
from chatd.http.request import ChatRequest
from chatd.net.connections import LINGER_SECONDS
from chatd.testing.policies import DenyAll

from ...kit.garbage import no_garbage
from ...kit.http import HttpClient
from ...kit.secure import all_secure
from ...kit.server import MemoryServer
from ...kit.tcp import TcpPair

KEPT_SECONDS = IDLE_SECONDS + LATE_SECONDS
HEAD = "HTTP/1.1\r\nHost: chat.example\r\nAccept: application/json\r\n\r\n"


def poll_bytes(since: int, rest: str = "", head: str = HEAD) -> bytes:
    """A poll as bytes."""
    return f"GET /rooms/lobby/events?since={since}{rest} {head}".encode()


class Poller:
    """A connection that polls, and counts how many of its requests were parsed."""

    def __init__(self, server: MemoryServer) -> None:
        self.server = server
        self.http = server.http()
        self.parsed = 0
        self.cursor = server.say("first") - 1

    def poll(self, data: bytes) -> list[str]:
        """Send a request that is answered at once; returns the texts of its events."""
        with self.counting():
            self.http.send_raw(data)
        return self.http.response().texts

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the requests that are parsed, by twisted.web or as plain polls."""
        received, read = ChatRequest.requestReceived, PlainPolls.read

        def count(request: ChatRequest, *args: bytes) -> None:
            self.parsed += 1
            received(request, *args)

        def count_plain(polls: PlainPolls, *args: Any) -> PollRequest | None:
            asked = read(polls, *args)
            self.parsed += asked is not None
            return asked

        with (
            patch.object(ChatRequest, "requestReceived", count),
            patch.object(PlainPolls, "read", count_plain),
        ):
            yield


@pytest.fixture
def poller(server: MemoryServer) -> Poller:
    """A connection that has learned its poll."""
    poller = Poller(server)
    assert poller.poll(poll_bytes(poller.cursor)) == ["first"]
    assert poller.parsed == 1
    return poller


def test_repeated_poll_is_not_parsed_again(poller: Poller) -> None:
    """Its bytes may differ in the cursor only."""
    assert poller.poll(poll_bytes(poller.cursor)) == ["first"]
    assert poller.poll(poll_bytes(poller.cursor - 5)) == ["first"]
    assert poller.parsed == 1


def test_parsed_and_learned_polls_have_identical_answers(server: MemoryServer) -> None:
    """To the byte, except for the date."""
    poller = Poller(server)
    first, second = server.http(), server.http()
    answers = []
    for connection in (first, first, second, second):
        connection.wire.send(poll_bytes(poller.cursor))
        server.chat.settle()
        answers.append(connection.wire.received())
    parsed, *learned = answers

    assert [_without_date(data) for data in learned] == [_without_date(parsed)] * 3


def _without_date(data: bytes) -> set[bytes]:
    return {line for line in data.split(b"\r\n") if not line.startswith(b"Date:")}


class NewPoller(Poller):
    """A connection that has sent nothing yet."""

    def __init__(self, server: MemoryServer, cursor: int) -> None:
        self.server = server
        self.http = server.http()
        self.parsed = 0
        self.cursor = cursor


def test_shared_template_holds_for_a_new_connection(server: MemoryServer, poller: Poller) -> None:
    """Ten thousand clients that reconnect at once send the same bytes."""
    newcomer = NewPoller(server, poller.cursor)
    for _ in range(2):
        assert newcomer.poll(poll_bytes(poller.cursor)) == ["first"]
    assert newcomer.parsed == 0
    assert newcomer.poll(poll_bytes(poller.cursor, "&limit=5")) == ["first"]
    assert newcomer.parsed == 1


def test_polls_over_tls_are_learned_shared_and_held_alike(server: MemoryServer) -> None:
    """Their bytes are those of plain connections."""
    with all_secure():
        poller = Poller(server)
        newcomer = NewPoller(server, poller.cursor)
    for _ in range(3):
        assert poller.poll(poll_bytes(poller.cursor)) == ["first"]
        assert newcomer.poll(poll_bytes(poller.cursor)) == ["first"]
    assert (poller.parsed, newcomer.parsed) == (1, 0)
    for each in (poller, newcomer):
        with each.counting():
            each.http.send_raw(poll_bytes(poller.cursor + 1))
        assert each.http.responses() == []
    server.say("second")
    assert [each.http.response().texts for each in (poller, newcomer)] == [["second"]] * 2
    assert (poller.parsed, newcomer.parsed) == (1, 0)


def test_new_connection_with_a_shared_template_is_held_and_closed_like_others(
    server: MemoryServer, poller: Poller
) -> None:
    """Its poll joins the group, and it has the same idle time."""
    newcomer = NewPoller(server, poller.cursor)
    newcomer.http.send_raw(poll_bytes(server.say("second")))
    assert newcomer.http.responses() == []
    server.say("third")
    server.chat.settle()
    assert newcomer.http.response().texts == ["third"]
    server.chat.advance(KEPT_SECONDS - 1)
    assert not newcomer.http.wire.lost
    server.chat.advance(2 + LINGER_SECONDS)
    assert newcomer.http.wire.lost


def test_poll_that_is_held_first_shares_its_template(server: MemoryServer) -> None:
    """Thousands of polls that begin in a quiet room are parsed once, not once each."""
    cursor = server.say("first")
    first, second = NewPoller(server, cursor), NewPoller(server, cursor)
    for newcomer in (first, second):
        with newcomer.counting():
            newcomer.http.send_raw(poll_bytes(cursor))
        assert newcomer.http.responses() == []
    assert (first.parsed, second.parsed) == (1, 0)
    server.say("second")
    server.chat.settle()
    answers = [newcomer.http.wire.received() for newcomer in (first, second)]
    assert b'"second"' in answers[0]
    assert _without_date(answers[0]) == _without_date(answers[1])


def test_held_poll_that_is_refused_has_the_headers_of_a_refusal(server: MemoryServer) -> None:
    """Sharing its template sets no header of its own answer."""
    cursor = server.say("first")
    http = server.http()
    http.send_raw(poll_bytes(cursor))
    server.chat.service.readers.policy = DenyAll()
    server.chat.settle()
    response = http.response()
    assert response.status == 403
    assert "x-accel-buffering" not in response.headers


@pytest.mark.parametrize(
    "header",
    ["Origin: http://chat.example", "Cookie: chatd=x", "Cookie: other=1"],
)
def test_poll_with_a_cookie_or_origin_is_parsed_on_each_connection(
    server: MemoryServer, header: str
) -> None:
    """Its session and its page are checked for each connection."""
    head = HEAD.replace("\r\n\r\n", f"\r\n{header}\r\n\r\n")
    first = Poller(server)
    for one in (first, NewPoller(server, first.cursor)):
        for _ in range(2):
            assert one.poll(poll_bytes(first.cursor, head=head)) == ["first"]
        assert one.parsed == 1


def test_poll_of_a_session_is_parsed_on_each_connection(server: MemoryServer) -> None:
    """Its token may have ended meanwhile, or be another client's."""
    first = Poller(server)
    token = first.http.post("/session", {"name": "ada"}).json["token"]
    words = poll_bytes(first.cursor, f"&access_token={token}")
    for one in (first, NewPoller(server, first.cursor)):
        for _ in range(2):
            assert "first" in one.poll(words)
        assert one.parsed == 1


def test_shared_template_matches_only_one_whole_first_request(
    server: MemoryServer, poller: Poller
) -> None:
    """Neither a part of a request, nor two at once, nor a later request of the connection."""
    words = poll_bytes(poller.cursor)
    halves, twice, late = (NewPoller(server, poller.cursor) for _ in range(3))
    halves.http.wire.send(words[:30])
    assert halves.poll(words[30:]) == ["first"]
    for pair in (words + words, b""):
        twice.http.send_raw(pair)
    server.chat.settle()
    assert [response.texts for response in twice.http.responses()] == [["first"], ["first"]]
    assert late.http.get("/rooms").status == 200
    assert late.poll(words) == ["first"]
    assert (halves.parsed, late.parsed) == (1, 1)


@pytest.mark.parametrize("target", ["?x=?since={}", "?x=?since={}&wait=0", "?limit=3&x=since={}"])
def test_cursor_inside_another_value_is_not_a_cursor(server: MemoryServer, target: str) -> None:
    """A question mark may stand in a value (RFC 3986, section 3.4)."""
    ids = [server.say(text) for text in ("one", "two", "three")]
    poller = Poller(server)
    for since in (ids[0] - 1, ids[2]):
        request = f"GET /rooms/lobby/events{target.format(since)} {HEAD}".encode()
        assert poller.poll(request)[-1] == "first"
    assert poller.parsed == 2


def test_shared_template_is_not_used_while_draining(server: MemoryServer, poller: Poller) -> None:
    """A connection without requests so far is refused."""
    newcomer = NewPoller(server, poller.cursor)
    server.peers.draining = True
    newcomer.http.send_raw(poll_bytes(poller.cursor))
    assert newcomer.http.response().status == 503


def test_template_is_dropped_with_its_last_connection(server: MemoryServer, poller: Poller) -> None:
    """The next connection that sends the poll parses it again."""
    poller.http.wire.hang_up()
    newcomer = NewPoller(server, poller.cursor)
    assert newcomer.poll(poll_bytes(poller.cursor)) == ["first"]
    assert newcomer.parsed == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(poll_bytes(1, "&limit=5"), id="another parameter"),
        pytest.param(poll_bytes(1, "&wait=0"), id="another wait"),
        pytest.param(poll_bytes(1, head=HEAD.replace("json", "*  ")), id="another header"),
        pytest.param(poll_bytes(1, head="HTTP/1.1\r\nHost: chat.example\r\n\r\n"), id="one less"),
        pytest.param(poll_bytes(1, head=HEAD.replace("1.1", "1.0")), id="HTTP/1.0"),
        pytest.param(
            poll_bytes(1, head=HEAD.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")),
            id="close",
        ),
        pytest.param(poll_bytes(1).replace(b"lobby", b"Lobby"), id="another spelling"),
        pytest.param(poll_bytes(1).replace(b"=1", b"=%31"), id="a quoted cursor"),
        pytest.param(poll_bytes(1).replace(b"since", b"sin%63e"), id="a quoted name"),
        pytest.param(
            poll_bytes(1, head=HEAD.replace("\r\n\r\n", "\r\nExpect: x\r\n\r\n")), id="a wish"
        ),
    ],
)
def test_poll_that_differs_in_any_other_byte_is_parsed(poller: Poller, other: bytes) -> None:
    """A request that merely resembles the learned one takes the slow path."""
    assert poller.poll(other) == ["first"]
    assert poller.parsed == 2


@pytest.mark.parametrize("bad", ["-1", "", "1e3", "9" * 19, "+1"])
def test_invalid_cursor_of_a_learned_poll_is_refused(poller: Poller, bad: str) -> None:
    """The fast path is as strict about digits as the slow path."""
    data = poll_bytes(0).replace(b"since=0", f"since={bad}".encode())
    poller.http.send_raw(data)
    assert poller.http.response().refusal == (400, "malformed")


def test_future_cursor_of_a_learned_poll_is_a_gap(poller: Poller) -> None:
    """The fast path compares each cursor with the newest event too."""
    poller.http.send_raw(poll_bytes(10**18 - 1))
    assert poller.http.response().json["gap"]
    assert poller.parsed == 1


def test_learned_poll_in_two_packets_is_parsed(poller: Poller) -> None:
    """Only a whole request in one packet matches; the next one that does is learned anew."""
    data = poll_bytes(poller.cursor)
    poller.http.wire.send(data[:30])
    assert poller.poll(data[30:]) == ["first"]
    assert poller.parsed == 2
    for _ in range(2):
        assert poller.poll(data) == ["first"]
        assert poller.parsed == 3


def test_poll_in_two_packets_is_not_learned(server: MemoryServer) -> None:
    """Its bytes are not known to be one request."""
    poller = Poller(server)
    data = poll_bytes(poller.cursor)
    for _ in range(2):
        poller.http.wire.send(data[:40])
        poller.poll(data[40:])
    assert poller.parsed == 2


def test_two_polls_in_one_packet_are_both_answered(poller: Poller) -> None:
    """A client that pipelines gets all its answers, in order."""
    poller.http.wire.send(poll_bytes(poller.cursor) + poll_bytes(poller.cursor + 1, "&wait=0"))
    poller.server.chat.settle()
    answers = poller.http.wire.received()
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.index(b"first") < answers.index(b'"events":[]')


def test_poll_with_a_body_is_not_learned(server: MemoryServer) -> None:
    """The body would stand where the next request begins."""
    poller = Poller(server)
    head = HEAD.replace("\r\n\r\n", "\r\nContent-Length: 3\r\n\r\n")
    for _ in range(2):
        poller.http.wire.send(poll_bytes(poller.cursor, head=head))
        poller.poll(b"abc")
    assert poller.parsed == 2


def test_poll_with_its_cursor_in_a_header_is_not_learned(server: MemoryServer) -> None:
    """`Last-Event-ID` overrides the cursor in the target."""
    poller = Poller(server)
    head = HEAD.replace("\r\n\r\n", f"\r\nLast-Event-ID: {poller.cursor}\r\n\r\n")
    assert poller.poll(poll_bytes(poller.cursor, head=head)) == ["first"]
    assert poller.poll(poll_bytes(poller.cursor + 1, head=head)) == ["first"]
    assert poller.parsed == 2


def test_overlong_poll_is_not_learned(server: MemoryServer) -> None:
    """The memory for templates is bounded on each connection."""
    poller = Poller(server)
    head = HEAD.replace("\r\n\r\n", f"\r\nX-Long: {'x' * MAX_TEMPLATE}\r\n\r\n")
    for _ in range(2):
        poller.poll(poll_bytes(poller.cursor, head=head))
    assert poller.parsed == 2


# -- held polls ----------------------------------------------------------------------------------


@pytest.fixture
def held(poller: Poller) -> Poller:
    """A connection whose learned poll is held."""
    poller.cursor += 1
    poller.http.send_raw(poll_bytes(poller.cursor))
    assert poller.http.responses() == []
    return poller


def test_held_poll_is_answered_in_the_turn_that_stores_the_event(held: Poller) -> None:
    """No timer lies in between."""
    held.server.say("second")
    assert held.http.response().texts == ["second"]


def test_held_poll_is_answered_when_its_wait_is_over(held: Poller) -> None:
    """After 25 seconds, hardly later, without events and with the same cursor."""
    held.server.chat.advance(24.9)
    assert held.http.responses() == []
    held.server.chat.advance(0.3)
    answer = held.http.response().json
    assert (answer["events"], answer["next"]) == ([], held.cursor)


def test_client_that_disconnects_from_a_held_poll_leaves_nothing(held: Poller) -> None:
    """No reader in the room, and no answer is written."""
    room = held.server.chat.room("lobby")
    assert room.readers == 1
    held.http.wire.hang_up()
    assert room.readers == 0
    held.server.say("second")
    held.server.chat.advance(100)
    assert held.http.wire.received() == b""


def test_connection_and_its_template_are_no_reference_cycle(server: MemoryServer) -> None:
    """Over a real socket, whose transport gives the poll its `send`."""
    cursor = server.say("first") - 1
    wire = TcpPair(server.http_door.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1)))
    with no_garbage():
        for _ in range(3):
            wire.client.sendall(poll_bytes(cursor))
            for reader in tuple(wire.watch.readers):
                reader.doRead()
            server.chat.settle()
            assert b"first" in wire.client.recv(65536)
        assert wire.server not in wire.watch.readers, "it is in the EpollGroup"
        wire.close()
        del wire, reader
    assert len(server.peers) == 0


def test_requests_pipelined_behind_a_held_poll_are_answered_after_it(held: Poller) -> None:
    """In the order in which they came."""
    held.http.send_raw(b"GET /healthz HTTP/1.1\r\nHost: chat.example\r\n\r\n")
    held.http.send_raw(poll_bytes(held.cursor))
    assert held.http.responses() == []
    held.server.say("second")
    polled, health, again = held.http.responses()
    assert polled.texts == ["second"]
    assert health.json == {"status": "ok"}
    assert again.texts == ["second"]


LATE = b"POST /rooms/lobby/messages?name=eve HTTP/1.1\r\nHost: chat.example\r\n" + (
    b"Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nlate"
)


def test_later_packet_does_not_overtake_a_pipelined_request(
    held: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipelined bytes are read in the turn after the answer, and more may come before that."""
    later: list[Callable[[], None]] = []
    with monkeypatch.context() as patch:
        patch.setattr(ChatChannel, "callLater", lambda _, __, call: later.append(call))
        held.http.send_raw(LATE[:100])
        held.server.say("second")
        held.http.send_raw(LATE[100:] + b"GET /healthz HTTP/1.1\r\nHost: chat.example\r\n\r\n")
    for call in later:
        call()
    held.server.chat.settle()
    polled, posted, health = held.http.responses()
    assert polled.texts == ["second"]
    assert posted.status == 201
    assert health.json == {"status": "ok"}


def test_client_that_half_closes_after_a_held_poll_was_answered_gets_all_answers(
    held: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request that it pipelined is carried out."""
    later: list[Callable[[], None]] = []
    held.http.send_raw(LATE)
    with monkeypatch.context() as patch:
        patch.setattr(ChatChannel, "callLater", lambda _, __, call: later.append(call))
        held.server.say("second")
    held.http.wire.end_input()
    for call in later:
        call()
    held.server.chat.settle()
    assert [response.status for response in held.http.responses()] == [200, 201]


def test_half_closed_connection_is_closed_when_its_held_poll_is_answered(held: Poller) -> None:
    """As on the slow path: no further request can come."""
    held.http.wire.end_input()
    assert not held.http.closed
    held.server.say("second")
    assert held.http.response().texts == ["second"]
    held.server.chat.settle()
    assert held.http.closed


def test_requests_pipelined_before_a_half_close_are_answered(held: Poller) -> None:
    """In order, and then the connection is closed."""
    held.http.send_raw(LATE)
    held.http.wire.end_input()
    held.server.say("second")
    held.server.chat.settle()
    assert [response.status for response in held.http.responses()] == [200, 201]
    assert held.http.closed


def test_pipelined_input_behind_held_poll_is_not_read(held: Poller) -> None:
    """Beyond a bounded buffer, it waits in TCP."""
    held.http.wire.send(b"x" * 20_000)
    assert held.http.wire.producerState == "paused"


def test_idle_time_begins_when_a_learned_poll_is_answered(held: Poller) -> None:
    """It does not run while the poll is held."""
    held.server.chat.advance(26)
    assert held.http.response().texts == []
    held.server.chat.advance(KEPT_SECONDS - 2)
    assert not held.http.closed
    held.server.chat.advance(2 + LINGER_SECONDS)
    assert held.http.closed


def test_empty_line_does_not_restart_the_idle_time(poller: Poller) -> None:
    """HTTP allows it before a request, but it is none."""
    poller.poll(poll_bytes(poller.cursor))
    poller.http.wire.send(b"\r\n")
    poller.server.chat.advance(KEPT_SECONDS - 1)
    assert not poller.http.closed
    poller.server.chat.advance(2 + LINGER_SECONDS)
    assert poller.http.closed


def test_other_requests_restart_the_idle_time(held: Poller) -> None:
    """It is counted on the fast path and the slow path alike."""
    held.server.say("second")
    assert held.http.response().texts == ["second"]
    held.server.chat.advance(50)
    assert held.http.get("/healthz").status == 200
    held.server.chat.advance(50)
    assert held.http.get("/healthz").status == 200
    held.server.chat.advance(100)
    assert held.http.closed


# -- templates and sessions ----------------------------------------------------------------------


def learned_target(ada: HttpClient) -> str:
    """The target of a poll in ada's session that her connection has learned."""
    target = "/rooms/lobby/events?since=1&wait=0"
    for _ in range(2):
        assert ada.get(target).status == 200
    assert isinstance(ada.wire.protocol, ChatChannel)
    assert ada.wire.protocol.learned
    return target


def test_learned_poll_of_an_ended_session_is_refused(server: MemoryServer, ada: HttpClient) -> None:
    """The token was valid when the poll was learned."""
    target = learned_target(ada)
    other = server.http()
    other.headers = dict(ada.headers)
    assert other.request("DELETE", "/session").status == 204
    assert ada.get(target).refusal == (401, "bad-token")


def test_learned_polls_keep_their_session_alive(server: MemoryServer, ada: HttpClient) -> None:
    """They restart its grace period, as parsed polls do."""
    target = learned_target(ada)
    for _ in range(4):
        server.chat.advance(30)
        ada.get(target)
    assert server.here == ["ada"]


def test_learned_poll_finds_a_room_that_was_evicted(server: MemoryServer) -> None:
    """The room without events was another object than the one with an event."""
    http = server.http()
    floor = server.chat.service.horizon
    target = f"/rooms/new/events?since={floor}&wait=0"
    for _ in range(2):
        assert http.get(target).texts == []
    server.say("hello", room="new")
    assert http.get(target).texts == ["hello"]


def test_newer_poll_of_a_session_ends_the_older_on_both_paths(
    server: MemoryServer, ada: HttpClient
) -> None:
    """The older one is answered at once without events, whether each was parsed or learned."""
    learned_target(ada)
    since = server.say("now")
    target = f"/rooms/lobby/events?since={since}"
    other = server.http()
    other.headers = dict(ada.headers)
    ada.send("GET", target)
    other.send("GET", target)
    assert ada.response().texts == []
    ada.send("GET", target)
    assert other.response().texts == []
    server.say("then")
    assert ada.response().texts == ["then"]
