"""Long-polls: what is held, when it is answered, and with what."""

from __future__ import annotations

import re

import pytest

from chatd.doors.polls.longpoll import DEFAULT_WAIT, MAX_WAIT

from ...kit.http import HttpClient
from ...kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"


@pytest.fixture(params=[0, 1, 2], ids=["new", "second", "learned"])
def poller(request: pytest.FixtureRequest, server: MemoryServer) -> HttpClient:
    """A connection that has polled some times before, so that both roads are walked; the place
    where it stands is `polled(server)`.
    """
    http = server.http()
    server.say("before")
    for _ in range(request.param):
        assert http.get(f"{EVENTS}?since=0").texts == ["before"]
    return http


def last(server: MemoryServer) -> int:
    """The cursor behind everything that was said."""
    return server.chat.room("lobby").log.last


# -- holding and waking ----------------------------------------------------------------------------


def test_a_poll_is_held_until_something_is_said(server: MemoryServer, poller: HttpClient) -> None:
    """Then it is answered with that, and the cursor behind it."""
    poller.send("GET", f"{EVENTS}?since={last(server)}")
    server.chat.settle()
    assert poller.responses() == []
    id_ = server.say("hello")
    (event,) = (answer := poller.response().json).pop("events")
    assert answer == {"room": "lobby", "next": id_, "gap": False}
    time = event.pop("time")
    assert event == {"id": id_, "type": "message", "room": "lobby", "from": "bob", "text": "hello"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", time)


def test_a_poll_is_woken_in_the_turn_in_which_the_line_is_stored(
    server: MemoryServer, poller: HttpClient
) -> None:
    """No timer lies in between: not a millisecond passes."""
    poller.send("GET", f"{EVENTS}?since={last(server)}")
    server.hold_appends()
    line = server.line()
    line.send(b"hello\n")
    server.chat.settle()
    now = server.chat.clock.seconds()
    assert poller.responses() == []
    server.release_appends()
    assert poller.response().texts == ["hello"]
    assert server.chat.clock.seconds() == now


def test_what_was_said_already_answers_at_once(server: MemoryServer, poller: HttpClient) -> None:
    """In this turn of the reactor."""
    place = last(server)
    server.say("hello")
    poller.send("GET", f"{EVENTS}?since={place}")
    assert poller.response().texts == ["hello"]


def test_a_burst_wakes_a_poll_once_with_all_of_it(server: MemoryServer, poller: HttpClient) -> None:
    """All that was said in one turn is one answer."""
    poller.send("GET", f"{EVENTS}?since={last(server)}")
    server.say("one", "two", "three")
    assert poller.response().texts == ["one", "two", "three"]


def test_reading_deletes_nothing(server: MemoryServer, poller: HttpClient) -> None:
    """The same question has the same answer, so a lost answer loses nothing."""
    place = last(server)
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
def test_a_poll_is_held_no_longer_than_it_says(
    server: MemoryServer, poller: HttpClient, wait: str, seconds: float
) -> None:
    """Then it is answered with nothing, and its cursor stands."""
    place = last(server)
    for _ in range(3):
        poller.send("GET", f"{EVENTS}?since={place}{wait}")
        server.chat.advance(seconds - 0.01)
        assert poller.responses() == []
        server.chat.advance(0.2)
        answer = poller.response().json
        assert answer == {"room": "lobby", "events": [], "next": place, "gap": False}


@pytest.mark.parametrize("wait", ["0", "-1", "-0.0", "0.0"])
def test_a_poll_that_does_not_wait_is_answered_at_once(
    server: MemoryServer, poller: HttpClient, wait: str
) -> None:
    """With what there is, or with nothing."""
    place = last(server)
    target = f"{EVENTS}?since={place}&wait={wait}"
    for _ in range(3):
        poller.send("GET", target)
        assert poller.response().texts == []
    server.say("hello")
    poller.send("GET", target)
    assert poller.response().texts == ["hello"]


def test_a_timeout_loses_nothing_that_is_said_just_then(
    server: MemoryServer, poller: HttpClient
) -> None:
    """Whatever the timer and the message do: the next poll brings what the last one did not."""
    place = last(server)
    poller.send("GET", f"{EVENTS}?since={place}&wait=1")
    server.hold_appends()
    server.line().send(b"hello\n")
    server.chat.advance(1.2)
    assert poller.response().texts == []
    server.release_appends()
    poller.send("GET", f"{EVENTS}?since={place}&wait=1")
    assert poller.response().texts == ["hello"]


def test_a_hundred_polls_are_all_woken(server: MemoryServer) -> None:
    """With the same bytes."""
    polls = [server.http() for _ in range(100)]
    for round_ in range(3):
        place = last(server)
        for poll in polls:
            poll.send("GET", f"{EVENTS}?since={place}")
        server.say(f"{round_}")
        assert len({poll.response().body for poll in polls}) == 1


@pytest.mark.parametrize("accept", ["application/json", "text/plain"])
def test_a_poll_is_kept_from_caches_and_buffers(
    server: MemoryServer, http: HttpClient, accept: str
) -> None:
    """Whether it is answered at once, later, or with nothing, and the second time as the first."""
    server.say("hello")
    for query in ("since=0", "since=0", "since=0&wait=0", f"since={last(server)}&wait=0"):
        headers = http.get(f"{EVENTS}?{query}", Accept=accept).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert headers["x-content-type-options"] == "nosniff"


# -- where to begin --------------------------------------------------------------------------------


def test_without_a_cursor_the_latest_fifty_come_at_once(
    server: MemoryServer, http: HttpClient
) -> None:
    """Or as many of the latest as were asked for."""
    texts = [f"{number}" for number in range(60)]
    server.say(*texts)
    assert http.get(EVENTS).texts == texts[10:]
    assert http.get(f"{EVENTS}?limit=3").texts == texts[57:]
    assert http.get(f"{EVENTS}?limit=60").texts == texts


def test_without_a_cursor_an_empty_room_holds(server: MemoryServer, http: HttpClient) -> None:
    """Until the first thing happens there."""
    http.send("GET", "/rooms/quiet/events")
    server.chat.settle()
    assert http.responses() == []
    server.say("first", room="quiet")
    assert http.response().texts == ["first"]


def test_an_empty_room_gives_a_cursor_to_go_on_from(server: MemoryServer, http: HttpClient) -> None:
    """One that is no gap later."""
    place = http.get("/rooms/quiet/events?wait=0").json["next"]
    server.say("elsewhere")
    server.say("first", room="quiet")
    answer = http.get(f"/rooms/quiet/events?since={place}")
    assert answer.texts == ["first"]
    assert answer.json["gap"] is False


def test_the_oldest_come_first_when_there_are_too_many(
    server: MemoryServer, http: HttpClient
) -> None:
    """`next` is the last one given, so that asking on brings each once."""
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
def test_no_answer_has_more_than_five_hundred(
    server: MemoryServer, http: HttpClient, limit: str
) -> None:
    """However many were asked for."""
    place = http.get(f"{EVENTS}?wait=0").json["next"]
    server.say(*("x" * 600))
    assert len(http.get(f"{EVENTS}?since={place}{limit}").texts) == 500


# -- gaps ------------------------------------------------------------------------------------------


def test_a_cursor_that_was_evicted_is_a_gap() -> None:
    """At once, with what is left; after it, all is well."""
    server = MemoryServer(history=10)
    http = server.http()
    place = http.get(f"{EVENTS}?wait=0").json["next"]
    texts = [f"{number}" for number in range(12)]
    server.say(*texts)
    answer = http.get(f"{EVENTS}?since={place}")
    assert answer.json["gap"] is True
    assert answer.texts == texts[2:]
    assert http.get(f"{EVENTS}?since={answer.json['next']}&wait=0").json["gap"] is False


def test_the_oldest_cursor_that_the_log_covers_is_no_gap() -> None:
    """The one right before the oldest event that is kept."""
    server = MemoryServer(history=10)
    http = server.http()
    place = server.say("forgotten")
    texts = [f"{number}" for number in range(10)]
    server.say(*texts)
    answer = http.get(f"{EVENTS}?since={place}")
    assert answer.texts == texts
    assert answer.json["gap"] is False


@pytest.mark.parametrize("since", ["1", "1763800000000000", "999999999999999999"])
def test_a_cursor_from_elsewhere_is_a_gap_at_once(
    server: MemoryServer, http: HttpClient, since: str
) -> None:
    """From before this server's memory, or from the future; also where nothing happened yet."""
    empty = http.get(f"{EVENTS}?since={since}").json
    assert (empty["events"], empty["gap"]) == ([], True)
    server.say("hello")
    answer = http.get(f"{EVENTS}?since={since}")
    assert answer.texts == ["hello"]
    assert answer.json["gap"] is True
    assert answer.json["next"] == last(server)


def test_after_a_gap_where_nothing_happened_the_next_poll_is_held(
    server: MemoryServer, http: HttpClient
) -> None:
    """It is told once."""
    place = http.get(f"{EVENTS}?since=999999999999999999").json["next"]
    http.send("GET", f"{EVENTS}?since={place}")
    server.chat.settle()
    assert http.responses() == []
    server.say("hello")
    answer = http.response()
    assert answer.texts == ["hello"]
    assert answer.json["gap"] is False


def test_without_a_cursor_there_is_no_gap() -> None:
    """Nobody has missed what they never asked for."""
    server = MemoryServer(history=10)
    server.say(*("x" * 30))
    answer = server.http().get(EVENTS).json
    assert answer["gap"] is False
    assert len(answer["events"]) == 10


# -- several rooms ---------------------------------------------------------------------------------

BOTH = "/events?rooms=lobby,dev"


def test_several_rooms_are_read_on_one_cursor(server: MemoryServer, http: HttpClient) -> None:
    """In one order, each event once; the answer names the rooms."""
    place = http.get(f"{BOTH}&wait=0").json["next"]
    for number in range(6):
        server.say(f"{number}", room=("lobby", "dev", "other")[number % 3])
    answer = http.get(f"{BOTH}&since={place}")
    assert answer.texts == ["0", "1", "3", "4"]
    assert answer.json["rooms"] == ["lobby", "dev"]
    assert [event["room"] for event in answer.json["events"]] == ["lobby", "dev"] * 2


@pytest.mark.parametrize("rounds", [0, 3], ids=["new", "learned"])
@pytest.mark.parametrize("room", ["lobby", "dev"])
def test_any_of_several_rooms_wakes_a_poll(
    server: MemoryServer, http: HttpClient, room: str, rounds: int
) -> None:
    """And what is said elsewhere does not."""
    for _ in range(rounds):
        server.say("before")
        http.get(f"{BOTH}&since=0")
    place = http.get(f"{BOTH}&limit=1&wait=0").json["next"]
    http.send("GET", f"{BOTH}&since={place}")
    server.say("elsewhere", room="other")
    assert http.responses() == []
    server.say("hello", room=room)
    assert http.response().texts == ["hello"]


def test_a_gap_in_one_of_several_rooms_is_a_gap() -> None:
    """All that is left of each comes after it."""
    server = MemoryServer(history=10)
    http = server.http()
    place = http.get(f"{BOTH}&wait=0").json["next"]
    server.say("quiet", room="dev")
    server.say(*(f"{number}" for number in range(15)))
    answer = http.get(f"{BOTH}&since={place}")
    assert answer.json["gap"] is True
    assert answer.texts == ["quiet", *(f"{number}" for number in range(5, 15))]


def test_several_rooms_with_a_limit_lose_nothing(server: MemoryServer, http: HttpClient) -> None:
    """Going on from `next`."""
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


def test_of_two_polls_of_one_session_the_newer_is_held(
    server: MemoryServer, tabs: list[HttpClient]
) -> None:
    """The older is answered at once, with no events, and nothing breaks."""
    place = last(server)
    older, newer = tabs
    older.send("GET", f"{EVENTS}?since={place}")
    newer.send("GET", f"{EVENTS}?since={place}")
    assert older.response().json == {"room": "lobby", "events": [], "next": place, "gap": False}
    server.say("hello")
    assert newer.response().texts == ["hello"]
    assert older.responses() == []


def test_two_polls_of_one_session_may_take_turns(
    server: MemoryServer, tabs: list[HttpClient]
) -> None:
    """Each new one sets the last one free; a message finds whoever is there."""
    place = last(server)
    first, second = tabs
    first.send("GET", f"{EVENTS}?since={place}")
    for _ in range(4):
        second.send("GET", f"{EVENTS}?since={place}")
        assert first.response().texts == []
        first, second = second, first
    server.say("hello")
    assert first.response().texts == ["hello"]


def test_two_tabs_of_one_session_are_both_held(
    server: MemoryServer, tabs: list[HttpClient]
) -> None:
    """`reader` tells them apart."""
    place = last(server)
    for number, tab in enumerate(tabs):
        tab.send("GET", f"{EVENTS}?since={place}&reader=tab-{number}")
    server.chat.settle()
    assert [tab.responses() for tab in tabs] == [[], []]
    server.say("hello")
    assert [tab.response().texts for tab in tabs] == [["hello"], ["hello"]]


def test_two_polls_of_one_session_in_two_rooms_are_both_held(
    server: MemoryServer, tabs: list[HttpClient]
) -> None:
    """They ask for different things."""
    place = last(server)
    for room, tab in zip(("lobby", "dev"), tabs, strict=True):
        tab.send("GET", f"/rooms/{room}/events?since={place}")
    server.say("hello")
    server.say("dev", room="dev")
    assert [tab.response().texts for tab in tabs] == [["hello"], ["dev"]]


def test_polls_without_a_session_are_all_held(server: MemoryServer) -> None:
    """Nobody knows whether they are one reader."""
    polls = [server.http() for _ in range(3)]
    for poll in polls:
        poll.send("GET", EVENTS)
    server.say("hello")
    assert [poll.response().texts for poll in polls] == [["hello"]] * 3


def test_the_end_of_a_session_answers_its_polls(
    server: MemoryServer, ada: HttpClient, tabs: list[HttpClient]
) -> None:
    """With no events; and its token is good for nothing more."""
    place = last(server)
    for number, tab in enumerate(tabs):
        tab.send("GET", f"{EVENTS}?since={place}&reader={number}")
    other = server.http()
    other.send("GET", f"{EVENTS}?since={place}&reader=0")
    assert ada.request("DELETE", "/session").status == 204
    assert [tab.response().texts for tab in tabs] == [[], []]
    assert [tab.get(EVENTS).refusal for tab in tabs] == [(401, "bad-token")] * 2
    assert other.response().texts == ["leave"]


def test_private_messages_come_on_events_only(server: MemoryServer, ada: HttpClient) -> None:
    """To the two whom they concern, in their place among the others."""
    bob, eve = server.http(), server.http()
    bob.enter("bob")
    eve.enter("eve")
    place = last(server)
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


def test_a_private_message_wakes_a_poll(
    server: MemoryServer, ada: HttpClient, tabs: list[HttpClient]
) -> None:
    """Both its reader's and its writer's."""
    bob = server.http()
    bob.enter("bob")
    place = last(server)
    tabs[0].send("GET", f"/events?rooms=lobby&since={place}")
    bob.send("GET", f"/events?rooms=lobby&since={place}")
    ada.post("/people/bob/messages", {"text": "psst"})
    assert tabs[0].response().texts == bob.response().texts == ["psst"]


# -- questions that a connection has learned -------------------------------------------------------


def test_a_learned_poll_is_asked_in_the_session_that_it_names(
    server: MemoryServer, ada: HttpClient
) -> None:
    """Two sessions on one connection, turn about, are not mixed up."""
    server.http().enter("bob")
    eve = server.http()
    eve.enter("eve")
    place = last(server)
    ada.post("/people/eve/messages", {"text": "psst"})
    server.say("hello", name="cy")
    shared = server.http()
    for _ in range(3):
        for headers, texts in ((eve.headers, ["psst", "hello"]), ({}, ["hello"])):
            shared.headers = headers
            assert shared.get(f"/events?rooms=lobby&since={place}").texts == texts


def test_a_learned_poll_is_refused_as_any_other_when_its_session_is_over(
    server: MemoryServer, ada: HttpClient
) -> None:
    """What was learned holds only while it is true."""
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
def test_a_learned_poll_does_not_make_a_bad_one_good(
    server: MemoryServer, http: HttpClient, query: str, code: int
) -> None:
    """Anything else than the same question is looked at as on the first day."""
    server.say("hello")
    for _ in range(3):
        assert http.get(f"{EVENTS}?since=0").texts == ["hello"]
    assert http.get(f"{EVENTS}?{query}").status == code
    assert http.get(f"{EVENTS}?since=0").texts == ["hello"]


def test_a_learned_poll_of_a_room_that_was_forgotten_reads_the_new_one(
    server: MemoryServer, http: HttpClient
) -> None:
    """A room where nothing happened is forgotten; what happens there later is seen."""
    target = "/rooms/quiet/events"
    place = http.get(f"{target}?wait=0").json["next"]
    for _ in range(3):
        assert http.get(f"{target}?since={place}&wait=0").texts == []
    http.send("GET", f"{target}?since={place}")
    server.say("hello", room="quiet")
    assert http.response().texts == ["hello"]


@pytest.mark.parametrize("cut", [1, 4, 16, 40, -3, -1])
def test_a_learned_poll_that_comes_in_two_packets_is_the_same(
    server: MemoryServer, http: HttpClient, cut: int
) -> None:
    """Wherever it is cut."""
    server.say("hello")
    for _ in range(3):
        assert http.get(f"{EVENTS}?since=0").texts == ["hello"]
    data = f"GET {EVENTS}?since={last(server)} HTTP/1.1\r\nHost: chat.example\r\n\r\n".encode()
    http.send_raw(data[:cut])
    http.wire.send(data[cut:])
    server.chat.settle()
    assert http.responses() == []
    server.say("again")
    assert http.response().texts == ["again"]


def test_answers_on_both_roads_have_the_same_headers(
    server: MemoryServer, http: HttpClient
) -> None:
    """But for the date and the length."""
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
