"""`chatd tail URL ROOM`: shows the last events of a room, and follows it."""

from __future__ import annotations

from argparse import ArgumentTypeError, Namespace
from typing import Any

from ...client.answers import Event
from ...client.chat import ChatClient
from ...client.following import NOW, Following
from ...client.terminal import in_lines
from ..parser import Parser
from ..remote import add_server, talk, write_line
from ..status import DONE

LATEST = 10
MOST = 500
"""Past events that a server sends in one answer."""


def fill(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.description = (
        "Show the last events of a room, and those that follow, over restarts of the server, "
        "until it is interrupted."
    )
    add_server(parser)
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="text, as on the line door (the default); or json, one object on a line",
    )
    parser.add_argument(
        "--since",
        type=_cursor,
        metavar="ID",
        help="begin after the event with this id; now: with the next event; 0: with the oldest",
    )
    parser.add_argument(
        "-n",
        dest="latest",
        type=_latest,
        default=LATEST,
        metavar="N",
        help=f"past events to begin with, at most {MOST} (%(default)s)",
    )
    parser.add_argument(
        "--time", action="store_true", help="with text: the date and time before each line"
    )


def run(given: Namespace) -> int:
    """Run the command.  Returns the exit status."""
    since = None if given.since == NOW else given.since
    latest = 0 if given.since == NOW else given.latest

    async def work(client: ChatClient, reactor: Any) -> int:
        following = Following(client, given.room.removeprefix("#"), since, latest, given.patience)
        async for raw, event in following:
            for line in [raw] if given.format == "json" else text_of(event, given.time):
                write_line(line)
        return DONE

    return talk(given, "", work)


def text_of(event: Event, time: bool) -> list[bytes]:
    """The lines of an event as text; with `time`, after the local date and time."""
    moment = f"{event.time.astimezone():%Y-%m-%d %H:%M:%S} " if time else ""
    return [f"{moment}{line}".encode(errors="replace") for line in in_lines(event, "")]


def _cursor(text: str) -> int | str:
    if text == NOW:
        return NOW
    if not text.isascii() or not text.isdigit():
        raise ArgumentTypeError(f"{text!r} is no id of an event, nor now")
    return int(text)


def _latest(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MOST:
        raise ArgumentTypeError(f"{text!r} is not a number from 0 to {MOST}")
    return int(text)
