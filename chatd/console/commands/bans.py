"""`chatd bans`: shows the bans from the server."""

from __future__ import annotations

from argparse import Namespace

from ..asking import carry_out
from ..parser import Parser, add_place
from ..tasks import ListBans


def fill(parser: Parser) -> None:
    """Its options."""
    add_place(parser)


def run(given: Namespace) -> int:
    """Carry it out.  Returns the exit status."""
    return carry_out(given, ListBans())
