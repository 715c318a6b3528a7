"""What is asked: immutable values, in the imperative.

Each changes something that other clients see; `ChatService.perform` carries it out, in the same way
for every door.  Texts and names are as they came in, but for their length: a command whose fields
are too long cannot be made, and its class says how long they may be (`chatd.model.bounds`).  The
service judges them.
"""

from __future__ import annotations

from dataclasses import dataclass

from .bounds import Name, RoomName, Text, check_fields


class Command:
    """Anything that a client may ask for.

    The constructor raises the `ChatError` of a field that is too long.
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
    """Describe an action in a room: `/me waves`."""

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
