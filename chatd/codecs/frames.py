"""Base classes of the JSON objects that clients send in WebSocket text frames."""

from __future__ import annotations

from msgspec import Struct

from ..model.bounds import Key, RoomName
from ..model.commands import Command
from ..model.errors import Malformed


class Sent(Struct, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    """A client's frame; the answer repeats its `ref`."""

    ref: Key = None

    def command(self, room: str) -> Command | None:
        """The frame's command, None for a ping; `room` is the connection's only room, or empty."""
        raise NotImplementedError


class InRoom(Sent, kw_only=True):
    """A frame about a room."""

    room: RoomName = ""

    def in_room(self, room: str) -> str:
        """The frame's room, by default the connection's only `room`.  Raises `Malformed`."""
        if not (self.room or room):
            raise Malformed('say in which room: "room":"lobby"')
        return self.room or room
