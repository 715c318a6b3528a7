"""A real server whose disk is full, and whose database file is deleted."""

from __future__ import annotations

import asyncio
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..kit.processes import PATIENCE, Daemon
from .streams import Streams, connected, request_json, run_in_thread

pytestmark = pytest.mark.parametrize(
    "daemon", [("--message-rate", "0", "--store", "sqlite:chat.db")], ids=["file"], indirect=True
)
MESSAGES = "/rooms/lobby/messages?name=ada"
TEXT = {"Content-Type": "text/plain"}


@contextmanager
def full_disk(daemon: Daemon) -> Iterator[None]:
    """Keep the server from writing beyond the first page of any file."""
    limits = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        yield
    finally:
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, limits)


async def say(streams: Streams, text: str) -> Any:
    """Send a message; return its id."""
    return (await request_json(streams, "POST", MESSAGES, text, TEXT))["id"]


async def try_to_say(streams: Streams, text: str) -> str:
    """Send a message that may be refused; return the status line and headers."""
    head = f"POST {MESSAGES} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n"
    return await head_of(streams, f"{head}Content-Length: {len(text)}\r\n\r\n{text}")


async def health(streams: Streams) -> str:
    """The status line and headers of /healthz."""
    return await head_of(streams, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")


async def head_of(streams: Streams, request: str) -> str:
    """Send a request; return the status line and headers of the response."""
    reader, writer = streams
    writer.write(request.encode())
    answer = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = answer.lower().split("content-length: ")[1].split("\r\n")[0]
    await reader.readexactly(int(length))
    return answer


async def texts(streams: Streams) -> list[str]:
    """The texts of the messages read back from the lobby."""
    page = await request_json(streams, "GET", "/rooms/lobby/events?before=9000000000000000")
    return [event["text"] for event in page["events"] if event["type"] == "message"]


async def line_until(reader: asyncio.StreamReader, start: str) -> str:
    """The next line that starts with `start`."""
    while not (line := (await reader.readuntil(b"\r\n")).decode()).startswith(start):
        pass
    return line


async def use_full_disk(daemon: Daemon) -> None:
    """Send and read messages while the disk is full, and afterwards."""
    async with asyncio.timeout(PATIENCE):
        web, reading = await connected(daemon.http), await connected(daemon.http)
        lines, typing = await connected(daemon.line)
        place = await say(web, "before")
        with full_disk(daemon):
            for _ in range(5):
                refusal = await try_to_say(web, "x" * 3000)
                assert refusal.startswith("HTTP/1.1 503 ")
                assert "\r\nretry-after: " in refusal.lower()
            typing.write(b"y" * 3000 + b"\r\n")
            assert "try again" in await line_until(lines, "!! ")
            assert await texts(reading) == ["before"]
            assert (await health(reading)).startswith("HTTP/1.1 503 ")
        typing.write(b"after\r\n")
        await line_until(lines, "<guest-0001> after")
        assert await say(web, "at last") > place
        while not (await health(reading)).startswith("HTTP/1.1 200 "):
            await asyncio.sleep(0.2)
        assert await texts(reading) == ["before", "after", "at last"]
        for _, writer in (web, reading, (lines, typing)):
            writer.close()


def test_a_full_disk_refuses_messages_until_there_is_room(daemon: Daemon) -> None:
    """Senders get 503 or `!!`, and readers keep reading; the fault is logged once."""
    run_in_thread(use_full_disk(daemon))
    daemon.signal(signal.SIGTERM)
    daemon.wait()
    assert "Traceback" not in daemon.output
    assert daemon.output.count("cannot store") == 1
    assert daemon.output.count("can store again") == 1


async def speak(daemon: Daemon, *said_now: str) -> list[str]:
    """Send some messages; return all that are read back."""
    streams = await connected(daemon.http)
    for text in said_now:
        await say(streams, text)
    found = await texts(streams)
    streams[1].close()
    return found


def test_a_deleted_database_is_restored(daemon: Daemon, tmp_path: Path) -> None:
    """With all messages from before and after, also for the next server."""
    assert run_in_thread(speak(daemon, "one")) == ["one"]
    for path in tmp_path.glob("chat.db*"):
        path.unlink()
    assert run_in_thread(speak(daemon)) == ["one"]
    assert run_in_thread(speak(daemon, "two")) == ["one", "two"]
    daemon.kill()
    assert "Traceback" not in daemon.output
    again = Daemon(tmp_path, "--store", "sqlite:chat.db")
    try:
        assert run_in_thread(speak(again, "three")) == ["one", "two", "three"]
    finally:
        again.kill()
