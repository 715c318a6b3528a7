"""Commands of the line door about earlier events."""

from __future__ import annotations

import re

import pytest

from ....kit.server import MemoryServer
from ....kit.terminal import TODAY, Terminal, untimed


def test_history_shows_the_last_events(ada: Terminal) -> None:
    """As many as were asked for, or twenty; between a line that says so and one that ends them."""
    ada.type(*(f"{number}" for number in range(30)))
    begin, day, *events, end = ada.type("/history 3")
    assert begin == "== the last 3 events in #lobby:"
    assert day == f"== {TODAY}"
    assert untimed(events) == ["<ada> 27", "<ada> 28", "<ada> 29"]
    assert re.fullmatch(r"== end of the history; /since \d+ .*", end)
    assert len(ada.type("/history")) == 20 + 3


def test_history_of_an_empty_room_says_so(server: MemoryServer) -> None:
    """And shows nothing."""
    guest = Terminal(server, "/join dev")
    assert guest.type("/history") == ["== nothing has happened in #dev yet"]


def test_since_shows_what_came_after_an_event(ada: Terminal, bob: Terminal) -> None:
    """The number that ends the history, or the last `/since`, is where to go on."""
    ada.type("one")
    place = _place(ada.type("/history"))
    bob.type("two", "/topic tea")
    ada.heard()
    begin, *events, end = ada.type(f"/since {place}")
    assert begin == "== 2 events in #lobby since then:"
    assert events == ["<bob> two", "-- bob set the topic: tea"]
    assert ada.type(f"/since {_place([end])}")[0] == "== 0 events in #lobby since then:"


@pytest.mark.parametrize("place", ["1", "999999999999999999"], ids=["before-memory", "future"])
def test_since_tells_of_a_gap(ada: Terminal, place: str) -> None:
    """From before this server's memory and from the future alike: then comes all that there is."""
    ada.type("one")
    _, gap, *events, _ = ada.type(f"/since {place}")
    assert gap == ">> events were missed here; /history shows what is left"
    assert events[-1] == "<ada> one"


def _place(lines: list[str]) -> str:
    (place,) = re.findall(r"/since (\d+)", lines[-1])
    return str(place)
