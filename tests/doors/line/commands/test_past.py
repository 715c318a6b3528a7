"""Commands of the line door about earlier events."""

from __future__ import annotations

import re

import pytest

from ....kit.server import MemoryServer
from ....kit.terminal import TODAY, Terminal, untimed


def test_history_shows_the_last_events(ada: Terminal) -> None:
    """As many as were asked for, or twenty, between a first and a last line."""
    ada.type(*(f"{number}" for number in range(30)))
    begin, day, *events, end = ada.type("/history 3")
    assert begin == "== the last 3 events in #lobby:"
    assert day == f"== {TODAY}"
    assert untimed(events) == ["<ada> 27", "<ada> 28", "<ada> 29"]
    assert re.fullmatch(r"== end of the history; /since \d+ .*", end)
    assert len(ada.type("/history")) == 20 + 3


def test_history_of_an_empty_room_says_so(server: MemoryServer) -> None:
    """It shows no events."""
    guest = Terminal(server, "/join dev")
    assert guest.type("/history") == ["== nothing has happened in #dev yet"]


def test_since_shows_the_events_after_an_id(ada: Terminal, bob: Terminal) -> None:
    """The last line of `/history` and of `/since` has the id for the next `/since`."""
    ada.type("one")
    place = _place(ada.type("/history"))
    bob.type("two", "/topic tea")
    ada.heard()
    begin, *events, end = ada.type(f"/since {place}")
    assert begin == "== 2 events in #lobby since then:"
    assert events == ["<bob> two", "-- bob set the topic: tea"]
    assert ada.type(f"/since {_place([end])}")[0] == "== 0 events in #lobby since then:"


def test_clients_that_go_on_from_one_id_are_shown_the_same(ada: Terminal, bob: Terminal) -> None:
    """But a message that was deleted meanwhile is not shown again, and times are the client's own
    choice.
    """
    ada.type("one")
    since = f"/since {_place(ada.type('/history'))}"
    ada.type("two")
    told = ada.type(since)
    assert told[1:-1] == ["<ada> two"]
    bob.heard()
    assert bob.type(since) == told
    bob.type("/time on")
    assert untimed(bob.type(since)[2:-1]) == ["<ada> two"]
    ada.type("/delete")
    assert ada.type(since)[1] == "-- a message of ada was deleted"
    bob.heard()
    assert untimed(bob.type(since)[2:-1])[0] == "-- a message of ada was deleted"


@pytest.mark.parametrize("place", ["1", "999999999999999999"], ids=["before-memory", "future"])
def test_since_shows_a_gap_for_an_unknown_id(ada: Terminal, place: str) -> None:
    """From before this server's memory and from the future alike; then come all events that there
    are.
    """
    ada.type("one")
    _, gap, *events, _ = ada.type(f"/since {place}")
    assert gap == ">> events were missed here; /history shows what is left"
    assert events[-1] == "<ada> one"


def _place(lines: list[str]) -> str:
    (place,) = re.findall(r"/since (\d+)", lines[-1])
    return str(place)
