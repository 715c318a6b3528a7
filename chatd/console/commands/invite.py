"""`chatd invite`: prints a link that lets somebody register and be in a room."""

from __future__ import annotations

from argparse import Namespace

from ...codecs.commandlines import duration_and_text
from ...model.bounds import ROOM
from ..asking import carry_out
from ..parser import Parser, add_place
from ..refused import Refused
from ..tasks import MakeInvite


def fill(parser: Parser) -> None:
    """Add the command's arguments; the default invite is to the lobby, for 7 days and one use."""
    add_place(parser)
    parser.add_argument(
        "room", metavar="ROOM", nargs="?", default="lobby", help="lobby if left out"
    )
    parser.add_argument(
        "duration", metavar="DURATION", nargs="?", help="30m, 12h, 7d; 7d if left out"
    )
    parser.add_argument(
        "--uses", metavar="N", type=int, help="how many people may use it: one if left out"
    )


def run(given: Namespace) -> int:
    """Run the command.  Returns the exit status."""
    room, seconds, rest = duration_and_text("room", ROOM)(f"{given.room} {given.duration or ''}")
    if rest:
        raise Refused(f"{rest} is no duration; one is 30m, 12h or 7d")
    return carry_out(given, MakeInvite(room=room, seconds=seconds, uses=given.uses))
