"""kill -9 under load, again and again: nothing acknowledged is lost, nothing is there twice."""

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
from .streams import answered, connection, elsewhere

ROUNDS = 10
"""Processes that are killed: each costs a second.  Fifty make no difference but in time."""
LONGEST = 0.4
"""Seconds of load before the kill, at most: enough for hundreds of messages."""
OPTIONS = ("--message-rate", "0", "--history", "10000")
VISITORS = [f"visitor-{number}" for number in range(6)]
SOCKETS = [f"socket-{number}" for number in range(3)]
LINES = [f"line-{number}" for number in range(3)]
TEXT = {"Content-Type": "text/plain"}
IN_JSON = {"Content-Type": "application/json"}
GONE = (ConnectionError, asyncio.IncompleteReadError)
"""How a server that was killed looks from outside."""


class Ledger:
    """What was said, and what became of it as far as the speakers know."""

    def __init__(self) -> None:
        self.count = 0
        self.ids: dict[str, int] = {}
        """What was acknowledged with an id."""
        self.echoed: set[str] = set()
        """What was shown to the one who said it on a line."""
        self.pending: dict[str, list[str]] = {}
        """What each speaker has to send again, with its key."""
        self.tokens: dict[str, str] = {}
        """The tokens of the sessions, which outlive the server."""

    def next(self, name: str) -> str:
        """What somebody says next: what was not acknowledged, or else something new."""
        again = self.pending.setdefault(name, [])
        if not again:
            self.count += 1
            again.append(f"{name} {self.count}")
        return again[0]

    def acknowledged(self, name: str, text: str, id_: int) -> None:
        """The server has it."""
        assert self.ids.setdefault(text, id_) == id_, "a repeat got another id"
        self.pending[name].remove(text)


async def post(streams: Any, name: str, text: str) -> int:
    """Say something as a visitor, with a key; answers its id."""
    target, key = f"/rooms/lobby/messages?name={name}", text.replace(" ", "-")
    answer = await answered(streams, "POST", target, text, {**TEXT, "Idempotency-Key": key})
    return int(answer["id"])


async def visit(daemon: Daemon, ledger: Ledger, name: str) -> None:
    """Say one thing after another over HTTP, with keys."""
    async with connection(daemon.http) as streams:
        while True:
            text = ledger.next(name)
            ledger.acknowledged(name, text, await post(streams, name, text))


async def speak_on_a_socket(daemon: Daemon, ledger: Ledger, name: str) -> None:
    """Say one thing after another in a session over WebSocket, with refs."""
    async with connection(daemon.http) as streams:
        if name not in ledger.tokens:  # a session outlives its server
            body = json.dumps({"name": name})
            try:
                session = await answered(streams, "POST", "/session", body, IN_JSON)
            except AssertionError as refused:
                if "409 conflict" not in str(refused):
                    raise
                return  # the answer to an earlier attempt was lost, and its session has the name
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
    """Say one thing after another on a line; one's own come back when they are stored."""
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
    """Reads from its cursor on, from one server after another."""

    def __init__(self) -> None:
        self.cursor = 0
        self.read: list[tuple[int, str]] = []

    async def begin(self, daemon: Daemon) -> None:
        """From here on."""
        async with connection(daemon.http) as streams:
            self.cursor = (await answered(streams, "GET", "/rooms/lobby/events?wait=0"))["next"]

    async def poll(self, daemon: Daemon, until: int | None = None) -> None:
        """Poll, and poll again, until something was read."""
        async with connection(daemon.http) as streams:
            while until is None or self.cursor < until:
                target = f"/rooms/lobby/events?since={self.cursor}"
                answer = await answered(streams, "GET", target)
                assert answer["gap"] is False
                self.cursor = answer["next"]
                self.read += messages(answer["events"])


def messages(events: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """The ids and texts of what was said."""
    return [(event["id"], event["text"]) for event in events if event["type"] == "message"]


async def history(daemon: Daemon) -> list[tuple[int, str]]:
    """All that was ever said, read back page by page."""
    async with connection(daemon.http) as streams:
        found: list[tuple[int, str]] = []
        before = 9_000_000_000_000_000
        while True:
            target = f"/rooms/lobby/events?before={before}&limit=500"
            events = (await answered(streams, "GET", target))["events"]
            if not events:
                return found
            before = events[0]["id"]
            found = messages(events) + found


async def until_it_is_gone(work: Coroutine[Any, Any, None]) -> None:
    """Do something until the server is killed."""
    with suppress(*GONE):
        await work


async def load(daemon: Daemon, ledger: Ledger, poller: CursorReader, seconds: float) -> None:
    """Everybody speaks, the poller reads, and then the server is killed."""
    speakers: list[tuple[Callable[..., Coroutine[Any, Any, None]], list[str]]] = [
        (visit, VISITORS),
        (speak_on_a_socket, SOCKETS),
        (speak_lines, LINES),
    ]
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(until_it_is_gone(poller.poll(daemon)))
        for speak, names in speakers:
            for name in names:
                group.create_task(until_it_is_gone(speak(daemon, ledger, name)))
        asyncio.get_running_loop().call_later(seconds, daemon.kill)


async def say_again(daemon: Daemon, ledger: Ledger) -> None:
    """Whoever had no answer sends it again, and some who had one do so too."""
    async with connection(daemon.http) as streams:
        for name in VISITORS:
            for text in list(ledger.pending[name]):
                ledger.acknowledged(name, text, await post(streams, name, text))
            latest = [text for text in ledger.ids if text.startswith(f"{name} ")][-5:]
            for text in latest:
                assert await post(streams, name, text) == ledger.ids[text]


async def endure(directory: Path, rounds: int, dice: random.Random) -> tuple[int, int]:
    """Kill so many servers; answers how much was acknowledged, and how much is there."""
    ledger, poller = Ledger(), CursorReader()
    daemon = Daemon(directory, *OPTIONS)
    try:
        await poller.begin(daemon)
        for _ in range(rounds):
            await load(daemon, ledger, poller, dice.uniform(0.02, LONGEST))
            daemon = Daemon(directory, *OPTIONS)
        await say_again(daemon, ledger)
        found = await history(daemon)
        async with asyncio.timeout(PATIENCE):
            await poller.poll(daemon, found[-1][0])
    finally:
        daemon.kill()
    assert "Traceback" not in daemon.output
    ids, texts = [id_ for id_, _ in found], [text for _, text in found]
    assert ids == sorted(set(ids))
    assert len(texts) == len(set(texts)), "something is there twice"
    there = {text: id_ for id_, text in found}
    assert ledger.ids.items() <= there.items(), "something acknowledged is lost"
    assert ledger.echoed <= there.keys(), "something that was shown is lost"
    assert poller.read == found, "a poller missed something"
    return len(ledger.ids) + len(ledger.echoed), len(found)


def test_nothing_acknowledged_is_lost_however_often_it_is_killed(tmp_path: Path) -> None:
    """At random moments, under load: every acknowledged message is read back, once, under its id,
    in one order; what is sent again is not doubled; and a poller misses nothing.
    """
    acknowledged, _ = elsewhere(endure(tmp_path, ROUNDS, random.Random(1)))
    assert acknowledged > 10 * ROUNDS
