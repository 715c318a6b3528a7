"""Long-polls: how long they are held, when they are answered, and with what."""

from __future__ import annotations

import re

import pytest

from chatd.doors.polls.longpoll import DEFAULT_WAIT, MAX_WAIT

from ...kit.http import HttpClient
from ...kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"


@pytest.fixture(params=[0, 1, 2], ids=["new", "second", "learned"])
def poller(request: pytest.FixtureRequest, server: MemoryServer) -> HttpClient:
    """A connection that has polled so often before that its next poll is parsed, makes a template,
    or matches one.
    """
    http = server.http()
    server.say("before")
    for _ in range(request.param):
        assert http.get(f"{EVENTS}?since=0").texts == ["before"]
    return http


def newest(server: MemoryServer) -> int:
    """The cursor after the newest event of the lobby."""
    return server.chat.room("lobby").log.last


# -- holding and answering -------------------------------------------------------------------------


def test_poll_is_held_until_the_next_event(server: MemoryServer, poller: HttpClient) -> None:
    """Then it is answered with the event and the cursor after it."""
    poller.send("GET", f"{EVENTS}?since={newest(server)}")
    server.chat.settle()
    assert poller.responses() == []
    id_ = server.say("hello")
    (event,) = (answer := poller.response().json).pop("events")
    assert answer == {"room": "lobby", "next": id_, "gap": False}
    time = event.pop("time")
    assert event == {"id": id_, "type": "message", "room": "lobby", "from": "bob", "text": "hello"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time)


def test_poll_is_answered_in_the_turn_in_which_the_message_is_stored(
    server: MemoryServer, poller: HttpClient
) -> None:
    """Without a timer: the clock does not advance."""
    poller.send("GET", f"{EVENTS}?since={newest(server)}")
    server.hold_appends()
    line = server.line()
    line.send(b"hello\n")
    server.chat.settle()
    now = server.chat.clock.seconds()
    assert poller.responses() == []
    server.release_appends()
    assert poller.response().texts == ["hello"]
    assert server.chat.clock.seconds() == now


def test_poll_behind_the_newest_event_is_answered_at_once(
    server: MemoryServer, poller: HttpClient
) -> None:
    """The answer comes in the turn of the request."""
    place = newest(server)
    server.say("hello")
    poller.send("GET", f"{EVENTS}?since={place}")
    assert poller.response().texts == ["hello"]


def test_poll_is_answered_with_all_events_of_a_turn(
    server: MemoryServer, poller: HttpClient
) -> None:
    """They come in one response."""
    poller.send("GET", f"{EVENTS}?since={newest(server)}")
    server.say("one", "two", "three")
    assert poller.response().texts == ["one", "two", "three"]


def test_repeated_cursor_gets_the_same_answer(server: MemoryServer, poller: HttpClient) -> None:
    """So a response that is lost on the way loses no event."""
    place = newest(server)
    server.say("one", "two")
    answers = [poller.get(f"{EVENTS}?since={place}").body for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        ("", DEFAULT_WAIT),
        ("&wait=10", 10),
        ("&wait=0.5", 0.5),
        ("&wait=60", MAX_WAIT),
        ("&wait=61", MAX_WAIT),
        ("&wait=999999999", MAX_WAIT),
        ("&wait=99999999999999999999", MAX_WAIT),
    ],
)
def test_poll_is_held_for_its_wait(
    server: MemoryServer, poller: HttpClient, wait: str, seconds: float
) -> None:
    """At most for `MAX_WAIT`; then it is answered without events, and with the same cursor."""
    place = newest(server)
    for _ in range(3):
        poller.send("GET", f"{EVENTS}?since={place}{wait}")
        server.chat.advance(seconds - 0.01)
        assert poller.responses() == []
        server.chat.advance(0.2)
        answer = poller.response().json
        assert answer == {"room": "lobby", "events": [], "next": place, "gap": False}


@pytest.mark.parametrize("wait", ["0", "-1", "-0.0", "0.0"])
def test_poll_with_a_wait_of_zero_is_answered_at_once(
    server: MemoryServer, poller: HttpClient, wait: str
) -> None:
    """It gets the events that there are, or none."""
    place = newest(server)
    target = f"{EVENTS}?since={place}&wait={wait}"
    for _ in range(3):
        poller.send("GET", target)
        assert poller.response().texts == []
    server.say("hello")
    poller.send("GET", target)
    assert poller.response().texts == ["hello"]


def test_timeout_at_the_moment_of_an_event_loses_nothing(
    server: MemoryServer, poller: HttpClient
) -> None:
    """The next poll gets the event that the last one did not."""
    place = newest(server)
    poller.send("GET", f"{EVENTS}?since={place}&wait=1")
    server.hold_appends()
    server.line().send(b"hello\n")
    server.chat.advance(1.2)
    assert poller.response().texts == []
    server.release_appends()
    poller.send("GET", f"{EVENTS}?since={place}&wait=1")
    assert poller.response().texts == ["hello"]


def test_a_hundred_polls_get_the_same_bytes(server: MemoryServer) -> None:
    """This holds in each of three rounds, parsed or learned."""
    polls = [server.http() for _ in range(100)]
    for round_ in range(3):
        place = newest(server)
        for poll in polls:
            poll.send("GET", f"{EVENTS}?since={place}")
        server.say(f"{round_}")
        assert len({poll.response().body for poll in polls}) == 1


@pytest.mark.parametrize("accept", ["application/json", "text/plain"])
def test_poll_response_forbids_caching_and_buffering(
    server: MemoryServer, http: HttpClient, accept: str
) -> None:
    """Answered at once, later, or without events; learned or not."""
    server.say("hello")
    for query in ("since=0", "since=0", "since=0&wait=0", f"since={newest(server)}&wait=0"):
        headers = http.get(f"{EVENTS}?{query}", Accept=accept).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert headers["x-content-type-options"] == "nosniff"


# -- cursors ---------------------------------------------------------------------------------------


def test_poll_without_a_cursor_gets_the_newest_fifty_at_once(
    server: MemoryServer, http: HttpClient
) -> None:
    """A `limit` asks for another number."""
    texts = [f"{number}" for number in range(60)]
    server.say(*texts)
    assert http.get(EVENTS).texts == texts[10:]
    assert http.get(f"{EVENTS}?limit=3").texts == texts[57:]
    assert http.get(f"{EVENTS}?limit=60").texts == texts


def test_poll_of_an_empty_room_without_a_cursor_is_held(
    server: MemoryServer, http: HttpClient
) -> None:
    """The first event there answers it."""
    http.send("GET", "/rooms/quiet/events")
    server.chat.settle()
    assert http.responses() == []
    server.say("first", room="quiet")
    assert http.response().texts == ["first"]


def test_cursor_of_an_empty_room_is_valid(server: MemoryServer, http: HttpClient) -> None:
    """A later poll with it has no gap."""
    place = http.get("/rooms/quiet/events?wait=0").json["next"]
    server.say("elsewhere")
    server.say("first", room="quiet")
    answer = http.get(f"/rooms/quiet/events?since={place}")
    assert answer.texts == ["first"]
    assert answer.json["gap"] is False


def test_poll_over_its_limit_gets_the_oldest_events(server: MemoryServer, http: HttpClient) -> None:
    """`next` is the last of them, so further polls get each event once."""
    place = http.get(f"{EVENTS}?wait=0").json["next"]
    texts = [f"{number}" for number in range(7)]
    server.say(*texts)
    seen: list[str] = []
    for _ in range(3):
        answer = http.get(f"{EVENTS}?since={place}&limit=3")
        assert len(answer.texts) <= 3
        assert answer.json["next"] == answer.json["events"][-1]["id"]
        place = answer.json["next"]
        seen += answer.texts
    assert seen == texts


@pytest.mark.parametrize("limit", ["", "&limit=501", "&limit=999999999"])
def test_poll_gets_at_most_five_hundred_events(
    server: MemoryServer, http: HttpClient, limit: str
) -> None:
    """Whatever its `limit` says."""
    place = http.get(f"{EVENTS}?wait=0").json["next"]
    server.say(*("x" * 600))
    assert len(http.get(f"{EVENTS}?since={place}{limit}").texts) == 500


# -- gaps ------------------------------------------------------------------------------------------


def test_evicted_cursor_is_a_gap() -> None:
    """Answered at once, with the events that are left; the next poll has no gap."""
    server = MemoryServer(history=10)
    http = server.http()
    place = http.get(f"{EVENTS}?wait=0").json["next"]
    texts = [f"{number}" for number in range(12)]
    server.say(*texts)
    answer = http.get(f"{EVENTS}?since={place}")
    assert answer.json["gap"] is True
    assert answer.texts == texts[2:]
    assert http.get(f"{EVENTS}?since={answer.json['next']}&wait=0").json["gap"] is False


def test_cursor_before_the_oldest_kept_event_is_no_gap() -> None:
    """It is the oldest cursor that the log covers."""
    server = MemoryServer(history=10)
    http = server.http()
    place = server.say("forgotten")
    texts = [f"{number}" for number in range(10)]
    server.say(*texts)
    answer = http.get(f"{EVENTS}?since={place}")
    assert answer.texts == texts
    assert answer.json["gap"] is False


@pytest.mark.parametrize("since", ["1", "1763800000000000", "999999999999999999"])
def test_unknown_cursor_is_a_gap_at_once(
    server: MemoryServer, http: HttpClient, since: str
) -> None:
    """From before this server's memory, or from the future; in an empty room too."""
    empty = http.get(f"{EVENTS}?since={since}").json
    assert (empty["events"], empty["gap"]) == ([], True)
    server.say("hello")
    answer = http.get(f"{EVENTS}?since={since}")
    assert answer.texts == ["hello"]
    assert answer.json["gap"] is True
    assert answer.json["next"] == newest(server)


def test_poll_after_a_gap_in_an_empty_room_is_held(server: MemoryServer, http: HttpClient) -> None:
    """The gap is told once."""
    place = http.get(f"{EVENTS}?since=999999999999999999").json["next"]
    http.send("GET", f"{EVENTS}?since={place}")
    server.chat.settle()
    assert http.responses() == []
    server.say("hello")
    answer = http.response()
    assert answer.texts == ["hello"]
    assert answer.json["gap"] is False


def test_poll_without_a_cursor_has_no_gap() -> None:
    """Its client has missed nothing."""
    server = MemoryServer(history=10)
    server.say(*("x" * 30))
    answer = server.http().get(EVENTS).json
    assert answer["gap"] is False
    assert len(answer["events"]) == 10


# -- several rooms ---------------------------------------------------------------------------------

BOTH = "/events?rooms=lobby,dev"


def test_poll_of_several_rooms_has_one_cursor(server: MemoryServer, http: HttpClient) -> None:
    """The events are in one order, each once, and the answer names the rooms."""
    place = http.get(f"{BOTH}&wait=0").json["next"]
    for number in range(6):
        server.say(f"{number}", room=("lobby", "dev", "other")[number % 3])
    answer = http.get(f"{BOTH}&since={place}")
    assert answer.texts == ["0", "1", "3", "4"]
    assert answer.json["rooms"] == ["lobby", "dev"]
    assert [event["room"] for event in answer.json["events"]] == ["lobby", "dev"] * 2


@pytest.mark.parametrize("rounds", [0, 3], ids=["new", "learned"])
@pytest.mark.parametrize("room", ["lobby", "dev"])
def test_poll_of_several_rooms_is_answered_by_an_event_in_any(
    server: MemoryServer, http: HttpClient, room: str, rounds: int
) -> None:
    """An event in another room does not answer it."""
    for _ in range(rounds):
        server.say("before")
        http.get(f"{BOTH}&since=0")
    place = http.get(f"{BOTH}&limit=1&wait=0").json["next"]
    http.send("GET", f"{BOTH}&since={place}")
    server.say("elsewhere", room="other")
    assert http.responses() == []
    server.say("hello", room=room)
    assert http.response().texts == ["hello"]


def test_poll_of_several_rooms_has_a_gap_if_one_room_has() -> None:
    """The kept events of every room follow."""
    server = MemoryServer(history=10)
    http = server.http()
    place = http.get(f"{BOTH}&wait=0").json["next"]
    server.say("quiet", room="dev")
    server.say(*(f"{number}" for number in range(15)))
    answer = http.get(f"{BOTH}&since={place}")
    assert answer.json["gap"] is True
    assert answer.texts == ["quiet", *(f"{number}" for number in range(5, 15))]


def test_limited_polls_of_several_rooms_lose_nothing(
    server: MemoryServer, http: HttpClient
) -> None:
    """If each begins at the `next` of the one before."""
    place = http.get(f"{BOTH}&wait=0").json["next"]
    for number in range(10):
        server.say(f"{number}", room=("lobby", "dev")[number % 3 == 0])
    seen: list[str] = []
    while answer := http.get(f"{BOTH}&since={place}&limit=3&wait=0").json:
        if not answer["events"]:
            break
        place = answer["next"]
        seen += [event["text"] for event in answer["events"]]
    assert seen == [f"{number}" for number in range(10)]


# -- sessions and their polls ----------------------------------------------------------------------


@pytest.fixture(params=[0, 3], ids=["new", "learned"])
def tabs(request: pytest.FixtureRequest, server: MemoryServer, ada: HttpClient) -> list[HttpClient]:
    """Two connections in ada's session, which have polled some times before."""
    connections = [server.http(), server.http()]
    for connection in connections:
        connection.headers = ada.headers
        for _ in range(request.param):
            assert connection.get(f"{EVENTS}?since=0").texts == ["join"]
    return connections


def test_newer_poll_of_a_session_ends_the_older(
    server: MemoryServer, tabs: list[HttpClient]
) -> None:
    """The older one is answered at once, without events."""
    place = newest(server)
    older, newer = tabs
    older.send("GET", f"{EVENTS}?since={place}")
    newer.send("GET", f"{EVENTS}?since={place}")
    assert older.response().json == {"room": "lobby", "events": [], "next": place, "gap": False}
    server.say("hello")
    assert newer.response().texts == ["hello"]
    assert older.responses() == []


def test_polls_of_a_session_may_alternate(server: MemoryServer, tabs: list[HttpClient]) -> None:
    """Each ends the one before; an event answers the one that is held."""
    place = newest(server)
    first, second = tabs
    first.send("GET", f"{EVENTS}?since={place}")
    for _ in range(4):
        second.send("GET", f"{EVENTS}?since={place}")
        assert first.response().texts == []
        first, second = second, first
    server.say("hello")
    assert first.response().texts == ["hello"]


def test_polls_of_a_session_with_different_readers_are_both_held(
    server: MemoryServer, tabs: list[HttpClient]
) -> None:
    """The parameter `reader` tells two tabs apart."""
    place = newest(server)
    for number, tab in enumerate(tabs):
        tab.send("GET", f"{EVENTS}?since={place}&reader=tab-{number}")
    server.chat.settle()
    assert [tab.responses() for tab in tabs] == [[], []]
    server.say("hello")
    assert [tab.response().texts for tab in tabs] == [["hello"], ["hello"]]


def test_polls_of_a_session_in_different_rooms_are_both_held(
    server: MemoryServer, tabs: list[HttpClient]
) -> None:
    """They are different readers."""
    place = newest(server)
    for room, tab in zip(("lobby", "dev"), tabs, strict=True):
        tab.send("GET", f"/rooms/{room}/events?since={place}")
    server.say("hello")
    server.say("dev", room="dev")
    assert [tab.response().texts for tab in tabs] == [["hello"], ["dev"]]


def test_polls_without_a_session_are_all_held(server: MemoryServer) -> None:
    """The server cannot know whether they are of one client."""
    polls = [server.http() for _ in range(3)]
    for poll in polls:
        poll.send("GET", EVENTS)
    server.say("hello")
    assert [poll.response().texts for poll in polls] == [["hello"]] * 3


def test_polls_are_answered_when_their_session_ends(
    server: MemoryServer, ada: HttpClient, tabs: list[HttpClient]
) -> None:
    """Without events, and the token is invalid from then on."""
    place = newest(server)
    for number, tab in enumerate(tabs):
        tab.send("GET", f"{EVENTS}?since={place}&reader={number}")
    other = server.http()
    other.send("GET", f"{EVENTS}?since={place}&reader=0")
    assert ada.request("DELETE", "/session").status == 204
    assert [tab.response().texts for tab in tabs] == [[], []]
    assert [tab.get(EVENTS).refusal for tab in tabs] == [(401, "bad-token")] * 2
    assert other.response().texts == ["leave"]


def test_private_messages_are_read_at_events_only(server: MemoryServer, ada: HttpClient) -> None:
    """By their sender and their recipient, in order with the others; not at
    `/rooms/{room}/events`.
    """
    bob, eve = server.http(), server.http()
    bob.enter("bob")
    eve.enter("eve")
    place = newest(server)
    target = f"/events?rooms=lobby&since={place}"
    server.say("one", name="cy")
    id_ = ada.post("/people/BOB/messages", {"text": "psst"}).json["id"]
    server.say("two", name="cy")
    assert ada.get(target).texts == bob.get(target).texts == ["one", "psst", "two"]
    private = bob.get(target).json["events"][1]
    private.pop("time")
    assert private == {
        "id": id_, "type": "private", "from": "ada", "to": "bob", "text": "psst"
    }  # fmt: skip
    for other in (eve, server.http()):
        assert other.get(target).texts == ["one", "two"]
    for person in (ada, bob):
        assert person.get(f"{EVENTS}?since={place}").texts == ["one", "two"]


def test_private_message_answers_a_poll(
    server: MemoryServer, ada: HttpClient, tabs: list[HttpClient]
) -> None:
    """It answers polls of its recipient and of its sender."""
    bob = server.http()
    bob.enter("bob")
    place = newest(server)
    tabs[0].send("GET", f"/events?rooms=lobby&since={place}")
    bob.send("GET", f"/events?rooms=lobby&since={place}")
    ada.post("/people/bob/messages", {"text": "psst"})
    assert tabs[0].response().texts == bob.response().texts == ["psst"]


# -- learned polls ---------------------------------------------------------------------------------


def test_learned_poll_belongs_to_the_session_of_its_token(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Requests of two sessions that alternate on one connection are not mixed up."""
    server.http().enter("bob")
    eve = server.http()
    eve.enter("eve")
    place = newest(server)
    ada.post("/people/eve/messages", {"text": "psst"})
    server.say("hello", name="cy")
    shared = server.http()
    for _ in range(3):
        for headers, texts in ((eve.headers, ["psst", "hello"]), ({}, ["hello"])):
            shared.headers = headers
            assert shared.get(f"/events?rooms=lobby&since={place}").texts == texts


def test_learned_poll_is_refused_when_its_session_has_ended(
    server: MemoryServer, ada: HttpClient
) -> None:
    """A template is valid only while its session is."""
    for _ in range(3):
        assert ada.get(f"{EVENTS}?since=0").status == 200
    other = server.http()
    other.headers = ada.headers
    assert other.request("DELETE", "/session").status == 204
    assert ada.get(f"{EVENTS}?since=0").refusal == (401, "bad-token")


@pytest.mark.parametrize(
    ("query", "code"),
    [("since=x", 400), ("since=", 400), ("since=1&since=2", 400), ("since=9&wait=nan", 400)],
)
def test_invalid_request_is_refused_although_a_poll_was_learned(
    server: MemoryServer, http: HttpClient, query: str, code: int
) -> None:
    """Any request but the learned one is parsed."""
    server.say("hello")
    for _ in range(3):
        assert http.get(f"{EVENTS}?since=0").texts == ["hello"]
    assert http.get(f"{EVENTS}?{query}").status == code
    assert http.get(f"{EVENTS}?since=0").texts == ["hello"]


def test_learned_poll_of_an_evicted_room_reads_the_new_one(
    server: MemoryServer, http: HttpClient
) -> None:
    """A room without events leaves memory; a later event there is still read."""
    target = "/rooms/quiet/events"
    place = http.get(f"{target}?wait=0").json["next"]
    for _ in range(3):
        assert http.get(f"{target}?since={place}&wait=0").texts == []
    http.send("GET", f"{target}?since={place}")
    server.say("hello", room="quiet")
    assert http.response().texts == ["hello"]


@pytest.mark.parametrize("cut", [1, 4, 16, 40, -3, -1])
def test_learned_poll_in_two_packets_is_answered_alike(
    server: MemoryServer, http: HttpClient, cut: int
) -> None:
    """Wherever the packets cut it."""
    server.say("hello")
    for _ in range(3):
        assert http.get(f"{EVENTS}?since=0").texts == ["hello"]
    data = f"GET {EVENTS}?since={newest(server)} HTTP/1.1\r\nHost: chat.example\r\n\r\n".encode()
    http.send_raw(data[:cut])
    http.wire.send(data[cut:])
    server.chat.settle()
    assert http.responses() == []
    server.say("again")
    assert http.response().texts == ["again"]


def test_parsed_and_learned_polls_have_the_same_headers(
    server: MemoryServer, http: HttpClient
) -> None:
    """Except for the date."""
    server.say("hello")
    answers = [http.get(f"{EVENTS}?since=0") for _ in range(3)]
    assert answers[0].headers.keys() == answers[2].headers.keys()
    differing = {
        name
        for name, value in answers[0].headers.items()
        if answers[2].headers[name] != value and name != "date"
    }
    assert differing == set()
    assert answers[0].body == answers[2].body
