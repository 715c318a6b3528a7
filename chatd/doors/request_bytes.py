"""Recognises requests by their bytes, in which only the cursor and the key may differ.

Clients of one program send the same bytes, except for a cursor and the key of a WebSocket's
handshake.  Polls (`chatd.doors.polls.templates`) and the beginnings of streams
(`chatd.doors.openings`) that were parsed once are recognised by what stays the same.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import lru_cache
from typing import cast

import msgspec
from twisted.web.http_headers import Headers
from twisted.web.server import Request

from ..http.request import ChatRequest
from ..model.errors import ChatError
from ..model.names import clean_room

MAX_TEMPLATE = 4096
"""Bytes in a request that may be recognised."""
# Matched against the first bytes of every connection, so it must not backtrack.
_WITH_CURSOR = re.compile(
    rb"(GET /[^ ?\r\n]*\?(?:(?!since=)[^ &\r\n]*+&)*+since=)"
    rb"(\d{1,18})"
    rb"((?:&[^ \r\n]*+)? HTTP/1\.1\r\n.*)",
    re.DOTALL,
)
# It begins with bytes that are always the same, so that places where it cannot match are passed
# over as fast as `bytes.find` does.
_VARYING = re.compile(
    rb"\r\n(?:"
    rb"((?i:last-event-id): )(\d{1,18})"
    rb"|((?i:sec-websocket-key): )([A-Za-z0-9+/]{22}==)"
    rb")(?=\r\n)"
)
_IN_ROOM = re.compile(rb"/rooms/([A-Za-z0-9._-]++)/([a-z]++)")
_END = b"\r\n\r\n"
_PERSONAL = (b"origin", b"cookie", b"x-forwarded-for", b"forwarded")
"""Headers of requests whose answer may depend on the client, or on the page."""
_NOT_SHARED = (b"Date", b"Content-Length", b"Server", b"Strict-Transport-Security")
"""Headers that answers do not share: the first two vary, the channel omits `Server`, and the last
one is for clients over TLS only."""


@lru_cache(maxsize=1)  # the same packet is first looked for among polls, then among streams
def parted(packet: bytes) -> re.Match[bytes] | None:
    """The bytes before the cursor in the target, the cursor, and the bytes after it; None if the
    packet has no cursor there, or is too long.
    """
    return _WITH_CURSOR.fullmatch(packet) if len(packet) <= MAX_TEMPLATE else None


class Opening(msgspec.Struct, frozen=True):
    """A packet that may begin a stream, taken apart."""

    shape: Hashable
    """The bytes that stay the same, and where the others are."""
    cursor: int | None
    """`Last-Event-ID`, or else the `since` of the target; None: it has neither."""
    key: bytes
    """`Sec-WebSocket-Key`; empty: it has none."""


def taken_apart(packet: bytes) -> Opening | None:
    """A packet as the beginning of a stream; None if it is too long, or names something twice."""
    if len(packet) > MAX_TEMPLATE:
        return None
    before, since, rest = match.groups() if (match := parted(packet)) else (b"", b"", packet)
    last_id = key = b""
    pieces = _VARYING.split(rest)  # bytes; then, for each match, the four groups and more bytes
    for at in range(2, len(pieces), 5):
        if id_ := pieces[at]:
            if last_id:
                return None
            last_id = id_
        else:
            if key:
                return None
            key = pieces[at + 2]
        pieces[at] = pieces[at + 2] = None
    cursor = last_id or since
    return Opening((before, *pieces), int(cursor) if cursor else None, key)


@lru_cache(maxsize=1000)
def room_in(path: bytes, leaf: bytes) -> str | None:
    """The clean name of the room in a path `/rooms/ROOM/leaf`; None: it is another path, or the
    room's name is quoted or not valid.
    """
    match = _IN_ROOM.fullmatch(path)
    try:
        return clean_room(match[1].decode()) if match and match[2] == leaf else None
    except ChatError:
        return None


def is_whole(packet: bytes) -> bool:
    """Whether a packet is one request without a body, and nothing else."""
    return 0 < packet.find(_END) == len(packet) - len(_END)


def is_shareable(request: Request) -> bool:
    """Whether the answer to a request without a session depends neither on the client, except for
    what the gate decides, nor on the page.
    """
    return cast(ChatRequest, request).host_known and not any(
        map(request.requestHeaders.hasHeader, _PERSONAL)
    )


def shared_head(headers: Headers) -> bytes:
    """The status line and the headers that the answers to the same requests share, without the
    empty line.
    """
    lines = [
        b"%b: %b\r\n" % (name, value)
        for name, values in headers.getAllRawHeaders()
        for value in values
        if name not in _NOT_SHARED
    ]
    return b"HTTP/1.1 200 OK\r\n" + b"".join(lines)
