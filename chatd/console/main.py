"""The command `chatd`: runs a server, administers it on its own machine, and talks to any server.

To add a command, add a row to `COMMANDS` and a module to `chatd.console.commands`, which has

    def fill(parser: Parser) -> None:            adds the command's options and arguments
    def run(given: Namespace) -> int:            runs the command; returns the exit status

A module is imported when its command is used, so that `chatd say` does not wait for the server's
modules.  If `run` raises `Refused` or a `ChatError`, the message is printed in one line.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module, metadata
from typing import Any, NamedTuple

from ..model.errors import ChatError
from .parser import PARSER, Parser, nearest
from .refused import Refused
from .status import FAILED, INTERRUPTED, PIPE_CLOSED, TOLD


class Command(NamedTuple):
    """One command: its name, its help, and the module in `chatd.console.commands`."""

    name: str
    help: str
    module: str


COMMANDS = (
    Command("serve", "run a server in the foreground", "serve"),
    Command("check", "say what is wrong with a configuration", "check"),
    Command("doctor", "examine a server through its public address, proxy included", "doctor"),
    Command("say", "say a text in a room, or the lines of the input", "say"),
    Command("tail", "show what is said in a room, and follow it", "tail"),
    Command("join", "chat in this terminal", "join"),
    Command("backup", "copy the database, while the server runs", "backup"),
    Command("account", "make, list, change and remove accounts", "account"),
    Command("invite", "print a link that lets somebody register and be in a room", "invite"),
    Command("ban", "ban a name or a network from the server", "ban"),
    Command("unban", "lift a ban from the server", "unban"),
    Command("bans", "show the bans from the server", "bans"),
    Command("audit", "show what moderators and administrators did", "audit"),
    Command("completion", "write the completion of a shell: bash, zsh, fish", "completion"),
)
"""All commands, in the order in which `chatd --help` lists them."""
_RUN = "run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line.  Returns the exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        top = parser(words[:1])
        names = [command.name for command in COMMANDS]
        if words and not words[0].startswith("-") and words[0] not in names:
            top.error(f"there is no command {words[0]}{nearest(words[0], names)}")
        given = top.parse(words)
        status: int = getattr(given, _RUN)(given)
        sys.stdout.flush()
    except Refused as problem:
        return failed(str(problem))
    except ChatError as problem:
        return failed(problem.message)
    except (EOFError, KeyboardInterrupt):
        failed("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Otherwise Python would try to write the buffered rest at its exit, and fail again.
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return PIPE_CLOSED
    return status


def failed(why: str) -> int:
    """Print why a command has failed.  Returns the exit status."""
    sys.stderr.write(f"chatd: {why}\n")
    return FAILED


def parser(names: Iterable[str] | None = None) -> Parser:
    """The parser of command lines; only the commands in `names` get their options (None: all)."""
    top = Parser(
        "chatd",
        description="A chat server for terminals and browsers: run it, look after it, talk to it.",
        epilog=TOLD,
    )
    top.add_argument("--version", action="version", version=f"chatd {metadata.version('chatd')}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        made: Parser = commands.add_parser(
            command.name, help=command.help, description=command.help, epilog=TOLD
        )
        if names is None or command.name in names:
            module: Any = import_module(f".commands.{command.module}", __package__)
            made.set_defaults(**{_RUN: module.run, PARSER: made})
            module.fill(made)
    return top
