"""Commands of clients, as immutable values in the imperative.

Each changes something that other clients see; `ChatService.perform` carries it out, on every door
alike.  Names and texts are as the client sent them, within their bounds: the constructor of a
command raises the error of a field that is too long (`chatd.model.bounds`).  The service judges
whether they are valid.
"""

from __future__ import annotations

from msgspec import Struct

from .bounds import Name, RoomName, Text, check_fields


class Command(Struct, frozen=True):
    """The base of all commands.

    The constructor raises the `ChatError` of a field that is too long.
    """

    def __post_init__(self) -> None:
        check_fields(self)


class Say(Command, frozen=True):
    """Say something in a room."""

    room: RoomName
    text: Text


class Act(Command, frozen=True):
    """Describe an action in a room: `/me waves`."""

    room: RoomName
    text: Text


class SetTopic(Command, frozen=True):
    """Set a room's topic; an empty text clears it."""

    room: RoomName
    text: Text


class Join(Command, frozen=True):
    """Join a room."""

    room: RoomName


class Leave(Command, frozen=True):
    """Leave a room."""

    room: RoomName
    text: Text = ""


class Rename(Command, frozen=True):
    """Change the person's name."""

    name: Name


class Tell(Command, frozen=True):
    """Say something to one person only."""

    to: Name
    text: Text


class Notify(Say, frozen=True):
    """Say something in a room that no program is to answer (IRC's NOTICE)."""


class NotifyPrivately(Tell, frozen=True):
    """The same to one person only."""


class ActFromOutside(Act, frozen=True):
    """Do something in a room without coming into it, if the room allows that."""


class SayFromOutside(Say, frozen=True):
    """Say something in a room without coming into it, if the room allows that."""


class NotifyFromOutside(Notify, frozen=True):
    """Say something in a room that no program is to answer, without coming into it."""
