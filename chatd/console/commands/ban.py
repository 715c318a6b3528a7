"""`chatd ban`: bans a name or a network from the server."""

from __future__ import annotations

from argparse import Namespace

from ...codecs.commandlines import duration_and_text
from ...model.bounds import WHO
from ..asking import carry_out
from ..parser import Parser, add_place
from ..tasks import BanWho


def fill(parser: Parser) -> None:
    """Add the command's arguments; without a duration, the ban is for ever."""
    add_place(parser)
    parser.add_argument("who", metavar="WHO", help="a name, or a network: 192.0.2.0/24")
    parser.add_argument("rest", metavar="[DURATION] [REASON]", nargs="*", help="30m, 12h, 7d; why")


def run(given: Namespace) -> int:
    """Run the command.  Returns the exit status."""
    words = " ".join([given.who, *given.rest])
    who, seconds, text = duration_and_text("who", WHO)(words)
    return carry_out(given, BanWho(who=who, seconds=seconds, text=text))
