"""Events as WebSocket text frames, and the JSON that clients send in theirs (RFC 6455)."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from ..model.bounds import KEY, Key, Name, RoomName, Text
from ..model.commands import Act, Command, Join, Leave, Rename, Say, SetTopic, Tell
from ..model.errors import ChatError, Malformed
from ..stream.eventlog import Entry
from .json import JSON, decode, encode, removal


class WebSocketCodec:
    """Events as text frames, one JSON object in each."""

    name = "websocket"

    def encode(self, entry: Entry) -> bytes:
        """One event."""
        return frame(entry.encoded(JSON))

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """Frames after frames."""
        return b"".join(chunks)


WEBSOCKET = WebSocketCodec()


def frame(payload: bytes) -> bytes:
    """A text as a server's single frame: not masked, not split (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x81, size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x81, 126, size)
    else:
        head = struct.pack("!BBQ", 0x81, 127, size)
    return head + payload


GAP = frame(b'{"type":"gap"}')
"""Events are missing here."""


def ready(cursor: int) -> bytes:
    """All that was stored when the reader came has been sent; it stands at that cursor."""
    return frame(b'{"type":"ready","next":%d}' % cursor)


def removed(room: str, error: ChatError) -> bytes:
    """The gate has taken a room from the reader, which goes on with others."""
    return frame(removal(room, error))


def pong(ref: str | None) -> bytes:
    """The answer to a client that wants to know whether anybody is there."""
    return frame(encode({"type": "pong"} | ({"ref": ref} if ref else {})))


def ack(ref: str | None, id_: int | None) -> bytes:
    """The command was carried out; `id_` is its event's."""
    return frame(encode({"type": "ack", "ref": ref, "id": id_}))


def error(ref: str | None, refusal: ChatError) -> bytes:
    """The command was refused."""
    told: dict[str, Any] = {"type": "error", "ref": ref}
    return frame(encode(told | {"code": refusal.code, "message": refusal.message}))


class Sent(Struct, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    """What a client sends: `ref` comes back with the answer."""

    ref: Key = None

    def command(self, room: str) -> Command | None:
        """What is asked for, by a client whose only room is `room`; None: to be answered at all."""
        raise NotImplementedError


class _InRoom(Sent, kw_only=True):
    room: RoomName = ""

    def in_room(self, room: str) -> str:
        if not (self.room or room):
            raise Malformed('say in which room: "room":"lobby"')
        return self.room or room


class SentSay(_InRoom, tag="say", kw_only=True):
    """`{"type":"say","text":"hi"}`."""

    text: Text

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Say(self.in_room(room), self.text)


class SentAction(_InRoom, tag="action", kw_only=True):
    """`{"type":"action","text":"waves"}`."""

    text: Text

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Act(self.in_room(room), self.text)


class SentTopic(_InRoom, tag="topic", kw_only=True):
    """`{"type":"topic","text":"today"}`."""

    text: Text

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return SetTopic(self.in_room(room), self.text)


class SentJoin(_InRoom, tag="join", kw_only=True):
    """`{"type":"join","room":"dev"}`."""

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Join(self.in_room(room))


class SentLeave(_InRoom, tag="leave", kw_only=True):
    """`{"type":"leave","room":"dev"}`."""

    text: Text = ""

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Leave(self.in_room(room), self.text)


class SentNick(Sent, tag="nick", kw_only=True):
    """`{"type":"nick","name":"ada"}`."""

    name: Name

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Rename(self.name)


class SentPrivate(Sent, tag="private", kw_only=True):
    """`{"type":"private","to":"ada","text":"psst"}`."""

    to: Name
    text: Text

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Tell(self.to, self.text)


class SentPing(Sent, tag="ping", kw_only=True):
    """`{"type":"ping"}`: a browser cannot send or see RFC 6455's own."""

    def command(self, room: str) -> None:
        """See `Sent.command`."""
        return None


AnySent = (
    SentSay | SentAction | SentTopic | SentJoin | SentLeave | SentNick | SentPrivate | SentPing
)


def read(text: str) -> Sent:
    """What a client's frame asks for.  Raises `Malformed`, and as `decode` does."""
    sent: Sent = decode(text.encode(errors="replace"), AnySent)  # type: ignore[arg-type]
    return sent


def ref_of(text: str) -> str | None:
    """The `ref` of a frame that was not understood, if it has one that can be sent back."""
    try:
        # Python's own reader takes half a surrogate pair, which is often what was not understood.
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    ref = frame.get("ref") if isinstance(frame, dict) else None
    fine = isinstance(ref, str) and len(ref) <= KEY.most and ref.isprintable()
    return ref if fine else None
