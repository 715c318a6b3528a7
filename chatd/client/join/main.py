"""`chatd join URL`: arguments, the reactor, and which of the clients runs.

Without a terminal at both ends it is `python -m chatd.client`, which reads lines from a pipe.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from getpass import getpass
from importlib.util import find_spec
from typing import Any

from ...model.errors import ChatError

REFUSED, USAGE, INTERRUPTED = 1, 2, 130
MISSING = (
    "chatd join needs prompt_toolkit: pip install 'chatd[terminal]'; without it, use --no-screen"
)


def parser() -> ArgumentParser:
    """The parser of its command line."""
    options = ArgumentParser(
        "chatd join",
        description="Chat in a terminal. At the end of a pipe, each line of the input is said, and "
        "what happens is printed.",
    )
    options.add_argument("url", metavar="URL", help="the server: http://localhost:8080")
    options.add_argument("--name", default="", help="your name (none: you are a guest)")
    options.add_argument(
        "--login", action="store_true", help="--name is an account's: ask for its password"
    )
    options.add_argument("--room", default="lobby", help="the room to be in (%(default)s)")
    options.add_argument(
        "--plain", action="store_true", help="lines above a prompt: for screen readers"
    )
    options.add_argument("--no-colour", "--no-color", dest="colour", action="store_false")
    options.add_argument(
        "--no-screen", action="store_true", help="as at the end of a pipe: no prompt, only lines"
    )
    options.add_argument("--quiet", action="store_true", help="in a pipe: print only errors")
    options.add_argument("--literal", action="store_true", help="in a pipe: no line is a command")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the client.  Returns the exit status."""
    given = parser().parse_args(arguments)
    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    if given.no_screen or not terminal:
        return _in_a_pipe(given)
    if find_spec("prompt_toolkit") is None:
        sys.stderr.write(f"chatd: {MISSING}\n")
        return REFUSED
    password = ""
    if given.login:
        if not given.name:
            sys.stderr.write("chatd: --login needs --name\n")
            return USAGE
        try:
            password = getpass("password: ")
        except (EOFError, KeyboardInterrupt):
            return INTERRUPTED
    return _on_a_terminal(given, password)


def _in_a_pipe(given: Namespace) -> int:
    """Run the client for pipes, with the same options."""
    from ..__main__ import main as pipe

    options = [given.url, "--name", given.name, "--room", given.room]
    if given.quiet:
        options.append("--quiet")
    if given.literal:
        options.append("--literal")
    return pipe(options)


def _on_a_terminal(given: Namespace, password: str) -> int:
    """Install the reactor that shares asyncio's loop with prompt_toolkit, and run."""
    from twisted.internet import asyncioreactor

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)
    from twisted.internet import reactor as twisted_reactor
    from twisted.internet.defer import Deferred

    reactor: Any = twisted_reactor
    # Twisted's clock is wall-clock time: set back an hour, every timer would stall.
    reactor.seconds = time.monotonic
    outcome: list[int] = []

    def begin() -> None:
        from .running import run

        task = loop.create_task(run(given, password, reactor))
        Deferred.fromFuture(task).addBoth(end)

    def end(result: Any) -> None:
        if isinstance(result, int):
            outcome.append(result)
        else:
            problem = result.value
            told = problem.message if isinstance(problem, ChatError) else repr(problem)
            sys.stderr.write(f"chatd: {told}\n")
            outcome.append(REFUSED)
        reactor.stop()

    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    return outcome[0] if outcome else INTERRUPTED


def wants_colour(given: Namespace) -> bool:
    """Whether colours are wanted (https://no-color.org)."""
    return bool(given.colour) and not os.environ.get("NO_COLOR")


if __name__ == "__main__":
    sys.exit(main())
