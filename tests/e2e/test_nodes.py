"""Three nodes on one Redis, under load, while everything fails that can.

What is held against them is known outside: every acknowledgement, and what readers on every node
were given.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from soak.proxy import Proxy

from ..kit.processes import PATIENCE, TWISTD, Daemon, Program
from ..kit.redis import RedisServer
from .streams import connected, connection, history, request_json, run_in_thread

GONE = (ConnectionError, asyncio.IncompleteReadError, OSError)
TEXT = {"Content-Type": "text/plain"}
OPTIONS = ("--message-rate", "0", "--address-rate", "0")


class Speaker:
    """Says one thing after another, each with its key until it is acknowledged, on any node."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.acknowledged: dict[str, int] = {}
        self.refused: set[str] = set()
        """What was refused for good: never sent again."""
        self.stopping = False

    async def speak(self, cluster: Cluster, place: int) -> None:
        """Begin with the node at that place, and go on with another one when it is gone."""
        count = 0
        while not self.stopping:
            count += 1
            text = f"{self.name}.{count}"
            while not (done := await self._say(cluster.url(place), text)):
                await asyncio.sleep(0.05)
                place += 1
            self.acknowledged[text] = done
            await asyncio.sleep(0.005)

    async def _say(self, port: int, text: str) -> int | None:
        target = f"/rooms/lobby/messages?name={self.name}"
        headers = {**TEXT, "Idempotency-Key": text}
        with suppress(*GONE, AssertionError):  # which says that it was refused
            async with connection(port) as streams:
                answer = await request_json(streams, "POST", target, text, headers)
                return int(answer["id"])
        return None


class Listener:
    """Reads a stream from its cursor on, from one node after another."""

    def __init__(self) -> None:
        self.cursor = 0
        self.read: list[tuple[int, str]] = []
        self.gaps = 0
        self.joined: list[str] = []
        self.left: list[str] = []

    async def listen(self, cluster: Cluster, place: int) -> None:
        """For ever."""
        while True:
            with suppress(*GONE):
                await self._listen(cluster.url(place))
            place += 1
            await asyncio.sleep(0.05)

    async def _listen(self, port: int) -> None:
        reader, writer = await connected(port)
        head = f"GET /rooms/lobby/events?since={self.cursor} HTTP/1.1\r\nHost: localhost\r\n"
        writer.write(f"{head}Accept: application/x-ndjson\r\n\r\n".encode())
        try:
            await reader.readuntil(b"\r\n\r\n")
            while line := await reader.readline():
                if line.startswith(b"{"):
                    self._take(json.loads(line))
        finally:
            writer.transport.abort()

    def _take(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if kind == "gap":
            self.gaps += 1
        elif kind != "ready":
            assert event["id"] > self.cursor, "out of order"
            self.cursor = event["id"]
            if kind == "message":
                self.read.append((event["id"], event["text"]))
            elif kind == "leave":
                self.left.append(event["from"])


class Cluster:
    """A Redis, and nodes that reach it through proxies."""

    def __init__(self, directory: Path, *redis: str) -> None:
        self.redis = RedisServer(*redis, tcp=True)
        self.proxies: list[Proxy] = []
        self.nodes: list[Daemon] = []
        self._directory = directory
        self._ports: list[int] = []

    def url(self, place: int) -> int:
        """The port of a node that is there."""
        return self._ports[place % len(self._ports)]

    async def start(self, nodes: int) -> None:
        """Bring everything up."""
        self.redis.start()
        for place in range(nodes):
            self.proxies.append(await Proxy(self.redis.port).start())
            url = f"redis://127.0.0.1:{self.proxies[-1].port}"
            options = ("--store", url, "--node", f"n{place}", *OPTIONS)
            node = await asyncio.to_thread(Daemon, self._directory, *options)
            self.nodes.append(node)
            self._ports.append(node.http)

    def kill_node(self, place: int) -> None:
        """A node dies."""
        self._ports.remove(self.nodes[place].http)
        self.nodes[place].kill()

    def end(self) -> None:
        """Nothing is left."""
        for node in self.nodes:
            node.kill()
        for proxy in self.proxies:
            proxy.end()
        self.redis.remove()


@asynccontextmanager
async def cluster(directory: Path, nodes: int, *redis: str) -> AsyncIterator[Cluster]:
    """Nodes, which are gone in the end."""
    cluster = Cluster(directory, *redis)
    try:
        await cluster.start(nodes)
        yield cluster
    finally:
        cluster.end()


async def until(true: Callable[[], bool]) -> None:
    """Wait for something."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.05)


async def cut_again_and_again(it: Cluster) -> None:
    for round_ in range(6):
        await asyncio.sleep(0.3)
        it.proxies[round_ % 3].cut()
        it.redis.ask("CLIENT", "KILL", "TYPE", "pubsub")


async def hang(it: Cluster) -> None:
    it.redis.signal(signal.SIGSTOP)
    await asyncio.sleep(3)
    it.redis.signal(signal.SIGCONT)
    await asyncio.sleep(1)


async def restart(it: Cluster) -> None:
    for _ in range(2):
        it.redis.kill()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(it.redis.start)
        await asyncio.sleep(1.5)


async def mute(it: Cluster) -> None:
    it.proxies[0].mute = True
    await asyncio.sleep(3)
    it.proxies[0].mute = False
    await asyncio.sleep(1)


async def pause_a_node(it: Cluster) -> None:
    it.nodes[1].signal(signal.SIGSTOP)
    await asyncio.sleep(3)
    it.nodes[1].signal(signal.SIGCONT)
    await asyncio.sleep(1)


async def endure(directory: Path, *faults: Callable[[Cluster], Awaitable[None]]) -> None:
    """Let all these faults happen under load, then compare."""
    options = ("--appendonly", "yes", "--appendfsync", "always")
    async with cluster(directory, 3, *options) as it:
        speakers = [Speaker(f"s{n}") for n in range(6)]
        listeners = [Listener() for _ in range(6)]
        listening = [
            asyncio.create_task(listener.listen(it, place))
            for place, listener in enumerate(listeners)
        ]
        speaking = [
            asyncio.create_task(speaker.speak(it, place)) for place, speaker in enumerate(speakers)
        ]
        for fault in faults:
            await asyncio.sleep(0.5)
            await fault(it)
        for speaker in speakers:
            speaker.stopping = True
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*speaking)
        found = await history(it.url(0))
        last = found[-1][0]
        await until(lambda: all(listener.cursor >= last for listener in listeners))
        for task in listening:
            task.cancel()
        ids, texts = [id_ for id_, _ in found], [text for _, text in found]
        assert ids == sorted(set(ids))
        assert len(texts) == len(set(texts)), "something is there twice"
        there = {text: id_ for id_, text in found}
        acknowledged = {t: i for speaker in speakers for t, i in speaker.acknowledged.items()}
        assert acknowledged.items() <= there.items(), "something acknowledged is lost"
        assert len(found) > 100
        for listener in listeners:
            assert listener.gaps == 0
            assert listener.read == found
        for node in it.nodes:
            assert "Traceback" not in node.output


def test_nothing_is_lost_doubled_or_reordered_whatever_fails(tmp_path: Path) -> None:
    """Connections are cut and subscriptions killed, a way goes mute, a node is paused; the engine
    hangs, and is killed and started again.
    """
    faults = (cut_again_and_again, mute, pause_a_node, hang, restart)
    run_in_thread(endure(tmp_path, *faults))


def test_people_of_a_killed_node_leave_within_a_minute(tmp_path: Path) -> None:
    """Once, and their names are free; readers and speakers go on elsewhere."""

    async def kill(directory: Path) -> None:
        async with cluster(directory, 2, "--appendonly", "yes") as it:
            listener = Listener()
            listening = asyncio.create_task(listener.listen(it, 1))
            reader, writer = await connected(it.nodes[0].line)
            writer.write(b"/nick ada\r\n")
            while b"you are now ada" not in await reader.readline():
                pass
            it.kill_node(0)
            writer.transport.abort()
            async with asyncio.timeout(60):
                while listener.left != ["ada"]:
                    await asyncio.sleep(0.1)
            async with connection(it.url(0)) as streams:
                session = await request_json(
                    streams,
                    "POST",
                    "/session",
                    '{"name":"ada"}',
                    {"Content-Type": "application/json"},
                )
            assert session["name"] == "ada"
            listening.cancel()

    run_in_thread(kill(tmp_path))


def test_an_engine_that_may_forget_anything_ends_the_start(tmp_path: Path) -> None:
    """In one line, with status 1."""
    redis = RedisServer("--maxmemory-policy", "allkeys-lru", tcp=True).start()
    try:
        url = f"redis://:wrong@127.0.0.1:{redis.port}"
        start = (TWISTD, "--nodaemon", "--pidfile=", "chatd", "--line", "tcp:0", "--http", "none")
        for store, line in (
            (url.replace(":wrong@", ""), "set it to noeviction"),
            (url, "WRONGPASS|without any password"),
            (
                "redis://127.0.0.1:1",
                "the store cannot be used: 127.0.0.1:1: Connection was refused",
            ),
        ):
            program = Program(*start, "--store", store, cwd=tmp_path)
            program.expect(line)
            assert program.wait() == 1
            assert "Traceback" not in program.output
            assert "wrong" not in program.output.replace("WRONG", "")
            program.kill()
    finally:
        redis.remove()
