"""Shutdown: what each client is told, and that no client can delay it."""

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
    LOOK_SECONDS,
    RETIRE_SECONDS,
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


class Shutdown:
    """The shutdown of a server, begun."""

    def __init__(self, server: MemoryServer) -> None:
        self._chat = server.chat
        self.server: ChatServer = server.going_down()
        self._results: list[object] = []
        self.server.stopService().addBoth(self._results.append)
        server.chat.settle()

    @property
    def done(self) -> bool:
        """Whether it has finished; fails if it has failed."""
        assert self._results in ([], [None])
        return bool(self._results)

    def after(self, seconds: float) -> bool:
        """Whether it has finished so many seconds later."""
        self._chat.advance(seconds)
        return self.done


def lines_of(wire: FakeConnection) -> list[str]:
    """The lines that a telnet user has received."""
    return wire.received().decode().splitlines()


def is_last(response: Response) -> bool:
    """Whether a response says that none follows."""
    return response.headers["connection"] == "close"


# -- retiring --------------------------------------------------------------------------------------


def test_a_server_that_retires_serves_the_requests_that_clients_have_begun(
    server: MemoryServer, http: HttpClient
) -> None:
    """So none that was accepted by this process is refused."""
    http.send_raw(
        b"POST /rooms/lobby/messages?name=ada HTTP/1.1\r\nHost: chat.example\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhe",
        "POST",
    )
    retired: list[object] = []
    server.going_down().retire().addCallback(retired.append)
    server.chat.settle()
    assert not retired
    http.wire.send(b"llo")
    assert http.response().status == 201
    server.chat.advance(LOOK_SECONDS)
    assert retired
    assert server.chat.texts("lobby") == ["hello"]


def test_a_client_that_had_just_connected_is_served_by_a_server_that_retires(
    server: MemoryServer, http: HttpClient
) -> None:
    """Then the connection is closed: the next one is another process's."""
    retired: list[object] = []
    server.going_down().retire().addCallback(retired.append)
    assert is_last(http.request("GET", "/healthz"))
    assert http.closed
    server.chat.advance(LOOK_SECONDS)
    assert retired


def test_a_client_that_sends_nothing_cannot_delay_a_retirement_for_ever(
    server: MemoryServer, http: HttpClient
) -> None:
    """It has connected, and no more; one that has been served is not waited for."""
    retired: list[object] = []
    server.going_down().retire().addCallback(retired.append)
    server.chat.advance(RETIRE_SECONDS - LOOK_SECONDS)
    assert not retired
    server.chat.advance(2 * LOOK_SECONDS)
    assert retired


# -- HTTP ------------------------------------------------------------------------------------------


def test_shutdown_without_clients_finishes_at_once(server: MemoryServer) -> None:
    """Nothing has to be drained."""
    assert Shutdown(server).done


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/"), ("GET", "/healthz"), ("POST", "/rooms/lobby/messages"), ("GET", EVENTS)],
)
def test_a_request_during_shutdown_is_refused_with_503(
    server: MemoryServer, http: HttpClient, method: str, target: str
) -> None:
    """With `Retry-After` and `Connection: close`; then the connection is closed."""
    shutdown = Shutdown(server)
    response = http.request(method, target, '{"text":"hi"}' if method == "POST" else "")
    assert response.refusal == (503, "unavailable")
    assert response.json["error"]["message"] == TOLD
    assert int(response.headers["retry-after"]) >= RETRY_SECONDS
    assert is_last(response)
    assert http.closed
    assert shutdown.done
    assert server.chat.texts("lobby") == []


def test_a_request_that_is_half_received_at_shutdown_is_refused_with_503(
    server: MemoryServer, http: HttpClient
) -> None:
    """It was not accepted yet, so it has no effect."""
    http.send_raw(
        b"POST /rooms/lobby/messages?name=ada HTTP/1.1\r\nHost: chat.example\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhe",
        "POST",
    )
    shutdown = Shutdown(server)
    http.wire.send(b"llo")
    assert http.response().refusal == (503, "unavailable")
    assert http.closed
    assert shutdown.done


def test_an_idle_connection_is_closed_after_goodbye_seconds(
    server: MemoryServer, http: HttpClient
) -> None:
    """A request may have crossed the start of the shutdown."""
    shutdown = Shutdown(server)
    assert not shutdown.after(GOODBYE_SECONDS - 0.1)
    assert shutdown.after(0.2)
    assert http.closed


def test_an_accepted_message_is_answered_during_shutdown(
    server: MemoryServer, http: HttpClient
) -> None:
    """The server waits `ANSWER_SECONDS` for the store; the response is the connection's last."""
    lobby = server.chat.room("lobby")
    server.hold_appends()
    http.send("POST", "/rooms/lobby/messages?name=ada", "hello", {"Content-Type": "text/plain"})
    server.chat.settle()
    shutdown = Shutdown(server)
    assert not shutdown.after(ANSWER_SECONDS - 0.1)
    server.release_appends()
    response = http.response()
    assert response.status == 201
    assert is_last(response)
    assert len(lobby.log) == 1
    assert http.closed
    assert shutdown.done


@pytest.mark.parametrize("door", ["poll", "varying-poll", "plain"])
@pytest.mark.parametrize("number", [1, 2], ids=["first", "learned"])
def test_a_held_poll_is_answered_empty_at_shutdown(
    server: MemoryServer, http: HttpClient, door: str, number: int
) -> None:
    """With the cursor that it was sent with; parsed or learned, JSON or text."""
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
    shutdown = Shutdown(server)
    response = http.response()
    assert response.status == 200
    if door == "plain":
        assert (response.body, response.headers["link"].count(f"since={place}>")) == (b"", 1)
    else:
        assert (response.texts, response.json["next"]) == ([], place)
        assert response.json["gap"] is False
    assert is_last(response)
    assert http.closed
    assert shutdown.done


def test_a_held_poll_waits_for_the_store_at_most_settle_seconds(
    server: MemoryServer, http: HttpClient
) -> None:
    """Then it is answered empty."""
    place = server.say("before")
    http.send("GET", f"{EVENTS}?since={place}")
    server.chat.settle()
    server.hold_appends()
    server.have_accepted("slow")
    shutdown = Shutdown(server)
    assert not http.responses()
    shutdown.after(SETTLE_SECONDS)
    assert http.response().texts == []


def test_an_event_stream_ends_with_a_reason_and_a_spread_retry(server: MemoryServer) -> None:
    """Clients reconnect at different times, and each response is complete."""
    streams = [server.http() for _ in range(20)]
    for stream in streams:
        stream.send("GET", EVENTS, headers={"Accept": "text/event-stream"})
        server.chat.settle()
        stream.streamed()
    shutdown = Shutdown(server)
    pauses = []
    for stream in streams:
        (found,) = re.findall(rb"^: the server is .*\nretry: (\d+)\n$", stream.response().body)
        pauses.append(int(found) / 1000)
        assert stream.closed
    assert all(RETRY_SECONDS <= pause <= RETRY_SECONDS + SPREAD_SECONDS for pause in pauses)
    assert len(set(pauses)) > 10
    assert shutdown.done


def test_an_http_1_0_event_stream_ends_with_a_reason_and_a_retry(
    server: MemoryServer, http: HttpClient
) -> None:
    """Without chunked encoding."""
    http.wire.send(
        f"GET {EVENTS} HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n".encode(),
    )
    server.chat.settle()
    shutdown = Shutdown(server)
    assert re.search(rb"\n\n: .*\nretry: \d+\n$", http.wire.received())
    assert http.closed
    assert shutdown.done


def test_the_classic_door_answers_polls_and_refuses_requests_at_shutdown(
    server: MemoryServer,
) -> None:
    """A held poll is answered empty, a new request refused in plain text."""
    server.http_door = classic_site(server.chat.service, peers=server.peers, hosts=server.hosts)
    ada, bob = server.http(), server.http()
    ada.send("GET", "/?name=ada")
    server.chat.settle()
    shutdown = Shutdown(server)
    answer = ada.response()
    assert (answer.status, answer.body, is_last(answer)) == (200, b"", True)
    refusal = bob.get("/?name=bob")
    assert (refusal.status, refusal.body.decode()) == (503, f"{TOLD}\n")
    assert int(refusal.headers["retry-after"]) >= RETRY_SECONDS
    assert refusal.headers["access-control-allow-origin"] == "*"
    assert shutdown.done


# -- WebSocket -------------------------------------------------------------------------------------


def test_a_websocket_is_closed_with_1012_at_shutdown(server: MemoryServer) -> None:
    """Service Restart (1012), with the reason in words."""
    socket = WebSocket(server)
    shutdown = Shutdown(server)
    assert socket.received() == []
    assert socket.closed == (1012, TOLD)
    assert not shutdown.done
    socket.close(1012)
    assert socket.wire.lost
    assert shutdown.after(0)


def test_a_websocket_gets_its_acknowledgement_before_the_close(server: MemoryServer) -> None:
    """However long the store takes; later commands are refused."""
    socket = WebSocket(server)
    socket.send(type="say", text="I am here", ref="r")
    socket.received()
    server.hold_appends()
    socket.send(type="say", text="hello", ref="r")
    server.chat.settle()
    shutdown = Shutdown(server)
    shutdown.after(GOODBYE_SECONDS + 1)
    assert socket.received() == []
    socket.send(type="say", text="too late", ref="r")
    (refused,) = socket.received()
    assert (refused["type"], refused["code"]) == ("error", "unavailable")
    server.release_appends()
    ack, event = socket.received()
    assert (ack["type"], ack["id"], event["text"]) == ("ack", event["id"], "hello")
    assert socket.closed == (1012, TOLD)


def test_a_command_that_waits_for_its_session_is_refused_before_the_close(
    server: MemoryServer,
) -> None:
    """It was not accepted yet, and its client must learn that."""
    socket = WebSocket(server)
    server.hold_appends()
    socket.send(type="say", text="hello", ref="r")
    server.chat.settle()
    shutdown = Shutdown(server)
    socket.send(type="say", text="too late", ref="r")
    server.chat.settle()
    server.release_appends()
    assert [answer["code"] for answer in socket.received()] == ["unavailable"] * 2
    assert socket.closed == (1012, TOLD)
    assert server.chat.texts("lobby") == []
    socket.close(1012)
    assert shutdown.after(0)


# -- the line door ---------------------------------------------------------------------------------


def test_a_line_client_is_told_about_the_shutdown(server: MemoryServer) -> None:
    """Then the connection is closed."""
    wire = greeted(server)
    shutdown = Shutdown(server)
    assert lines_of(wire) == [f"!! {TOLD}"]
    assert wire.lost
    assert shutdown.done


def test_an_accepted_line_is_echoed_before_the_goodbye(server: MemoryServer) -> None:
    """However long the store takes."""
    wire = greeted(server)
    server.hold_appends()
    wire.send(b"hello\r\n")
    shutdown = Shutdown(server)
    shutdown.after(GOODBYE_SECONDS + 1)
    assert lines_of(wire) == []
    assert not wire.lost
    wire.send(b"too late\r\n")
    server.release_appends()
    assert lines_of(wire) == ["<guest-0001> hello", f"!! {TOLD}"]
    assert wire.lost
    assert shutdown.after(0)
    assert server.chat.texts("lobby") == ["hello"]


def test_a_line_that_had_arrived_before_the_shutdown_is_carried_out(server: MemoryServer) -> None:
    """Though the server reads it only afterwards."""
    wire = greeted(server)
    stopped = server.going_down().stopService()
    wire.send(b"hello\r\n")
    server.chat.settle()
    assert lines_of(wire) == ["<guest-0001> hello", f"!! {TOLD}"]
    assert result_of(stopped) is None
    assert server.chat.texts("lobby") == ["hello"]


def test_the_goodbye_counts_pending_lines_that_were_dropped() -> None:
    """The user can send them again. Later input is discarded unread, because a TCP reset could
    destroy the goodbye.
    """
    server = MemoryServer(message_rate=1)
    wire = greeted(server)
    wire.send(b"".join(b"%d\r\n" % number for number in range(10)))
    shutdown = Shutdown(server)
    *said, last = lines_of(wire)
    assert [line for line in said if line.startswith("<")] == [
        f"<guest-0001> {number}" for number in range(4)
    ]
    assert last == f"!! {TOLD}, and say your last 6 lines again"
    wire.send(b"still pasting\r\n")
    assert not wire.lost
    wire.end_input()
    assert wire.lost
    assert lines_of(wire) == []
    assert shutdown.after(0)


# -- all doors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", DOORS)
def test_accepted_messages_are_delivered_before_shutdown(server: MemoryServer, door: str) -> None:
    """Also those accepted in the same turn."""
    seen = DOORS[door](server)
    server.chat.settle()
    seen.read()
    server.have_accepted("just now")
    Shutdown(server)
    data = (seen._wire if hasattr(seen, "_wire") else seen._reads.wire).received()  # type: ignore[attr-defined]
    assert b"just now" in data


def test_shutdown_shows_nobody_as_having_left(server: MemoryServer, ada: HttpClient) -> None:
    """Most people reconnect after a restart."""
    wire = greeted(server)
    wire.send(b"/nick bob\r\n")
    server.chat.settle()
    shutdown = Shutdown(server)
    shutdown.after(GOODBYE_SECONDS)
    assert shutdown.done
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
def test_a_client_that_does_not_read_cannot_delay_shutdown(
    server: MemoryServer, connect: Callable[[MemoryServer], FakeConnection]
) -> None:
    """It is disconnected after `GOODBYE_SECONDS`."""
    wire = connect(server)
    wire.fill()
    shutdown = Shutdown(server)
    assert shutdown.after(GOODBYE_SECONDS)
    assert wire.lost


def test_a_store_that_never_answers_cannot_delay_shutdown_for_ever(
    server: MemoryServer, http: HttpClient
) -> None:
    """Messages that it has not stored were acknowledged to no client."""
    never: Deferred[None] = Deferred()
    server.chat.store.close = lambda: never  # type: ignore[method-assign]
    server.hold_appends()
    wire = greeted(server)
    wire.send(b"hello\r\n")
    http.send("POST", "/rooms/lobby/messages?name=ada", "hello", {"Content-Type": "text/plain"})
    server.chat.settle()
    shutdown = Shutdown(server)
    assert not shutdown.after(ANSWER_SECONDS)
    assert wire.lost
    assert http.closed
    assert b"hello" not in wire.received() + http.wire.received()
    assert shutdown.after(DRAIN_SECONDS - ANSWER_SECONDS)


def test_the_store_is_closed_last(server: MemoryServer, http: HttpClient) -> None:
    """After every connection, and after every accepted message."""
    closed: list[bool] = []
    close = server.chat.store.close

    def closing() -> Deferred[None]:
        closed.append(http.closed)
        return close()

    server.chat.store.close = closing  # type: ignore[method-assign]
    shutdown = Shutdown(server)
    assert closed == []
    assert shutdown.after(GOODBYE_SECONDS)
    assert closed == [True]


def test_a_second_signal_ends_the_shutdown_at_once(server: MemoryServer, http: HttpClient) -> None:
    """Pending connections are cut, and the store is closed."""
    server.hold_appends()
    wire = greeted(server)
    wire.send(b"hello\r\n")
    shutdown = Shutdown(server)
    assert not shutdown.done
    shutdown.server.hurry()
    server.chat.settle()
    assert shutdown.done
    assert wire.lost
    assert http.closed


def test_a_connection_whose_drain_raises_is_cut(
    server: MemoryServer, logged_errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is logged, and other connections end properly."""
    broken, sound = greeted(server), greeted(server)
    monkeypatch.setattr(broken.protocol, "drain", lambda: 1 / 0)
    shutdown = Shutdown(server)
    assert broken.lost
    assert lines_of(sound) == [f"!! {TOLD}"]
    assert shutdown.done
    assert len(logged_errors) == 1
    logged_errors.clear()


def test_peers_emptied_fires_when_the_last_connection_closes(server: MemoryServer) -> None:
    """At once if there is none."""
    result_of(server.peers.emptied())
    wire = server.line()
    told: list[None] = []
    server.peers.emptied().addCallback(told.append)
    assert told == []
    wire.hang_up()
    assert told == [None]
