"""The start of the process: the store is opened, then the doors.

1. If the start fails, the process ends with one line that gives the reason, and with exit status 1,
   before any door listens.
2. No thread starts before `ServerProcess.startService`.  twistd forks to become a daemon, and a
   fork copies only the thread that calls it: a lock that another thread holds at that moment, such
   as that of a module being imported, would stay locked in the daemon for ever.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Sequence
from threading import Thread
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from ..chat.service import ChatService
from ..doors.api.about import Place
from ..model.errors import Unavailable
from ..net.connections import ConnectionLimiter
from ..net.peers import Peers
from ..net.private import check_proxy_headers
from ..net.tcp import defer_accept
from ..net.tlsfactory import TlsFactory
from .drain import ChatServer
from .ports import CannotOpen, reason, rehearse
from .tls import DoorCertificates

OPEN_SECONDS = 30.0
"""Seconds for the store to open, after which the start fails."""
TURN_SECONDS = 0.05
"""Seconds that one turn of the reactor may wait for events, while the reactor does not run yet."""


class StartupError(SystemExit, Exception):
    """The start has failed, for the reason in one line; the exit status is 1.

    Because it is an `Exception`, twistd cleans up and reports it to the process that started the
    daemon.  Because it is a `SystemExit`, the interpreter prints the line instead of a traceback.
    """

    told = False
    """Whether the message was already written to standard error."""


def no_start(message: str) -> StartupError:
    """Make a `StartupError`, and write its message to the standard error stream of the process,
    because twistd's log has replaced `sys.stderr` by now.
    """
    if sys.__stderr__:
        sys.__stderr__.write(f"chatd: {message}\n")
    error = StartupError(f"chatd: {message}")
    error.told = True
    return error


class ServerProcess(ChatServer):
    """The chat server of a process.

    twistd starts the service before the reactor runs.  The service then iterates the reactor until
    all doors listen.  So an operator who starts a daemon gets the error if the start fails, and can
    connect as soon as the command returns.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        chat: ChatService,
        peers: Peers,
        began: float | None = None,
        jobs: Sequence[Callable[[], object]] = (),
    ) -> None:
        """`began` is when the start began, on the reactor's clock.  `jobs` are done during the
        start, each in a thread.
        """
        super().__init__(reactor, chat, peers)
        self._jobs = jobs
        self._reactor = reactor
        self._chat_rooms = chat.rooms
        self._start_began = reactor.seconds() if began is None else began

    def startService(self) -> None:
        """Open the store and the doors.  Raises `StartupError`; if the reactor runs already, a
        failure that comes later stops the reactor instead.
        """
        for job in self._jobs:
            Thread(target=job, daemon=True).start()
        outcome: list[Failure | None] = []
        started = self.start().addCallback(self._tell).addBoth(outcome.append)
        if not self._reactor.running:
            self._turn(outcome)
        if outcome and outcome[0] is not None:
            raise _reason(outcome[0])
        if not outcome:
            started.addCallback(lambda _: self._end_if_failed(outcome[0]))

    def _tell(self, _: object) -> None:
        """Log how long the start took."""
        if self.running:
            self._log.info(
                "started in {seconds:.1f} seconds, with {rooms} rooms",
                seconds=self._reactor.seconds() - self._start_began,
                rooms=len(self._chat_rooms.index),
            )

    def _turn(self, outcome: Sequence[object]) -> None:
        end = self._reactor.seconds() + OPEN_SECONDS
        while not outcome:
            if self._reactor.seconds() >= end:
                raise no_start(f"the store did not open within {OPEN_SECONDS:.0f} seconds")
            self._reactor.iterate(TURN_SECONDS)

    def _end_if_failed(self, failure: Failure | None) -> None:
        """The start has succeeded or failed while the reactor runs; a failure ends the process."""
        if failure is not None:
            self._log.critical("{line}", line=str(_reason(failure)))
            atexit.register(_exit, 1)  # `reactor.stop` takes no exit status
            self._reactor.stop()


def _reason(failure: Failure) -> StartupError:
    """The `StartupError` for a failed start.  Raises the failure itself if it is a bug: neither an
    `Unavailable` nor a `StartupError`.
    """
    error = failure.value
    if isinstance(error, Unavailable):
        return no_start(error.message)
    if isinstance(error, StartupError):
        return error
    failure.raiseException()


def _exit(status: int) -> None:
    """End the process with the exit status `status`."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class PortCheck(Service):
    """Checks that all doors can be opened.  It is started before the first door."""

    def __init__(self, reactor: Any, endpoints: Sequence[str]) -> None:
        self._reactor = reactor
        self._endpoints = endpoints

    def privilegedStartService(self) -> None:
        """Rehearse all endpoints while the process may bind low ports.  Raises `StartupError`."""
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
        yields: bool = False,
        tls: DoorCertificates | None = None,
    ) -> None:
        """`privileged`: listen before the process gives up the right to bind low ports.  `yields`:
        stay closed, with a warning in the log, if the port is taken.  `tls`: the certificates of a
        door that speaks TLS.
        """
        self._yields = yields
        self._tls = tls
        self.door = door
        self._text = text
        self._endpoint = endpoint
        self._limiter = limiter
        self._privileged = privileged
        self._closed = False
        """Whether it could not listen, and has yielded."""
        self.port: IListeningPort | None = None
        """The listening port; None before and after the door listens."""

    @property
    def tls(self) -> bool:
        """Whether clients speak TLS at this door."""
        return self._tls is not None

    @property
    def place(self) -> Place | None:
        """Where the door listens; None if it does not."""
        return Place(self.door, self.port.getHost(), self.tls) if self.port else None

    @property
    def scheme(self) -> str:
        """The scheme of the page's URL at this door."""
        return "https" if self.tls else "http"

    def privilegedStartService(self) -> None:
        """Listen now if the door is `privileged`.  Raises `StartupError`."""
        super().privilegedStartService()
        if self._privileged:
            self._open()
            # Connections wait in the kernel's queue until the store is open.
            if self.port:
                self.port.stopReading()  # type: ignore[attr-defined]

    def startService(self) -> None:
        """Listen, now that the store is open.  Raises `StartupError`."""
        super().startService()
        if self.port is None:
            self._open()
        else:
            self.port.startReading()  # type: ignore[attr-defined]

    def stopService(self) -> Deferred[None] | None:
        """Stop listening."""
        super().stopService()
        port, self.port = self.port, None
        stopped: Deferred[None] | None = port.stopListening() if port else None
        return stopped

    def _open(self) -> None:
        if self._closed:
            return
        failures: list[Failure] = []
        self._endpoint.listen(self._factory()).addCallbacks(self._listening, failures.append)
        if not failures:
            return
        problem = CannotOpen(self._text, reason(failures[0]))
        if not self._yields:
            raise no_start(str(problem))
        self._closed = True
        self._log.warn(
            "{door} door stays closed: {problem}; --{door} says where else it is to listen",
            door=self.door,
            problem=problem,
        )

    def _factory(self) -> Any:
        """The factory of the door's connections, wrapped in TLS if the door speaks TLS."""
        if self._tls is None:
            return self._limiter
        return TlsFactory(self._tls.contexts, self._limiter)

    def _listening(self, port: IListeningPort) -> None:
        self.port = port
        if self._tls is not None:
            defer_accept(port)
        check_proxy_headers(port)
        self._limiter.connections.watch(port, self.door)
        self._log.info(
            "{door} door listening on {place}", door=self.door, place=written_place(port.getHost())
        )


def written_place(address: IAddress) -> str:
    """An address as people write it: host and port, or the path of a UNIX socket."""
    host = getattr(address, "host", None)
    if host is None:
        name = getattr(address, "name", address)
        return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return f"[{host}]:{address.port}" if ":" in host else f"{host}:{address.port}"  # type: ignore[attr-defined]
