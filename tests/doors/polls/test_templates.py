"""Learned polls: recognised when they are the same question, and only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from twisted.internet.address import IPv4Address

from chatd.doors.polls.templates import MAX_TEMPLATE
from chatd.http.bounds import IDLE_SECONDS, LATE_SECONDS
from chatd.http.channel import ChatChannel
from chatd.http.request import ChatRequest
from chatd.net.connections import LINGER_SECONDS
from chatd.testing.policies import DenyAll

from ...kit.garbage import no_garbage
from ...kit.http import HttpClient
from ...kit.server import MemoryServer
from ...kit.tcp import TcpPair

KEPT_SECONDS = IDLE_SECONDS + LATE_SECONDS
HEAD = "HTTP/1.1\r\nHost: chat.example\r\nAccept: application/json\r\n\r\n"


def question(since: int, rest: str = "", head: str = HEAD) -> bytes:
    """A poll as bytes."""
    return f"GET /rooms/lobby/events?since={since}{rest} {head}".encode()


class Poller:
    """A connection that polls, and counts how often it had to be parsed."""

    def __init__(self, server: MemoryServer) -> None:
        self.server = server
        self.http = server.http()
        self.parsed = 0
        self.cursor = server.say("first") - 1

    def poll(self, data: bytes) -> list[str]:
        """Send a request, which is answered at once; what it brought."""
        with self.counting():
            self.http.send_raw(data)
        return self.http.response().texts

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the requests that are parsed."""
        received = ChatRequest.requestReceived

        def count(request: ChatRequest, *args: bytes) -> None:
            self.parsed += 1
            received(request, *args)

        with patch.object(ChatRequest, "requestReceived", count):
            yield


@pytest.fixture
def poller(server: MemoryServer) -> Poller:
    """A connection that has learned its question."""
    poller = Poller(server)
    assert poller.poll(question(poller.cursor)) == ["first"]
    assert poller.parsed == 1
    return poller


def test_the_same_question_is_not_parsed_again(poller: Poller) -> None:
    """But for the cursor, the bytes are the same."""
    assert poller.poll(question(poller.cursor)) == ["first"]
    assert poller.poll(question(poller.cursor - 5)) == ["first"]
    assert poller.parsed == 1


def test_both_roads_answer_alike(server: MemoryServer) -> None:
    """To the byte, but for the date."""
    poller = Poller(server)
    first, second = server.http(), server.http()
    answers = []
    for connection in (first, first, second, second):
        connection.wire.send(question(poller.cursor))
        server.chat.settle()
        answers.append(connection.wire.received())
    parsed, *learned = answers

    assert [_dateless(data) for data in learned] == [_dateless(parsed)] * 3


def _dateless(data: bytes) -> set[bytes]:
    return {line for line in data.split(b"\r\n") if not line.startswith(b"Date:")}


class Newcomer(Poller):
    """A new connection, among others."""

    def __init__(self, server: MemoryServer, cursor: int) -> None:
        self.server = server
        self.http = server.http()
        self.parsed = 0
        self.cursor = cursor


def test_what_one_has_learned_holds_for_a_new_connection(
    server: MemoryServer, poller: Poller
) -> None:
    """Ten thousand who come back at once begin with the same words."""
    newcomer = Newcomer(server, poller.cursor)
    for _ in range(2):
        assert newcomer.poll(question(poller.cursor)) == ["first"]
    assert newcomer.parsed == 0
    assert newcomer.poll(question(poller.cursor, "&limit=5")) == ["first"]
    assert newcomer.parsed == 1


def test_a_new_connection_is_held_and_let_go_like_the_others(
    server: MemoryServer, poller: Poller
) -> None:
    """It waits with them, and has as long for its next request."""
    newcomer = Newcomer(server, poller.cursor)
    newcomer.http.send_raw(question(server.say("second")))
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
    first, second = Newcomer(server, cursor), Newcomer(server, cursor)
    for newcomer in (first, second):
        with newcomer.counting():
            newcomer.http.send_raw(question(cursor))
        assert newcomer.http.responses() == []
    assert (first.parsed, second.parsed) == (1, 0)
    server.say("second")
    server.chat.settle()
    answers = [newcomer.http.wire.received() for newcomer in (first, second)]
    assert b'"second"' in answers[0]
    assert _dateless(answers[0]) == _dateless(answers[1])


def test_held_poll_that_is_refused_has_the_headers_of_a_refusal(server: MemoryServer) -> None:
    """Sharing its template sets no header of its own answer."""
    cursor = server.say("first")
    http = server.http()
    http.send_raw(question(cursor))
    server.chat.service.readers.policy = DenyAll()
    server.chat.settle()
    response = http.response()
    assert response.status == 403
    assert "x-accel-buffering" not in response.headers


@pytest.mark.parametrize(
    "header",
    ["Origin: http://chat.example", "Cookie: chatd=x", "Cookie: other=1"],
)
def test_a_question_of_somebody_s_own_is_parsed_on_each_connection(
    server: MemoryServer, header: str
) -> None:
    """Who asks, and from which page, is judged for each."""
    head = HEAD.replace("\r\n\r\n", f"\r\n{header}\r\n\r\n")
    first = Poller(server)
    for one in (first, Newcomer(server, first.cursor)):
        for _ in range(2):
            assert one.poll(question(first.cursor, head=head)) == ["first"]
        assert one.parsed == 1


def test_a_session_s_question_is_parsed_on_each_connection(server: MemoryServer) -> None:
    """Its token may be over, or another client's, by then."""
    first = Poller(server)
    token = first.http.post("/session", {"name": "ada"}).json["token"]
    words = question(first.cursor, f"&access_token={token}")
    for one in (first, Newcomer(server, first.cursor)):
        for _ in range(2):
            assert "first" in one.poll(words)
        assert one.parsed == 1


def test_only_a_whole_question_and_nothing_else_begins_so(
    server: MemoryServer, poller: Poller
) -> None:
    """Neither half of one, nor two at once, nor anything behind the first bytes."""
    words = question(poller.cursor)
    halves, twice, late = (Newcomer(server, poller.cursor) for _ in range(3))
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
def test_what_only_looks_like_a_cursor_is_none(server: MemoryServer, target: str) -> None:
    """A question mark may stand in a value (RFC 3986, section 3.4)."""
    ids = [server.say(text) for text in ("one", "two", "three")]
    poller = Poller(server)
    for since in (ids[0] - 1, ids[2]):
        request = f"GET /rooms/lobby/events{target.format(since)} {HEAD}".encode()
        assert poller.poll(request)[-1] == "first"
    assert poller.parsed == 2


def test_nothing_begins_so_while_the_server_goes_down(server: MemoryServer, poller: Poller) -> None:
    """A connection that was silent until then is refused, whatever it asks."""
    newcomer = Newcomer(server, poller.cursor)
    server.peers.draining = True
    newcomer.http.send_raw(question(poller.cursor))
    assert newcomer.http.response().status == 503


def test_what_nobody_asks_any_more_is_forgotten(server: MemoryServer, poller: Poller) -> None:
    """With the last connection that has learned it."""
    poller.http.wire.hang_up()
    newcomer = Newcomer(server, poller.cursor)
    assert newcomer.poll(question(poller.cursor)) == ["first"]
    assert newcomer.parsed == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(question(1, "&limit=5"), id="another parameter"),
        pytest.param(question(1, "&wait=0"), id="another wait"),
        pytest.param(question(1, head=HEAD.replace("json", "*  ")), id="another header"),
        pytest.param(question(1, head="HTTP/1.1\r\nHost: chat.example\r\n\r\n"), id="one less"),
        pytest.param(question(1, head=HEAD.replace("1.1", "1.0")), id="HTTP/1.0"),
        pytest.param(
            question(1, head=HEAD.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")), id="close"
        ),
        pytest.param(question(1).replace(b"lobby", b"Lobby"), id="another spelling"),
        pytest.param(question(1).replace(b"=1", b"=%31"), id="a quoted cursor"),
        pytest.param(question(1).replace(b"since", b"sin%63e"), id="a quoted name"),
        pytest.param(
            question(1, head=HEAD.replace("\r\n\r\n", "\r\nExpect: x\r\n\r\n")), id="a wish"
        ),
    ],
)
def test_anything_else_is_parsed(poller: Poller, other: bytes) -> None:
    """A request that looks alike but is not takes twisted.web's road."""
    assert poller.poll(other) == ["first"]
    assert poller.parsed == 2


@pytest.mark.parametrize("bad", ["-1", "", "1e3", "9" * 19, "+1"])
def test_a_cursor_that_is_none_is_refused_on_either_road(poller: Poller, bad: str) -> None:
    """The digits are judged as strictly as twisted.web's road judges them."""
    data = question(0).replace(b"since=0", f"since={bad}".encode())
    poller.http.send_raw(data)
    assert poller.http.response().refusal == (400, "malformed")


def test_a_cursor_from_the_future_is_a_gap_on_either_road(poller: Poller) -> None:
    """What is looked up for each poll is looked up for this one too."""
    poller.http.send_raw(question(10**18 - 1))
    assert poller.http.response().json["gap"]
    assert poller.parsed == 1


def test_a_question_in_two_packets_is_parsed(poller: Poller) -> None:
    """Only what comes whole is recognised; the next whole one is again."""
    data = question(poller.cursor)
    poller.http.wire.send(data[:30])
    assert poller.poll(data[30:]) == ["first"]
    assert poller.parsed == 2
    assert poller.poll(data) == ["first"]
    assert poller.parsed == 2


def test_what_came_in_two_packets_is_not_learned(server: MemoryServer) -> None:
    """Its bytes are not known to be one request."""
    poller = Poller(server)
    data = question(poller.cursor)
    for _ in range(2):
        poller.http.wire.send(data[:40])
        poller.poll(data[40:])
    assert poller.parsed == 2


def test_two_questions_in_one_packet_are_both_answered(poller: Poller) -> None:
    """A client that pipelines gets all its answers, in order."""
    poller.http.wire.send(question(poller.cursor) + question(poller.cursor + 1, "&wait=0"))
    poller.server.chat.settle()
    answers = poller.http.wire.received()
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    assert answers.index(b"first") < answers.index(b'"events":[]')


def test_a_question_with_a_body_is_not_learned(server: MemoryServer) -> None:
    """A body would stand where the next request begins."""
    poller = Poller(server)
    head = HEAD.replace("\r\n\r\n", "\r\nContent-Length: 3\r\n\r\n")
    for _ in range(2):
        poller.http.wire.send(question(poller.cursor, head=head))
        poller.poll(b"abc")
    assert poller.parsed == 2


def test_a_question_that_tells_its_cursor_in_a_header_is_not_learned(server: MemoryServer) -> None:
    """`Last-Event-ID` counts, and not what the address says."""
    poller = Poller(server)
    head = HEAD.replace("\r\n\r\n", f"\r\nLast-Event-ID: {poller.cursor}\r\n\r\n")
    assert poller.poll(question(poller.cursor, head=head)) == ["first"]
    assert poller.poll(question(poller.cursor + 1, head=head)) == ["first"]
    assert poller.parsed == 2


def test_a_monstrous_question_is_not_worth_remembering(server: MemoryServer) -> None:
    """What each connection remembers is bounded."""
    poller = Poller(server)
    head = HEAD.replace("\r\n\r\n", f"\r\nX-Long: {'x' * MAX_TEMPLATE}\r\n\r\n")
    for _ in range(2):
        poller.poll(question(poller.cursor, head=head))
    assert poller.parsed == 2


# -- held ----------------------------------------------------------------------------------------


@pytest.fixture
def held(poller: Poller) -> Poller:
    """A connection whose learned poll is held."""
    poller.cursor += 1
    poller.http.send_raw(question(poller.cursor))
    assert poller.http.responses() == []
    return poller


def test_a_held_poll_is_answered_in_the_turn_that_stores_what_it_waits_for(held: Poller) -> None:
    """No timer lies in between."""
    held.server.say("second")
    assert held.http.response().texts == ["second"]


def test_a_held_poll_is_given_up_when_its_wait_is_over(held: Poller) -> None:
    """After 25 seconds, hardly later, with no events and the same cursor."""
    held.server.chat.advance(24.9)
    assert held.http.responses() == []
    held.server.chat.advance(0.3)
    answer = held.http.response().json
    assert (answer["events"], answer["next"]) == ([], held.cursor)


def test_a_client_that_leaves_while_held_leaves_nothing_behind(held: Poller) -> None:
    """Neither a reader in the room nor anything written to nobody."""
    room = held.server.chat.room("lobby")
    assert room.readers == 1
    held.http.wire.hang_up()
    assert room.readers == 0
    held.server.say("second")
    held.server.chat.advance(100)
    assert held.http.wire.received() == b""


def test_a_connection_and_what_it_has_learned_do_not_hold_each_other(server: MemoryServer) -> None:
    """Over a real socket, whose transport lends the poll what sends."""
    cursor = server.say("first") - 1
    wire = TcpPair(server.http_door.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1)))
    with no_garbage():
        for _ in range(3):
            wire.client.sendall(question(cursor))
            for reader in tuple(wire.watch.readers):
                reader.doRead()
            server.chat.settle()
            assert b"first" in wire.client.recv(65536)
        assert wire.server not in wire.watch.readers, "it is in the lane"
        wire.close()
        del wire, reader
    assert len(server.peers) == 0


def test_what_is_pipelined_behind_a_held_poll_is_answered_behind_it(held: Poller) -> None:
    """In order, whatever it is."""
    held.http.send_raw(b"GET /healthz HTTP/1.1\r\nHost: chat.example\r\n\r\n")
    held.http.send_raw(question(held.cursor))
    assert held.http.responses() == []
    held.server.say("second")
    polled, health, again = held.http.responses()
    assert polled.texts == ["second"]
    assert health.json == {"status": "ok"}
    assert again.texts == ["second"]


LATE = b"POST /rooms/lobby/messages?name=eve HTTP/1.1\r\nHost: chat.example\r\n" + (
    b"Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nlate"
)


def test_what_comes_before_the_rest_was_looked_at_does_not_pass_it(
    held: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn of the reactor lies between the answer and what had to wait for it: more may come."""
    later: list[Callable[[], None]] = []
    channel = held.http.wire.protocol
    with monkeypatch.context() as patch:
        patch.setattr(channel, "callLater", lambda _, call: later.append(call))
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


def test_who_ends_its_input_behind_a_held_poll_is_still_answered(
    held: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it had sent before is carried out."""
    later: list[Callable[[], None]] = []
    channel = held.http.wire.protocol
    held.http.send_raw(LATE)
    with monkeypatch.context() as patch:
        patch.setattr(channel, "callLater", lambda _, call: later.append(call))
        held.server.say("second")
    held.http.wire.end_input()
    for call in later:
        call()
    held.server.chat.settle()
    assert [response.status for response in held.http.responses()] == [200, 201]


def test_a_held_poll_that_has_half_closed_is_closed_when_it_is_answered(held: Poller) -> None:
    """As on the other road: nothing else will be asked."""
    held.http.wire.end_input()
    assert not held.http.closed
    held.server.say("second")
    assert held.http.response().texts == ["second"]
    held.server.chat.settle()
    assert held.http.closed


def test_what_was_sent_behind_a_held_poll_before_it_half_closed_is_answered(held: Poller) -> None:
    """In order, and then the connection is closed."""
    held.http.send_raw(LATE)
    held.http.wire.end_input()
    held.server.say("second")
    held.server.chat.settle()
    assert [response.status for response in held.http.responses()] == [200, 201]
    assert held.http.closed


def test_who_sends_on_and_on_behind_a_held_poll_is_not_read(held: Poller) -> None:
    """What is put off is bounded; the rest waits in TCP."""
    held.http.wire.send(b"x" * 20_000)
    assert held.http.wire.producerState == "paused"


def test_an_idle_connection_is_closed_so_long_after_its_last_learned_poll(held: Poller) -> None:
    """The idle time does not run while a poll is held."""
    held.server.chat.advance(26)
    assert held.http.response().texts == []
    held.server.chat.advance(KEPT_SECONDS - 2)
    assert not held.http.closed
    held.server.chat.advance(2 + LINGER_SECONDS)
    assert held.http.closed


def test_an_empty_line_is_no_reason_to_stay(poller: Poller) -> None:
    """HTTP allows it before a request; it is none, and the connection is as idle as before."""
    poller.poll(question(poller.cursor))
    poller.http.wire.send(b"\r\n")
    poller.server.chat.advance(KEPT_SECONDS - 1)
    assert not poller.http.closed
    poller.server.chat.advance(2 + LINGER_SECONDS)
    assert poller.http.closed


def test_a_request_of_another_kind_on_the_connection_keeps_it_open(held: Poller) -> None:
    """Idle time is counted on both roads."""
    held.server.say("second")
    assert held.http.response().texts == ["second"]
    held.server.chat.advance(50)
    assert held.http.get("/healthz").status == 200
    held.server.chat.advance(50)
    assert held.http.get("/healthz").status == 200
    held.server.chat.advance(100)
    assert held.http.closed


# -- what the bytes do not decide ----------------------------------------------------------------


def asks_again(ada: HttpClient) -> str:
    """A poll in ada's session that her connection has learned."""
    target = "/rooms/lobby/events?since=1&wait=0"
    for _ in range(2):
        assert ada.get(target).status == 200
    assert isinstance(ada.wire.protocol, ChatChannel)
    assert ada.wire.protocol.learned
    return target


def test_a_session_that_has_ended_is_noticed(server: MemoryServer, ada: HttpClient) -> None:
    """The token was good when the question was learned, and is not any more."""
    target = asks_again(ada)
    other = server.http()
    other.headers = dict(ada.headers)
    assert other.request("DELETE", "/session").status == 204
    assert ada.get(target).refusal == (401, "bad-token")


def test_learned_polls_keep_their_session(server: MemoryServer, ada: HttpClient) -> None:
    """Asking counts as being there, on either road."""
    target = asks_again(ada)
    for _ in range(4):
        server.chat.advance(30)
        ada.get(target)
    assert server.here == ["ada"]


def test_a_room_that_was_forgotten_in_between_is_found_again(server: MemoryServer) -> None:
    """A room where nothing had happened is another object when something does."""
    http = server.http()
    floor = server.chat.service.horizon
    target = f"/rooms/new/events?since={floor}&wait=0"
    for _ in range(2):
        assert http.get(target).texts == []
    server.say("hello", room="new")
    assert http.get(target).texts == ["hello"]


def test_of_two_polls_of_a_session_the_newer_is_held_on_either_road(
    server: MemoryServer, ada: HttpClient
) -> None:
    """The older one is answered at once with no events, however each was asked."""
    asks_again(ada)
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
