"""Clients that come, speak and go, for hours: nothing is left of them."""

from __future__ import annotations

import gc
import os
from collections import Counter, deque
from itertools import count

import pytest

from chatd.chat import accounts, cards, livecells

from ..kit.clients import DOORS
from ..kit.server import MemoryServer

ROUNDS = int(os.environ.get("CHURN", "20"))
"""Clients that come and go between two counts; `CHURN=2000` is a long day's worth."""
FORGETTING = 400.0
"""Seconds after which sessions have expired, and request keys are forgotten."""
HISTORY = 10
"""Events of a room in memory, so that a room is full before anything is counted."""
BOUND = 5
"""Entries of the caches that have a bound, which they reach before anything is counted."""
SPARE = 2 * BOUND
"""Objects more, or entries more in one collection, that are no leak."""


@pytest.fixture(autouse=True)
def small_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches with a bound of thousands would look like leaks."""
    monkeypatch.setattr(accounts, "MOST_CLAIMS", BOUND)
    monkeypatch.setattr(cards, "MOST_REMEMBERED", BOUND)
    monkeypatch.setattr(livecells, "WARM_CELLS", BOUND)


def churn(server: MemoryServer, door: str, numbers: count[int], rounds: int) -> None:
    """So many clients come under names of their own; every other one only loses its connection."""
    for _ in range(rounds):
        number = next(numbers)
        client = DOORS[door](server, name=f"guest{number}")
        assert client.say(f"I am number {number}") is None
        client.read()
        if number % 2 and client.commands:
            client.leave()
        else:
            client.disconnect()
        server.chat.advance(1)
    del client
    server.chat.advance(FORGETTING)


def objects() -> Counter[str]:
    """chatd's objects by their types, and the entries of all collections that a type's have."""
    gc.collect()
    found: Counter[str] = Counter()
    for it in gc.get_objects():
        kind = type(it)
        if kind.__module__.startswith("chatd."):
            found[f"{kind.__module__}.{kind.__qualname__}"] += 1
            for attribute, held in attributes(it):
                if isinstance(held, dict | list | set | deque):
                    found[f"entries of {kind.__qualname__}.{attribute}"] += len(held)
    return found


def attributes(it: object) -> list[tuple[str, object]]:
    """An object's attributes, those in slots too."""
    slots = [name for base in type(it).__mro__ for name in getattr(base, "__slots__", ())]
    own = getattr(it, "__dict__", {})
    return [*own.items(), *((name, getattr(it, name, None)) for name in slots)]


@pytest.mark.parametrize("door", DOORS)
def test_clients_that_have_come_and_gone_leave_nothing(door: str) -> None:
    """Neither objects nor entries in a table: a second crowd leaves no more than the first."""
    server = MemoryServer(history=HISTORY)
    numbers = count(1)
    churn(server, door, numbers, max(ROUNDS, 2 * HISTORY))
    before = objects()
    churn(server, door, numbers, ROUNDS)
    grown = {what: more for what, more in (objects() - before).items() if more > SPARE}
    assert grown == {}
