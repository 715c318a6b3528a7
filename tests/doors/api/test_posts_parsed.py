"""Random posts and conversations: plainly and parsed, they have the same outcome."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from chatd.doors.api.posts import BODY_SECONDS
from chatd.http.bounds import REQUEST_SECONDS
from chatd.http.channel import ChatChannel
from chatd.net.connections import LINGER_SECONDS

from ...kit.http import head
from ...kit.posts import FORM, JSON, TEXT, all_parsed, connect, post, prepared, without_date
from ...kit.server import MemoryServer

HEALTH = head("GET", "/healthz")
HEADERS = st.lists(
    st.sampled_from(
        [
            *("Accept: */*", "Connection: keep-alive", "Connection: close", "User-Agent: x", TEXT),
            *(JSON, FORM, "Content-Type: text/html", "content-type:\ttext/plain;charset=utf-8 "),
            *("Cookie: a=b", "X-A: 1", "Expect: 100-continue", "Host: a", "Bad", "Origin: null"),
            *("Content-Length: 5", "Transfer-Encoding: chunked", "Idempotency-Key: k"),
            *("Authorization: Bearer x", "X-Forwarded-For: 192.0.2.9", "Content-Encoding: gzip"),
        ]
    ),
    max_size=3,
)
QUERIES = st.lists(
    st.sampled_from(["name", "name", "x", "message", "ticket", "access_token"]).flatmap(
        lambda name: st.sampled_from(["bob", "Cy", "", "%61", "guest-7", "a.b", "x" * 40]).map(
            lambda value: f"{name}={value}"
        )
    ),
    max_size=2,
)
BODIES = st.sampled_from(
    [
        *("hello", "", " ", '{"text":"hi"}', '{"text":""}', "text=a&type=action", "a=b", "\x00"),
        *('{"text":"x","type":"action"}', "0\r\n\r\n", "x" * 3000, "\n" * 2000, "\N{SNOWMAN}"),
    ]
)


@given(
    method=st.sampled_from(["POST"] * 5 + ["GET", "PUT", "post"]),
    room=st.sampled_from(
        ["lobby", "lobby", "Lobby", "new", "quiet", "hidden", "l%6fbby", "", ".."]
    ),
    queries=st.lists(QUERIES | st.just(["name=bob"]), min_size=1, max_size=3),
    headers=HEADERS | st.just([TEXT]),
    body=BODIES,
    wrong=st.sampled_from([0, 0, 0, 0, 1, -1]),
    behind=st.sampled_from([b"", b"", HEALTH, b"x"]),
    cuts=st.lists(st.integers(0, 400) | st.just(-1), max_size=2),
    held=st.booleans(),
)
@example("POST", "lobby", [["name=bob"]], [TEXT], "hello", 0, b"", [-1], True)
@example("POST", "lobby", [["name=bob"]] * 2, [TEXT], "hello", 0, b"", [], True)
@example("POST", "lobby", [["name=bob"]] * 2, [TEXT], "hello", 1, b"", [], False)
def test_whatever_is_sent_the_answers_are_those_of_the_full_parser(
    method: str,
    room: str,
    queries: Sequence[Sequence[str]],
    headers: Sequence[str],
    body: str,
    wrong: int,
    behind: bytes,
    cuts: Sequence[int],
    held: bool,
) -> None:
    """At once, when the commands are stored, and later, however the bytes are cut (-1: behind the
    last head); and the same is said.
    """
    size = max(len(body.encode()) + wrong, 0)
    requests = [
        post(body, *headers, room=room, query="&".join(query), length=size).replace(
            b"POST", method.encode()
        )
        for query in queries
    ]
    packet = b"".join(requests) + behind
    places = sorted(len(packet) - len(behind) - size if cut < 0 else cut for cut in cuts)

    def talk(server: MemoryServer) -> list[object]:
        wire = connect(server)
        if held:
            server.hold_appends()
        for begin, end in pairwise([0, *places, len(packet)]):
            if packet[begin:end] and not wire.lost:
                wire.send(packet[begin:end])
                server.chat.settle()
        told: list[object] = [without_date(wire.received())]
        server.release_appends()
        told.append(without_date(wire.received()))
        if not wire.lost:
            server.chat.advance(REQUEST_SECONDS + BODY_SECONDS + LINGER_SECONDS + 1)
        told += [without_date(wire.received()), wire.lost]
        return [
            *told,
            *((server.chat.texts(name), server.kinds(name)) for name in ("lobby", "new")),
        ]

    heard = talk(prepared())
    with all_parsed():
        parsed = talk(prepared())
    assert heard == parsed


STEPS = st.lists(
    st.sampled_from(
        [
            *("post", "post", "action", "refused", "late name", "head", "body", "two", "a half"),
            *("healthz", "poll", "hold", "release", "some seconds", "end", "drain", "retire"),
        ]
    ),
    max_size=8,
)
"""Without `full` and `read`: a client that does not read sends nothing in reality, and what it
sends in memory is answered at once by the parser, or when the client reads.
"""


class Conversation:
    """A client's connection that posts, with all that may happen on it."""

    def __init__(self) -> None:
        self.server = prepared()
        self.wire = connect(self.server)
        self.input_over = False
        self.begun = False
        """Whether a head was sent last, without its body."""

    def step(self, what: str) -> tuple[bytes, bool, Sequence[str]]:
        """Have it happen; returns what the client gets, whether the connection is lost, and what
        was said.
        """
        server, wire = self.server, self.wire
        packets = {
            "post": post("hello", TEXT),
            "action": post('{"text":"waves","type":"action"}', JSON, room="new"),
            "refused": post("", TEXT),
            "late name": post("hello", TEXT, query="name=cy"),
            "head": post("hello", TEXT)[:-5],
            "body": b"hello",
            "two": post("one") + post("two"),
            "a half": post("hello")[:20],
            "healthz": HEALTH,
            "poll": head("GET", "/rooms/lobby/events?since=0&wait=0"),
        }
        if what in packets and not (self.input_over or wire.lost):
            self.begun = what == "head"
            wire.send(packets[what])
        elif what == "hold":
            server.hold_appends()
        elif what == "release":
            server.release_appends()
        elif what == "some seconds" and not server.peers.draining:  # a shutdown takes five seconds
            server.chat.advance(8)
        elif what == "end" and not (self.input_over or wire.lost):
            self.input_over = True
            wire.end_input()
        elif what == "retire" and not self.begun:  # whether the answer is the last is known then
            server.peers.retiring = True
        elif what == "drain" and not server.peers.draining:
            server.peers.draining = True
            for connection in server.peers:
                connection.drain()
        server.chat.settle()
        texts = [*server.chat.texts("lobby"), *server.chat.texts("new")]
        return without_date(wire.received()), wire.lost, texts


@given(steps=STEPS)
@example(steps=["hold", "post", "end", "release"])
@example(steps=["hold", "post", "drain", "post", "release"])
@example(steps=["hold", "post", "post", "drain", "release"])
@example(steps=["hold", "two", "end", "release"])
@example(steps=["head", "drain", "body"])
@example(steps=["head", "some seconds", "body", "post"])
@example(steps=["head", "body", "retire", "post", "post"])
@example(steps=["healthz", "hold", "post", "drain", "post", "release"])
@example(steps=["healthz", "head", "some seconds", "body", "poll", "post"])
def test_a_conversation_is_that_of_a_connection_whose_posts_are_parsed(
    steps: Sequence[str],
) -> None:
    """With and without a channel: further posts, other requests, pipelined bytes, a store that is
    slow, the end of the input, and a shutdown: each step has the same outcome.
    """

    def outcomes(*, channel: bool) -> list[tuple[bytes, bool, Sequence[str]]]:
        conversation = Conversation()
        outcomes = [conversation.step("post")]
        if channel:
            conversation.wire.fill()
            conversation.wire.drain()
        assert isinstance(conversation.wire.protocol, ChatChannel) == channel
        outcomes += map(conversation.step, steps)
        conversation.wire.hang_up()
        conversation.server.release_appends()
        assert not len(conversation.server.peers)
        return outcomes

    without = outcomes(channel=False)
    assert without == outcomes(channel=True)
    with all_parsed():
        assert without == outcomes(channel=True)
