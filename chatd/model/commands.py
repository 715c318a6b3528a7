"""Commands of clients, as immutable values in the imperative.

Each changes something that other clients see; `ChatService.perform` carries it out, on every door
alike.  Names and texts are as the client sent them, within their bounds: the constructor of a
command raises the error of a field that is too long (`chatd.model.bounds`).  The service judges
whether they are valid.
"""

from __future__ import annotations

from dataclasses import dataclass

from .bounds import Name, RoomName, Text, check_fields


class Command:
    """The base of all commands.

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
    """Join a room."""

    room: RoomName


@dataclass(frozen=True, slots=True)
class Leave(Command):
    """Leave a room."""

    room: RoomName
    text: Text = ""


@dataclass(frozen=True, slots=True)
class Rename(Command):
    """Change the person's name."""

    name: Name


@dataclass(frozen=True, slots=True)
class Tell(Command):
    """Say something to one person only."""

    to: Name
    text: Text


@dataclass(frozen=True, slots=True)
class Notify(Say):
    """Say something in a room that no program is to answer (IRC's NOTICE)."""


@dataclass(frozen=True, slots=True)
class NotifyPrivately(Tell):
    """The same to one person only."""


class FromOutside:
    """A command that is carried out without coming into its room, if the room allows that."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SayFromOutside(FromOutside, Say):
    """Say something in a room without coming into it."""


@dataclass(frozen=True, slots=True)
class ActFromOutside(FromOutside, Act):
    """Do something in a room without coming into it."""


@dataclass(frozen=True, slots=True)
class NotifyFromOutside(FromOutside, Notify):
    """Say something in a room that no program is to answer, without coming into it."""
