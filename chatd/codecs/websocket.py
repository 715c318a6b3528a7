"""Events as WebSocket text frames, and the JSON in clients' text frames (RFC 6455)."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from ..model.bounds import KEY, Name, Text
from ..model.commands import Act, Command, Join, Leave, Rename, Say, SetTopic, Tell
from ..model.errors import ChatError
from ..stream.eventlog import Entry
from .frames import InRoom, Sent
from .json import JSON, decode, encode, marker, removal
from .moderating import Moderating


class WebSocketCodec:
    """Events as text frames, one JSON object in each."""

    name = "websocket"
    heartbeat = b"\x89\0"
    """A ping (RFC 6455, section 5.5.2)."""

    @property
    def gap(self) -> bytes:
        """See `PushCodec.gap`."""
        return GAP

    def encode(self, entry: Entry) -> bytes:
        """One event."""
        return frame(entry.encoded(JSON))

    def join(self, chunks: Sequence[bytes]) -> bytes:
        """The frames, one after another."""
        return b"".join(chunks)

    def ready(self, cursor: int) -> bytes:
        """See `PushCodec.ready`."""
        return _ready(cursor)

    def removed(self, room: str, error: ChatError) -> bytes:
        """See `PushCodec.removed`."""
        return frame(removal(room, error))

    def marked(self, room: str, id: int) -> bytes:
        """See `PushCodec.marked`."""
        return frame(marker(room, id))


WEBSOCKET = WebSocketCodec()


@lru_cache(maxsize=8)
def _ready(cursor: int) -> bytes:
    """Made once for the readers that begin at the same cursor, as all do after a restart."""
    return frame(b'{"type":"ready","next":%d}' % cursor)


def frame(payload: bytes) -> bytes:
    """A text as one frame of a server: unmasked, unfragmented (RFC 6455, section 5.2)."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x81, size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x81, 126, size)
    else:
        head = struct.pack("!BBQ", 0x81, 127, size)
    return head + payload


GAP = frame(b'{"type":"gap"}')
"""The frame that reports missing events."""


def pong(ref: str | None) -> bytes:
    """The answer to a ping."""
    return frame(encode({"type": "pong"} | ({"ref": ref} if ref else {})))


def ack(ref: str | None, id_: int | None) -> bytes:
    """The answer to a command that was carried out; `id_` is its event's id, if it has an event."""
    return frame(encode({"type": "ack", "ref": ref, "id": id_}))


def error(ref: str | None, refusal: ChatError) -> bytes:
    """The answer to a command that was refused."""
    told: dict[str, Any] = {"type": "error", "ref": ref}
    return frame(encode(told | {"code": refusal.code, "message": refusal.message}))


class SentSay(InRoom, tag="say", kw_only=True):
    """`{"type":"say","text":"hi"}`."""

    text: Text

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Say(self.in_room(room), self.text)


class SentAction(InRoom, tag="action", kw_only=True):
    """`{"type":"action","text":"waves"}`."""

    text: Text

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Act(self.in_room(room), self.text)


class SentTopic(InRoom, tag="topic", kw_only=True):
    """`{"type":"topic","text":"today"}`."""

    text: Text

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return SetTopic(self.in_room(room), self.text)


class SentJoin(InRoom, tag="join", kw_only=True):
    """`{"type":"join","room":"dev"}`."""

    def command(self, room: str) -> Command:
        """See `Sent.command`."""
        return Join(self.in_room(room))


class SentLeave(InRoom, tag="leave", kw_only=True):
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
    """`{"type":"ping"}`: a page cannot send RFC 6455's ping frames."""

    def command(self, room: str) -> None:
        """See `Sent.command`."""
        return None


AnySent = (
    SentSay
    | SentAction
    | SentTopic
    | SentJoin
    | SentLeave
    | SentNick
    | SentPrivate
    | SentPing
    | Moderating
)


def read(text: str) -> Sent:
    """A client's frame.  Raises `Malformed`, and the errors of `chatd.codecs.json.decode`."""
    sent: Sent = decode(text.encode(errors="replace"), AnySent)  # type: ignore[arg-type]
    return sent


def ref_of(text: str) -> str | None:
    """The `ref` of a malformed frame, if it has a valid one."""
    try:
        # Python's own parser accepts lone surrogates, which often make a frame malformed.
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    ref = frame.get("ref") if isinstance(frame, dict) else None
    fine = isinstance(ref, str) and len(ref) <= KEY.most and ref.isprintable()
    return ref if fine else None
