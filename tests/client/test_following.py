"""`Following`: an endless iteration of a room's events, as the server's JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatd.client.following import Following
from chatd.model.errors import BadToken, Unavailable

from .network import Network, start


def following(
    network: Network, room: str = "lobby", since: int | None = None, latest: int = 10
) -> Following:
    client = network.client("", token="", patience=30)
    return Following(client, room, since, latest, 30)


def take(network: Network, events: Following, count: int) -> list[dict[str, Any]]:
    """The next events, as JSON."""
    return [json.loads(network.result(events.__anext__())[0]) for _ in range(count)]


def texts(found: list[dict[str, Any]]) -> list[str]:
    return [event["text"] for event in found]


def test_the_last_events_come_first_and_then_the_new_ones(network: Network) -> None:
    """Each once, as the server wrote it; the reader opens no session."""
    for n in range(5):
        network.say(f"old {n}")
    events = following(network, latest=2)
    assert texts(take(network, events, 2)) == ["old 3", "old 4"]
    waiting = start(events.__anext__())
    network.settle()
    network.say("new")
    network.settle()
    raw, event = network.result(waiting)
    assert json.loads(raw)["text"] == event.text == "new"
    assert not any("POST /session" in request for request in network.requests)


def test_since_names_where_to_begin(network: Network) -> None:
    """After an id, with the oldest event, or with the next event."""
    network.say("one")
    network.say("two")
    first = take(network, following(network), 1)[0]["id"]
    assert texts(take(network, following(network, since=first), 1)) == ["two"]
    assert texts(take(network, following(network, since=0), 2)) == ["one", "two"]
    events = following(network, latest=0)
    waiting = start(events.__anext__())
    network.settle()
    network.say("three")
    network.settle()
    assert network.result(waiting)[1].text == "three"


def test_a_lost_connection_loses_and_doubles_nothing(network: Network) -> None:
    """The iterator continues from its cursor."""
    network.say("one")
    events = following(network)
    take(network, events, 1)
    waiting = start(events.__anext__())
    network.settle()
    network.up = False
    network.cut()
    network.say("two")
    network.advance(20)
    network.up = True
    network.advance(40)
    assert network.result(waiting)[1].text == "two"
    waiting = start(events.__anext__())
    network.say("three")
    network.settle()
    assert network.result(waiting)[1].text == "three"


def test_deleted_events_are_reported_as_a_gap(network: Network) -> None:
    """With the room, and the id after which they are missing."""
    network.say("one")
    events = following(network)
    last = take(network, events, 1)[0]["id"]
    network.restart()
    network.say("two")
    network.advance(60)
    gap, event = take(network, events, 2)
    assert gap == {"type": "gap", "room": "lobby", "since": last}
    assert event["text"] == "two"


def test_an_unreachable_server_ends_the_first_step(network: Network) -> None:
    """After the patience; later steps try for ever."""
    network.up = False
    told: list[BaseException] = []
    step: Any = start(following(network).__anext__())
    step.addErrback(lambda failure: told.append(failure.value))
    network.advance(60)
    assert isinstance(told[0], Unavailable)


def test_an_unknown_token_is_refused_at_once(network: Network) -> None:
    """Waiting does not make a personal token valid again."""
    client = network.client("", token="nonsense", patience=30)
    told: list[BaseException] = []
    step: Any = start(Following(client, "lobby", None, 10, 30).__anext__())
    step.addErrback(lambda failure: told.append(failure.value))
    network.settle()
    assert isinstance(told[0], BadToken)


@pytest.mark.parametrize("name", ["ci", "cron"])
def test_a_visitor_says_something_under_its_name(network: Network, name: str) -> None:
    """Without a session, so that the room sees no join and leave."""
    client = network.client(name, token="", patience=30)
    network.result(client.say("hello", "builds"))
    (event,) = take(network, following(network, "builds"), 1)
    assert (event["type"], event["from"], event["text"]) == ("message", name, "hello")
    network.result(client.close())
    assert not any("/session" in request for request in network.requests)
