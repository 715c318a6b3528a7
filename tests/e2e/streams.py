"""Many concurrent clients on asyncio streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def run_in_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in another thread and return its result; Playwright has its loop in
    this one.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def connected(port: int) -> Streams:
    """Open a plain connection."""
    return await asyncio.open_connection("127.0.0.1", port, limit=2**20)


async def request_json(
    streams: Streams, method: str, target: str, body: str = "", headers: Mapping[str, str] = {}
) -> Any:
    """Send a request on a keep-alive connection and return the JSON of the response."""
    reader, writer = streams
    fields = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
    writer.write("\r\n".join([*lines, "", body]).encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    assert head.startswith("http/1.1 20"), head
    length = head.split("content-length: ")[1].split("\r\n")[0]
    return json.loads(await reader.readexactly(int(length)))


@asynccontextmanager
async def connection(port: int) -> AsyncIterator[Streams]:
    """Open a plain connection for the length of a `with` block."""
    streams = await connected(port)
    try:
        yield streams
    finally:
        streams[1].close()


def messages(events: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """The ids and texts of the messages among some events."""
    return [(event["id"], event["text"]) for event in events if event["type"] == "message"]


async def history(port: int) -> list[tuple[int, str]]:
    """All messages of the lobby, read page by page."""
    async with connection(port) as streams:
        found: list[tuple[int, str]] = []
        before = 9_000_000_000_000_000
        while True:
            target = f"/rooms/lobby/events?before={before}&limit=500"
            events = (await request_json(streams, "GET", target))["events"]
            if not events:
                return found
            before = events[0]["id"]
            found = messages(events) + found
