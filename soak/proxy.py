"""A TCP proxy that can stop passing bytes, cut its connections, or switch to another server."""

from __future__ import annotations

import asyncio
from contextlib import suppress

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PART = 65536


class Proxy:
    """Passes bytes on, unless it is mute."""

    def __init__(self, target: int) -> None:
        """`target` is a port of this machine."""
        self.target = target
        self.port = 0
        self._open = asyncio.Event()
        self._open.set()
        self._ways: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> Proxy:
        """Listen."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    @property
    def mute(self) -> bool:
        """Whether the proxy passes no bytes, although it keeps and accepts connections."""
        return not self._open.is_set()

    @mute.setter
    def mute(self, mute: bool) -> None:
        if mute:
            self._open.clear()
        else:
            self._open.set()

    def cut(self) -> None:
        """End all connections."""
        for writer in self._ways:
            writer.transport.abort()

    def end(self) -> None:
        """Stop listening."""
        self.cut()
        if self._server:
            self._server.close()

    async def _accepted(self, *client: *Streams) -> None:
        try:
            server = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            client[1].transport.abort()
            return
        self._ways |= {client[1], server[1]}
        await asyncio.gather(self._pass(client[0], server[1]), self._pass(server[0], client[1]))
        self._ways -= {client[1], server[1]}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(PART):
                await self._open.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()
