"""Read queries: which rooms, from where, how many events."""

from __future__ import annotations

import pytest

from ..kit.http import HttpClient
from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"


NO_NUMBERS = ["x", "", "%20", "1.5", "-1", "1e3", "0x10", "nan", "inf", "%D9%A3", "9" * 19, "1_0"]


@pytest.mark.parametrize("name", ["since", "before", "limit"])
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_parameter_that_is_not_a_whole_number_is_refused(
    server: MemoryServer, http: HttpClient, name: str, value: str
) -> None:
    """At once, with the parameter's name; the connection stays open."""
    response = http.get(f"{EVENTS}?{name}={value}&wait=0")
    assert response.refusal == (400, "malformed")
    assert name in response.json["error"]["message"]
    assert http.get(f"{EVENTS}?wait=0").status == 200


def test_error_of_an_invalid_since_mentions_now(http: HttpClient) -> None:
    """It has to be written in lower case."""
    response = http.get(f"{EVENTS}?since=NOW&wait=0")
    assert response.json["error"]["message"].startswith("since has to be now, or a whole number")


def test_limit_of_zero_is_refused(http: HttpClient) -> None:
    """Such a poll could never be answered."""
    assert http.get(f"{EVENTS}?limit=0").refusal == (400, "malformed")


@pytest.mark.parametrize(
    "query", ["", "rooms=", "rooms=,,", "rooms=" + ",".join(f"r{n}" for n in range(301))]
)
def test_number_of_rooms_in_a_request_is_bounded(http: HttpClient, query: str) -> None:
    """A request names from one to fifty rooms."""
    assert http.get(f"/events?wait=0&{query}").refusal == (400, "malformed")


def test_room_that_is_named_twice_is_read_once(server: MemoryServer, http: HttpClient) -> None:
    """Even if the spellings differ."""
    server.say("hello")
    answer = http.get("/events?rooms=lobby,%23LOBBY,lobby&since=0")
    assert answer.texts == ["hello"]
    assert answer.json["rooms"] == ["lobby"]


def test_last_event_id_overrides_since(
    server: MemoryServer,
) -> None:
    """A reconnecting `EventSource` sends its first target again, with `Last-Event-ID`."""
    first = server.say("one")
    second = server.say("two")
    http = server.http()
    target = f"/rooms/lobby/events?since={first - 1}&wait=0"
    assert http.get(target).texts == ["one", "two"]
    answer = http.request("GET", target, headers={"Last-Event-ID": f"{first}"})
    assert answer.texts == ["two"]
    assert answer.json["next"] == second
