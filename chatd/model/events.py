"""What happened: immutable values, in the past tense, the same for every reader.

1. An event says nothing of *when* or of its place: id and time belong to the `Entry` that
   the store made of it (`chatd.stream.eventlog`).
2. Names and texts in an event have already been judged (`chatd.model.names`,
   `chatd.model.text`), so a codec may write them out as they are.
3. The tag of a class is the event's `type` on every door that speaks JSON.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct, field


class Event(Struct, frozen=True, tag_field="type"):
    """Anything that takes a number in the one order of the server."""


class RoomEvent(Event, frozen=True):
    """Something that happened in a room and is kept in its log."""

    room: str
    """The room's name, without `#`."""


class Said(RoomEvent, frozen=True, tag="message"):
    """Somebody said something."""

    sender: str = field(name="from")
    text: str
    """One or more lines, joined by LF."""


class Acted(RoomEvent, frozen=True, tag="action"):
    """Somebody did something: `/me waves`."""

    sender: str = field(name="from")
    text: str


class Joined(RoomEvent, frozen=True, tag="join"):
    """A named session came into the room."""

    sender: str = field(name="from")


class Left(RoomEvent, frozen=True, tag="leave"):
    """A named session left the room."""

    sender: str = field(name="from")
    text: str = ""
    """The parting word, or empty."""


class Renamed(RoomEvent, frozen=True, tag="nick"):
    """A named session took another name."""

    sender: str = field(name="from")
    """The name up to now."""
    to: str
    """The name from now on."""


class TopicSet(RoomEvent, frozen=True, tag="topic"):
    """The room's topic changed."""

    sender: str = field(name="from")
    text: str
    """The new topic; empty when it was cleared."""


class Noticed(RoomEvent, frozen=True, tag="notice"):
    """The server has something to tell the room."""

    text: str


Kept = Said | Acted | Joined | Left | Renamed | TopicSet | Noticed
"""Whatever a log may hold: what is read back from a file is one of these."""


class Told(Event, frozen=True, tag="private"):
    """A private message, as the one it is for sees it.

    It takes its id and its place in the order from the store like any event, but no store keeps it.
    """

    sender: str = field(name="from")
    to: str
    text: str

    sent: ClassVar[bool] = False
    """Whether the reader is the one who wrote it."""


class SentPrivately(Told, frozen=True, tag="private"):
    """The same private message, as the one who wrote it sees it."""

    sent: ClassVar[bool] = True


MESSAGES = (Said, Acted)
"""What people said, as opposed to what happened around it."""


class PresenceEvent(Event, frozen=True):
    """Somebody came, went or was renamed: one for one, guests too.

    Like a private message it takes an id and its place in the order, and no store keeps it.  Doors
    that show presence as it is read these (`chatd.chat.room.Room.presence`); history has only
    what was announced (`Joined`, `Left`, `Renamed`, `Noticed`).
    """

    room: str


class Arrived(PresenceEvent, frozen=True, tag="arrived"):
    """A person came into the room."""

    sender: str = field(name="from")


class Departed(PresenceEvent, frozen=True, tag="departed"):
    """A person left the room."""

    sender: str = field(name="from")
    text: str = ""
    """The parting word, or empty."""
    quit: bool = False
    """Whether the person left the chat, and so every room."""


class NameChanged(PresenceEvent, frozen=True, tag="name-changed"):
    """A person in the room took another name."""

    sender: str = field(name="from")
    to: str
