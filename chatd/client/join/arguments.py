"""The command line of `chatd join`, and its exit statuses."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

REFUSED, USAGE, INTERRUPTED = 1, 2, 130
"""Exit statuses; 0: the user has left."""


def parser() -> ArgumentParser:
    """The parser of the command line."""
    options = ArgumentParser("chatd join")
    fill(options)
    return options


def fill(options: ArgumentParser) -> None:
    """Add the arguments of `chatd join`."""
    options.description = (
        "Chat in a terminal. At the end of a pipe, each line of the input is said, and what "
        "happens is printed."
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


def wants_colour(given: Namespace) -> bool:
    """Whether colours are wanted (https://no-color.org)."""
    return bool(given.colour) and not os.environ.get("NO_COLOR")
