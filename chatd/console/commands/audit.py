"""`chatd audit`: shows what moderators and administrators did."""

from __future__ import annotations

from argparse import Namespace

from ..asking import carry_out
from ..parser import Parser, add_place
from ..tasks import ShowAudit


def fill(parser: Parser) -> None:
    """Add the command's options."""
    add_place(parser)
    parser.add_argument("-n", dest="number", metavar="N", type=int, default=100, help="the last N")


def run(given: Namespace) -> int:
    """Run the command.  Returns the exit status."""
    return carry_out(given, ShowAudit(number=given.number))
