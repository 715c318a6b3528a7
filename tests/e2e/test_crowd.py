"""Many clients at once, at every door of one real server."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import Request, TextMessage

from ..kit.processes import PATIENCE, Daemon
from .streams import connected, request_json, run_in_thread

SPEAKERS = [f"line-{number}" for number in range(20)] + [f"http-{number}" for number in range(10)]
EACH = 40
TOTAL = len(SPEAKERS) * EACH
Said = tuple[str, str]
"""A name and a text."""


# -- speakers --------------------------------------------------------------------------------------


async def speak_lines(daemon: Daemon, name: str) -> None:
    """Send messages as a telnet user, as fast as the server accepts them, and read the echoes."""
    reader, writer = await connected(daemon.line)
    writer.write(f"/nick {name}\n".encode())
    heard = asyncio.create_task(messages_in_lines(reader, (name, f"{EACH - 1}")))
    for number in range(EACH):
        writer.write(f"{number}\n".encode())
        await writer.drain()
    await heard
    writer.close()


async def speak_http(daemon: Daemon, name: str) -> None:
    """Send messages in an HTTP session, one POST after another on one connection."""
    streams = await connected(daemon.http)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    session = await request_json(streams, "POST", "/session", f"name={name}", form)
    headers = {"Authorization": f"Bearer {session['token']}", "Content-Type": "text/plain"}
    for number in range(EACH):
        await request_json(streams, "POST", "/rooms/lobby/messages", f"{number}", headers)
    streams[1].close()


# -- readers ---------------------------------------------------------------------------------------


async def messages_in_lines(reader: asyncio.StreamReader, last: Said | None) -> list[Said]:
    """Read messages from a line connection until all have come, or `last` has."""
    said: list[Said] = []
    while len(said) < TOTAL and (not said or said[-1] != last):
        line = (await reader.readuntil(b"\r\n")).decode()
        assert not line.startswith(">>"), line
        if line.startswith("<"):
            name, _, text = line[1:].strip().partition("> ")
            said.append((name, text))
    return said


async def read_line(daemon: Daemon, place: int) -> list[Said]:
    """Read all messages as a telnet user."""
    reader, writer = await connected(daemon.line)
    said = await messages_in_lines(reader, None)
    writer.close()
    return said


async def read_polls(daemon: Daemon, place: int) -> list[Said]:
    """Read all messages by long-polls on one connection."""
    streams = await connected(daemon.http)
    said: list[Said] = []
    while len(said) < TOTAL:
        answer = await request_json(streams, "GET", f"/rooms/lobby/events?since={place}")
        assert answer["gap"] is False
        place = answer["next"]
        said += _messages(answer["events"])
    streams[1].close()
    return said


async def read_reconnecting_polls(daemon: Daemon, place: int) -> list[Said]:
    """Read all messages by long-polls, each on a new connection."""
    said: list[Said] = []
    while len(said) < TOTAL:
        streams = await connected(daemon.http)
        target = f"/events?rooms=lobby,dev&since={place}&limit=7"
        answer = await request_json(streams, "GET", target)
        streams[1].close()
        assert answer["gap"] is False
        place = answer["next"]
        said += _messages(answer["events"])
    return said


async def read_stream(daemon: Daemon, place: int) -> list[Said]:
    """Read all messages from server-sent events, over HTTP/1.0 so that nothing is chunked."""
    reader, writer = await connected(daemon.http)
    target = f"/rooms/lobby/events?since={place}"
    writer.write(f"GET {target} HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    said: list[Said] = []
    while len(said) < TOTAL:
        block = (await reader.readuntil(b"\n\n")).decode()
        assert "event: gap" not in block
        if "event: ready" in block:
            continue
        data = [line[6:] for line in block.split("\n") if line.startswith("data: ")]
        said += _messages([json.loads(line) for line in data])
    writer.close()
    return said


async def read_websocket(daemon: Daemon, place: int) -> list[Said]:
    """Read all messages over a WebSocket."""
    reader, writer = await connected(daemon.http)
    client = WSConnection(ConnectionType.CLIENT)
    target = f"/rooms/lobby/events?since={place}"
    writer.write(client.send(Request(host="localhost", target=target)))
    said: list[Said] = []
    text = ""
    while len(said) < TOTAL:
        client.receive_data(await reader.read(65536))
        for event in client.events():
            if isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    said += _messages([json.loads(text)])
                    text = ""
    writer.close()
    return said


READERS: list[Callable[[Daemon, int], Coroutine[Any, Any, list[Said]]]] = [
    read_line,
    read_polls,
    read_reconnecting_polls,
    read_stream,
    read_websocket,
]


async def converse(daemon: Daemon) -> list[list[Said]]:
    """Let all speakers speak at once; return what two readers at each door have read."""
    probe = await connected(daemon.http)
    now = await request_json(probe, "GET", "/rooms/lobby/events?wait=0")
    probe[1].close()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        reading = [
            group.create_task(read(daemon, now["next"])) for read in READERS for _ in range(2)
        ]
        # Line readers have no cursor, so they must be in the room before the first message.
        await _wait_for_people(daemon, 2)
        for name in SPEAKERS:
            speak = speak_lines if name.startswith("line") else speak_http
            group.create_task(speak(daemon, name))
    return [task.result() for task in reading]


async def _wait_for_people(daemon: Daemon, people: int) -> None:
    """Return when there are so many people in the lobby."""
    streams = await connected(daemon.http)
    here: list[str] = []
    while len(here) < people:
        here = (await request_json(streams, "GET", "/rooms/lobby"))["here"]
    streams[1].close()


def _messages(events: list[dict[str, Any]]) -> list[Said]:
    assert not any(event["type"] == "gap" for event in events)
    return [(event["from"], event["text"]) for event in events if event["type"] == "message"]


@pytest.mark.parametrize(
    "daemon", [("--message-rate", "0", "--history", "3000")], ids=["unlimited"], indirect=True
)
def test_thirty_concurrent_speakers_are_seen_in_one_order(daemon: Daemon) -> None:
    """Twenty speak over TCP and ten over HTTP; ten readers at every door get the same 1,200
    messages, each once, and each speaker's in order.
    """
    first, *others = run_in_thread(converse(daemon))
    assert len(first) == len(set(first)) == TOTAL
    for other in others:
        assert other == first
    for name in SPEAKERS:
        assert [text for who, text in first if who == name] == [f"{n}" for n in range(EACH)]


def test_endless_input_takes_bounded_memory(daemon: Daemon) -> None:
    """A hundred megabytes as one line, as a body and as a request line."""

    def resident() -> int:
        with open(f"/proc/{daemon.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    before = resident()
    for port, head in (
        (daemon.line, b""),
        (daemon.http, b"POST /session HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n"),
        (daemon.http, b"GET /"),
    ):
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
            client.settimeout(PATIENCE)
            try:
                client.sendall(head)
                for _ in range(100):
                    client.sendall(b"x" * 2**20)
            except (ConnectionResetError, BrokenPipeError):
                assert port == daemon.http
    assert resident() - before < 20_000
    assert run_in_thread(_health(daemon)) == {"status": "ok"}


async def _health(daemon: Daemon) -> Any:
    streams = await connected(daemon.http)
    health = await request_json(streams, "GET", "/healthz")
    streams[1].close()
    return health
