"""Commands about the connection: what it shows, help, and its end."""

from __future__ import annotations

from ....codecs.commandlines import anything, choice
from ....model.bounds import COMMAND
from ..client import LineClient
from .row import Kind, command


@command("/echo on|off", "show you your own messages, or not", choice("on or off", "on", "off"))
def echo(client: LineClient, switch: str) -> None:
    """For programs that say much, and need not read it again."""
    client.echo = switch == "on"
    client.answer(
        "you see your own messages" if client.echo else "you no longer see your own messages"
    )


@command(
    "/time on|off|utc",
    "show the time before each event, or not",
    choice("on, off or utc", "on", "off", "utc"),
)
def time(client: LineClient, zone: str) -> None:
    """From the next event on."""
    client.let_catch_up()  # the new subscriber begins at the newest event
    client.reader.show_times({"on": "local", "off": "", "utc": "utc"}[zone])
    shown = {"on": "times are shown, in the server's time zone", "utc": "times are UTC"}
    client.answer(shown.get(zone, "times are not shown"))


@command(
    "/literal on",
    "say every line as it is until you disconnect",
    choice("on, and lasts until you disconnect", "on"),
)
def literal(client: LineClient, switch: str) -> None:
    """For programs that pass on other people's lines."""
    client.literal = True
    client.answer("every line is said as it is from here on; disconnect to end that")


def _topic(rest: str) -> tuple[str]:
    """A command's name, with or without its slash, or nothing."""
    return (COMMAND.check(rest.removeprefix("/").lower()),)


@command("/help [COMMAND]", "list the commands, or explain one", _topic)
def help(client: LineClient, topic: str) -> None:
    """From the table of commands."""
    client.answer(*client.commands.help(topic))


@command(
    "/quit [TEXT]",
    "leave; TEXT is your parting word",
    anything,
    aliases=("exit",),
    kind=Kind.CHANGE,
)
def quit(client: LineClient, words: str) -> None:
    """Every room is left, and the connection is closed."""
    client.answer("goodbye")
    client.parting = words
    client.ended = True
