"""`chatd invite`: prints a link that lets somebody register and be in a room."""

from __future__ import annotations

import sys
from argparse import Namespace

from ...codecs.commandlines import duration_and_text
from ...model.bounds import ROOM
from ..asking import answered, show
from ..parser import Parser, add_place
from ..refused import Refused
from ..status import DONE
from ..tasks import MakeInvite

NO_URL = "put the page's address before that; with --host NAME the server does it"
"""What is said of an invite if the server does not know the page's URL."""


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
    lines = answered(given, MakeInvite(room=room, seconds=seconds, uses=given.uses))
    show(lines)
    if any(line.startswith("#") for line in lines):
        sys.stderr.write(f"chatd: {NO_URL}\n")
    return DONE
