"""`chatd backup FILE`: copies the database, while a server runs or without one.

The command reads the file itself, so that copying takes no time of the server's process.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

from ...model.restrictions import moment
from ...server.settings import Settings
from ...store.backup import back_up
from ..asking import settings_at
from ..parser import Parser, add_place, progress
from ..refused import Refused
from ..status import DONE

NICE = 19
"""Increment of the process's niceness (nice(2)): the server goes first when the CPU is busy."""
MEBIBYTE = 1 << 20


def fill(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.description = (
        "Copy the database to a file that only you can read, while the server goes on. To restore "
        "it: stop the server, replace the database by the copy, remove the database's -wal and "
        "-shm files, and start the server."
    )
    add_place(parser)
    parser.add_argument("file", metavar="FILE", help="where the copy goes")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")


def run(given: Namespace) -> int:
    """Run the command.  Returns the exit status."""
    settings = settings_at(given)
    source = database_of(settings)
    os.nice(NICE)
    try:
        done = back_up(
            source,
            Path(given.file),
            lambda what, part: progress(f"{what}: {part:.0%}"),
            replace=given.force,
        )
    finally:
        progress("")
    newest = f", the newest of {moment(done.last)}" if done.last else ""
    size = f"{done.size / MEBIBYTE:,.1f} MiB"
    sys.stdout.write(f"{given.file}: {size}, {done.events:,} events{newest}\n")
    return DONE


def database_of(settings: Settings) -> Path:
    """The file of the server's store.  Raises `Refused` if it has none."""
    scheme, _, path = settings.store.partition(":")
    if scheme == "sqlite":
        return Path(path)
    if scheme == "memory":
        raise Refused("memory: keeps nothing that could be copied")
    raise Refused(
        "this server keeps its history in Redis; Redis makes a copy itself: redis-cli --rdb FILE"
    )
