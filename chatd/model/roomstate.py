"""A room's settings: the value of the cell `rooms/ROOM`.

Every unit that changes settings, roles, bans, mutes or members of a room rewrites this cell, so its
version is the revision of all of them (`chatd.model.rights`).
"""

from __future__ import annotations

import msgspec

MAX_SLOW = 6 * 3600
"""Seconds between two messages of one person, at most, that a room can ask for."""

ACCESS = ("open", "members")
POSTING = ("everyone", "accounts", "voices")
TOPIC_BY = ("everyone", "ops")


class RoomState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The settings of a room that exists.  A later version may add fields: unknown ones are
    ignored, missing ones have their defaults.
    """

    topic: str = ""
    access: str = "open"
    """Who may come in and read, one of `ACCESS`.  A room of `members` shows nothing of itself to
    others; a word of a later version counts as that."""
    posting: str = "everyone"
    """Who may speak, one of `POSTING`; a word of a later version counts as the narrowest."""
    topic_by: str = "everyone"
    """Who may set the topic, one of `TOPIC_BY`; a word of a later version counts as `ops`."""
    listed: bool = True
    """Whether lists of rooms show it to people who are not in it."""
    outside: bool = True
    """Whether people who are not in it may speak there."""
    slow: int = 0
    """Seconds that have to lie between two messages of one person; 0: none."""
    owners: int = 0
    """Accounts that own it."""
    borrowed: bool = False
    """Whether a guest brought it into being, it has no owner, and it has not been empty since: when
    it empties, its settings are reset; if it is closed then, its history is erased before."""

    guarded: bool = False
    """Whether it has, or had, bans, mutes or members: then nobody may do anything in it while they
    cannot be read."""

    @property
    def closed(self) -> bool:
        """Whether only members may come in."""
        return self.access != "open"

    def erased_by(self, new: RoomState) -> bool:
        """Whether the room is reset from these settings to `new`, after its history was erased."""
        return self.borrowed and self.closed and not (new.borrowed or new.closed)

    def with_topic(self, text: str) -> RoomState:
        """The same settings with another topic."""
        return msgspec.structs.replace(self, topic=text)


NEW_ROOM = RoomState()
"""The settings of a room that does not exist yet."""
CLOSED = RoomState(access="members", guarded=True)
"""The settings of a room whose cell cannot be decoded: only its members may come in."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(RoomState).decode


def encode_state(state: RoomState) -> bytes:
    """The cell's value."""
    return _encode(state)


def decode_state(value: bytes) -> RoomState:
    """The settings that a cell's value holds.  Raises `msgspec.DecodeError`."""
    return _decode(value)
