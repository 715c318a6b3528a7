"""`chatd join URL`: chooses and starts the client, and runs its reactor.

If input or output is no terminal, it runs `python -m chatd.client`, which reads lines from a pipe.
"""

from __future__ import annotations

import asyncio
import sys
import time
from argparse import Namespace
from collections.abc import Sequence
from getpass import getpass
from importlib.util import find_spec
from typing import Any

from ...model.errors import ChatError
from .arguments import INTERRUPTED, REFUSED, USAGE, parser

MISSING = (
    "chatd join needs prompt_toolkit: pip install prompt_toolkit, or, if pipx installed chatd, "
    "pipx inject chatd prompt_toolkit; without it, use --no-screen"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the client.  Returns the exit status."""
    return start(parser().parse_args(arguments))


def start(given: Namespace) -> int:
    """Run the client that fits the arguments and the terminal.  Returns the exit status."""
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


if __name__ == "__main__":
    sys.exit(main())
