"""Several nodes on one Redis: `python -m bench.nodes latency|appends|start|storm`.

Each prints what it measures and how.  Clients, nodes and Redis share this machine: see that nothing
else is running.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, process_time
from typing import Any

import msgspec

from soak.nodes import Engine, Nodes
from soak.server import Server

from .machine import machine

HERE = "127.0.0.1"
OPTIONS = ("--message-rate", "0", "--address-rate", "0", "--max-connections-per-address", "0")
TEXT = "x" * 80
FSYNC = "everysec"
"""How Redis logs its writes; `always` makes the disk part of every figure."""
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


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


async def say(streams: Stream, text: str) -> int:
    """Post a message in the lobby, again until it is stored; its id."""
    while not (id_ := await say_in("lobby", streams, text)):
        print("refused for now; said again")
        await asyncio.sleep(1)
    return id_


async def say_in(room: str, streams: Stream, text: str) -> int | None:
    """Post a message on a connection that is kept, until it is stored; None if it was refused."""
    reader, writer = streams
    writer.write(
        f"POST /rooms/{room}/messages?name=bench HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()
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


async def next_text(reader: asyncio.StreamReader) -> tuple[int, str]:
    """The next message on a stream: its id and text."""
    while line := await reader.readline():
        if line.startswith(b"{"):
            event = msgspec.json.decode(line)
            if event["type"] == "message":
                return event["id"], event["text"]
            if event["type"] == "gap":
                raise SystemExit("a gap was told")
    raise ConnectionError("the stream has ended")


async def latency(nodes: Nodes) -> None:
    """From before a POST until a stream has the message, one message under way."""
    one, two = (node.ports["http"] for node in nodes.nodes[:2])
    speaker = await asyncio.open_connection(HERE, one)
    for name, port in (("the other node", two), ("the same node", one)):
        listening = await read_events(port, await say(speaker, "begin"))
        times = []
        for number in range(3000):
            began = monotonic()
            said = asyncio.create_task(say(speaker, f"{number} {TEXT}"))
            _, text = await next_text(listening[0])
            times.append(monotonic() - began)
            await said
            assert text.startswith(f"{number} ")
        times.sort()
        half, most = (1000 * times[int(len(times) * part)] for part in (0.5, 0.99))
        print(f"read on {name}: half within {half:.2f} ms, 99 % within {most:.2f} ms")


async def storm(nodes: Nodes, readers: int) -> None:
    """The readers of a killed node come back on another one, while somebody speaks."""
    one, two = nodes.nodes[:2]
    speaker = await asyncio.open_connection(HERE, two.ports["http"])
    first = await say(speaker, "begin")
    read: list[list[int]] = [[] for _ in range(readers)]
    said: list[int] = []
    over = asyncio.Event()
    back = 0

    async def follow(ids: list[int], port: int) -> None:
        reader, writer = await read_events(port, ids[-1] if ids else first)
        try:
            while not (over.is_set() and ids and ids[-1] == said[-1]):
                ids.append((await next_text(reader))[0])
        finally:
            writer.transport.abort()

    async def live(ids: list[int]) -> None:
        nonlocal back
        try:
            await follow(ids, one.ports["http"])
        except OSError:
            back += 1
            await follow(ids, two.ports["http"])

    living = [asyncio.create_task(live(ids)) for ids in read]
    await asyncio.sleep(15)
    for _ in range(5):
        said.append(await say(speaker, TEXT))
    while any(ids[-1:] != said[-1:] for ids in read):
        await asyncio.sleep(0.1)
    pid = two.pid
    before = cpu_of(pid)
    began = monotonic()
    one.signal(signal.SIGKILL)
    for _ in range(10):
        said.append(await say(speaker, TEXT))
        await asyncio.sleep(0.1)
    over.set()
    said.append(await say(speaker, TEXT))
    await asyncio.gather(*living)
    took = monotonic() - began
    assert all(ids == said for ids in read), "something is missing, or is there twice"
    print(
        f"{back} readers of a killed node have everything again after {took:.1f} s; the other node"
        f" took {cpu_of(pid) - before:.1f} s of CPU time; nothing was missing, nothing twice"
    )


def cpu_of(pid: int) -> float:
    """Seconds of CPU time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def in_twisted(work: Callable[[Any], Any]) -> None:
    """Run a coroutine function with Twisted's reactor."""
    from twisted.internet import task
    from twisted.internet.defer import Deferred

    task.react(lambda reactor: Deferred.fromCoroutine(work(reactor)))


def opened(reactor: Any, port: int) -> Any:
    """A store of this process's own."""
    from chatd.store.redis.dialling import Dialler
    from chatd.store.redis.store import RedisStore
    from chatd.store.redis.url import parse

    url = parse(f"redis://{HERE}:{port}")
    return RedisStore(reactor, Dialler(reactor, url), 100, node="bench")


async def append(reactor: Any, port: int, total: int, rooms: int, sizes: list[int]) -> None:
    """Append messages, so many in a turn."""
    from chatd.model.events import Said
    from chatd.model.units import Unit
    from chatd.testing.stores import FakeFollower

    store = opened(reactor, port)
    await store.open(FakeFollower())
    for size in sizes:
        began, cpu = monotonic(), process_time()
        for at in range(0, total, size):
            await store.append(
                [
                    Unit([Said(f"room-{n % rooms}", "bench", TEXT)])
                    for n in range(at, min(at + size, total))
                ]
            )
        took, cpu = monotonic() - began, process_time() - cpu
        print(
            f"{size} in a turn: {total / took:,.0f} messages a second, "
            f"{1e6 * cpu / total:.0f} µs of this process's CPU time each",
            flush=True,
        )
    await store.close()


async def start(directory: Path, engine: Engine) -> None:
    """A node starts into 1,000 rooms of 100 events; beside it one that starts into nothing."""
    filling = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.nodes", "fill", "--port", str(engine.port)),
        stdout=asyncio.subprocess.DEVNULL,
    )
    await filling.wait()
    (directory / "node").mkdir()
    for what, store in (
        ("nothing", "memory:"),
        ("1,000 rooms with 100,000 events", f"redis://{HERE}:{engine.port}"),
    ):
        times = []
        for _ in range(5):
            server = Server(directory / "node", [*OPTIONS, "--store", store])
            began = monotonic()
            await server.start()
            times.append(monotonic() - began)
            await server.stop()
        print(f"a process that starts into {what} listens after {sorted(times)[2]:.2f} s (median)")


async def with_nodes(count: int, work: Callable[[Nodes], Awaitable[None]]) -> None:
    """Run something with nodes, which are gone in the end."""
    with TemporaryDirectory(prefix="bench-") as directory:
        nodes = Nodes(Path(directory), OPTIONS, count, 1, FSYNC)
        try:
            await nodes.start()
            await work(nodes)
        finally:
            nodes.kill()


async def with_engine(work: Callable[[Path, Engine], Awaitable[None]]) -> None:
    """Run something with a Redis, which is gone in the end."""
    with TemporaryDirectory(prefix="bench-") as directory:
        engine = Engine(Path(directory), FSYNC)
        await engine.start()
        try:
            await work(Path(directory), engine)
        finally:
            await engine.end()


async def appends(directory: Path, engine: Engine) -> None:
    """In a process of its own, which has Twisted's reactor."""
    command = (sys.executable, "-m", "bench.nodes", "append", "--port", str(engine.port))
    await (await asyncio.create_subprocess_exec(*command)).wait()


def main() -> None:
    """One measurement."""
    parser = argparse.ArgumentParser("bench.nodes", description=__doc__)
    parser.add_argument("what", choices=["latency", "appends", "start", "storm", "append", "fill"])
    parser.add_argument("--readers", type=int, default=5000, help="of the storm (5000)")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.what in ("append", "fill"):
        fill = asked.what == "fill"
        sizes = [100] if fill else [1, 10, 100]
        many = (100_000, 1000) if fill else (20_000, 10)
        in_twisted(lambda reactor: append(reactor, asked.port, *many, sizes))
        return
    print("\n".join(machine()))
    match asked.what:
        case "latency":
            asyncio.run(with_nodes(2, latency))
        case "storm":
            asyncio.run(with_nodes(2, lambda nodes: storm(nodes, asked.readers)))
        case "appends":
            asyncio.run(with_engine(appends))
        case "start":
            asyncio.run(with_engine(start))


if __name__ == "__main__":
    main()
