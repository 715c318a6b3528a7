"""The start of a process: the store, then the doors; and what hinders it."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from io import StringIO
from threading import Event
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
    """A reactor that is running or not, and whose turns the test makes."""

    def __init__(self, *, running: bool) -> None:
        super().__init__()
        self.running = running
        self.stopped = False

    def iterate(self, delay: float) -> None:
        """Make one turn."""
        self.advance(delay)

    def stop(self) -> None:
        """Note that the reactor is stopped."""
        self.stopped = True


class Door(Service):
    """A service that starts when the store is open."""

    def __init__(self, hindered: bool = False) -> None:
        self.hindered = hindered

    def startService(self) -> None:
        """Raise `StartupError` if it is to fail."""
        if self.hindered:
            raise no_start("cannot listen on tcp:1")
        super().startService()


class Start:
    """A process that starts; `opening` is the result of opening its store."""

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
    """The exit statuses that were registered for the end of the process."""
    statuses: list[int] = []

    def register(call: Callable[[int], None], status: int) -> None:
        statuses.append(status)

    monkeypatch.setattr(atexit, "register", register)
    return statuses


@pytest.mark.parametrize("running", [False, True])
def test_doors_open_when_the_store_is_open(running: bool) -> None:
    """At once if it is open already."""
    door = Door()
    Start(Reactor(running=running), succeed(None), door).server.startService()
    assert door.running


def test_startup_before_the_reactor_runs_returns_when_the_doors_listen() -> None:
    """So a daemon is ready when its parent process ends."""
    reactor, door = Reactor(running=False), Door()
    opening: Deferred[None] = Deferred()
    reactor.callLater(3, opening.callback, None)
    Start(reactor, opening, door).server.startService()
    assert door.running
    assert 3 <= reactor.seconds() < 4


def test_startup_in_a_running_reactor_does_not_block() -> None:
    """The doors open when the store is open."""
    opening: Deferred[None] = Deferred()
    door = Door()
    start = Start(Reactor(running=True), opening, door)
    start.server.startService()
    assert not door.running
    opening.callback(None)
    assert door.running


@pytest.mark.parametrize("running", [False, True])
def test_an_unusable_store_ends_startup_with_a_one_line_error(
    told: StringIO, running: bool
) -> None:
    """No door opens before."""
    door = Door()
    start = Start(Reactor(running=running), fail(Unavailable("the disk is broken")), door)
    with pytest.raises(StartupError, match=r"^chatd: the disk is broken$"):
        start.server.startService()
    assert told.getvalue() == "chatd: the disk is broken\n"
    assert not door.running


def test_a_store_that_fails_after_a_while_ends_startup(told: StringIO) -> None:
    """Before the reactor runs."""
    reactor, door = Reactor(running=False), Door()
    opening: Deferred[None] = Deferred()
    reactor.callLater(3, opening.errback, Unavailable("the disk is broken"))
    with pytest.raises(StartupError):
        Start(reactor, opening, door).server.startService()
    assert not door.running


def test_startup_waits_for_the_store_at_most_open_seconds(told: StringIO) -> None:
    """The error says how long it waited."""
    reactor = Reactor(running=False)
    with pytest.raises(StartupError, match="did not open within 30 seconds"):
        Start(reactor, Deferred(), Door()).server.startService()
    assert reactor.seconds() == pytest.approx(OPEN_SECONDS, abs=1)


@pytest.mark.parametrize("door", [Door(), Door(hindered=True)], ids=["store", "door"])
def test_a_failed_startup_stops_the_running_reactor(
    told: StringIO, at_exit: list[int], logged_errors: list[str], door: Door
) -> None:
    """The error is logged, and the process exits with status 1."""
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


def test_a_stopped_startup_opens_no_door() -> None:
    """Even if the store opens afterwards."""
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


def test_jobs_are_done_in_threads_during_the_start() -> None:
    """Not before: twistd forks between the making of the server and its start."""
    done = Event()
    reactor = Reactor(running=True)
    chat = ChatService(reactor, MemoryStore(reactor, reactor.seconds, 10))
    server = ServerProcess(reactor, chat, Peers(reactor), jobs=[done.set])
    assert not done.is_set()
    server.startService()
    assert done.wait(60)
