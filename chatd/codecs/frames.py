"""Frames: what the JSON objects have in common that clients send in WebSocket text frames."""

from __future__ import annotations

from msgspec import Struct

from ..model.bounds import Key, RoomName
from ..model.commands import Command
from ..model.errors import Malformed


class Sent(Struct, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    """A client's frame; its `ref` comes back in the answer."""

    ref: Key = None

    def command(self, room: str) -> Command | None:
        """The command in the frame, of a client whose only room is `room`; None: it is a ping."""
        raise NotImplementedError


class InRoom(Sent, kw_only=True):
    """A frame about a room."""

    room: RoomName = ""

    def in_room(self, room: str) -> str:
        """The room that is meant, of a client whose only room is `room`.  Raises `Malformed`."""
        if not (self.room or room):
            raise Malformed('say in which room: "room":"lobby"')
        return self.room or room
