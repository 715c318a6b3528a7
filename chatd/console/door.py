"""The console's socket: a UNIX socket beside the store that only its owner can open.

1. A process that can open the socket may do what an administrator may.  So its mode is 0600 before
   it takes the first connection.
2. A client sends one task as a line of JSON.  The answer is one line of JSON: `{"lines":[…]}`, or
   `{"error":{…}}` as over HTTP.  Then the server closes the connection.
3. If the socket cannot be opened, the server logs the reason and runs without a console.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import maybeDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from ..chat.service import ChatService
from ..codecs.json import encode, error_body
from ..doors.push_door import refusal_of
from ..model.errors import ChatError, Malformed
from ..net.unixsockets import AdoptedUnixPort, clear_away
from ..store.private import MODE
from .tasks import read

ASK_SECONDS = 60.0
"""Seconds in which a client has to send its task."""
MOST_BYTES = 64 * 1024
"""Bytes in a task; a longer one is refused."""


class ConsoleProtocol(LineOnlyReceiver):
    """One client of the console."""

    delimiter = b"\n"
    MAX_LENGTH = MOST_BYTES
    _asked = False

    transport: Any

    def __init__(self, service: ChatService) -> None:
        self._service = service
        self._timer: IDelayedCall | None = None

    def connectionMade(self) -> None:
        """See `Protocol`."""
        self._timer = self._service.clock.callLater(ASK_SECONDS, self.transport.abortConnection)

    def lineReceived(self, line: bytes) -> None:
        """Carry out the task, answer, and close the connection."""
        if self._asked:
            return
        self._asked = True
        self._heard()
        running = maybeDeferred(self._run, line)
        running.addCallbacks(self._done, self._failed)

    def lineLengthExceeded(self, line: bytes) -> None:
        """Refuse a task that is too long."""
        self._heard()
        self._tell(error_body(Malformed(f"a task has at most {MOST_BYTES} bytes")))

    def connectionLost(self, reason: Failure | None = None) -> None:
        """See `Protocol`."""
        self._heard()

    def _heard(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _run(self, line: bytes) -> Any:
        return read(line).run(self._service)

    def _done(self, lines: list[str]) -> None:
        self._tell(encode({"lines": lines}))

    def _failed(self, failure: Failure) -> None:
        error: ChatError = refusal_of(failure, "a task of the console failed")
        self._tell(error_body(error))

    def _tell(self, data: bytes) -> None:
        self.transport.write(data + b"\n")
        self.transport.loseConnection()


class ConsoleFactory(Factory):
    """Makes the connections of the socket's clients."""

    noisy = False

    def __init__(self, service: ChatService) -> None:
        self._service = service

    def buildProtocol(self, addr: object) -> ConsoleProtocol:
        """A connection for a client that has just arrived."""
        return ConsoleProtocol(self._service)


class ConsoleDoor(Service):
    """The service that listens at the socket while the server runs."""

    _log = Logger()

    def __init__(
        self, reactor: Any, service: ChatService, path: Path, descriptor: int | None = None
    ) -> None:
        """`descriptor` is the supervisor's listening socket, which its workers share: the worker
        that accepts a client carries out the task.
        """
        self._descriptor = descriptor
        self._reactor = reactor
        self._service = service
        self._path = path.absolute()  # a daemon changes its directory
        self._port: IListeningPort | None = None

    def startService(self) -> None:
        """Listen, now that the store is open."""
        super().startService()
        factory = ConsoleFactory(self._service)
        if self._descriptor is not None:
            port = AdoptedUnixPort(self._reactor, self._descriptor, factory)
            port.startListening()
            self._port = port
            return
        try:
            clear_away(self._path)
            self._port = self._reactor.listenUNIX(str(self._path), factory, mode=MODE)
        except (CannotListenError, OSError) as problem:
            self._log.warn(
                "there is no console: its socket {path} cannot be opened: {why}",
                path=self._path,
                why=getattr(problem, "socketError", problem),
            )
        else:
            self._log.info("console listening on {path}", path=self._path)

    def stopService(self) -> Any:
        """Stop listening, and remove the socket's file if it is this process's."""
        super().stopService()
        port, self._port = self._port, None
        return port.stopListening() if port else None


def console_path(store: str, directory: Path) -> Path:
    """The socket's path: beside the store's file if it has one, otherwise in `directory`."""
    scheme, _, path = store.partition(":")
    if scheme == "sqlite" and Path(path).name:
        path = str(directory / path)
        return Path(f"{path}-console")
    return directory / "chatd-console"
