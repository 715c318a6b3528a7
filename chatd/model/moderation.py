"""Commands of moderators, as immutable values in the imperative (see `chatd.model.commands`).

`name` is a person's name; `chatd.chat.targets` finds the account, guest or name that it means.
"""

from __future__ import annotations

from .bounds import Name, RoomName, Text, Who, Word
from .commands import Command


class Configure(Command, frozen=True):
    """Change settings of a room; None leaves one as it is."""

    room: RoomName
    access: Word = None
    posting: Word = None
    topic: Word = None
    """Who may set the topic."""
    listed: bool | None = None
    outside: bool | None = None
    slow: int | None = None
    """Seconds."""


class GiveRole(Command, frozen=True):
    """Give somebody a role in a room, or with None take it away."""

    room: RoomName
    name: Name
    role: Word


class Kick(Command, frozen=True):
    """Put somebody out of a room; the person may come back."""

    room: RoomName
    name: Name
    text: Text = ""


class Ban(Command, frozen=True):
    """Put somebody, or everybody in a network, out of a room, and keep them out."""

    room: RoomName
    who: Who
    """A name, or a network in the notation of RFC 4632."""
    seconds: int | None = None
    """For how long; None: for good."""
    text: Text = ""


class Unban(Command, frozen=True):
    """Lift a ban."""

    room: RoomName
    who: Who
    """A name, a network, or a ban's id."""


class Mute(Command, frozen=True):
    """Forbid somebody to speak in a room."""

    room: RoomName
    name: Name
    seconds: int | None = None
    text: Text = ""


class Unmute(Command, frozen=True):
    """Lift a mute."""

    room: RoomName
    name: Name


class Admit(Command, frozen=True):
    """Make somebody a member of a room."""

    room: RoomName
    name: Name
    once: bool = False
    """Whether a guest is a member only until the guest leaves the room."""


class Dismiss(Command, frozen=True):
    """End somebody's membership of a room."""

    room: RoomName
    name: Name


class Redact(Command, frozen=True):
    """Delete a message."""

    room: RoomName
    id: int
    text: Text = ""


class RedactPrivately(Command, frozen=True):
    """Delete a private message between two accounts."""

    to: Name
    """The other account of the conversation; to administrators, either account of any
    conversation."""
    id: int
    text: Text = ""


class BanFromServer(Command, frozen=True):
    """Ban somebody, or everybody in a network, from the server."""

    who: Who
    seconds: int | None = None
    text: Text = ""


class UnbanFromServer(Command, frozen=True):
    """Lift a ban from the server."""

    who: Who
