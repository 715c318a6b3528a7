"""A room's settings: the value of the cell `rooms/ROOM`, by which commands are judged."""

from __future__ import annotations

import msgspec


class RoomState(msgspec.Struct, frozen=True, omit_defaults=True):
    """The settings of a room that exists.  A later version may add fields: unknown ones are
    ignored, missing ones have their defaults.
    """

    topic: str = ""

    def with_topic(self, text: str) -> RoomState:
        """The same settings with another topic."""
        return msgspec.structs.replace(self, topic=text)


NEW_ROOM = RoomState()
"""The settings of a room that does not exist yet."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(RoomState).decode


def encode_state(state: RoomState) -> bytes:
    """The cell's value."""
    return _encode(state)


def decode_state(value: bytes) -> RoomState:
    """The settings that a cell's value holds.  Raises `msgspec.DecodeError`."""
    return _decode(value)
