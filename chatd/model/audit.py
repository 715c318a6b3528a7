"""The audit trail: what moderators did.

Each unit that a moderator causes has a record of it (table `audit`).  Records are kept for good,
are not loaded into memory, and are shown to administrators only.
"""

from __future__ import annotations

import msgspec

from .units import AUDIT, Change


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a moderator did."""

    action: str
    """The type of the event, or another word where the room was told nothing."""
    by: str
    """The name of the moderator."""
    account: bool = False
    """Whether the moderator was signed in."""
    room: str = ""
    """The room; empty: the whole server."""
    target: str = ""
    """Whom or what it was done to, addresses included."""
    text: str = ""
    """The reason, or what was changed."""
    until: int = 0
    """Until when it holds: microseconds since the Unix epoch; 0: for good."""


_encode = msgspec.json.Encoder().encode
decode_record = msgspec.json.Decoder(Record).decode
"""The record that a cell's value holds.  Raises `msgspec.DecodeError`."""


def recorded(stamp: str, record: Record) -> Change:
    """The change that keeps a record; `stamp` is different for each, and sorts by time."""
    return Change(AUDIT, stamp, _encode(record))
