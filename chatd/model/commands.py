"""What is asked: immutable values, in the imperative.

The first group changes something that others see; `ChatService.perform` carries it out on every
door alike. The second group asks for an answer that only the asker sees, and is the line door's
own. Texts and names are as they came in, but for their length: a command whose fields are too long
cannot be made, and its class says how long they may be (`chatd.model.bounds`). Judging them is the
service's work.
"""

from __future__ import annotations

from dataclasses import dataclass

from .bounds import CommandName, Name, RoomName, Text, check_fields


class Command:
    """Anything that a client may ask for.

    Making one raises the `ChatError` of a field that is too long.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class Say(Command):
    """Say something in a room."""

    room: RoomName
    text: Text


@dataclass(frozen=True, slots=True)
class Act(Command):
    """Do something in a room: `/me waves`."""

    room: RoomName
    text: Text


@dataclass(frozen=True, slots=True)
class SetTopic(Command):
    """Set a room's topic; an empty text clears it."""

    room: RoomName
    text: Text


@dataclass(frozen=True, slots=True)
class Join(Command):
    """Come into a room."""

    room: RoomName


@dataclass(frozen=True, slots=True)
class Leave(Command):
    """Leave a room."""

    room: RoomName
    text: Text = ""


@dataclass(frozen=True, slots=True)
class Rename(Command):
    """Take a name, or another one."""

    name: Name


@dataclass(frozen=True, slots=True)
class Tell(Command):
    """Say something to one person only."""

    to: Name
    text: Text


@dataclass(frozen=True, slots=True)
class Reply(Command):
    """Answer the last private message."""

    text: Text


@dataclass(frozen=True, slots=True)
class Switch(Command):
    """Make a joined room the current one."""

    room: RoomName


@dataclass(frozen=True, slots=True)
class ShowWho(Command):
    """Who is in a room?"""

    room: RoomName


@dataclass(frozen=True, slots=True)
class ShowRooms(Command):
    """Which rooms are there?"""


@dataclass(frozen=True, slots=True)
class ShowTopic(Command):
    """What is the topic?"""

    room: RoomName


@dataclass(frozen=True, slots=True)
class ShowHistory(Command):
    """What were the last `count` events?"""

    room: RoomName
    count: int


@dataclass(frozen=True, slots=True)
class ShowSince(Command):
    """What came after the event `id`?"""

    room: RoomName
    id: int


@dataclass(frozen=True, slots=True)
class SetEcho(Command):
    """Show me my own messages, or do not."""

    on: bool


@dataclass(frozen=True, slots=True)
class SetTime(Command):
    """Show the time before each event, or do not."""

    zone: CommandName
    """`local` for the server's time zone, `utc`, or empty: no times."""


@dataclass(frozen=True, slots=True)
class SetLiteral(Command):
    """Say every line as it is, from here on."""


@dataclass(frozen=True, slots=True)
class ShowHelp(Command):
    """Which commands are there, or what does this one do?"""

    topic: CommandName = ""


@dataclass(frozen=True, slots=True)
class Quit(Command):
    """Leave every room and close the connection."""

    text: Text = ""
