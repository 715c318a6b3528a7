"""Options and client of `chatd say` and `chatd tail`, which talk to a server by its URL."""

from __future__ import annotations

import os
import stat
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import implementer, provider

from ..client.__main__ import run
from ..client.chat import PATIENCE as LONGEST_PATIENCE
from ..client.chat import ChatClient
from ..model.errors import Malformed, Unavailable
from .refused import Refused
from .status import PIPE_CLOSED, UNREACHABLE, USAGE

PATIENCE = 60
"""Seconds for which a command tries to reach the server."""
TOKEN = "CHATD_TOKEN"
"""The environment variable that may hold a personal token."""
TOKEN_BYTES = 4096
"""Bytes of a file that may hold a token."""


def add_server(parser: ArgumentParser) -> None:
    """Add the arguments that select a room of a server, and the account."""
    parser.add_argument("url", metavar="URL", help="the server: http://localhost:8080")
    parser.add_argument("room", metavar="ROOM", help="the room: lobby")
    parser.add_argument(
        "--token-file",
        metavar="FILE",
        help=f"act as the account whose personal token is in this file, or in {TOKEN} in the "
        "environment",
    )
    parser.add_argument(
        "--patience",
        type=int,
        default=PATIENCE,
        metavar="SECONDS",
        help=f"how long to try to reach the server (%(default)s; at most {LONGEST_PATIENCE:g})",
    )


def token_of(given: Namespace) -> str:
    """The personal token; empty if none is given.  Raises `Refused`."""
    if given.token_file is None:
        return os.environ.get(TOKEN, "").strip()
    try:
        with Path(given.token_file).open("rb") as file:
            token = file.read(TOKEN_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it holds no token"
        raise Refused(f"cannot read the token in {given.token_file}: {reason}") from None
    if not token or not token.isprintable() or " " in token:
        raise Refused(f"{given.token_file} holds no token")
    return token


def talk(
    given: Namespace, name: str, work: Callable[[ChatClient, Any], Coroutine[Any, Any, int]]
) -> int:
    """Run the reactor, and in it `work` with a client of the server.  Returns the exit status.

    Raises `Refused`, `ChatError`.
    """
    token = token_of(given)
    from twisted.internet import reactor as twisted_reactor

    reactor: Any = twisted_reactor
    reactor.seconds = time.monotonic  # Twisted's own clock is the wall clock
    patience = min(given.patience, LONGEST_PATIENCE)
    try:
        client = ChatClient(given.url, name, reactor=reactor, patience=patience, token=token)
    except Malformed as problem:
        sys.stderr.write(f"chatd: {problem.message}\n")
        return USAGE
    globalLogPublisher.addObserver(_tell_trouble)

    async def whole() -> int:
        working = Deferred.fromCoroutine(work(client, reactor))
        watch = watch_output(reactor, working)
        try:
            return await working
        except CancelledError:
            if watch is not None and watch.closed:
                return PIPE_CLOSED
            raise
        except Unavailable as problem:
            sys.stderr.write(f"chatd: {problem.message}\n")
            return UNREACHABLE
        finally:
            if watch is not None:
                reactor.removeReader(watch)
            await client.close()

    try:
        return run(reactor, whole)
    finally:
        globalLogPublisher.removeObserver(_tell_trouble)


@provider(ILogObserver)
def _tell_trouble(event: LogEvent) -> None:
    if event.get("log_namespace") == "chatd.client":
        with suppress(OSError):
            sys.stderr.write(f"chatd: {formatEvent(event)}\n")


@implementer(IReadDescriptor)
class Output:
    """Standard output, if it is a pipe: ends the work when its reader has ended."""

    def __init__(self, reactor: Any, working: Deferred[Any], file: int) -> None:
        self._reactor = reactor
        self._working = working
        self._file = file
        self.closed = False

    def fileno(self) -> int:
        """The file descriptor."""
        return self._file

    def logPrefix(self) -> str:
        """The prefix of log lines."""
        return "output"

    def doRead(self) -> None:
        """The pipe was closed: the writing end of a pipe never has anything to read."""
        self.connectionLost(Failure(BrokenPipeError()))

    def connectionLost(self, reason: Failure) -> None:
        """The pipe has no reader any more."""
        self._reactor.removeReader(self)
        self.closed = True
        self._working.cancel()


def watch_output(reactor: Any, working: Deferred[Any]) -> Output | None:
    """Cancel the work when standard output is a pipe and has no reader any more."""
    if not sys.stdout or not stat.S_ISFIFO(os.fstat(1).st_mode):
        return None
    watch = Output(reactor, working, 1)
    reactor.addReader(watch)
    return watch


def write_line(data: bytes) -> None:
    """Write a line to standard output at once.  Raises `BrokenPipeError`."""
    data += b"\n"
    while data:
        data = data[os.write(1, data) :]
