"""The start of a process: the store, then the doors; and what hinders it."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from chatd.chat.service import ChatService
from chatd.model.errors import Unavailable
from chatd.net.connections import ConnectionLimiter, Connections
from chatd.net.peers import Peers
from chatd.server import startup
from chatd.server.startup import OPEN_SECONDS, ServerProcess, StartupError, no_start
from chatd.store.memory import MemoryStore


class Reactor(Clock):
    """A reactor that runs or does not, and can be turned by hand."""

    def __init__(self, *, running: bool) -> None:
        super().__init__()
        self.running = running
        self.stopped = False

    def iterate(self, delay: float) -> None:
        """One turn."""
        self.advance(delay)

    def stop(self) -> None:
        """The reactor ends."""
        self.stopped = True


class Door(Service):
    """What is to be started when the store is open."""

    def __init__(self, hindered: bool = False) -> None:
        self.hindered = hindered

    def startService(self) -> None:
        """Raises `StartupError` if it cannot be opened."""
        if self.hindered:
            raise no_start("cannot listen on tcp:1")
        super().startService()


class Start:
    """A process that starts; `opening` is what becomes of its store."""

    def __init__(self, reactor: Reactor, opening: Deferred[None], door: Door) -> None:
        self.reactor = reactor
        chat = ChatService(reactor, MemoryStore(reactor, reactor.seconds, 10))
        chat.open = lambda: opening  # type: ignore[method-assign]
        self.server = ServerProcess(reactor, chat, Peers(reactor))
        door.setServiceParent(self.server)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """Standard error."""
    told = StringIO()
    monkeypatch.setattr(sys, "__stderr__", told)
    return told


@pytest.fixture
def at_exit(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The statuses with which the process is to end."""
    statuses: list[int] = []

    def register(call: Callable[[int], None], status: int) -> None:
        statuses.append(status)

    monkeypatch.setattr(atexit, "register", register)
    return statuses


@pytest.mark.parametrize("running", [False, True])
def test_doors_open_when_the_store_is(running: bool) -> None:
    """If it is open already, at once."""
    door = Door()
    Start(Reactor(running=running), succeed(None), door).server.startService()
    assert door.running


def test_a_reactor_that_does_not_run_is_turned_until_everything_listens() -> None:
    """So a daemon is ready when the one who started it is told so."""
    reactor, door = Reactor(running=False), Door()
    opening: Deferred[None] = Deferred()
    reactor.callLater(3, opening.callback, None)
    Start(reactor, opening, door).server.startService()
    assert door.running
    assert 3 <= reactor.seconds() < 4


def test_a_reactor_that_runs_goes_on_meanwhile() -> None:
    """The doors open when the store is."""
    opening: Deferred[None] = Deferred()
    door = Door()
    start = Start(Reactor(running=True), opening, door)
    start.server.startService()
    assert not door.running
    opening.callback(None)
    assert door.running


@pytest.mark.parametrize("running", [False, True])
def test_a_store_that_cannot_be_used_ends_the_start_with_one_line(
    told: StringIO, running: bool
) -> None:
    """Before a door opens."""
    door = Door()
    start = Start(Reactor(running=running), fail(Unavailable("the disk is broken")), door)
    with pytest.raises(StartupError, match=r"^chatd: the disk is broken$"):
        start.server.startService()
    assert told.getvalue() == "chatd: the disk is broken\n"
    assert not door.running


def test_a_store_that_fails_later_ends_the_start_too(told: StringIO) -> None:
    """While the reactor is turned."""
    reactor, door = Reactor(running=False), Door()
    opening: Deferred[None] = Deferred()
    reactor.callLater(3, opening.errback, Unavailable("the disk is broken"))
    with pytest.raises(StartupError):
        Start(reactor, opening, door).server.startService()
    assert not door.running


def test_a_store_that_does_not_open_ends_the_start_in_time(told: StringIO) -> None:
    """The line says how long was waited."""
    reactor = Reactor(running=False)
    with pytest.raises(StartupError, match="not open after 30 seconds"):
        Start(reactor, Deferred(), Door()).server.startService()
    assert reactor.seconds() == pytest.approx(OPEN_SECONDS, abs=1)


@pytest.mark.parametrize("door", [Door(), Door(hindered=True)], ids=["store", "door"])
def test_a_start_that_fails_while_the_reactor_runs_stops_it(
    told: StringIO, at_exit: list[int], logged_errors: list[str], door: Door
) -> None:
    """With the line in the log, and status 1 in the end."""
    opening: Deferred[None] = Deferred()
    start = Start(Reactor(running=True), opening, door)
    start.server.startService()
    assert not start.reactor.stopped
    if door.hindered:
        opening.callback(None)
    else:
        opening.errback(Unavailable("the disk is broken"))
    assert start.reactor.stopped
    assert at_exit == [1]
    (line,) = told.getvalue().splitlines()
    assert line.startswith("chatd: ")
    logged_errors.clear()


def test_a_start_that_is_stopped_opens_no_door_any_more() -> None:
    """Whatever becomes of its store."""
    opening: Deferred[None] = Deferred()
    door = Door()
    start = Start(Reactor(running=True), opening, door)
    start.server.startService()
    start.server.stopService()
    opening.callback(None)
    assert not door.running


class TakenEndpoint:
    """An endpoint where somebody else listens."""

    def listen(self, factory: object) -> Deferred[None]:
        """Fails, as Twisted's does."""
        return fail(CannotListenError("127.0.0.1", 6667, OSError("Address already in use")))


def door_at(endpoint: Any, *, yields: bool) -> startup.Door:
    limiter = ConnectionLimiter(Factory(), Connections(Clock(), 10))  # type: ignore[arg-type]
    return startup.Door("irc", "tcp:6667", endpoint, limiter, yields=yields)


def test_a_door_that_cannot_be_opened_ends_the_start() -> None:
    """Nobody is left to wonder why no client can connect."""
    with pytest.raises(StartupError, match="cannot listen on tcp:6667"):
        door_at(TakenEndpoint(), yields=False).startService()


def test_a_door_that_nobody_asked_for_yields_to_another_server() -> None:
    """The log says so, and how to open it elsewhere."""
    door = door_at(TakenEndpoint(), yields=True)
    with capturedLogs() as logs:
        door.startService()
        door.startService()
    (told,) = [formatEvent(event) for event in logs]
    assert told is not None
    assert told.startswith("irc door stays closed: cannot listen on tcp:6667")
    assert "--irc" in told
    assert door.stopService() is None
