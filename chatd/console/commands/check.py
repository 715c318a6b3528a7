"""`chatd check`: says what is wrong with a configuration, before a server is started with it."""

from __future__ import annotations

import sys
from argparse import Namespace

from ...server.capacity import most_connections
from ...server.settings import Settings, settings_of
from ...server.sources import placed
from ...server.tls import problems
from ..example import example
from ..given import add_settings, mistakes_given
from ..parser import Parser
from ..status import DONE, FAILED


def fill(parser: Parser) -> None:
    """The options of the server, as `chatd serve` takes them."""
    parser.usage = "chatd check [--config FILE] [OPTION VALUE]...\n       chatd check --example"
    parser.wrong = FAILED  # as for any other mistake in the configuration
    parser.description = (
        "Check the configuration that `chatd serve` with the same options would have, from the "
        "command line, the environment and the file that --config names.  Prints all mistakes, "
        "with file and line.  Exit status: 0 if there is none, else 1."
    )
    parser.add_argument(
        "--example",
        action="store_true",
        help="write a configuration with every option, explained and commented out",
    )
    add_settings(parser)


def run(given: Namespace) -> int:
    """Run the command.  Returns the exit status: 0 if a server can start with these settings."""
    if given.example:
        sys.stdout.write(example())
        return DONE
    found = mistakes_given(given)
    # A variable that resembles an option's name is misspelt, and hardly another program's.
    wrong = [*found.mistakes, *(it for it in found.unknown if it.endswith("?"))]
    lines = []
    if not found.mistakes:
        settings = settings_of(found.given)
        lines = summary(settings)
        try:
            most_connections(settings)
        except ValueError as problem:
            wrong.append(placed(str(problem), found.places))
        wrong += [placed(problem, found.places) for problem in problems(settings.doors)]
    for mistake in wrong:
        sys.stderr.write(f"chatd: {mistake}\n")
    if wrong:
        return FAILED
    for line in lines:
        sys.stdout.write(f"{line}\n")
    return DONE


def summary(settings: Settings) -> list[str]:
    """A summary of these settings: the doors and the store."""
    doors = [
        f"{name} door at {endpoint}" for name, ends in settings.doors.items() for endpoint in ends
    ]
    return [*doors, f"history in {settings.store}", "the configuration is valid"]
