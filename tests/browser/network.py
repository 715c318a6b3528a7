"""A faulty network: a TCP proxy between a page and its server, and routes that block transports."""

import asyncio
import random
import re
import threading
from collections import defaultdict
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Literal, TypeVar

from playwright.sync_api import BrowserContext, Route

from chatd.doors.api.page import WEB

T = TypeVar("T")

Fault = Literal["cut", "half-close", "late", "mute"]
FAULTS: list[Fault] = ["cut", "cut", "cut", "half-close", "late", "mute"]
LIFE = (0.0, 0.45)
"""Range of seconds after which a faulty connection fails."""
LATE = 0.15
"""Seconds by which a late connection delays its bytes."""


class Network:
    """A TCP proxy on a port of its own, without faults until `add_faults`.

    The fault of the nth connection from then on depends on `seed` only.
    """

    def __init__(self, port: int, seed: int = 1, prefix: str = "") -> None:
        """`prefix`, such as `chat/`: the path below which the server is served."""
        self._target = port
        self._prefix = f" /{prefix}".encode() if prefix else b""
        self._dice = random.Random(seed)
        self._drawn: list[Fault] = []
        self._faulty = False
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._wait(asyncio.start_server(self._accept, "127.0.0.1", 0))
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/{prefix}"
        self.faults: list[Fault] = []

    def add_faults(self) -> None:
        """Cut all connections, and give each new one a fault."""
        self._faulty = True
        self.cut()

    def remove_faults(self) -> None:
        """Give new connections no fault; connections that are mute stay mute."""
        self._faulty = False

    def cut(self) -> None:
        """Cut every connection."""

        async def cut() -> None:
            for writer in self._open:
                writer.transport.abort()

        self._wait(cut())

    def close(self) -> None:
        """Close the proxy and its thread."""

        async def stop() -> None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self._wait(stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(5)

    def _draw(self) -> Fault:
        if not self._drawn:
            self._drawn = self._dice.sample(FAULTS, len(FAULTS))
        return self._drawn.pop()

    async def _accept(self, near: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        fault = self._draw() if self._faulty else None
        life = self._dice.uniform(*LIFE)
        if fault:
            self.faults.append(fault)
        self._open.add(client)
        server = None
        try:
            if fault == "mute":
                await near.read(-1)
                return
            far, server = await asyncio.open_connection("127.0.0.1", self._target)
            up = asyncio.create_task(self._carry(near, server, fault, self._prefix))
            down = asyncio.create_task(self._carry(far, client, fault))
            ends = life if fault in ("cut", "half-close") else None
            await asyncio.wait({up, down}, timeout=ends)
            down.cancel()
            if fault == "half-close" and not client.is_closing():
                client.write_eof()
                await asyncio.wait({up}, timeout=1)
            up.cancel()
        except (OSError, asyncio.CancelledError):
            pass  # a cancelled task would be logged by the streams' callback
        finally:
            for writer in (client, server):
                if writer:
                    writer.transport.abort()
            self._open.discard(client)
            self._tasks.discard(task)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        fault: Fault | None,
        prefix: bytes = b"",
    ) -> None:
        """Forward all bytes, and the end of the stream."""
        with suppress(OSError):
            while data := await source.read(65536):
                if fault == "late" and self._faulty:
                    await asyncio.sleep(LATE)
                if prefix:  # a browser sends a request's first line at the start of a segment
                    data = re.sub(rb"^([A-Z]+)" + re.escape(prefix), rb"\1 /", data, count=1)
                target.write(data)
                await target.drain()
            target.write_eof()


def hurry(context: BrowserContext, **constants: float) -> None:
    """Replace constants of the page's scripts, such as `PATIENCE=1`, because their seconds are too
    long for a test.
    """
    changes: dict[str, list[tuple[re.Pattern[str], str]]] = defaultdict(list)
    for name, value in constants.items():
        found = re.compile(f"^((?:export )?const {name}) = .*;$", re.M)
        files = [path.name for path in WEB.glob("*.js") if found.search(path.read_text())]
        assert len(files) == 1, f"{name} has to be in one file of web/, not in {files}"
        changes[files[0]].append((found, f"\\1 = {value};"))
    for file, replacements in changes.items():
        context.route(f"**/{file}", partial(_rewrite, file, replacements))


def _rewrite(file: str, replacements: list[tuple[re.Pattern[str], str]], route: Route) -> None:
    response = route.fetch()
    script = (WEB / file).read_text()
    for found, replacement in replacements:
        script = found.sub(replacement, script)
    route.fulfill(response=response, body=script)


def block_websockets(context: BrowserContext) -> None:
    """Close WebSockets at once, as a proxy does that does not support them."""
    context.route_web_socket("**/events?*", lambda socket: socket.close(code=1006))


def block_sse(context: BrowserContext) -> None:
    """Reject event streams, as a proxy does that cuts endless responses."""
    context.add_init_script(
        """const {fetch} = window;
        window.fetch = (url, options) => options.headers.Accept === "text/event-stream"
          ? Promise.reject(new TypeError("blocked")) : fetch(url, options);"""
    )


def block_streams(context: BrowserContext) -> None:
    """Block WebSockets and event streams, so that only polls are left."""
    block_websockets(context)
    block_sse(context)
