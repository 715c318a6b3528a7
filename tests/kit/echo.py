"""The echo site behind chatd's HTTP and WebSocket stack, in memory, and a strict WebSocket
client.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable
from typing import NamedTuple

import pytest

from chatd.net.connections import LINGER_SECONDS
from chatd.testing import FakeConnection, InMemoryChat
from chatd.testing.conformance import echo_site

from .packets import packets

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = b"\x37\xfa\x21\x3d"
HANDSHAKE = {
    "Host": "chat.example",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
"""The example of RFC 6455, section 1.3."""


class EchoConnection:
    """A connection to the echo site, byte by byte."""

    def __init__(self) -> None:
        self.chat = InMemoryChat()
        self.connection = FakeConnection(echo_site(self.chat.clock))

    @property
    def closed(self) -> bool:
        """Whether the server has closed the connection."""
        return self.connection.lost

    def talk(self, *parts: bytes) -> bytes:
        """Send packets; returns the bytes that come back."""
        self.connection.send(*parts)
        self.chat.settle()
        return self.connection.received()

    def statuses(self, *parts: bytes) -> list[int]:
        """Send packets; returns the statuses of the responses."""
        found = re.findall(rb"HTTP/1\.[01] (\d\d\d) ", self.talk(*parts))
        return [int(status) for status in found]


class Frame(NamedTuple):
    """A frame from a server."""

    opcode: int
    payload: bytes


class EchoWebSocket(EchoConnection):
    """A client whose WebSocket is open."""

    def __init__(self, early: bytes = b"") -> None:
        super().__init__()
        data = self.talk(asked("GET", "/ws", HANDSHAKE.items()) + early)
        head, _, self._rest = data.partition(b"\r\n\r\n")
        assert head.split(b"\r\n") == [
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
        ]

    def send(self, *frames: bytes, chop: int = 0) -> list[Frame]:
        """Send frames, in packets of `chop` bytes (0: in one); returns the frames that come
        back.
        """
        return self.frames(self.talk(*packets(b"".join(frames), chop)))

    def frames(self, data: bytes = b"") -> list[Frame]:
        """The frames that these bytes complete; they must be unmasked, whole, and of minimal
        length.
        """
        self._rest += data
        found = []
        while self._rest:
            first, size = self._rest[0], self._rest[1]
            assert first & 0xF0 == 0x80
            start = 2
            if size == 126:
                (size,), start = struct.unpack_from("!H", self._rest, 2), 4
                assert size >= 126
            elif size == 127:
                (size,), start = struct.unpack_from("!Q", self._rest, 2), 10
                assert size >= 65536
            assert len(self._rest) >= start + size
            found.append(Frame(first & 0x0F, self._rest[start : start + size]))
            self._rest = self._rest[start + size :]
        return found


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    final: bool = True,
    reserved: int = 0,
    masked: bool = True,
    size: int | None = None,
    width: int = 0,
) -> bytes:
    """A client's frame; `size` may be a wrong length, and `width` a length field that is too wide
    (16 or 64 bits).
    """
    size = len(payload) if size is None else size
    mask = 0x80 if masked else 0
    if width == 64 or size >= 65536:
        length = struct.pack("!BQ", mask | 127, size)
    elif width == 16 or size >= 126:
        length = struct.pack("!BH", mask | 126, size)
    else:
        length = bytes([mask | size])
    if masked:
        key = int.from_bytes((KEY * (len(payload) // 4 + 1))[: len(payload)], "big")
        secret = (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")
        payload = KEY + secret
    return bytes([final << 7 | reserved << 4 | opcode]) + length + payload


def fragments(opcode: int, parts: Iterable[bytes]) -> list[bytes]:
    """A message with one frame for each part."""
    *most, last = parts
    frames = [frame(opcode, part, final=False) for part in most]
    frames.append(frame(opcode, last))
    return frames[:1] + [bytes([one[0] & 0xF0]) + one[1:] for one in frames[1:]]


def closing(code: int | None = None, reason: bytes = b"") -> bytes:
    """A client's close frame."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def closed_with(frame_: Frame) -> int | None:
    """The code of a close frame."""
    assert frame_.opcode == CLOSE
    return int.from_bytes(frame_.payload[:2], "big") if frame_.payload else None


def asked(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    """A request of HTTP/1.1 with exactly these headers."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


GET = b"GET / HTTP/1.1\r\nHost: chat.example\r\n"
POST = b"POST / HTTP/1.1\r\nHost: chat.example\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = GET + b"\r\n"
"""A good request, to see whether there is any next one."""


def raw(**requests: bytes) -> pytest.MarkDecorator:
    """Parametrizes with requests that are told apart by their names here."""
    cases = [pytest.param(data, id=name.replace("_", "-")) for name, data in requests.items()]
    return pytest.mark.parametrize("request_", cases)


def assert_refused(wire: EchoConnection, request: bytes, status: int = 400) -> None:
    """It is refused once, with a reason; what follows is not answered, and the connection ends."""
    head, _, body = wire.talk(request + NEXT, NEXT).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nConnection: close" in head
    assert b"\r\nDate: " in head
    assert json.loads(body)["error"]["message"]
    assert wire.talk(NEXT) == b""
    wire.chat.advance(LINGER_SECONDS)
    assert wire.closed
