"""Going down: what everybody is told, and that nobody can hold it up."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred
from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Request, TextMessage

from chatd.doors.classic import classic_site
from chatd.http.resource import SPREAD_SECONDS
from chatd.model.events import Joined, Left
from chatd.net.peers import RETRY_SECONDS
from chatd.server.drain import (
    ANSWER_SECONDS,
    DRAIN_SECONDS,
    GOODBYE_SECONDS,
    SETTLE_SECONDS,
    ChatServer,
)
from chatd.testing import FakeConnection, result_of

from ..doors.doors import DOORS
from ..doors.hold import Hold
from ..doors.house import House as Doors
from ..doors.house import Http, Response
from ..doors.terminal import greeted

TOLD = "the server is going down; come back in a moment"
EVENTS = "/rooms/lobby/events"


class Going:
    """A house that has begun to go down."""

    def __init__(self, house: Doors) -> None:
        self._chat = house.chat
        self.house: ChatServer = house.going_down()
        self._gone: list[object] = []
        self.house.stopService().addBoth(self._gone.append)
        house.chat.settle()

    @property
    def gone(self) -> bool:
        """Whether it is down; it has to have gone well."""
        assert self._gone in ([], [None])
        return bool(self._gone)

    def after(self, seconds: float) -> bool:
        """Whether it is down so many seconds later."""
        self._chat.advance(seconds)
        return self.gone


class Socket:
    """A WebSocket client that answers nothing by itself."""

    def __init__(self, house: Doors) -> None:
        self._house = house
        self.wire: FakeConnection = house.chat.connect(house.http_door)
        self._frames = WSConnection(ConnectionType.CLIENT)
        self.wire.send(self._frames.send(Request(host="chat.example", target=EVENTS)))
        house.chat.settle()
        self.told()

    def say(self, text: str) -> None:
        """Say something, and wait for nothing."""
        command = json.dumps({"type": "say", "text": text, "ref": "r"})
        self.wire.send(self._frames.send(TextMessage(data=command)))
        self._house.chat.settle()

    def told(self) -> list[object]:
        """What came since: objects of JSON, and `(code, reason)` of a close."""
        self._frames.receive_data(self.wire.received())
        found: list[object] = []
        for event in self._frames.events():
            if isinstance(event, TextMessage):
                found.append(json.loads(event.data))
            elif isinstance(event, CloseConnection):
                found.append((event.code, event.reason))
        return found

    def close(self) -> None:
        """Answer a close."""
        self.wire.send(self._frames.send(CloseConnection(1012)))


def heard(wire: FakeConnection) -> list[str]:
    """The lines that a telnet user has received."""
    return wire.received().decode().splitlines()


def is_last(response: Response) -> bool:
    """Whether a response says that none follows."""
    return response.headers["connection"] == "close"


# -- HTTP ------------------------------------------------------------------------------------------


def test_nobody_is_there_and_it_is_done(house: Doors) -> None:
    """At once."""
    assert Going(house).gone


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/"), ("GET", "/healthz"), ("POST", "/rooms/lobby/messages"), ("GET", EVENTS)],
)
def test_a_request_on_an_open_connection_is_told_to_come_back(
    house: Doors, http: Http, method: str, target: str
) -> None:
    """503, when to come back, and that this connection ends; then it does."""
    going = Going(house)
    response = http.request(method, target, '{"text":"hi"}' if method == "POST" else "")
    assert response.refusal == (503, "unavailable")
    assert response.json["error"]["message"] == TOLD
    assert int(response.headers["retry-after"]) >= RETRY_SECONDS
    assert is_last(response)
    assert http.closed
    assert going.gone
    assert house.chat.texts("lobby") == []


def test_a_request_that_was_half_sent_is_told_so_too(house: Doors, http: Http) -> None:
    """It was not accepted, so nothing of it happens."""
    http.send_raw(
        b"POST /rooms/lobby/messages?name=ada HTTP/1.1\r\nHost: chat.example\r\n"
        b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhe",
        "POST",
    )
    going = Going(house)
    http.wire.send(b"llo")
    assert http.response().refusal == (503, "unavailable")
    assert http.closed
    assert going.gone


def test_a_connection_that_asks_nothing_is_closed(house: Doors, http: Http) -> None:
    """After the time in which a request could have crossed the news."""
    going = Going(house)
    assert not going.after(GOODBYE_SECONDS - 0.1)
    assert going.after(0.2)
    assert http.closed


def test_what_was_accepted_is_answered(house: Doors, http: Http) -> None:
    """However long the store takes, within reason; and it is the connection's last answer."""
    lobby = house.chat.room("lobby")
    hold = Hold(house)
    http.send("POST", "/rooms/lobby/messages?name=ada", "hello", {"Content-Type": "text/plain"})
    house.chat.settle()
    going = Going(house)
    assert not going.after(ANSWER_SECONDS - 0.1)
    hold.release()
    response = http.response()
    assert response.status == 201
    assert is_last(response)
    assert len(lobby.log) == 1
    assert http.closed
    assert going.gone


@pytest.mark.parametrize("door", ["poll", "varying-poll", "plain"])
@pytest.mark.parametrize("number", [1, 2], ids=["first", "learned"])
def test_a_held_poll_is_answered_at_once(house: Doors, http: Http, door: str, number: int) -> None:
    """With no events, and the cursor it came with; parsed or learned, JSON or text."""
    place = house.say("before")
    headers = {"Accept": "text/plain"} if door == "plain" else {}
    for turn in range(number):
        if door == "varying-poll":
            headers["X-Request-Id"] = f"{turn}"
        http.send("GET", f"{EVENTS}?since={place}", headers=headers)
        house.chat.settle()
        if turn + 1 < number:
            place = house.say("between")
            assert http.response().status == 200
    going = Going(house)
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


def test_a_held_poll_does_not_wait_for_a_slow_store(house: Doors, http: Http) -> None:
    """Longer than `SETTLE_SECONDS`."""
    place = house.say("before")
    http.send("GET", f"{EVENTS}?since={place}")
    house.chat.settle()
    Hold(house)
    house.have_accepted("slow")
    going = Going(house)
    assert not http.responses()
    going.after(SETTLE_SECONDS)
    assert http.response().texts == []


def test_a_stream_ends_with_why_and_when_to_come_back(house: Doors) -> None:
    """Properly, and not everybody at the same time."""
    streams = [house.http() for _ in range(20)]
    for stream in streams:
        stream.send("GET", EVENTS, headers={"Accept": "text/event-stream"})
        house.chat.settle()
        stream.streamed()
    going = Going(house)
    pauses = []
    for stream in streams:
        (found,) = re.findall(rb"^: the server is .*\nretry: (\d+)\n$", stream.response().body)
        pauses.append(int(found) / 1000)
        assert stream.closed
    assert all(RETRY_SECONDS <= pause <= RETRY_SECONDS + SPREAD_SECONDS for pause in pauses)
    assert len(set(pauses)) > 10
    assert going.gone


def test_a_stream_of_http_1_0_ends_likewise(house: Doors, http: Http) -> None:
    """Without chunks."""
    http.wire.send(
        f"GET {EVENTS} HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n".encode(),
    )
    house.chat.settle()
    going = Going(house)
    assert re.search(rb"\n\n: .*\nretry: \d+\n$", http.wire.received())
    assert http.closed
    assert going.gone


def test_the_classic_door_says_it_in_its_way(house: Doors) -> None:
    """A held poll is answered empty, a request refused in plain text."""
    house.http_door = classic_site(house.chat.service, peers=house.peers, hosts=house.hosts)
    ada, bob = house.http(), house.http()
    ada.send("GET", "/?name=ada")
    house.chat.settle()
    going = Going(house)
    answer = ada.response()
    assert (answer.status, answer.body, is_last(answer)) == (200, b"", True)
    refusal = bob.get("/?name=bob")
    assert (refusal.status, refusal.body.decode()) == (503, f"{TOLD}\n")
    assert int(refusal.headers["retry-after"]) >= RETRY_SECONDS
    assert refusal.headers["access-control-allow-origin"] == "*"
    assert going.gone


# -- WebSocket -------------------------------------------------------------------------------------


def test_a_websocket_is_closed_with_a_code_that_says_come_back(house: Doors) -> None:
    """1012, and the reason in words."""
    socket = Socket(house)
    going = Going(house)
    assert socket.told() == [(1012, TOLD)]
    assert not going.gone
    socket.close()
    assert socket.wire.lost
    assert going.after(0)


def test_a_websocket_gets_its_acknowledgement_first(house: Doors) -> None:
    """However long the store takes; what it says behind that is refused."""
    socket = Socket(house)
    socket.say("I am here")
    socket.told()
    hold = Hold(house)
    socket.say("hello")
    going = Going(house)
    going.after(GOODBYE_SECONDS + 1)
    assert socket.told() == []
    socket.say("too late")
    (refused,) = socket.told()
    assert isinstance(refused, dict)
    assert (refused["type"], refused["code"]) == ("error", "unavailable")
    hold.release()
    ack, event, close = socket.told()
    assert isinstance(ack, dict)
    assert isinstance(event, dict)
    assert (ack["type"], ack["id"], event["text"]) == ("ack", event["id"], "hello")
    assert close == (1012, TOLD)


def test_a_command_that_waits_for_its_guest_is_answered_before_the_close(house: Doors) -> None:
    """It is refused, because it was not accepted yet, and its client is told so."""
    socket = Socket(house)
    hold = Hold(house)
    socket.say("hello")
    going = Going(house)
    socket.say("too late")
    hold.release()
    *refused, close = socket.told()
    assert [answer["code"] for answer in refused if isinstance(answer, dict)] == ["unavailable"] * 2
    assert close == (1012, TOLD)
    assert house.chat.texts("lobby") == []
    socket.close()
    assert going.after(0)


# -- the line door ---------------------------------------------------------------------------------


def test_a_line_user_is_told_in_words(house: Doors) -> None:
    """And the connection is closed."""
    wire = greeted(house)
    going = Going(house)
    assert heard(wire) == [f"!! {TOLD}"]
    assert wire.lost
    assert going.gone


def test_what_a_line_user_said_is_echoed_first(house: Doors) -> None:
    """The goodbye stands behind it, however long the store takes."""
    wire = greeted(house)
    hold = Hold(house)
    wire.send(b"hello\r\n")
    going = Going(house)
    going.after(GOODBYE_SECONDS + 1)
    assert heard(wire) == []
    assert not wire.lost
    wire.send(b"too late\r\n")
    hold.release()
    assert heard(wire) == ["<guest-0001> hello", f"!! {TOLD}"]
    assert wire.lost
    assert going.after(0)
    assert house.chat.texts("lobby") == ["hello"]


def test_lines_that_still_had_to_wait_are_told_to_be_lost() -> None:
    """How many they are: whoever pasted them can say them again.  What they go on sending is
    swallowed until they have read that, for a reset would take it back.
    """
    house = Doors(message_rate=1)
    wire = greeted(house)
    wire.send(b"".join(b"%d\r\n" % number for number in range(10)))
    going = Going(house)
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
def test_what_was_accepted_is_shown_to_everybody_first(house: Doors, door: str) -> None:
    """Also what was accepted in the same turn."""
    seen = DOORS[door](house)
    house.chat.settle()
    seen.read()
    house.have_accepted("just now")
    Going(house)
    data = (seen._wire if hasattr(seen, "_wire") else seen._reads.wire).received()  # type: ignore[attr-defined]
    assert b"just now" in data


def test_nobody_is_said_to_have_left(house: Doors, ada: Http) -> None:
    """They did not choose to go; most are back in a moment."""
    wire = greeted(house)
    wire.send(b"/nick bob\r\n")
    house.chat.settle()
    going = Going(house)
    going.after(GOODBYE_SECONDS)
    assert going.gone
    events = [entry.event for entry in house.chat.entries("lobby")]
    assert sum(isinstance(event, Joined) for event in events) == 2
    assert not any(isinstance(event, Left) for event in events)


def stream(house: Doors) -> FakeConnection:
    """A stream of server-sent events."""
    http = house.http()
    http.send("GET", EVENTS, headers={"Accept": "text/event-stream"})
    house.chat.settle()
    return http.wire


@pytest.mark.parametrize(
    "connect",
    [greeted, stream, lambda house: Socket(house).wire],
    ids=["line", "sse", "websocket"],
)
def test_a_client_that_does_not_read_holds_nobody_up(
    house: Doors, connect: Callable[[Doors], FakeConnection]
) -> None:
    """It is cut off."""
    wire = connect(house)
    wire.fill()
    going = Going(house)
    assert going.after(GOODBYE_SECONDS)
    assert wire.lost


def test_a_store_that_never_answers_holds_nobody_up(house: Doors, http: Http) -> None:
    """What it did not take was acknowledged to nobody."""
    never: Deferred[None] = Deferred()
    house.chat.store.close = lambda: never  # type: ignore[method-assign]
    Hold(house)
    wire = greeted(house)
    wire.send(b"hello\r\n")
    http.send("POST", "/rooms/lobby/messages?name=ada", "hello", {"Content-Type": "text/plain"})
    house.chat.settle()
    going = Going(house)
    assert not going.after(ANSWER_SECONDS)
    assert wire.lost
    assert http.closed
    assert b"hello" not in wire.received() + http.wire.received()
    assert going.after(DRAIN_SECONDS - ANSWER_SECONDS)


def test_the_store_is_closed_last(house: Doors, http: Http) -> None:
    """When everybody is gone, and after everything accepted."""
    closed: list[bool] = []
    close = house.chat.store.close

    def closing() -> Deferred[None]:
        closed.append(http.closed)
        return close()

    house.chat.store.close = closing  # type: ignore[method-assign]
    going = Going(house)
    assert closed == []
    assert going.after(GOODBYE_SECONDS)
    assert closed == [True]


def test_whoever_hurries_waits_for_nobody(house: Doors, http: Http) -> None:
    """A second signal: what waits is cut off, and the store is closed."""
    Hold(house)
    wire = greeted(house)
    wire.send(b"hello\r\n")
    going = Going(house)
    assert not going.gone
    going.house.hurry()
    house.chat.settle()
    assert going.gone
    assert wire.lost
    assert http.closed


def test_a_connection_that_fails_to_end_is_cut_off(
    house: Doors, logged_errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the others end as they should; what went wrong is in the log."""
    broken, sound = greeted(house), greeted(house)
    monkeypatch.setattr(broken.protocol, "drain", lambda: 1 / 0)
    going = Going(house)
    assert broken.lost
    assert heard(sound) == [f"!! {TOLD}"]
    assert going.gone
    assert len(logged_errors) == 1
    logged_errors.clear()


def test_what_waits_for_the_last_to_go_is_told(house: Doors) -> None:
    """Once nobody is there; at once if nobody is."""
    result_of(house.peers.emptied())
    wire = house.line()
    told: list[None] = []
    house.peers.emptied().addCallback(told.append)
    assert told == []
    wire.hang_up()
    assert told == [None]
