"""`chatd bans`: shows the bans from the server."""

from __future__ import annotations

from argparse import Namespace

from ..asking import carry_out
from ..parser import Parser, add_place
from ..tasks import ListBans


def fill(parser: Parser) -> None:
    """Add the command's options."""
    add_place(parser)


def run(given: Namespace) -> int:
    """Run the command.  Returns the exit status."""
    return carry_out(given, ListBans())
