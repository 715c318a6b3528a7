"""kill -9 under load, repeatedly: no acknowledged message is lost, and none is stored twice."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import Request, TextMessage

from ..kit.processes import PATIENCE, Daemon
from .streams import connection, history, messages, request_json, run_in_thread

ROUNDS = 10
"""The number of kills, each of which takes about a second."""
LONGEST = 0.4
"""Seconds of load before a kill, at most; enough for hundreds of messages."""
OPTIONS = ("--message-rate", "0", "--history", "10000")
VISITORS = [f"visitor-{number}" for number in range(6)]
SOCKETS = [f"socket-{number}" for number in range(3)]
LINES = [f"line-{number}" for number in range(3)]
TEXT = {"Content-Type": "text/plain"}
IN_JSON = {"Content-Type": "application/json"}
GONE = (ConnectionError, asyncio.IncompleteReadError)
"""Exceptions that a client gets when the server is killed."""


class Ledger:
    """The messages sent, and what their senders know about them."""

    def __init__(self) -> None:
        self.count = 0
        self.ids: dict[str, int] = {}
        """Acknowledged messages and their ids."""
        self.echoed: set[str] = set()
        """Messages that were echoed to their sender on a line."""
        self.pending: dict[str, list[str]] = {}
        """Messages that each speaker has to repeat, with the same key."""
        self.tokens: dict[str, str] = {}
        """Tokens of the sessions, which survive a restart of the server."""

    def next(self, name: str) -> str:
        """The next message of a speaker: the unacknowledged one, or else a new one."""
        again = self.pending.setdefault(name, [])
        if not again:
            self.count += 1
            again.append(f"{name} {self.count}")
        return again[0]

    def acknowledged(self, name: str, text: str, id_: int) -> None:
        """Record that a message was acknowledged."""
        assert self.ids.setdefault(text, id_) == id_, "a repeat got another id"
        self.pending[name].remove(text)


async def post(streams: Any, name: str, text: str) -> int:
    """Send a message as a visitor, with an idempotency key; return its id."""
    target, key = f"/rooms/lobby/messages?name={name}", text.replace(" ", "-")
    answer = await request_json(streams, "POST", target, text, {**TEXT, "Idempotency-Key": key})
    return int(answer["id"])


async def visit(daemon: Daemon, ledger: Ledger, name: str) -> None:
    """Send one message after another over HTTP, with idempotency keys."""
    async with connection(daemon.http) as streams:
        while True:
            text = ledger.next(name)
            ledger.acknowledged(name, text, await post(streams, name, text))


async def speak_websocket(daemon: Daemon, ledger: Ledger, name: str) -> None:
    """Send one message after another in a session over WebSocket, with refs."""
    async with connection(daemon.http) as streams:
        if name not in ledger.tokens:  # a session survives a restart
            body = json.dumps({"name": name})
            try:
                session = await request_json(streams, "POST", "/session", body, IN_JSON)
            except AssertionError as refused:
                if "409 conflict" not in str(refused):
                    raise
                return  # an earlier attempt succeeded, but its response was lost
            ledger.tokens[name] = session["token"]
        client = WSConnection(ConnectionType.CLIENT)
        target = f"/rooms/lobby/events?access_token={ledger.tokens[name]}"
        reader, writer = streams
        text = ""

        def say() -> str:
            text = ledger.next(name)
            told = json.dumps({"type": "say", "text": text, "ref": text})
            writer.write(client.send(TextMessage(data=told)))
            return text

        writer.write(client.send(Request(host="localhost", target=target)))
        part = ""
        while True:
            data = await reader.read(65536)
            if not data:
                return
            client.receive_data(data)
            for event in client.events():
                if isinstance(event, TextMessage):
                    part += event.data
                    if event.message_finished:
                        frame, part = json.loads(part), ""
                        if "ref" in frame:
                            assert frame["type"] == "ack", frame
                            ledger.acknowledged(name, text, frame["id"])
                            text = say()
                elif not text:
                    text = say()


async def speak_lines(daemon: Daemon, ledger: Ledger, name: str) -> None:
    """Send one message after another on a line; each is echoed when it is stored."""
    async with connection(daemon.line) as (reader, writer):
        writer.write(f"/nick {name}\r\n".encode())
        while True:
            ledger.count += 1
            text = f"{name} {ledger.count}"
            writer.write(f"{text}\r\n".encode())
            while (line := (await reader.readuntil(b"\r\n")).decode()) != f"<{name}> {text}\r\n":
                assert not line.startswith("!!"), line
            ledger.echoed.add(text)


class CursorReader:
    """A poller that keeps its cursor over restarts of the server."""

    def __init__(self) -> None:
        self.cursor = 0
        self.read: list[tuple[int, str]] = []

    async def begin(self, daemon: Daemon) -> None:
        """Set the cursor to the current end of the room."""
        async with connection(daemon.http) as streams:
            self.cursor = (await request_json(streams, "GET", "/rooms/lobby/events?wait=0"))["next"]

    async def poll(self, daemon: Daemon, until: int | None = None) -> None:
        """Poll until the cursor has reached an id, or for ever."""
        async with connection(daemon.http) as streams:
            while until is None or self.cursor < until:
                target = f"/rooms/lobby/events?since={self.cursor}"
                answer = await request_json(streams, "GET", target)
                assert answer["gap"] is False
                self.cursor = answer["next"]
                self.read += messages(answer["events"])


async def until_killed(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine until the server is killed."""
    with suppress(*GONE):
        await work


async def load(daemon: Daemon, ledger: Ledger, poller: CursorReader, seconds: float) -> None:
    """Let all speakers speak and the poller read, then kill the server."""
    speakers: list[tuple[Callable[..., Coroutine[Any, Any, None]], list[str]]] = [
        (visit, VISITORS),
        (speak_websocket, SOCKETS),
        (speak_lines, LINES),
    ]
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(until_killed(poller.poll(daemon)))
        for speak, names in speakers:
            for name in names:
                group.create_task(until_killed(speak(daemon, ledger, name)))
        asyncio.get_running_loop().call_later(seconds, daemon.kill)


async def repeat(daemon: Daemon, ledger: Ledger) -> None:
    """Repeat all unacknowledged messages, and some acknowledged ones."""
    async with connection(daemon.http) as streams:
        for name in VISITORS:
            for text in list(ledger.pending[name]):
                ledger.acknowledged(name, text, await post(streams, name, text))
            latest = [text for text in ledger.ids if text.startswith(f"{name} ")][-5:]
            for text in latest:
                assert await post(streams, name, text) == ledger.ids[text]


async def kill_repeatedly(directory: Path, rounds: int, rng: random.Random) -> tuple[int, int]:
    """Kill a server `rounds` times under load; return how many messages were acknowledged, and how
    many are stored.
    """
    ledger, poller = Ledger(), CursorReader()
    daemon = Daemon(directory, *OPTIONS)
    try:
        await poller.begin(daemon)
        for _ in range(rounds):
            await load(daemon, ledger, poller, rng.uniform(0.02, LONGEST))
            daemon = Daemon(directory, *OPTIONS)
        await repeat(daemon, ledger)
        found = await history(daemon.http)
        async with asyncio.timeout(PATIENCE):
            await poller.poll(daemon, found[-1][0])
    finally:
        daemon.kill()
    assert "Traceback" not in daemon.output
    ids, texts = [id_ for id_, _ in found], [text for _, text in found]
    assert ids == sorted(set(ids))
    assert len(texts) == len(set(texts)), "a message was stored twice"
    there = {text: id_ for id_, text in found}
    assert ledger.ids.items() <= there.items(), "an acknowledged message was lost"
    assert ledger.echoed <= there.keys(), "an echoed message was lost"
    assert poller.read == found, "the poller missed a message"
    return len(ledger.ids) + len(ledger.echoed), len(found)


def test_acknowledged_messages_survive_repeated_kills(tmp_path: Path) -> None:
    """At random moments under load: every acknowledged message is stored once, under its id, in one
    order; repeats are not stored again; and the poller misses nothing.
    """
    acknowledged, _ = run_in_thread(kill_repeatedly(tmp_path, ROUNDS, random.Random(1)))
    assert acknowledged > 10 * ROUNDS
