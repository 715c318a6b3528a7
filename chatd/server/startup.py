"""The start of the process: the store is opened, then the doors are.

Whatever hinders that ends the process with one line that says why, and with the exit status 1,
before anything listens.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..chat.service import ChatService
from ..model.errors import Unavailable
from ..net.connections import ConnectionLimiter
from ..net.peers import Peers
from .drain import ChatServer
from .ports import CannotOpen, reason, rehearse

OPEN_SECONDS = 30.0
"""Seconds in which the store has to be open, before the start is given up."""
TURN_SECONDS = 0.05
"""Seconds for which one turn of a reactor that does not run yet may wait for something."""


class StartupError(SystemExit, Exception):
    """The start ends here, with one line and exit status 1.

    As an `Exception` it lets twistd clean up and report to whoever started the daemon; as a
    `SystemExit` it ends the interpreter with the line instead of a traceback.
    """


def no_start(message: str) -> StartupError:
    """What ends the start; the line is told on standard error, for by now twistd's log has taken
    the place of `sys.stderr`.
    """
    if sys.__stderr__:
        sys.__stderr__.write(f"chatd: {message}\n")
    return StartupError(f"chatd: {message}")


class ServerProcess(ChatServer):
    """The chat server of a process.

    twistd starts it before the reactor runs.  Then the reactor is turned until everything listens,
    so that the one who starts a daemon is told what hinders it, and can connect when it is there.
    """

    _log = Logger()

    def __init__(self, reactor: Any, chat: ChatService, peers: Peers) -> None:
        super().__init__(reactor, chat, peers)
        self._reactor = reactor

    def startService(self) -> None:
        """Start everything.  Raises `StartupError`; or, if the reactor runs already, stops it."""
        outcome: list[Failure | None] = []
        started = self.start().addBoth(outcome.append)
        if not self._reactor.running:
            self._turn(outcome)
        if outcome and outcome[0] is not None:
            raise _reason(outcome[0])
        if not outcome:
            started.addCallback(lambda _: self._end_if_failed(outcome[0]))

    def _turn(self, outcome: Sequence[object]) -> None:
        end = self._reactor.seconds() + OPEN_SECONDS
        while not outcome:
            if self._reactor.seconds() >= end:
                raise no_start(f"the store is not open after {OPEN_SECONDS:.0f} seconds")
            self._reactor.iterate(TURN_SECONDS)

    def _end_if_failed(self, failure: Failure | None) -> None:
        """The start has ended while the reactor runs."""
        if failure is not None:
            self._log.critical("{line}", line=str(_reason(failure)))
            atexit.register(_exit, 1)  # the reactor knows no exit status
            self._reactor.stop()


def _reason(failure: Failure) -> StartupError:
    """What ends a start that failed; an error of ours is raised as it is."""
    error = failure.value
    if isinstance(error, Unavailable):
        return no_start(error.message)
    if isinstance(error, StartupError):
        return error
    failure.raiseException()


def _exit(status: int) -> None:
    """End the process with that status."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class PortCheck(Service):
    """Stands before the first door, and sees whether all of them can be opened."""

    def __init__(self, reactor: Any, endpoints: Sequence[str]) -> None:
        self._reactor = reactor
        self._endpoints = endpoints

    def privilegedStartService(self) -> None:
        """Try them while still allowed to take a low port.  Raises `StartupError`."""
        super().privilegedStartService()
        try:
            rehearse(self._reactor, self._endpoints)
        except CannotOpen as problem:
            raise no_start(str(problem)) from None


class Door(Service):
    """One door at one endpoint."""

    _log = Logger()

    def __init__(
        self,
        door: str,
        text: str,
        endpoint: IStreamServerEndpoint,
        limiter: ConnectionLimiter,
        *,
        privileged: bool = False,
    ) -> None:
        """`privileged` is whether it has to listen while it is still allowed to take a low port."""
        self._door = door
        self._text = text
        self._endpoint = endpoint
        self._limiter = limiter
        self._privileged = privileged
        self.port: IListeningPort | None = None
        """What listens, once it does."""

    @property
    def scheme(self) -> str:
        """What an address of the page begins with."""
        return "https" if self._text.startswith(("ssl:", "tls:")) else "http"

    def privilegedStartService(self) -> None:
        """Listen, if it cannot be done later.  Raises `StartupError`."""
        super().privilegedStartService()
        if self._privileged:
            self._listen()
            # Clients wait in the kernel until the store is open.
            if self.port:
                self.port.stopReading()  # type: ignore[attr-defined]

    def startService(self) -> None:
        """Listen, now that the store is open.  Raises `StartupError`."""
        super().startService()
        if self.port is None:
            self._listen()
        else:
            self.port.startReading()  # type: ignore[attr-defined]

    def stopService(self) -> Deferred[None] | None:
        """Listen no more."""
        super().stopService()
        port, self.port = self.port, None
        stopped: Deferred[None] | None = port.stopListening() if port else None
        return stopped

    def _listen(self) -> None:
        failures: list[Failure] = []
        self._endpoint.listen(self._limiter).addCallbacks(self._listening, failures.append)
        if failures:
            raise no_start(str(CannotOpen(self._text, reason(failures[0]))))

    def _listening(self, port: IListeningPort) -> None:
        self.port = port
        self._limiter.connections.watch(port)
        self._log.info(
            "{door} door listening on {place}", door=self._door, place=written_place(port.getHost())
        )


def written_place(address: IAddress) -> str:
    """An address as people write it."""
    host = getattr(address, "host", None)
    if host is None:
        name = getattr(address, "name", address)
        return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"  # type: ignore[attr-defined]
