"""`chatd unban`: lifts a ban from the server."""

from __future__ import annotations

from argparse import Namespace

from ..asking import carry_out
from ..parser import Parser, add_place
from ..tasks import UnbanWho


def fill(parser: Parser) -> None:
    """Add the command's arguments."""
    add_place(parser)
    parser.add_argument("who", metavar="WHO", help="a name, a network, or the id of a ban")


def run(given: Namespace) -> int:
    """Run the command.  Returns the exit status."""
    return carry_out(given, UnbanWho(who=given.who))
