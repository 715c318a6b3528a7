"""A bad network: what lies between a page and its server, and does what it likes."""

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

Fate = Literal["cut", "half-close", "late", "mute"]
FATES: list[Fate] = ["cut", "cut", "cut", "half-close", "late", "mute"]
LIFE = (0.0, 0.45)
"""Seconds after which a connection meets its fate."""
LATE = 0.15
"""Seconds for which a late connection keeps what it was given."""


class Network:
    """A TCP proxy on a port of its own; fair weather until it is `rough`.

    What becomes of the nth connection of a rough time is settled by `seed` alone.
    """

    def __init__(self, port: int, seed: int = 1) -> None:
        self._target = port
        self._dice = random.Random(seed)
        self._drawn: list[Fate] = []
        self._rough = False
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._wait(asyncio.start_server(self._accept, "127.0.0.1", 0))
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"
        self.fates: list[Fate] = []

    def be_rough(self) -> None:
        """Cut what there is, and be no friend of what comes."""
        self._rough = True
        self.cut()

    def be_fair(self) -> None:
        """Let what comes from now on live; what is mute by now stays so."""
        self._rough = False

    def cut(self) -> None:
        """Cut every connection."""

        async def cut() -> None:
            for writer in self._open:
                writer.transport.abort()

        self._wait(cut())

    def close(self) -> None:
        """Be no more."""

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

    def _draw(self) -> Fate:
        if not self._drawn:
            self._drawn = self._dice.sample(FATES, len(FATES))
        return self._drawn.pop()

    async def _accept(self, near: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        fate = self._draw() if self._rough else None
        life = self._dice.uniform(*LIFE)
        if fate:
            self.fates.append(fate)
        self._open.add(client)
        server = None
        try:
            if fate == "mute":
                await near.read(-1)
                return
            far, server = await asyncio.open_connection("127.0.0.1", self._target)
            up = asyncio.create_task(self._carry(near, server, fate))
            down = asyncio.create_task(self._carry(far, client, fate))
            ends = life if fate in ("cut", "half-close") else None
            await asyncio.wait({up, down}, timeout=ends)
            down.cancel()
            if fate == "half-close" and not client.is_closing():
                client.write_eof()
                await asyncio.wait({up}, timeout=1)
            up.cancel()
        except (OSError, asyncio.CancelledError):
            pass  # the streams' own callback would complain of a cancelled task
        finally:
            for writer in (client, server):
                if writer:
                    writer.transport.abort()
            self._open.discard(client)
            self._tasks.discard(task)

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, fate: Fate | None
    ) -> None:
        """Pass on what comes, and the end of it."""
        with suppress(OSError):
            while data := await source.read(65536):
                if fate == "late" and self._rough:
                    await asyncio.sleep(LATE)
                target.write(data)
                await target.drain()
            target.write_eof()


def hurry(context: BrowserContext, **constants: float) -> None:
    """Replace constants of the page's scripts, such as `PATIENCE=1`: their seconds are too long for
    a test."""
    changes: dict[str, list[tuple[re.Pattern[str], str]]] = defaultdict(list)
    for name, value in constants.items():
        found = re.compile(f"^((?:export )?const {name}) = .*;$", re.M)
        files = [path.name for path in WEB.glob("*.js") if found.search(path.read_text())]
        assert len(files) == 1, f"{name} has to be in one file of web/, not in {files}"
        changes[files[0]].append((found, f"\\1 = {value};"))
    for file, replacements in changes.items():
        context.route(f"**/{file}", partial(_rewrite, replacements))


def _rewrite(replacements: list[tuple[re.Pattern[str], str]], route: Route) -> None:
    response = route.fetch()
    script = response.text()
    for found, replacement in replacements:
        script = found.sub(replacement, script)
    route.fulfill(response=response, body=script)


def block_websockets(context: BrowserContext) -> None:
    """As a proxy does that knows nothing of them."""
    context.route_web_socket("**/events?*", lambda socket: socket.close(code=1006))


def block_sse(context: BrowserContext) -> None:
    """As a proxy does that cuts answers without an end."""
    context.add_init_script(
        """const {fetch} = window;
        window.fetch = (url, options) => options.headers.Accept === "text/event-stream"
          ? Promise.reject(new TypeError("blocked")) : fetch(url, options);"""
    )


def block_streams(context: BrowserContext) -> None:
    """Both of these: what is left are polls."""
    block_websockets(context)
    block_sse(context)
