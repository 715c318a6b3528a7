"""Several nodes under test, and the Redis that they share: together they look like one server.

Clients connect to any node that is up.  `restart` lets one thing fail at a time, and returns when
all is well again:

1. a node is shut down, killed, or paused, for less or for more time than its lease lasts, and comes
   back;
2. the engine is killed and started again, is stopped for some seconds, or has all its subscriptions
   killed;
3. the way from a node to the engine is cut, or goes mute, for less or for more time than the lease;
4. a replica takes the engine's place that misses what was acknowledged last.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from time import time

from .checker import Loss
from .proxy import Proxy
from .server import PATIENCE, Server, Status

HANG_SECONDS = 10.0
"""Seconds for which the engine is stopped: it hangs, it does not refuse."""
PAUSE_SECONDS = 5.0
"""Seconds for which a node is paused, or cannot reach the engine: less than the lease time."""
GONE_SECONDS = 22.0
"""Such a pause, long enough for the other nodes to give the node up."""
MISSED_SECONDS = 1.5
"""Seconds for which the engine acknowledges writes that its replica does not get."""
MARGIN_SECONDS = 1.0
"""Seconds before a failover in which acknowledged writes may not have reached the replica, and
after it in which acknowledgements may arrive."""
NODES_PATIENCE = 130.0
"""Seconds for everybody to come to the end: a guest whose node was killed keeps its name for 20
seconds and its grace of 75, also if no client knows of the session, as its answer was lost."""
CUTS = 10
"""How often one of the ways to the engine is cut."""
KILLS = 5
"""How often the subscriptions are killed, once a second."""

_OF_FAULTS = re.compile(
    "the store is away|a node has left|a node gives no sign of life|this node was given up"
    "|Redis has lost what it had acknowledged|this node was behind for too long"
    "|the store can(not)? shorten the audit trail"
    "|dropped the waiting lines of .* closed .*: the guest could not enter"
)


class Engine:
    """A `redis-server` that logs its writes; by default before it answers."""

    def __init__(self, directory: Path, fsync: str = "always", master: int = 0) -> None:
        """`master` is the port of the engine that this one replicates; 0 if it is no replica."""
        self._fsync = fsync
        self._replica = ["--replicaof", "127.0.0.1", str(master)] if master else []
        directory.mkdir(exist_ok=True)
        self.socket = directory / "redis.sock"
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None
        self.port = 0

    async def start(self) -> None:
        """Return when it answers.  Raises `TimeoutError`."""
        if not self.port:
            free = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
            self.port = free.sockets[0].getsockname()[1]
            free.close()
            await free.wait_closed()
        self._process = await asyncio.create_subprocess_exec(
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--unixsocket", str(self.socket), "--dir", str(self._directory),
            "--appendonly", "yes", "--appendfsync", self._fsync, "--loglevel", "warning",
            "--repl-diskless-sync-delay", "0", *self._replica, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(PATIENCE):
            while (await self.ask("PING")) != b"+PONG\r\n":
                await asyncio.sleep(0.02)

    async def ask(self, *words: str) -> bytes:
        """What it answers to a command; nothing if it cannot be reached."""
        try:
            reader, writer = await asyncio.open_unix_connection(self.socket)
            writer.write(f"{' '.join(words)}\r\n".encode())
            answer = await reader.readline()
            if answer.startswith(b"$"):
                answer = await reader.readexactly(int(answer[1:]))
            writer.close()
        except OSError:
            return b""
        return answer

    async def follow(self) -> None:
        """Wait until this replica has everything that its master has.  Raises `TimeoutError`."""
        async with asyncio.timeout(PATIENCE):
            while b"master_link_status:up" not in await self.ask("INFO", "replication"):
                await asyncio.sleep(0.05)

    async def promote(self) -> None:
        """End replication, so that this engine misses its master's further writes."""
        assert await self.ask("REPLICAOF", "NO", "ONE") == b"+OK\r\n"
        self._replica = []

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self._process
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send its process a signal."""
        if self._process and self._process.returncode is None:
            self._process.send_signal(number)

    async def end(self) -> None:
        """Kill it."""
        self.signal(signal.SIGKILL)
        if self._process:
            await self._process.wait()


class Nodes(Server):
    """Some nodes of one chat."""

    def __init__(
        self,
        directory: Path,
        options: Sequence[str],
        count: int,
        seed: int,
        fsync: str = "always",
    ) -> None:
        super().__init__(directory, options)
        self._fsync = fsync
        self.engine = Engine(directory / "engine0", fsync)
        self.replica: Engine | None = None
        self._engines = 1
        self.proxies: list[Proxy] = []
        self.lost: list[Loss] = []
        self.count = count
        self._dice = Random(f"{seed} nodes")
        self.nodes: list[Server] = []
        self._fault = 0

    @property
    def ports(self) -> dict[str, int]:
        """The ports of one of the nodes that are up."""
        return self._dice.choice([node for node in self.nodes if node.up.is_set()]).ports

    @ports.setter
    def ports(self, value: dict[str, int]) -> None:
        """Each node has its own."""

    @property
    def log(self) -> list[str]:
        """The lines of all nodes."""
        return [line for node in self.nodes for line in node.log]

    @log.setter
    def log(self, value: list[str]) -> None:
        """Each node has its own."""

    async def start(self) -> None:
        """Return when all nodes are up.  Raises `TimeoutError`."""
        self.life += 1
        await self.engine.start()
        await self._replicate()
        for number in range(self.count):
            self.proxies.append(await Proxy(self.engine.port).start())
            store = f"redis://127.0.0.1:{self.proxies[-1].port}"
            options = [*self._options, "--store", store, "--node", f"n{number}"]
            directory = self._directory / f"n{number}"
            directory.mkdir()
            self.nodes.append(Server(directory, options))
            await self.nodes[-1].start()
        self.up.set()

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """Return when all have ended.  Raises `TimeoutError`."""
        self.up.clear()
        for node in self.nodes:
            await node.stop(number)
        for proxy in self.proxies:
            proxy.end()
        for engine in filter(None, (self.engine, self.replica)):
            await engine.end()

    @property
    def losses(self) -> Sequence[Loss]:
        """See `Server.losses`."""
        return self.lost

    def fault(self, number: signal.Signals) -> str:
        """See `Server.fault`; the signal does not matter."""
        return self._next[0]

    async def restart(self, number: int) -> None:
        """Let the next thing fail, whatever the signal."""
        _, fault = self._next
        self._fault += 1
        self.life += 1
        await fault()
        self.life += 1

    @property
    def _next(self) -> tuple[str, Callable[[], Awaitable[None]]]:
        faults = (
            ("a node is killed", self._kill_node),
            ("the engine is killed", self._kill_engine),
            ("a node is shut down", self._end_node),
            ("the engine hangs", self._hang_engine),
            ("a node is paused", self._pause_node),
            ("subscriptions are killed", self._kill_subscriptions),
            ("a way to the engine is mute", self._go_mute),
            ("a replica that misses writes takes over", self._fail_over),
            ("a node is paused beyond its lease", self._pause_long),
            ("ways to the engine are cut", self._cut),
            ("a way to the engine is mute beyond the lease", self._go_mute_long),
        )
        return faults[self._fault % len(faults)]

    def kill(self) -> None:
        """See to it that nothing is left."""
        for node in self.nodes:
            node.kill()
        for engine in filter(None, (self.engine, self.replica)):
            engine.signal(signal.SIGKILL)

    def status(self) -> Status:
        """The most that any node takes now."""
        statuses = []
        for node in self.nodes:
            with suppress(OSError, KeyError, AssertionError):
                statuses.append(node.status())
        return Status(*map(max, zip(*statuses, strict=True)))

    @property
    def troubles(self) -> list[str]:
        """Lines that do not tell of the faults."""
        told = [line for node in self.nodes for line in node.troubles]
        return [line for line in told if not _OF_FAULTS.search(line)]

    # -- faults ----------------------------------------------------------------------------------

    def _any(self) -> Server:
        return self._dice.choice(self.nodes)

    async def _kill_node(self) -> None:
        await self._any().restart(signal.SIGKILL)

    async def _end_node(self) -> None:
        await self._any().restart(signal.SIGTERM)

    async def _pause_node(self, seconds: float = PAUSE_SECONDS) -> None:
        node = self._any()
        node.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        node.signal(signal.SIGCONT)

    async def _pause_long(self) -> None:
        await self._pause_node(GONE_SECONDS)

    async def _go_mute(self, seconds: float = PAUSE_SECONDS) -> None:
        proxy = self._dice.choice(self.proxies)
        proxy.mute = True
        await asyncio.sleep(seconds)
        proxy.mute = False

    async def _go_mute_long(self) -> None:
        await self._go_mute(GONE_SECONDS)

    async def _cut(self) -> None:
        for _ in range(CUTS):
            self._dice.choice(self.proxies).cut()
            await asyncio.sleep(self._dice.uniform(0, 0.6))

    async def _replicate(self) -> None:
        """Start a replica of the engine."""
        directory = self._directory / f"engine{self._engines}"
        self._engines += 1
        self.replica = Engine(directory, self._fsync, self.engine.port)
        await self.replica.start()
        await self.replica.follow()

    async def _fail_over(self) -> None:
        old, new = self.engine, self.replica
        assert new
        loss = Loss(time() - MARGIN_SECONDS, float("inf"))
        self.lost.append(loss)
        await new.promote()
        await asyncio.sleep(MISSED_SECONDS)
        await old.end()
        loss.ended = time() + MARGIN_SECONDS
        self.engine = new
        for proxy in self.proxies:
            proxy.target = new.port
            proxy.cut()
        await self._replicate()

    async def _kill_engine(self) -> None:
        await self.engine.end()
        await asyncio.sleep(1)
        await self.engine.start()

    async def _hang_engine(self) -> None:
        self.engine.signal(signal.SIGSTOP)
        await asyncio.sleep(HANG_SECONDS)
        self.engine.signal(signal.SIGCONT)

    async def _kill_subscriptions(self) -> None:
        for _ in range(KILLS):
            await self.engine.ask("CLIENT", "KILL", "TYPE", "pubsub")
            await asyncio.sleep(1)
