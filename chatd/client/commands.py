"""The commands of the terminal client, with the same forms as on the line door.

The client knows every command of the line door, so that none is sent as a message by mistake.  It
refuses those that it does not support.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVarTuple

from ..codecs.commandlines import (
    CommandTable,
    Usage,
    anything,
    choice,
    name_and_text,
    number,
    optional,
    text,
    word,
)
from ..codecs.lines import MAX_HISTORY
from ..model.bounds import NAME, ROOM
from ..model.errors import UnknownCommand
from .answers import Event
from .chat import ChatClient

Words = TypeVarTuple("Words")


class Terminal(Protocol):
    """What the commands act on: a client in one room."""

    client: ChatClient
    room: str
    said: int
    """The id of the last message that this client sent."""
    literal: bool
    """Whether every line is a message, and none a command."""
    ended: bool
    """Whether the client is to end; no further line is read."""

    def answer(self, text: str) -> None:
        """Show an answer."""

    def tell(self, event: Event) -> None:
        """Show an event."""


def command(
    form: str, help: str, read: Callable[[str], tuple[*Words]], *aliases: str
) -> Callable[[Callable[[Terminal, *Words], Awaitable[None]]], Usage]:
    """Decorator that makes a function a command; see `Usage` for the arguments."""
    return lambda do: Usage(form, help, read, do, aliases)


@command("/nick NAME", "take a name, or change it", word("name", NAME))
async def _nick(terminal: Terminal, name: str) -> None:
    terminal.answer(f"you are now {await terminal.client.rename(name)}")


@command(
    "/who [ROOM]",
    "who is in a room, or in the current one",
    optional(word("room", ROOM)),
    "names",
    "w",
)
async def _who(terminal: Terminal, room: str) -> None:
    room = room or terminal.room
    names = await terminal.client.who(room)
    terminal.answer(f"{len(names)} in #{room.removeprefix('#')}: {', '.join(names)}")


@command("/me TEXT", "say what you do: /me waves", text)
async def _me(terminal: Terminal, words: str) -> None:
    terminal.said = await terminal.client.act(words, terminal.room)


@command("/msg NAME TEXT", "say something to one person only", name_and_text, "m")
async def _msg(terminal: Terminal, name: str, words: str) -> None:
    terminal.said = await terminal.client.tell(name, words)


@command("/topic [TEXT]", "show the topic, or set it; /topic - clears it", anything)
async def _topic(terminal: Terminal, words: str) -> None:
    room = terminal.room
    if words:
        await terminal.client.topic("" if words == "-" else words, room)
        return
    topic = await terminal.client.topic(room=room)
    terminal.answer(f"the topic of #{room}: {topic}" if topic else f"#{room} has no topic")


@command(
    "/history [N]",
    f"show the last N events here (20; at most {MAX_HISTORY})",
    number("how many events", 20),
)
async def _history(terminal: Terminal, count: int) -> None:
    count = max(1, min(count, MAX_HISTORY))
    for event in await terminal.client.history(terminal.room, count):
        terminal.tell(event)
    terminal.answer("end of the history")


@command(
    "/literal on",
    "say every line as it is until you disconnect",
    choice("on, and lasts until you disconnect", "on"),
)
async def _literal(terminal: Terminal, switch: str) -> None:
    terminal.literal = True


@command("/help [COMMAND]", "list the commands, or explain one", anything)
async def _help(terminal: Terminal, topic: str) -> None:
    for line in COMMANDS.forms():
        terminal.answer(line)


@command("/quit [TEXT]", "leave; TEXT is your parting word", anything, "exit")
async def _quit(terminal: Terminal, words: str) -> None:
    if words:
        await terminal.client.leave(terminal.room, words)
    terminal.ended = True


# -- commands that are refused ---------------------------------------------------------------------


async def _other_room(terminal: Terminal, room: str) -> None:
    raise UnknownCommand(
        f"this client is in one room, #{terminal.room}; to be in another one, start it again "
        f"with --room {room.removeprefix('#')}"
    )


async def _only_room(terminal: Terminal, room: str) -> None:
    raise UnknownCommand("this client is in one room only; /quit leaves")


async def _elsewhere(terminal: Terminal, words: str) -> None:
    raise UnknownCommand(
        "that works in telnet and nc only, not in this client; /help lists what works here"
    )


ELSEWHERE = (
    *("rooms", "r", "since", "echo", "time"),
    *("register", "login", "password", "logout", "ignore", "unignore"),
    *("owner", "op", "deop", "voice", "devoice", "kick", "ban", "unban", "bans", "mute", "unmute"),
    *("invite", "access", "posting", "slow", "delete"),
)
"""Commands of the line door that this client refuses; without them it would send such lines."""

COMMANDS = CommandTable(
    (
        _nick,
        _who,
        _me,
        _msg,
        _topic,
        _history,
        _literal,
        _help,
        _quit,
        Usage("/join ROOM", "", word("room", ROOM), _other_room, ("j",)),
        Usage("/room ROOM", "", word("room", ROOM), _other_room),
        Usage("/leave [ROOM]", "", optional(word("room", ROOM)), _only_room, ("part",)),
        *(Usage(f"/{name}", "", anything, _elsewhere) for name in ELSEWHERE),
    )
)
"""All commands; those with a help text are in the order in which `/help` lists them."""
