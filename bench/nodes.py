"""Several nodes on one Redis: `python -m bench.nodes latency|appends|quiet|readers|start|storm`.

Each prints what it measures and how, and the CPU time of each process beside the time that passes:
clients, nodes and Redis share this machine.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import msgspec

from soak.nodes import Engine
from soak.server import Server

from .appends import TEXT, Appended
from .crowd import Report
from .machine import machine

HERE = "127.0.0.1"
OPTIONS = ("--message-rate", "0", "--address-rate", "0", "--max-connections-per-address", "0")
FSYNC = "everysec"
"""How Redis logs its writes; `always` makes the disk part of every figure."""
WARM = 100
"""Messages before a measurement begins."""
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Nodes:
    """Some nodes, and the Redis that they share."""

    def __init__(self, directory: Path, engine: Engine) -> None:
        self._directory = directory
        self.engine = engine
        self.all: list[Server] = []

    @property
    def store(self) -> str:
        """The URL of the Redis."""
        return f"redis://{HERE}:{self.engine.port}"

    async def add(self) -> int:
        """Start a node; answers its HTTP port."""
        name = f"n{len(self.all)}"
        directory = self._directory / name
        directory.mkdir()
        self.all.append(Server(directory, [*OPTIONS, "--store", self.store, "--node", name]))
        await self.all[-1].start()
        return self.all[-1].ports["http"]

    def cpu(self) -> list[float]:
        """Seconds of CPU time of Redis, and of each node."""
        return [cpu_of(pid) for pid in (self.engine.pid, *(node.pid for node in self.all))]


@asynccontextmanager
async def nodes(count: int = 0) -> AsyncIterator[Nodes]:
    """Nodes, which are gone in the end."""
    with TemporaryDirectory(prefix="bench-") as directory:
        engine = Engine(Path(directory), FSYNC)
        nodes = Nodes(Path(directory), engine)
        try:
            await engine.start()
            for _ in range(count):
                await nodes.add()
            yield nodes
        finally:
            for node in nodes.all:
                node.kill()
            await engine.end()


def cpu_of(pid: int) -> float:
    """Seconds of CPU time that a process has taken: clock_getcpuclockid(3)."""
    return time.clock_gettime(~pid << 3 | 2)


class Worker:
    """A process that prints lines of JSON, and reads lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, module: str, *words: object) -> Worker:
        """Run a module of this package."""
        command = (sys.executable, "-m", f"bench.{module}", *map(str, words))
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe))

    async def hear(self) -> bytes:
        """The next line."""
        assert self._process.stdout
        if not (line := await self._process.stdout.readline()):
            raise SystemExit("a load has ended")
        return line

    def tell(self, line: object) -> None:
        """Write a line."""
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n".encode())

    async def end(self) -> None:
        """Kill it."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


# -- a client that speaks --------------------------------------------------------------------------


async def read_events(port: int, since: int) -> Stream:
    """A stream of JSON lines of the lobby, behind a cursor."""
    streams = await asyncio.open_connection(HERE, port)
    streams[1].write(
        f"GET /rooms/lobby/events?since={since} HTTP/1.1\r\nHost: localhost\r\n"
        "Accept: application/x-ndjson\r\n\r\n".encode()
    )
    head = await streams[0].readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"refused: {head.decode()}")
    return streams


async def say(streams: Stream, text: str, key: str = "") -> int:
    """Post a message in the lobby on a connection that is kept; its id.  With a key, again until it
    is stored; without, exits if it is refused.
    """
    while not (id_ := await say_in("lobby", streams, text, key)):
        if not key:
            raise SystemExit("refused: the store is not available")
        print("refused for now; said again", flush=True)
        await asyncio.sleep(0.5)
    return id_


async def say_in(room: str, streams: Stream, text: str, key: str = "") -> int | None:
    """Post a message on a connection that is kept; its id, or None if the store refuses it now."""
    reader, writer = streams
    known = f"Idempotency-Key: {key}\r\n" if key else ""
    writer.write(
        f"POST /rooms/{room}/messages?name=bench HTTP/1.1\r\nHost: localhost\r\n"
        f"{known}Content-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
    )
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(size)
    if head.startswith(b"HTTP/1.1 503"):
        return None
    if not head.startswith(b"HTTP/1.1 201"):
        raise SystemExit(f"refused: {body.decode()}")
    id_: int = msgspec.json.decode(body)["id"]
    return id_


async def next_text(reader: asyncio.StreamReader) -> str:
    """The text of the next message on a stream."""
    while line := await reader.readline():
        if line.startswith(b"{"):
            event = msgspec.json.decode(line)
            if event.get("type") == "message":
                return str(event["text"])
            if event.get("type") == "gap":
                raise SystemExit("a gap was told")
    raise ConnectionError("the stream has ended")


# -- what is measured ------------------------------------------------------------------------------


async def latency(number: int = 3000) -> None:
    """From before a POST until a stream has the message, one message under way."""
    async with nodes(2) as some:
        one, two = (node.ports["http"] for node in some.all)
        speaker = await asyncio.open_connection(HERE, one)
        for name, port in (("the other node", two), ("the same node", one)):
            listening = await read_events(port, await say(speaker, "begin"))
            times = []
            before = some.cpu()
            for n in range(number):
                began = monotonic()
                said = asyncio.create_task(say(speaker, f"{n} {TEXT}"))
                text = await next_text(listening[0])
                times.append(monotonic() - began)
                await said
                assert text.startswith(f"{n} ")
            spent = [after - each for each, after in zip(before, some.cpu(), strict=True)]
            times.sort()
            half, most = (1000 * times[int(len(times) * part)] for part in (0.5, 0.99))
            engine, there, other = (1e6 * each / number for each in spent)
            print(
                f"read on {name}: half within {half:.2f} ms, 99 % within {most:.2f} ms; CPU time"
                f" a message: {there:.0f} µs where it is said, {other:.0f} µs on the other node,"
                f" {engine:.0f} µs in Redis",
                flush=True,
            )
            listening[1].transport.abort()


async def appends(total: int = 40_000) -> None:
    """Appends by one node, with batches of a turn."""
    async with nodes() as some:
        worker = await Worker.start("appends", some.engine.port, total, 10, 1, 10, 100)
        engine = cpu_of(some.engine.pid)
        for _ in range(3):
            told = msgspec.json.decode(await worker.hear(), type=Appended)
            now = cpu_of(some.engine.pid)
            print(
                f"{told.size} in a turn: {total / told.took:,.0f} messages a second; CPU time a"
                f" message: {1e6 * told.cpu / total:.1f} µs in the node that appends,"
                f" {1e6 * (now - engine) / total:.1f} µs in Redis",
                flush=True,
            )
            engine = now
            worker.tell("on")
        await worker.end()


async def quiet(total: int = 40_000) -> None:
    """The CPU time of a node for each message of a room that none of its clients reads."""
    async with nodes(1) as some:
        worker = await Worker.start("appends", some.engine.port, total, 10, 1, 10, 100)
        _, before = some.cpu()
        for _ in range(3):
            told = msgspec.json.decode(await worker.hear(), type=Appended)
            await settled(some.all[0].pid)
            _, now = some.cpu()
            print(
                f"{told.size} in a turn, {total / told.took:,.0f} messages a second:"
                f" {1e6 * (now - before) / total:.1f} µs of CPU time a message"
                " of a node without readers of the room",
                flush=True,
            )
            before = now
            worker.tell("on")
        await worker.end()


async def settled(pid: int) -> None:
    """Return when a process has done what it had to do."""
    before = -1.0
    while (now := cpu_of(pid)) - before > 0.002:
        before = now
        await asyncio.sleep(0.3)


async def readers(each: int, number: int = 300) -> None:
    """CPU time of a node for each delivery: one node with its readers, then two, each with as many;
    a speaker on the first.
    """
    costs = []
    for count in (1, 2):
        async with nodes(count) as some:
            spent = [cpu / (number * each) for cpu in await delivered(some, each, number)]
        costs.append(max(spent))
        print(
            f"{count} × {each} readers: {', '.join(f'{1e6 * cpu:.2f}' for cpu in spent)} µs of CPU"
            " time of each node a delivery",
            flush=True,
        )
    print(f"two nodes carry {2 * costs[0] / costs[1]:.2f} × the readers of one at the same CPU")


async def delivered(some: Nodes, each: int, number: int) -> list[float]:
    """Seconds of CPU time of each node for so many messages to each one's readers."""
    ports = [node.ports["http"] for node in some.all]
    speaker = await asyncio.open_connection(HERE, ports[0])
    first = await say(speaker, "begin")
    crowds = [await Worker.start("crowd", port, port, each, first) for port in ports]
    for crowd in crowds:
        await crowd.hear()
    spent: list[list[float]] = []
    for part in (WARM, number):
        for n in range(part):
            last = await say(speaker, TEXT, f"{part}-{n}")
        for crowd in crowds:
            crowd.tell(last)
        for crowd in crowds:
            assert msgspec.json.decode(await crowd.hear(), type=Report).complete
        spent.append(some.cpu()[1:])
    for crowd in crowds:
        await crowd.end()
    return [after - before for before, after in zip(*spent, strict=True)]


async def storm(count: int) -> None:
    """The readers of a killed node come back on another one, while somebody speaks."""
    async with nodes(2) as some:
        one, two = some.all
        speaker = await asyncio.open_connection(HERE, two.ports["http"])
        first = await say(speaker, "begin")
        crowd = await Worker.start("crowd", one.ports["http"], two.ports["http"], count, first)
        connected = msgspec.json.decode(await crowd.hear(), type=Report)
        print(
            f"{count} readers connected in {connected.took:.1f} s;"
            f" CPU time: {some.cpu()[1]:.1f} s of the node, from its start on,"
            f" {connected.cpu:.1f} s of the clients",
            flush=True,
        )
        said = [await say(speaker, TEXT, f"before-{n}") for n in range(5)]
        crowd.tell(said[-1])
        await crowd.hear()
        before = cpu_of(two.pid)
        one.signal(signal.SIGKILL)
        for n in range(10):
            said.append(await say(speaker, TEXT, f"after-{n}"))
            await asyncio.sleep(0.1)
        crowd.tell(said[-1])
        report = msgspec.json.decode(await crowd.hear(), type=Report)
        await crowd.end()
        assert report.complete, "a reader has missed a message, or read one twice"
        assert report.ids == said, "the readers have missed a message, or read one twice"
        print(
            f"{report.back} readers of a killed node have everything again after {report.took:.1f}"
            f" s; CPU time: {cpu_of(two.pid) - before:.1f} s of the other node,"
            f" {report.cpu:.1f} s of the clients; nothing was missing, nothing twice"
        )


async def start() -> None:
    """A node starts into 1,000 rooms of 100 events; beside it one that starts into nothing."""
    async with nodes() as some:
        filling = await Worker.start("appends", some.engine.port, 100_000, 1000, 100)
        await filling.hear()
        await filling.end()
        with TemporaryDirectory(prefix="bench-") as directory:
            for what, store in (
                ("nothing", "memory:"),
                ("1,000 rooms with 100,000 events", some.store),
            ):
                times = []
                for _ in range(5):
                    server = Server(Path(directory), [*OPTIONS, "--store", store])
                    began = monotonic()
                    await server.start()
                    times.append((monotonic() - began, cpu_of(server.pid)))
                    await server.stop()
                took, cpu = sorted(times)[2]
                print(
                    f"a process that starts into {what} listens after {took:.2f} s (median), with"
                    f" {cpu:.2f} s of CPU time",
                    flush=True,
                )


def main() -> None:
    """One measurement."""
    parser = argparse.ArgumentParser("bench.nodes", description=__doc__)
    works = {"latency": latency, "appends": appends, "quiet": quiet, "start": start}
    parser.add_argument("what", choices=[*works, "readers", "storm"])
    parser.add_argument("--readers", type=int, help="of the storm (5000), or each node (1000)")
    asked = parser.parse_args()
    print("\n".join(machine()))
    match asked.what:
        case "storm":
            asyncio.run(storm(asked.readers or 5000))
        case "readers":
            asyncio.run(readers(asked.readers or 1000))
        case what:
            asyncio.run(works[what]())
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
