"""`ChatClient` over the real HTTP door: commands, iterations, and faults of the network."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from treq.testing import StringStubbingResource, StubTreq
from twisted.internet.defer import CancelledError, Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from chatd.chat.limits import DEFAULTS
from chatd.chat.sessions import GRACE_SECONDS
from chatd.client import ChatClient, Event
from chatd.client.connection import LONGEST_PAUSE
from chatd.model.errors import (
    BadCredentials,
    BadName,
    ChatError,
    Malformed,
    NameInUse,
    NameRegistered,
    NoSuchPerson,
    RateLimited,
    TextTooLong,
    Unavailable,
)
from chatd.testing import result_of

from .network import Network, start


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events]


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]


# -- commands --------------------------------------------------------------------------------------


def test_say_returns_the_id_of_the_message(network: Network) -> None:
    """The id that all readers see."""
    id_ = network.result(network.client("ada").say("hello"))
    assert network.chat.entries("lobby")[-1].id == id_
    assert network.texts == ["hello"]


def test_commands_are_carried_out_in_order(network: Network) -> None:
    """A program need not await one before the next."""
    client = network.client("ada")
    given = [client.say(str(number)) for number in range(20)]
    network.settle()
    assert network.texts == [str(number) for number in range(20)]
    ids = [result_of(one) for one in given]
    assert ids == sorted(ids)


def test_every_command_has_a_method(network: Network) -> None:
    """The client can do what the line door can."""
    ada, bob = network.client("ada"), network.client("Bob")
    events = bob.events("lobby", "dev")
    network.result(bob.say("here"))
    network.result(ada.act("waves"))
    network.result(ada.tell("bob", "psst"))
    assert network.result(ada.topic("today")) == "today"
    assert network.result(ada.topic()) == "today"
    assert network.result(ada.rename("eve")) == "eve" == ada.name
    assert network.result(ada.join("#Dev")) == "dev"
    assert network.result(ada.who("dev")) == ("eve",)
    network.result(ada.leave("#Dev", "bye"))
    assert network.result(ada.who("dev")) == ()
    told = [(e.type, e.room, e.sender, e.text, e.to) for e in network.next(events, 9)]
    assert told == [
        ("join", "lobby", "Bob", "", ""),
        ("message", "lobby", "Bob", "here", ""),
        ("join", "lobby", "ada", "", ""),
        ("action", "lobby", "ada", "waves", ""),
        ("private", "", "ada", "psst", "Bob"),
        ("topic", "lobby", "ada", "today", ""),
        ("nick", "lobby", "ada", "", "eve"),
        ("join", "dev", "eve", "", ""),
        ("leave", "dev", "eve", "bye", ""),
    ]


def test_a_guest_learns_its_name(network: Network) -> None:
    """After its first command; before, it has none."""
    client = network.client()
    assert client.name == ""
    network.result(client.say("hello"))
    assert client.name == "guest-0001"


@pytest.mark.parametrize(
    ("name", "ask", "error"),
    [
        ("ada", lambda client: client.say("x" * 5000), TextTooLong),
        ("ada", lambda client: client.tell("nobody", "psst"), NoSuchPerson),
        ("ada", lambda client: client.rename("a b"), BadName),
        ("a b", lambda client: client.say("hello"), BadName),
        ("bob", lambda client: client.say("hello"), NameInUse),
    ],
)
def test_a_refusal_is_raised_at_once(network, name, ask, error) -> None:
    """As the matching exception, and without a retry."""
    network.result(network.client("bob").say("I am bob"))
    client = network.client(name)
    with pytest.raises(error):
        network.result(ask(client))
    asked = len(network.requests)
    network.advance(300)
    assert len(network.requests) == asked


def test_a_refused_command_does_not_delay_the_next(network: Network) -> None:
    """Each has its own outcome."""
    client = network.client("ada")
    refused, taken = client.say(" "), client.say("hello")
    network.settle()
    with pytest.raises(ChatError):
        result_of(refused)
    assert result_of(taken)


# -- commands during faults ------------------------------------------------------------------------


def test_a_lost_response_does_not_duplicate_the_message(network: Network) -> None:
    """The client repeats the request with the same key, and gets the first id."""
    client = network.client("ada")
    network.result(client.who())
    network.losing = 3
    said = client.say("hello")
    network.advance(10)
    assert network.texts == ["hello"]
    assert result_of(said) == network.chat.entries("lobby")[-1].id
    assert network.requests.count("POST /rooms/lobby/messages") == 4


def test_messages_are_sent_in_order_when_the_server_returns(
    network: Network,
) -> None:
    """Once each."""
    client = network.client("ada")
    network.up = False
    said = [client.say(text) for text in ("one", "two", "three")]
    network.advance(20)
    network.up = True
    network.advance(LONGEST_PAUSE + 1)
    assert network.texts == ["one", "two", "three"]
    assert all(map(result_of, said))


def test_a_503_is_retried(network: Network) -> None:
    """Until the store accepts the message."""
    client = network.client("ada")
    network.result(client.who())
    network.chat.store.refusing = True
    said = client.say("hello")
    network.advance(5)
    network.chat.store.refusing = False
    network.advance(10)
    assert result_of(said)
    assert network.texts == ["hello"]


def test_a_burst_of_messages_is_paced_by_retry_after() -> None:
    """As fast as the server accepts it, in order, with few refused attempts."""
    network = Network(message_rate=DEFAULTS.message_rate)
    client = network.client("ada")
    said = [client.say(str(number)) for number in range(100)]
    network.advance(100 / DEFAULTS.message_rate)
    assert network.texts == [str(number) for number in range(100)]
    assert all(map(result_of, said))
    assert network.requests.count("POST /rooms/lobby/messages") < 125


@pytest.mark.parametrize("trouble", ["down", "silent", "refusing", "too fast"])
def test_a_command_fails_after_the_client_s_patience(trouble: str) -> None:
    """With the error that says why."""
    network = Network(message_rate=0.001 if trouble == "too fast" else 0)
    client = network.client("ada", patience=60)
    network.result(client.say("first"))
    network.up = trouble != "down"
    network.cut()
    network.holding = trouble == "silent"
    network.chat.store.refusing = trouble == "refusing"
    said = client.say("hello")
    network.advance(100, step=1)
    with pytest.raises(RateLimited if trouble == "too fast" else Unavailable):
        result_of(said)


# -- reading events --------------------------------------------------------------------------------


def test_an_iteration_yields_the_latest_events_then_new_ones(
    network: Network,
) -> None:
    """Each once, in order, with all its fields."""
    network.say("one")
    events = network.client("ada").events("lobby")
    assert texts(network.next(events)) == ["one"]
    assert types(network.next(events)) == ["join"]
    waiting = start(events.__anext__())
    network.advance(40)
    assert not waiting.called
    network.say("two")
    event = network.result(waiting)
    assert event == Event(event.id, "message", "lobby", "eve", "two")
    assert event.time.timestamp() == pytest.approx(event.id / 1e6)


def test_an_iteration_may_begin_with_the_next_event(network: Network) -> None:
    """Also in a room without events; messages sent after its start are seen."""
    network.say("old")
    client = network.client("ada")
    network.result(client.join("dev"))
    for room in ("lobby", "dev"):
        waiting = start(client.events(room, latest=0).__anext__())
        said = client.say("new", room)
        network.settle()
        assert result_of(waiting).id == result_of(said)


def test_an_iteration_may_begin_after_an_id(network: Network) -> None:
    """A program that remembers its last id resumes there."""
    for text in ("one", "two", "three"):
        network.say(text)
    first = network.chat.entries("lobby")[0].id
    events = network.client().events("lobby", since=first)
    assert texts(network.next(events, 2)) == ["two", "three"]


def test_a_poll_has_a_cursor_and_a_wait_in_its_url(network: Network) -> None:
    """Identical bytes each time, so the server learns the poll."""
    events = network.client("ada").events("lobby", "dev")
    (joined,) = network.next(events)
    waiting = start(events.__anext__())
    network.settle()
    assert network.requests[-1] == (
        f"GET /events?rooms=lobby%2Cdev&reader=1&since={joined.id}&wait=25"
    )
    waiting.cancel()
    with pytest.raises(CancelledError):
        result_of(waiting)


def test_several_iterations_may_read_concurrently(network: Network) -> None:
    """Of different rooms or the same one; each is a reader of its own."""
    client = network.client("ada")
    network.result(client.who())
    iterations = [client.events(room, latest=0) for room in ("lobby", "dev", "dev")]
    waiting = [start(events.__anext__()) for events in iterations]
    network.settle()
    network.say("in the lobby")
    network.say("in dev", room="dev")
    network.settle()
    assert texts(list(map(result_of, waiting))) == ["in the lobby", "in dev", "in dev"]
    assert len([line for line in network.requests if "since" in line]) == 3


def test_history_returns_the_last_events_before_an_id(network: Network) -> None:
    """By default the newest."""
    for number in range(10):
        network.say(str(number))
    client = network.client()
    last = network.result(client.history(count=3))
    assert texts(list(last)) == ["7", "8", "9"]
    assert texts(list(network.result(client.history(count=2, before=last[0].id)))) == ["5", "6"]


# -- reading during faults -------------------------------------------------------------------------


def test_a_lost_connection_loses_no_event(network: Network) -> None:
    """Events of the meantime come once the connection is back."""
    events = network.client("ada").events()
    network.next(events)
    waiting = start(events.__anext__())
    network.settle()
    network.up = False
    network.cut()
    for text in ("one", "two"):
        network.say(text)
    network.advance(20)
    assert not waiting.called
    network.up = True
    network.advance(30)
    assert texts([result_of(waiting), *network.next(events)]) == ["one", "two"]


def test_a_lost_poll_response_loses_no_event(network: Network) -> None:
    """The next poll repeats the cursor."""
    events = network.client("ada").events()
    network.next(events)
    waiting = start(events.__anext__())
    network.settle()
    network.losing = 2
    network.say("hello")
    network.advance(5)
    assert texts([result_of(waiting)]) == ["hello"]


def test_an_iteration_survives_hours_of_outage(network: Network) -> None:
    """After its first success an iteration never gives up."""
    client = network.client("ada")
    events = client.events()
    network.next(events)
    waiting = start(events.__anext__())
    network.restart(down=8 * 3600)
    network.advance(60)
    assert types([result_of(waiting), *network.next(events)]) == ["gap", "join"]


def test_reconnects_to_an_absent_server_back_off(network: Network) -> None:
    """So a thousand readers do not keep it from starting."""
    events = network.client("ada").events()
    network.next(events)
    waiting = start(events.__anext__())
    network.settle()
    network.up = False
    network.cut()
    network.advance(300, step=1)
    assert 10 < network.refused < 25
    waiting.cancel()
    with pytest.raises(CancelledError):
        result_of(waiting)


@pytest.mark.parametrize("since", [None, 1])
def test_an_iteration_without_a_first_success_gives_up(network: Network, since: int | None) -> None:
    """A wrong address fails instead of being retried for ever."""
    network.up = False
    waiting = start(network.client("ada", patience=60).events(since=since).__anext__())
    network.advance(100, step=1)
    with pytest.raises(Unavailable, match=r"no answer from http://chat.example:8080: .*refused"):
        result_of(waiting)


def test_after_a_restart_the_client_rejoins_and_yields_a_gap(network: Network) -> None:
    """It opens a new session with its name and rooms, and the iteration continues."""
    client = network.client("ada")
    events = client.events("lobby", "dev")
    network.result(client.join("dev"))
    network.result(client.say("before"))
    network.next(events, 3)
    waiting = start(events.__anext__())
    network.restart()
    network.advance(5)
    said = client.say("after")
    network.advance(5)
    assert result_of(said)
    assert types([result_of(waiting)]) == ["gap"]
    assert [(event.type, event.room) for event in network.next(events, 3)] == [
        ("join", "lobby"),
        ("join", "dev"),
        ("message", "lobby"),
    ]
    assert network.result(client.who("dev")) == ("ada",)


def test_a_second_restart_during_a_rejoin_is_survived(network: Network) -> None:
    """Even between opening the session and joining its rooms."""
    client = network.client("ada")
    network.result(client.join("dev"))
    network.restart()
    said = client.say("hello")
    network.until("PUT /rooms/dev/membership")
    network.restart()
    network.advance(5)
    assert result_of(said)
    assert network.result(client.who("dev")) == ("ada",)


def test_a_left_room_is_not_rejoined_after_a_restart(network: Network) -> None:
    """However its name was spelt."""
    client = network.client("ada")
    network.result(client.join("dev"))
    network.result(client.leave("#Dev"))
    network.restart()
    said = client.say("back")
    network.advance(5)
    assert result_of(said)
    assert network.result(client.who("dev")) == ()


def test_pending_messages_are_sent_to_the_restarted_server(network: Network) -> None:
    """The whole queue, in order."""
    client = network.client("ada")
    network.result(client.say("before"))
    said = [client.say(text) for text in ("one", "two", "three")]
    network.restart()
    network.advance(10)
    assert all(map(result_of, said))
    assert network.texts == ["one", "two", "three"]


def test_a_guest_rejoins_as_a_guest(network: Network) -> None:
    """Under the name that the server gives it then."""
    client = network.client()
    network.result(client.say("before"))
    network.restart()
    network.result(network.client().say("me too"))
    said = client.say("after")
    network.advance(5)
    assert result_of(said)
    assert client.name == "guest-0002"


def test_an_expired_session_is_replaced(network: Network) -> None:
    """With the current name, not the first one."""
    client = network.client("ada")
    network.result(client.rename("eve"))
    network.advance(100)
    assert network.people == []
    said = client.say("hello")
    network.advance(2)
    assert result_of(said)
    assert network.people == ["eve"]


def test_a_name_that_another_session_took_meanwhile_is_an_error(network: Network) -> None:
    """The client does not send under another name."""
    client = network.client("ada")
    network.result(client.say("hello"))
    network.advance(100)
    network.result(network.client("ada").say("it is mine now"))
    said = client.say("hello?")
    network.advance(2)
    with pytest.raises(NameInUse):
        result_of(said)


@pytest.mark.parametrize("how", ["lost", "cancelled"])
def test_the_client_waits_for_its_own_lost_session_to_end(network: Network, how: str) -> None:
    """If the response with the token was lost, the name is free when that session ends."""
    client = network.client("ada")
    if how == "cancelled":
        network.holding = True
        first = client.say("never")
        network.settle()
        first.cancel()
        with pytest.raises(CancelledError):
            result_of(first)
        network.holding = False
    else:
        network.losing = 1
    said = client.say("hello")
    network.advance(30)
    assert not said.called
    network.advance(GRACE_SECONDS)
    assert result_of(said)
    assert network.people == ["ada"]


def test_concurrent_requests_replace_an_expired_session_once(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not once each."""
    monkeypatch.setattr("chatd.client.connection.random", lambda: 1.0)
    client = network.client("ada")
    events = client.events()
    network.next(events)
    network.advance(100)
    waiting, said = start(events.__anext__()), client.say("hello")
    network.advance(5)
    assert result_of(said)
    assert result_of(waiting)
    assert network.requests.count("POST /session") == 2


def test_a_late_401_does_not_replace_the_new_session(network: Network) -> None:
    """Another request has opened the new session meanwhile."""
    client = network.client("ada")
    events = client.events()
    network.next(events)
    network.advance(100)
    said = client.say("hello")
    network.until("POST /rooms/lobby/messages")
    (link,) = network.busy
    link.holding = True
    waiting = start(events.__anext__())
    network.advance(5)
    assert not said.called
    link.holding = False
    network.advance(5)
    assert result_of(said)
    assert result_of(waiting)
    assert network.requests.count("POST /session") == 2


@settings(max_examples=50)
@given(st.lists(st.sampled_from(["say", "cut", "lose", "refuse", "down", "up", "wait"])))
def test_messages_are_sent_and_read_exactly_once_over_any_faults(
    steps: list[str],
) -> None:
    """In order."""
    network = Network()
    client = network.client("ada")
    events = client.events("lobby")
    seen: list[Event] = network.next(events)
    waiting = start(events.__anext__())
    said: list[Deferred[int]] = []
    for step in [*steps, "say", "up", "wait", "wait"]:
        if step == "say":
            said.append(client.say(str(len(said))))
        elif step == "cut":
            network.cut()
        elif step == "lose":
            network.losing += 1
        elif step in ("refuse", "down"):
            network.chat.store.refusing = step == "refuse"
            network.up = step != "down"
        elif step == "up":
            network.chat.store.refusing, network.up, network.losing = False, True, 0
        network.advance(35 if step == "wait" else 0.1, step=0.5)
        while waiting.called:
            seen.append(result_of(waiting))
            waiting = start(events.__anext__())
            network.settle()
    assert [event.text for event in seen if event.type == "message"] == list(
        map(str, range(len(said)))
    )
    assert [event.id for event in seen if event.type == "message"] == list(map(result_of, said))
    network.result(client.close())
    with pytest.raises(StopAsyncIteration):
        result_of(waiting)


# -- closing and cancelling ------------------------------------------------------------------------


def test_closing_leaves_the_chat_and_ends_iterations(network: Network) -> None:
    """No connection, timer or presence is left."""
    client = network.client("ada")
    read: list[Event] = []

    async def reading() -> str:
        async for event in client.events():
            read.append(event)
        return "ended"

    ended = start(reading())
    said = client.say("bye")
    closed = client.close()
    network.settle()
    assert result_of(closed) is None
    assert result_of(said)
    assert result_of(ended) == "ended"
    assert network.people == []
    network.assert_nothing_left()
    with pytest.raises(RuntimeError, match="closed"):
        network.result(client.say("too late"))


def test_closing_does_not_wait_long_for_an_absent_server(network: Network) -> None:
    """And does not fail."""
    client = network.client("ada")
    events = client.events()
    network.next(events)
    waiting = start(events.__anext__())
    network.settle()
    network.holding = True
    closed = client.close()
    network.advance(10)
    assert result_of(closed) is None
    with pytest.raises(StopAsyncIteration):
        result_of(waiting)
    network.assert_nothing_left()


@pytest.mark.parametrize(("stage", "deletes"), [("written", 1), ("heard", 2), ("answered", 1)])
def test_a_cancelled_close_is_finished_by_the_next_close(
    network: Network, stage: str, deletes: int
) -> None:
    """As when an interrupt cancels it; the name is free at once."""
    client = network.client("ada")
    network.result(client.say("hello"))
    network.holding = stage == "heard"
    closed = client.close()
    if stage != "written":
        network.until("DELETE /session")
    if stage == "answered":
        network.chat.settle()
        for link in network.open_links:
            link.carry()
    interrupt(network, closed)
    network.result(client.close())
    assert network.people == []
    assert network.requests.count("DELETE /session") == deletes
    network.assert_nothing_left()


@pytest.mark.parametrize("stage", ["written", "heard"])
def test_closing_ends_a_session_whose_opening_was_cancelled(network: Network, stage: str) -> None:
    """The server may have opened it; its name is then free at once."""
    client = network.client("ada")
    network.holding = True
    said = client.say("hello")
    if stage == "heard":
        network.until("POST /session")
    interrupt(network, said)
    network.result(client.close())
    assert network.people == []
    assert network.requests[-2:] == ["POST /session", "DELETE /session"]
    network.assert_nothing_left()


def interrupt(network: Network, work: Deferred[Any]) -> None:
    """Cancel an operation, and lose all bytes in flight."""
    work.cancel()
    network.cut()
    with pytest.raises(CancelledError):
        result_of(work)
    network.holding = False


def test_closing_a_client_whose_session_was_refused_sends_nothing(network: Network) -> None:
    """There is no session to end."""
    network.result(network.client("ada").who())
    client = network.client("ada")
    with pytest.raises(NameInUse):
        network.result(client.who())
    before = len(network.requests)
    network.result(client.close())
    assert network.requests[before:] == []


def test_closing_an_unused_client_sends_nothing(network: Network) -> None:
    """There is no session to end."""
    network.result(network.client("ada").close())
    assert network.requests == []


def test_a_client_is_an_asynchronous_context_manager(network: Network) -> None:
    """Which closes it."""

    async def visit() -> None:
        async with network.client("ada") as client:
            await client.say("hello")
            assert network.people == ["ada"]

    network.result(visit())
    assert network.people == []


@pytest.mark.parametrize("stage", ["held", "half answered", "waiting to try again"])
def test_a_cancelled_anext_ends_its_request_and_can_be_repeated(
    network: Network, stage: str
) -> None:
    """As with a timeout on the next event."""
    client = network.client("ada")
    events = client.events()
    network.next(events)
    waiting = start(events.__anext__())
    network.settle()
    if stage == "half answered":
        network.open_links[-1].client.bufferReceived(
            b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"
        )
    elif stage == "waiting to try again":
        network.up = False
        network.cut()
        network.settle()
    waiting.cancel()
    network.settle()
    with pytest.raises(CancelledError):
        result_of(waiting)
    network.up = True
    assert network.busy == []
    assert all("HTTPConnectionPool" in str(call) for call in network.clock.getDelayedCalls())
    network.say("meanwhile")
    assert texts(network.next(events)) == ["meanwhile"]


def test_a_cancelled_command_does_not_block_the_next(network: Network) -> None:
    """Whether it was in flight or queued."""
    client = network.client("ada")
    network.result(client.who())
    network.holding = True
    on_its_way, waiting, third = client.say("one"), client.say("two"), client.say("three")
    network.settle()
    for cancelled in (waiting, on_its_way):
        cancelled.cancel()
        with pytest.raises(CancelledError):
            result_of(cancelled)
    network.holding = False
    assert network.result(third)
    assert network.texts == ["one", "three"]


# -- other servers and bad URLs --------------------------------------------------------------------


class FixedResponse(Resource):
    """A resource that answers every request alike."""

    isLeaf = True

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__()
        self.status = status
        self.body = body

    def render(self, request: Request) -> bytes:
        request.setResponseCode(self.status)
        request.setHeader("location", "https://chat.example/")
        return self.body


@pytest.mark.parametrize("body", [b"<h1>It works!</h1>", b"{}", b'{"name":"ada"}', b"\xff", b"[]"])
@pytest.mark.parametrize("status", [200, 301, 404])
def test_a_server_that_is_not_chatd_is_reported(network: Network, status: int, body: bytes) -> None:
    """At once, in words."""
    network.site = Site(FixedResponse(status, body), reactor=network.chat.clock)
    with pytest.raises(ChatError, match="no chatd"):
        network.result(network.client("ada").say("hello"))


@pytest.mark.parametrize(
    "url",
    ["", "foo", "localhost:8080", "ftp://chat.example", "http://", "http://[", "http://a..b",
     "http://a:b", "http://a:0", "http://a:65536", "http://ex ample", "http://-a-", "http://a\ud800"],
)  # fmt: skip
def test_a_bad_url_is_refused_before_anything_is_sent(network: Network, url: str) -> None:
    """The error shows a good one."""
    with pytest.raises(Malformed, match="http://localhost:8080"):
        ChatClient(url, reactor=network.clock, http=object())  # type: ignore[arg-type]


# -- treq's test double ----------------------------------------------------------------------------


def test_programs_can_use_treq_s_stub_in_their_tests(network: Network) -> None:
    """The client uses little of treq, so a test can inspect requests and answer them."""
    sent: list[tuple[bytes, str, dict[bytes, list[bytes]], bytes]] = []

    def answer(method, url, params, headers, data):
        sent.append((method, url, headers, data))
        return (
            201,
            {},
            b'{"name":"ada","token":"secret"}' if url.endswith("session") else b'{"id":7}',
        )

    treq: Any = StubTreq(StringStubbingResource(answer))
    client = ChatClient("http://chat.example/below/", "ada", reactor=network.clock, http=treq)
    assert result_of(client.say("hello", "#dev")) == 7
    method, url, headers, data = sent[-1]
    assert (method, url) == (b"POST", "http://chat.example/below/rooms/%23dev/messages")
    assert headers[b"Authorization"] == [b"Bearer secret"]
    assert headers[b"Idempotency-Key"]
    assert data == b'{"text":"hello"}'


# -- accounts --------------------------------------------------------------------------------------


def test_a_client_registers_its_name_and_signs_in_to_it(network: Network) -> None:
    """It continues as the account; another client needs the password."""
    ada = network.client("ada")
    network.result(ada.say("as a guest"))
    assert network.result(ada.register("correct horse battery")) == "ada"
    network.result(ada.say("as an account"))
    other = network.client("ada", password="correct horse battery")
    network.result(other.say("from elsewhere"))
    assert network.texts == ["as a guest", "as an account", "from elsewhere"]
    assert network.chat.room("lobby").names == ["ada"]


def test_a_client_without_the_password_is_refused(network: Network) -> None:
    """With the error that says what is wrong."""
    network.result(network.client("ada").register("correct horse battery"))
    with pytest.raises(NameRegistered):
        network.result(network.client("ada").say("hi"))
    with pytest.raises(BadCredentials):
        network.result(network.client("ada", password="wrong horse battery").say("hi"))
    assert network.texts == []
