"""A user of the terminal client on the network in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import ensureDeferred

from chatd.client.join.commands import carry_out
from chatd.client.join.live import Live
from chatd.client.join.places import Place
from chatd.client.join.rendering import lines_of, plain

from ...kit.processes import PATIENCE
from ..network import Network

T = TypeVar("T")


class User:
    """Somebody at a terminal."""

    def __init__(self, network: Network, name: str = "ada", room: str = "lobby", **options: Any):
        self.network = network
        self.calls: list[str] = []
        self.faces: list[Callable[[], object]] = []
        """Called when the places have changed."""
        self.client = network.client(name, patience=30, **options)
        self.live = Live(
            self.client,
            network.clock,
            lambda: [changed() for changed in self.faces],
            lambda event: self.calls.append(event.text),
        )
        network.result(self.live.begin(room))
        network.settle()

    def type(self, *lines: str) -> list[str]:
        """Type lines; returns the lines of the visible place then."""
        for line in lines:
            self.live.do(carry_out(self.live, line))
            self.network.settle()
        return self.shown()

    def shown(self, name: str = "") -> list[str]:
        """The lines of a place, without times."""
        place: Place | None = self.live.places.find(name) if name else self.live.places.place
        items = place.items if place else []
        lines = [plain(line) for item in items for line in lines_of(item, self.live.places.name)]
        return [line[6:] if line[2:3] == ":" else line for line in lines]

    def quit(self) -> None:
        self.live.end()
        leaving = ensureDeferred(self.live.close())
        self.network.advance(5)
        assert leaving.called


def run_alone(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine of asyncio's, in a thread: the page's tests run a loop here.

    Raises what it raises.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result(PATIENCE)


Enter = Callable[..., User]


@pytest.fixture
def enter(network: Network) -> Iterator[Enter]:
    """A function that brings a user in; all leave at the end."""
    users: list[User] = []

    def begin(name: str = "ada", **options: Any) -> User:
        users.append(User(network, name, **options))
        return users[-1]

    yield begin
    for user in users:
        user.quit()


@pytest.fixture
def ada(enter: Enter) -> User:
    return enter()
