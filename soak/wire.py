"""Connections as clients have them: from an address of one's own, slow, cut, half-closed."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

import msgspec

ANSWER_SECONDS = 90.0
"""Seconds after which an answer that has not come will not; a poll is held for less."""
NARROW_BUFFER = 4096
"""Bytes of a client's receive buffer that is meant to fill up."""
NARROW_SEGMENT = 536
"""Bytes in a segment (RFC 879), so that the server's side of a narrow connection is small too."""
MOST_BUFFERED = 1 << 16
"""Bytes of one line or head, and of what is read ahead; a quarter on a narrow connection."""


class Answer(NamedTuple):
    """An HTTP response, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """The code of the error that it is."""
        return str(self.json["error"]["code"])

    @property
    def retry_after(self) -> float:
        """Seconds after which it may be tried again."""
        return float(self.headers.get("retry-after", 1))


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, port: int, address: str, *, narrow: bool = False) -> Wire:
        """Connect from a loopback address.  Raises `OSError`."""
        raw = socket.socket()
        try:
            if narrow:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW_BUFFER)
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, NARROW_SEGMENT)
            raw.bind((address, 0))
            raw.setblocking(False)
            await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
        except BaseException:
            raw.close()
            raise
        limit = MOST_BUFFERED // 4 if narrow else MOST_BUFFERED
        return cls(*await asyncio.open_connection(sock=raw, limit=limit))

    def send(self, data: bytes) -> None:
        """Write some bytes, sooner or later."""
        self._writer.write(data)

    def end_input(self) -> None:
        """Send nothing more, but go on reading."""
        self._writer.write_eof()

    def close(self) -> None:
        """Hang up as people do."""
        self._writer.close()

    def reset(self) -> None:
        """Hang up with a RST: what was on its way is lost."""
        raw = self._writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    # -- HTTP ------------------------------------------------------------------------------------

    def request(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] = {}
    ) -> None:
        """Send a request."""
        fields = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
        self.send("\r\n".join([*lines, "", ""]).encode() + body)

    async def head(self) -> tuple[int, Mapping[str, str]]:
        """The status and the headers of what comes next."""
        async with asyncio.timeout(ANSWER_SECONDS):
            first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines if line)
        return int(first.split()[1]), {name.lower(): headers[name] for name in headers}

    async def answer(self) -> Answer:
        """The response that comes next."""
        status, headers = await self.head()
        async with asyncio.timeout(ANSWER_SECONDS):
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Answer(status, headers, body)

    async def ask(
        self, method: str, target: str, body: bytes = b"", headers: Mapping[str, str] = {}
    ) -> Answer:
        """Send a request; answers the response."""
        self.request(method, target, body, headers)
        return await self.answer()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The chunks of a response that never ends (RFC 9112, section 7.1)."""
        while size := int(await self.reader.readuntil(b"\r\n"), 16):
            yield (await self.reader.readexactly(size + 2))[:-2]
