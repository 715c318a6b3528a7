"""`python -m chatd.client URL`: the terminal client, which also reads from a pipe."""

# Look for the required libraries first, so that the error for a missing one is one line.
# ruff: noqa: E402

from __future__ import annotations

import sys
from importlib.util import find_spec

MISSING = [name for name in ("treq", "msgspec") if find_spec(name) is None]
if MISSING and __name__ == "__main__":
    sys.exit(
        f"!! this Python has no {', '.join(MISSING)}, which chatd.client needs: "
        "use .venv/bin/python -m chatd.client (make creates .venv), or pip install chatd"
    )

import os
import signal
import time
from argparse import ArgumentParser
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import provider

from ..model.errors import Malformed
from .chat import LOBBY, ChatClient
from .chat import PATIENCE as LONGEST_PATIENCE
from .terminal import Input, Terminal

REFUSED, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141
"""Exit statuses; 0 means that every message was acknowledged."""
PATIENCE = 30
"""Seconds for which the client tries to reach the server."""

_options = ArgumentParser(
    prog="python -m chatd.client",
    description="A chat in the terminal, or at the end of a pipe: says what comes in, line by "
    "line, prints what happens, and leaves at the end of its input, when everything is "
    "acknowledged.",
    epilog="Exit status: 0 everything was acknowledged; 1 something was refused, or the server "
    "cannot be reached; 2 usage; 130 interrupted.",
)
_options.add_argument("url", metavar="URL", help="the server: http://localhost:8080")
_options.add_argument("--name", default="", help="your name (none: you are a guest)")
_options.add_argument("--room", default=LOBBY, help="the room to be in (%(default)s)")
_options.add_argument("--quiet", action="store_true", help="print nothing but what is wrong")
_options.add_argument("--literal", action="store_true", help="no line is a command: say them all")
_options.add_argument(
    "--patience",
    type=int,
    default=PATIENCE,
    metavar="SECONDS",
    help=f"how long to try to reach the server (%(default)s; at most {LONGEST_PATIENCE:g})",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the terminal client.  Returns the exit status."""
    chosen = _options.parse_args(arguments)
    file = sys.stdin.fileno() if sys.stdin else os.open(os.devnull, os.O_RDONLY)
    live = os.isatty(file)

    from twisted.internet import reactor as twisted_reactor

    reactor: Any = twisted_reactor
    # Twisted's clock is wall-clock time: set back an hour, every timer would stall.
    reactor.seconds = time.monotonic
    patience = min(chosen.patience, LONGEST_PATIENCE)
    try:
        client = ChatClient(chosen.url, chosen.name, reactor=reactor, patience=patience)
    except Malformed as problem:
        _complain(problem.message)
        return USAGE
    show = _show if sys.stdout and not chosen.quiet else lambda line: None
    if live:
        globalLogPublisher.addObserver(_tell_trouble)
    terminal = Terminal(
        client, chosen.room, reactor, show, _complain, live=live, literal=chosen.literal
    )
    return run(reactor, lambda: terminal.run(Input(reactor, file)))


def run(reactor: Any, work: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run the reactor until the work is done.  Returns the exit status.

    ^C cancels the work, and the reactor stops when the work has cleaned up.
    """
    outcome: list[int | Failure] = []

    def begin() -> None:
        def interrupt() -> Deferred[None]:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second ^C ends the process at once
            working.cancel()
            return ended

        def stop() -> None:
            with suppress(ReactorNotRunning):
                reactor.stop()

        def end(result: int | Failure) -> None:
            outcome.append(result)
            stop()

        # Twisted's own handler logs an error if a second ^C comes before the first is handled.
        signal.signal(signal.SIGINT, lambda *_: reactor.callFromThread(stop))
        working = Deferred.fromCoroutine(work())
        reactor.addSystemEventTrigger("before", "shutdown", interrupt)
        ended = working.addBoth(end)

    reactor.callWhenRunning(begin)
    reactor.run()
    return _status(outcome[0])


def _status(outcome: int | Failure) -> int:
    if not isinstance(outcome, Failure):
        return outcome
    if outcome.check(CancelledError):
        return INTERRUPTED
    if outcome.check(BrokenPipeError):
        return PIPE_CLOSED
    if outcome.check(OSError):
        _complain(f"cannot write: {outcome.getErrorMessage()}")
        return REFUSED
    outcome.raiseException()


def _show(line: str) -> None:
    _write(1, line)


def _complain(problem: str) -> None:
    with suppress(OSError):
        _write(2, f"!! {problem}")


@provider(ILogObserver)
def _tell_trouble(event: LogEvent) -> None:
    if event.get("log_namespace") == "chatd.client":
        _complain(formatEvent(event))


def _write(file: int, line: str) -> None:
    """Write a line at once; `print` would buffer it and try again when Python ends."""
    data = f"{line}\n".encode(errors="replace")
    while data:
        data = data[os.write(file, data) :]


if __name__ == "__main__":
    sys.exit(main())
