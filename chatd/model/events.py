"""Events: what happened, as immutable values in the past tense, the same for every reader.

1. An event has no time and no place in the order: id and time belong to the `Entry` that the store
   makes of it (`chatd.stream.eventlog`).
2. Names and texts in an event are clean (`chatd.model.names`, `chatd.model.text`), so a codec may
   write them out unchanged.
3. The tag of a class is the event's `type` on every door that speaks JSON.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import UNSET, Struct, UnsetType, field

SignedIn = bool | UnsetType
"""Whether an event is of somebody signed in to an account: True, or not there."""
RoleName = Literal["owner", "op", "voice"]


class Event(Struct, frozen=True, tag_field="type"):
    """Anything that takes an id in the one order of the server."""


class RoomEvent(Event, frozen=True):
    """Something that happened in a room and is kept in its log."""

    room: str
    """The room's name, without `#`."""


class Said(RoomEvent, frozen=True, tag="message"):
    """A person sent a message."""

    sender: str = field(name="from")
    text: str
    """One or more lines, joined by LF; empty if it was deleted."""
    account: SignedIn = UNSET
    redacted: bool | UnsetType = UNSET
    """Whether the message was deleted: True, or not there."""
    notice: bool | UnsetType = UNSET
    """Whether no program is to answer it (IRC's NOTICE): True, or not there."""


class Acted(RoomEvent, frozen=True, tag="action"):
    """A person described an action: `/me waves`."""

    sender: str = field(name="from")
    text: str
    account: SignedIn = UNSET
    redacted: bool | UnsetType = UNSET


class Joined(RoomEvent, frozen=True, tag="join"):
    """A person with a name of their own joined the room; guests are not announced."""

    sender: str = field(name="from")
    account: SignedIn = UNSET


class Left(RoomEvent, frozen=True, tag="leave"):
    """A person with a name of their own left the room."""

    sender: str = field(name="from")
    text: str = ""
    """The parting word, or empty."""
    account: SignedIn = UNSET


class Renamed(RoomEvent, frozen=True, tag="nick"):
    """A person in the room took another name."""

    sender: str = field(name="from")
    """The old name."""
    to: str
    """The new name."""


class TopicSet(RoomEvent, frozen=True, tag="topic"):
    """The room's topic changed."""

    sender: str = field(name="from")
    text: str
    """The new topic; empty when it was cleared."""
    account: SignedIn = UNSET


class Noticed(RoomEvent, frozen=True, tag="notice"):
    """The server tells the room something, such as how many people joined."""

    text: str


class Moderated(RoomEvent, frozen=True, kw_only=True):
    """A moderator did something."""

    sender: str = field(name="from")
    account: SignedIn = UNSET


class SettingsChanged(Moderated, frozen=True, kw_only=True, tag="settings"):
    """The room has other settings; those that did not change are left out."""

    access: Literal["open", "members"] | UnsetType = UNSET
    posting: Literal["everyone", "accounts", "voices"] | UnsetType = UNSET
    topic: Literal["everyone", "ops"] | UnsetType = UNSET
    """Who may set the topic."""
    listed: bool | UnsetType = UNSET
    outside: bool | UnsetType = UNSET
    slow: int | UnsetType = UNSET
    """Seconds."""


class RoleGiven(Moderated, frozen=True, kw_only=True, tag="role"):
    """Somebody has another role in the room, or none."""

    target: str
    role: RoleName | None


class PutOut(Moderated, frozen=True, kw_only=True, tag="kick"):
    """Somebody was put out of the room, and may come back."""

    target: str
    text: str = ""
    """The reason, or empty."""


class BanPlaced(Moderated, frozen=True, kw_only=True, tag="ban"):
    """Somebody was banned from the room, and is out of it."""

    target: str
    """A name, or `an address`."""
    ban: str
    """The ban's id."""
    text: str = ""
    """The reason, or empty."""
    until: str | UnsetType = UNSET
    """When it runs out: RFC 3339, UTC; left out: never."""


class BanLifted(Moderated, frozen=True, kw_only=True, tag="unban"):
    """A ban holds no longer."""

    target: str
    ban: str


class MutePlaced(Moderated, frozen=True, kw_only=True, tag="mute"):
    """Somebody may not speak in the room."""

    target: str
    text: str = ""
    until: str | UnsetType = UNSET


class MuteLifted(Moderated, frozen=True, kw_only=True, tag="unmute"):
    """Somebody may speak in the room again."""

    target: str


class InvitedIn(Moderated, frozen=True, kw_only=True, tag="invite"):
    """Somebody has become a member of the room."""

    target: str


class Redacted(Moderated, frozen=True, kw_only=True, tag="redact"):
    """A message was deleted; its text is kept nowhere."""

    target: int
    """The id of the message."""
    text: str | UnsetType = UNSET
    """The reason; not there: none was given."""


class Told(Event, frozen=True, tag="private"):
    """A private message, as its recipient sees it.

    Like any event it takes its id and its place in the order from the store.  The store keeps it
    only inside a `Letter`.
    """

    sender: str = field(name="from")
    to: str
    text: str
    account: SignedIn = UNSET
    notice: bool | UnsetType = UNSET
    """As in `Said`."""
    redacted: bool | UnsetType = UNSET
    """As in `Said`."""

    sent: ClassVar[bool] = False
    """Whether the reader is the sender."""


class SentPrivately(Told, frozen=True, tag="private"):
    """The same private message, as its sender sees it."""

    sent: ClassVar[bool] = True


class RedactedPrivately(Event, frozen=True, kw_only=True, tag="redact"):
    """A private message between two accounts was deleted; its text is kept nowhere.

    The store keeps this only inside a `Letter`, and both accounts see the same.
    """

    sender: str = field(name="from")
    """The author of the message."""
    to: str
    """Its recipient."""
    account: SignedIn = UNSET
    target: int
    """The id of the message."""
    by: str | UnsetType = UNSET
    """The administrator who deleted it; not there: its author did."""
    text: str | UnsetType = UNSET
    """The reason; not there: none was given."""


class Letter(RoomEvent, frozen=True, tag="letter"):
    """A private message between two accounts, or its deletion, as the store keeps it.

    `room` is the name of their conversation's log (`chatd.model.letters`).  No reader is shown this
    event: readers are shown `told`, each account from its own side.
    """

    by: str
    """The key of the sender's account; of a deletion, that of the message's sender."""
    told: Told | RedactedPrivately
    unheard: bool | UnsetType = UNSET
    """Whether the recipient ignored the sender, and so never sees it: True, or not there."""


AnyRoomEvent = (
    Said
    | Acted
    | Joined
    | Left
    | Renamed
    | TopicSet
    | Noticed
    | SettingsChanged
    | RoleGiven
    | PutOut
    | BanPlaced
    | BanLifted
    | MutePlaced
    | MuteLifted
    | InvitedIn
    | Redacted
)
"""Any event of a room."""
Kept = AnyRoomEvent | Letter
"""All that a log can hold: events that are read back from a file are of these types."""


MESSAGES = (Said, Acted)
"""Events that are messages of people, as opposed to joins, topics and the like."""


class PresenceEvent(Event, frozen=True):
    """A change of who is present: each arrival, departure and change of name, guests too.

    Like a private message it takes an id and its place in the order, and no store keeps it.  Doors
    that show exact presence read these events (`chatd.chat.room.Room.presence`); history has only
    the announced ones (`Joined`, `Left`, `Renamed`, `Noticed`).
    """

    room: str


class Arrived(PresenceEvent, frozen=True, tag="arrived"):
    """A person came into the room."""

    sender: str = field(name="from")
    account: SignedIn = UNSET


class Departed(PresenceEvent, frozen=True, tag="departed"):
    """A person left the room."""

    sender: str = field(name="from")
    text: str = ""
    """The parting word, or empty."""
    quit: bool = False
    """Whether the person left the chat, and so every room."""
    by: str = ""
    """The moderator who put the person out, for the reason `text`; empty: the person left."""


class AwayChanged(PresenceEvent, frozen=True, tag="away"):
    """A person in the room is away, or is back."""

    sender: str = field(name="from")
    text: str
    """Why; empty: the person is back."""


class AccountTaken(PresenceEvent, frozen=True, tag="account"):
    """A guest in the room has registered its name, and is an account's person from now on."""

    sender: str = field(name="from")


class CardChanged(PresenceEvent, frozen=True, tag="card"):
    """A person in the room has another real name."""

    sender: str = field(name="from")
    realname: str


class Typing(PresenceEvent, frozen=True, tag="typing"):
    """A person in the room types, or has stopped."""

    sender: str = field(name="from")
    state: str
    """`active`, `paused` or `done`."""


class Signalled(Event, frozen=True, tag="signal"):
    """Something for the IRC clients of one person, which no store keeps: CTCP, typing."""

    sender: str = field(name="from")
    to: str
    kind: str
    """The command that brings it: `PRIVMSG`, `NOTICE` or `TAGMSG`."""
    text: str


class Killed(Event, frozen=True, tag="killed"):
    """All sessions of a person end, on whichever nodes they are.  No store keeps it."""

    id: str
    """The person's id (`chatd.model.identity.Holder.id`)."""
    name: str
    text: str
    """What the person's clients are told."""


class NameChanged(PresenceEvent, frozen=True, tag="name-changed"):
    """A person in the room took another name."""

    sender: str = field(name="from")
    to: str


Appended = (
    Kept
    | Told
    | Arrived
    | Departed
    | NameChanged
    | AwayChanged
    | AccountTaken
    | CardChanged
    | Typing
    | Signalled
    | Killed
)
"""All events that a store is given, and so all that nodes decode from a store that they share."""
