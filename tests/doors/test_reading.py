"""Read queries: which rooms, from where, how many events."""

from __future__ import annotations

import pytest

from ..kit.http import HttpClient
from ..kit.server import MemoryServer

EVENTS = "/rooms/lobby/events"


NO_NUMBERS = ["x", "", "%20", "1.5", "-1", "1e3", "0x10", "nan", "inf", "%D9%A3", "9" * 19, "1_0"]


@pytest.mark.parametrize("name", ["since", "before", "limit"])
@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_has_to_be_a_whole_number_is_refused_as_anything_else(
    server: MemoryServer, http: HttpClient, name: str, value: str
) -> None:
    """At once, with a clear answer; the connection goes on."""
    response = http.get(f"{EVENTS}?{name}={value}&wait=0")
    assert response.refusal == (400, "malformed")
    assert name in response.json["error"]["message"]
    assert http.get(f"{EVENTS}?wait=0").status == 200


def test_a_since_that_is_no_number_is_told_that_now_is_one_too(http: HttpClient) -> None:
    """It is written in lower case."""
    response = http.get(f"{EVENTS}?since=NOW&wait=0")
    assert response.json["error"]["message"].startswith("since has to be now, or a whole number")


def test_a_limit_of_none_is_refused(http: HttpClient) -> None:
    """It could never be answered."""
    assert http.get(f"{EVENTS}?limit=0").refusal == (400, "malformed")


@pytest.mark.parametrize(
    "query", ["", "rooms=", "rooms=,,", "rooms=" + ",".join(f"r{n}" for n in range(51))]
)
def test_several_rooms_are_at_least_one_and_not_too_many(http: HttpClient, query: str) -> None:
    """And have to be named."""
    assert http.get(f"/events?wait=0&{query}").refusal == (400, "malformed")


def test_a_room_that_is_named_twice_is_read_once(server: MemoryServer, http: HttpClient) -> None:
    """In whatever spelling."""
    server.say("hello")
    answer = http.get("/events?rooms=lobby,%23LOBBY,lobby&since=0")
    assert answer.texts == ["hello"]
    assert answer.json["rooms"] == ["lobby"]


def test_where_a_browser_got_to_counts_more_than_the_address_it_began_with(
    server: MemoryServer,
) -> None:
    """A reconnecting `EventSource` asks its first address again, and says `Last-Event-ID`."""
    first = server.say("one")
    second = server.say("two")
    http = server.http()
    target = f"/rooms/lobby/events?since={first - 1}&wait=0"
    assert http.get(target).texts == ["one", "two"]
    answer = http.request("GET", target, headers={"Last-Event-ID": f"{first}"})
    assert answer.texts == ["two"]
    assert answer.json["next"] == second
