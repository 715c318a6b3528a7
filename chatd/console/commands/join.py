"""`chatd join URL`: the client for a terminal, `chatd.client.join`."""

from __future__ import annotations

from argparse import Namespace

from ...client.join import arguments, main
from ..parser import Parser


def fill(parser: Parser) -> None:
    """Add the command's arguments."""
    arguments.fill(parser)


def run(given: Namespace) -> int:
    """Run the command.  Returns the exit status."""
    return main.start(given)
