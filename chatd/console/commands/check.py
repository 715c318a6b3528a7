"""`chatd check`: says what is wrong with a configuration, before a server is started with it."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from pathlib import Path

from ...model.errors import Unavailable
from ...server.capacity import most_connections
from ...server.ports import contradictions
from ...server.settings import Settings, settings_of
from ...server.sources import placed
from ...server.tls import problems
from ...store.file import OwnFile
from ..example import example
from ..given import add_settings, mistakes_given
from ..parser import Parser
from ..status import DONE, FAILED

STATE = Path("/var/lib")
"""Where systemd makes the directories that units name by `StateDirectory=`."""
UNITS = tuple(
    Path(directory)
    for directory in (
        "/etc/systemd/system",
        "/usr/local/lib/systemd/system",
        "/usr/lib/systemd/system",
    )
)
"""Where units are."""


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
        others = [*problems(settings.doors), *contradictions(required(settings)), *store(settings)]
        wrong += [placed(problem, found.places) for problem in others]
    for mistake in wrong:
        sys.stderr.write(f"chatd: {mistake}\n")
    if wrong:
        return FAILED
    for line in lines:
        sys.stdout.write(f"{line}\n")
    return DONE


def required(settings: Settings) -> list[tuple[str, str]]:
    """The doors that have to open for a start, each with an endpoint."""
    return [
        (name, endpoint)
        for name, ends in settings.doors.items()
        if name not in settings.yielding
        for endpoint in ends
    ]


def store(settings: Settings) -> list[str]:
    """What keeps the store from being a file; the file is not opened."""
    scheme, _, path = settings.store.partition(":")
    if scheme == "sqlite" and not made_at_start(Path(path).parent):
        try:
            OwnFile(Path(path)).inspect()
        except Unavailable as problem:
            return [f"--store: {problem.message}"]
    return []


def made_at_start(directory: Path) -> bool:
    """Whether a directory is missing, and systemd makes it when it starts chatd: a unit of chatd
    names it (`StateDirectory=`).
    """
    if directory.exists() or directory.parent != STATE:
        return False
    for unit in (unit for place in UNITS for unit in sorted(place.glob("*.service"))):
        try:
            text = unit.read_text("utf-8", "replace")
        except OSError:
            continue
        made = re.findall(r"^StateDirectory=(.*)$", text, re.MULTILINE)
        if "chatd" in text and directory.name in " ".join(made).split():
            return True
    return False


def summary(settings: Settings) -> list[str]:
    """A summary of these settings: the doors and the store."""
    doors = [
        f"{name} door at {endpoint}" for name, ends in settings.doors.items() for endpoint in ends
    ]
    path = Path(settings.store.partition(":")[2])
    if settings.store.startswith("sqlite:") and made_at_start(path.parent):
        doors.append(f"{path.parent} is made by systemd, at the first start")
    return [*doors, f"history in {settings.store}", "the configuration is valid"]
