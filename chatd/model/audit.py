"""The audit trail: records of moderators' actions.

The unit of each action contains a record of it.  Records are not loaded into memory, and are shown
to administrators only.  How long they are kept is in `chatd.chat.audit_trail`.
"""

from __future__ import annotations

import msgspec

from .units import AUDIT, ROOM_AUDIT, Change


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One action of a moderator."""

    action: str
    """The type of the action's event, or another word if the action has no event."""
    by: str
    """The name of the moderator."""
    account: bool = False
    """Whether the moderator was signed in."""
    room: str = ""
    """The room; empty: the whole server."""
    target: str = ""
    """The person, name, network or address that the action concerned."""
    text: str = ""
    """The reason, or what was changed."""
    until: int = 0
    """When the action's effect ends: microseconds since the Unix epoch; 0: never."""


_encode = msgspec.json.Encoder().encode
decode_record = msgspec.json.Decoder(Record).decode
"""The record that a cell's value holds.  Raises `msgspec.DecodeError`."""


def recorded(stamp: str, record: Record, *, admin: bool) -> Change:
    """The change that stores a record; `stamp`, its key, is unique and sorts by time, and `admin`
    tells whether an administrator or the console has acted, not an owner or op of a room.
    """
    return Change(AUDIT if admin else ROOM_AUDIT, stamp, _encode(record))
