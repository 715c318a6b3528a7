"""Going down: what everybody is told, and that nobody can hold it up."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred

from chatd.doors.classic import classic_site
from chatd.model.events import Joined, Left
from chatd.net.peers import RETRY_SECONDS, SPREAD_SECONDS
from chatd.server.drain import (
    ANSWER_SECONDS,
    DRAIN_SECONDS,
    GOODBYE_SECONDS,
    SETTLE_SECONDS,
    ChatServer,
)
from chatd.testing import FakeConnection, result_of

from ..kit.clients import DOORS
from ..kit.http import HttpClient, Response
from ..kit.server import MemoryServer
from ..kit.terminal import greeted
from ..kit.websocket import WebSocket

TOLD = "the server is going down; come back in a moment"
EVENTS = "/rooms/lobby/events"


class Going:
    """A server that has begun to go down."""

    def __init__(self, server: MemoryServer) -> None:
        self._chat = server.chat
        self.server: ChatServer = server.going_down()
        self._gone: list[object] = []
        self.server.stopService().addBoth(self._gone.append)
        server.chat.settle()

    @property
    def gone(self) -> bool:
        """Whether it is down; it has to have gone well."""
        assert self._gone in ([], [None])
        return bool(self._gone)

    def after(self, seconds: float) -> bool:
        """Whether it is down so many seconds later."""
        self._chat.advance(seconds)
        return self.gone


def heard(wire: FakeConnection) -> list[str]:
    """The lines that a telnet user has received."""
    return wire.received().decode().splitlines()


def is_last(response: Response) -> bool:
    """Whether a response says that none follows."""
    return response.headers["connection"] == "close"


# -- HTTP ------------------------------------------------------------------------------------------


def test_nobody_is_there_and_it_is_done(server: MemoryServer) -> None:
    """At once."""
    assert Going(server).gone


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/"), ("GET", "/healthz"), ("POST", "/rooms/lobby/messages"), ("GET", EVENTS)],
)
def test_a_request_on_an_open_connection_is_told_to_come_back(
    server: MemoryServer, http: HttpClient, method: str, target: str
) -> None:
    """503, when to come back, and that this connection ends; then it does."""
    going = Going(server)
    response = http.request(method, target, '{"text":"hi"}' if method == "POST" else "")
    assert response.refusal == (503, "unavailable")
    assert response.json["error"]["message"] == TOLD
    assert int(response.headers["retry-after"]) >= RETRY_SECONDS
    assert is_last(response)
    assert http.closed
    assert going.gone
    assert server.chat.texts("lobby") == []


def test_a_request_that_was_half_sent_is_told_so_too(
    server: MemoryServer, http: HttpClient
) -> None:
    """It was not accepted, so nothing of it happens."""
    http.send_raw(
        b"POST /rooms/lobby/messages?name=ada HTTP/1.1\r\nHost: chat.example\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhe",
        "POST",
    )
    going = Going(server)
    http.wire.send(b"llo")
    assert http.response().refusal == (503, "unavailable")
    assert http.closed
    assert going.gone


def test_a_connection_that_asks_nothing_is_closed(server: MemoryServer, http: HttpClient) -> None:
    """After the time in which a request could have crossed the news."""
    going = Going(server)
    assert not going.after(GOODBYE_SECONDS - 0.1)
    assert going.after(0.2)
    assert http.closed


def test_what_was_accepted_is_answered(server: MemoryServer, http: HttpClient) -> None:
    """However long the store takes, within reason; and it is the connection's last answer."""
    lobby = server.chat.room("lobby")
    server.hold_appends()
    http.send("POST", "/rooms/lobby/messages?name=ada", "hello", {"Content-Type": "text/plain"})
    server.chat.settle()
    going = Going(server)
    assert not going.after(ANSWER_SECONDS - 0.1)
    server.release_appends()
    response = http.response()
    assert response.status == 201
    assert is_last(response)
    assert len(lobby.log) == 1
    assert http.closed
    assert going.gone


@pytest.mark.parametrize("door", ["poll", "varying-poll", "plain"])
@pytest.mark.parametrize("number", [1, 2], ids=["first", "learned"])
def test_a_held_poll_is_answered_at_once(
    server: MemoryServer, http: HttpClient, door: str, number: int
) -> None:
    """With no events, and the cursor it came with; parsed or learned, JSON or text."""
    place = server.say("before")
    headers = {"Accept": "text/plain"} if door == "plain" else {}
    for turn in range(number):
        if door == "varying-poll":
            headers["X-Request-Id"] = f"{turn}"
        http.send("GET", f"{EVENTS}?since={place}", headers=headers)
        server.chat.settle()
        if turn + 1 < number:
            place = server.say("between")
            assert http.response().status == 200
    going = Going(server)
    response = http.response()
    assert response.status == 200
    if door == "plain":
        assert (response.body, response.headers["link"].count(f"since={place}>")) == (b"", 1)
    else:
        assert (response.texts, response.json["next"]) == ([], place)
        assert response.json["gap"] is False
    assert is_last(response)
    assert http.closed
    assert going.gone


def test_a_held_poll_does_not_wait_for_a_slow_store(server: MemoryServer, http: HttpClient) -> None:
    """Longer than `SETTLE_SECONDS`."""
    place = server.say("before")
    http.send("GET", f"{EVENTS}?since={place}")
    server.chat.settle()
    server.hold_appends()
    server.have_accepted("slow")
    going = Going(server)
    assert not http.responses()
    going.after(SETTLE_SECONDS)
    assert http.response().texts == []


def test_a_stream_ends_with_why_and_when_to_come_back(server: MemoryServer) -> None:
    """Properly, and not everybody at the same time."""
    streams = [server.http() for _ in range(20)]
    for stream in streams:
        stream.send("GET", EVENTS, headers={"Accept": "text/event-stream"})
        server.chat.settle()
        stream.streamed()
    going = Going(server)
    pauses = []
    for stream in streams:
        (found,) = re.findall(rb"^: the server is .*\nretry: (\d+)\n$", stream.response().body)
        pauses.append(int(found) / 1000)
        assert stream.closed
    assert all(RETRY_SECONDS <= pause <= RETRY_SECONDS + SPREAD_SECONDS for pause in pauses)
    assert len(set(pauses)) > 10
    assert going.gone


def test_a_stream_of_http_1_0_ends_likewise(server: MemoryServer, http: HttpClient) -> None:
    """Without chunks."""
    http.wire.send(
        f"GET {EVENTS} HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n".encode(),
    )
    server.chat.settle()
    going = Going(server)
    assert re.search(rb"\n\n: .*\nretry: \d+\n$", http.wire.received())
    assert http.closed
    assert going.gone


def test_the_classic_door_says_it_in_its_way(server: MemoryServer) -> None:
    """A held poll is answered empty, a request refused in plain text."""
    server.http_door = classic_site(server.chat.service, peers=server.peers, hosts=server.hosts)
    ada, bob = server.http(), server.http()
    ada.send("GET", "/?name=ada")
    server.chat.settle()
    going = Going(server)
    answer = ada.response()
    assert (answer.status, answer.body, is_last(answer)) == (200, b"", True)
    refusal = bob.get("/?name=bob")
    assert (refusal.status, refusal.body.decode()) == (503, f"{TOLD}\n")
    assert int(refusal.headers["retry-after"]) >= RETRY_SECONDS
    assert refusal.headers["access-control-allow-origin"] == "*"
    assert going.gone


# -- WebSocket -------------------------------------------------------------------------------------


def test_a_websocket_is_closed_with_a_code_that_says_come_back(server: MemoryServer) -> None:
    """1012, and the reason in words."""
    socket = WebSocket(server)
    going = Going(server)
    assert socket.told() == []
    assert socket.closed == (1012, TOLD)
    assert not going.gone
    socket.close(1012)
    assert socket.wire.lost
    assert going.after(0)


def test_a_websocket_gets_its_acknowledgement_first(server: MemoryServer) -> None:
    """However long the store takes; what it says behind that is refused."""
    socket = WebSocket(server)
    socket.send(type="say", text="I am here", ref="r")
    socket.told()
    server.hold_appends()
    socket.send(type="say", text="hello", ref="r")
    server.chat.settle()
    going = Going(server)
    going.after(GOODBYE_SECONDS + 1)
    assert socket.told() == []
    socket.send(type="say", text="too late", ref="r")
    (refused,) = socket.told()
    assert (refused["type"], refused["code"]) == ("error", "unavailable")
    server.release_appends()
    ack, event = socket.told()
    assert (ack["type"], ack["id"], event["text"]) == ("ack", event["id"], "hello")
    assert socket.closed == (1012, TOLD)


def test_a_command_that_waits_for_its_guest_is_answered_before_the_close(
    server: MemoryServer,
) -> None:
    """It is refused, because it was not accepted yet, and its client is told so."""
    socket = WebSocket(server)
    server.hold_appends()
    socket.send(type="say", text="hello", ref="r")
    server.chat.settle()
    going = Going(server)
    socket.send(type="say", text="too late", ref="r")
    server.chat.settle()
    server.release_appends()
    assert [answer["code"] for answer in socket.told()] == ["unavailable"] * 2
    assert socket.closed == (1012, TOLD)
    assert server.chat.texts("lobby") == []
    socket.close(1012)
    assert going.after(0)


# -- the line door ---------------------------------------------------------------------------------


def test_a_line_user_is_told_in_words(server: MemoryServer) -> None:
    """And the connection is closed."""
    wire = greeted(server)
    going = Going(server)
    assert heard(wire) == [f"!! {TOLD}"]
    assert wire.lost
    assert going.gone


def test_what_a_line_user_said_is_echoed_first(server: MemoryServer) -> None:
    """The goodbye stands behind it, however long the store takes."""
    wire = greeted(server)
    server.hold_appends()
    wire.send(b"hello\r\n")
    going = Going(server)
    going.after(GOODBYE_SECONDS + 1)
    assert heard(wire) == []
    assert not wire.lost
    wire.send(b"too late\r\n")
    server.release_appends()
    assert heard(wire) == ["<guest-0001> hello", f"!! {TOLD}"]
    assert wire.lost
    assert going.after(0)
    assert server.chat.texts("lobby") == ["hello"]


def test_lines_that_still_had_to_wait_are_told_to_be_lost() -> None:
    """How many they are: whoever pasted them can say them again.  What they go on sending is
    swallowed until they have read that, for a reset would take it back.
    """
    server = MemoryServer(message_rate=1)
    wire = greeted(server)
    wire.send(b"".join(b"%d\r\n" % number for number in range(10)))
    going = Going(server)
    *said, last = heard(wire)
    assert [line for line in said if line.startswith("<")] == [
        f"<guest-0001> {number}" for number in range(4)
    ]
    assert last == f"!! {TOLD}, and say your last 6 lines again"
    wire.send(b"still pasting\r\n")
    assert not wire.lost
    wire.end_input()
    assert wire.lost
    assert heard(wire) == []
    assert going.after(0)


# -- everybody -------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_what_was_accepted_is_shown_to_everybody_first(server: MemoryServer, door: str) -> None:
    """Also what was accepted in the same turn."""
    seen = DOORS[door](server)
    server.chat.settle()
    seen.read()
    server.have_accepted("just now")
    Going(server)
    data = (seen._wire if hasattr(seen, "_wire") else seen._reads.wire).received()  # type: ignore[attr-defined]
    assert b"just now" in data


def test_nobody_is_said_to_have_left(server: MemoryServer, ada: HttpClient) -> None:
    """They did not choose to go; most are back in a moment."""
    wire = greeted(server)
    wire.send(b"/nick bob\r\n")
    server.chat.settle()
    going = Going(server)
    going.after(GOODBYE_SECONDS)
    assert going.gone
    events = [entry.event for entry in server.chat.entries("lobby")]
    assert sum(isinstance(event, Joined) for event in events) == 2
    assert not any(isinstance(event, Left) for event in events)


def stream(server: MemoryServer) -> FakeConnection:
    """A stream of server-sent events."""
    http = server.http()
    http.send("GET", EVENTS, headers={"Accept": "text/event-stream"})
    server.chat.settle()
    return http.wire


@pytest.mark.parametrize(
    "connect",
    [greeted, stream, lambda server: WebSocket(server).wire],
    ids=["line", "sse", "websocket"],
)
def test_a_client_that_does_not_read_holds_nobody_up(
    server: MemoryServer, connect: Callable[[MemoryServer], FakeConnection]
) -> None:
    """It is cut off."""
    wire = connect(server)
    wire.fill()
    going = Going(server)
    assert going.after(GOODBYE_SECONDS)
    assert wire.lost


def test_a_store_that_never_answers_holds_nobody_up(server: MemoryServer, http: HttpClient) -> None:
    """What it did not take was acknowledged to nobody."""
    never: Deferred[None] = Deferred()
    server.chat.store.close = lambda: never  # type: ignore[method-assign]
    server.hold_appends()
    wire = greeted(server)
    wire.send(b"hello\r\n")
    http.send("POST", "/rooms/lobby/messages?name=ada", "hello", {"Content-Type": "text/plain"})
    server.chat.settle()
    going = Going(server)
    assert not going.after(ANSWER_SECONDS)
    assert wire.lost
    assert http.closed
    assert b"hello" not in wire.received() + http.wire.received()
    assert going.after(DRAIN_SECONDS - ANSWER_SECONDS)


def test_the_store_is_closed_last(server: MemoryServer, http: HttpClient) -> None:
    """When everybody is gone, and after everything accepted."""
    closed: list[bool] = []
    close = server.chat.store.close

    def closing() -> Deferred[None]:
        closed.append(http.closed)
        return close()

    server.chat.store.close = closing  # type: ignore[method-assign]
    going = Going(server)
    assert closed == []
    assert going.after(GOODBYE_SECONDS)
    assert closed == [True]


def test_whoever_hurries_waits_for_nobody(server: MemoryServer, http: HttpClient) -> None:
    """A second signal: what waits is cut off, and the store is closed."""
    server.hold_appends()
    wire = greeted(server)
    wire.send(b"hello\r\n")
    going = Going(server)
    assert not going.gone
    going.server.hurry()
    server.chat.settle()
    assert going.gone
    assert wire.lost
    assert http.closed


def test_a_connection_that_fails_to_end_is_cut_off(
    server: MemoryServer, logged_errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the others end as they should; what went wrong is in the log."""
    broken, sound = greeted(server), greeted(server)
    monkeypatch.setattr(broken.protocol, "drain", lambda: 1 / 0)
    going = Going(server)
    assert broken.lost
    assert heard(sound) == [f"!! {TOLD}"]
    assert going.gone
    assert len(logged_errors) == 1
    logged_errors.clear()


def test_what_waits_for_the_last_to_go_is_told(server: MemoryServer) -> None:
    """Once nobody is there; at once if nobody is."""
    result_of(server.peers.emptied())
    wire = server.line()
    told: list[None] = []
    server.peers.emptied().addCallback(told.append)
    assert told == []
    wire.hang_up()
    assert told == [None]
