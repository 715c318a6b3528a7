"""`chatd say URL ROOM [TEXT]`: says a text, or the lines of its input."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import AsyncIterable, AsyncIterator
from getpass import getuser
from socket import gethostname
from typing import Any

from ...client.chat import ChatClient
from ...client.pipe import Pipe
from ...client.terminal import LINE_BYTES, Input
from ...model.errors import ChatError, Unavailable
from ..parser import Parser
from ..remote import add_server, talk, token_of
from ..status import DONE, FAILED

ROOT = "root"
"""A name that the server reserves for itself."""


def fill(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.description = (
        "Say a text in a room; without TEXT, the lines of the input, many in one message: "
        "make 2>&1 | chatd say http://localhost:8080 builds --name ci"
    )
    parser.rest = "text"
    add_server(parser)
    parser.add_argument("text", metavar="TEXT", nargs="*", help="what to say, as it is")
    parser.add_argument(
        "--name",
        metavar="NAME",
        help="say it under this name; by default the user's, for root the machine's",
    )


def run(given: Namespace) -> int:
    """Run the command.  Returns the exit status: 0 when the server has stored everything."""
    name = given.name or ("" if token_of(given) else _user())

    async def work(client: ChatClient, reactor: Any) -> int:
        pipe = Pipe(lambda text: client.say(text, given.room), reactor)
        file = sys.stdin.fileno() if sys.stdin else os.open(os.devnull, os.O_RDONLY)
        lines: AsyncIterable[bytes | None] = (
            _lines(" ".join(given.text)) if given.text else Input(reactor, file)
        )
        try:
            await pipe.run(lines)
        except Unavailable:
            _tell_unsaid(pipe)
            raise
        except ChatError as problem:
            sys.stderr.write(f"chatd: {problem.message}\n")
            _tell_unsaid(pipe)
            return FAILED
        if pipe.dropped:
            sys.stderr.write(
                f"chatd: {pipe.dropped} lines of more than {LINE_BYTES} bytes were not said\n"
            )
        return FAILED if pipe.dropped else DONE

    return talk(given, name, work)


def _tell_unsaid(pipe: Pipe) -> None:
    if pipe.unsaid > 1:
        sys.stderr.write(f"chatd: {pipe.unsaid} lines, and all after them, were not said\n")


async def _lines(text: str) -> AsyncIterator[bytes | None]:
    for line in text.split("\n"):
        yield line.encode(errors="replace")


def _user() -> str:
    """The user name of the process; the host name for root, or if the user has no name."""
    try:
        name = getuser()
    except (OSError, KeyError):
        name = ROOT
    return gethostname().partition(".")[0] if name == ROOT else name
