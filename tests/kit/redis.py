"""A Redis for tests: a process of its own, and connections to it that need no reactor."""

from __future__ import annotations

import atexit
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from select import select
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from chatd.model.errors import Unavailable
from chatd.store.redis.link import Link
from chatd.store.redis.store import RedisStore
from chatd.store.redis.times import Times
from chatd.testing import START, result_of
from chatd.testing.clock import StrictClock
from chatd.testing.stores import FakeFollower

PATIENCE = 30.0
"""Seconds for a server to come up, or to answer."""


class RedisServer:
    """One `redis-server`, on a socket in a directory of its own, and if asked on a port."""

    def __init__(self, *options: str, tcp: bool = False) -> None:
        self.port = free_port() if tcp else 0
        self.directory = Path(tempfile.mkdtemp(prefix="chatd-redis-"))
        self.path = self.directory / "socket"
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, password: str = "") -> RedisServer:
        """Begin to serve, with what was kept."""
        self.process = subprocess.Popen(
            [
                "redis-server",
                *(
                    "--port",
                    str(self.port),
                    "--bind",
                    "127.0.0.1",
                    "--unixsocket",
                    str(self.path),
                    "--dir",
                    str(self.directory),
                ),
                *("--save", "", "--daemonize", "no", "--loglevel", "warning", *self.options),
            ],
            stdout=subprocess.DEVNULL,
        )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if self.ask("PING").startswith(b"-NOAUTH" if password else b"+PONG"):
                    return self
            except OSError:
                pass
            time.sleep(0.005)
        raise TimeoutError("redis-server does not answer")

    def ask(self, *words: str) -> bytes:
        """What the server answers to one command, as it comes.  Raises `OSError`."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(PATIENCE)
            asking.connect(str(self.path))
            parts = [b"$%d\r\n%b\r\n" % (len(word.encode()), word.encode()) for word in words]
            asking.sendall(b"*%d\r\n%b" % (len(parts), b"".join(parts)))
            return asking.recv(1 << 20)

    def copy(self) -> RedisServer:
        """Another server, which begins with what this one has by now: a replica that is cut off."""
        self.ask("SAVE")
        other = RedisServer()
        shutil.copy(self.directory / "dump.rdb", other.directory)
        return other.start()

    def holds(self, text: str) -> bool:
        """Whether any file of the server's holds the text."""
        files = [path for path in self.directory.rglob("*") if path.is_file()]
        return any(text.encode() in path.read_bytes() for path in files)

    def await_rewriting(self) -> None:
        """Wait until its log of writes has been rewritten."""
        end = time.monotonic() + PATIENCE
        while b"aof_rewrites:0" in (told := self.ask("INFO", "persistence")) or (
            b"aof_rewrite_in_progress:1" in told or b"aof_rewrite_scheduled:1" in told
        ):
            assert time.monotonic() < end, "the log of writes is not rewritten"
            time.sleep(0.005)

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        assert self.process
        self.process.send_signal(number)

    def kill(self) -> None:
        """The process dies at once."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def remove(self) -> None:
        """Nothing is left of it."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


def absent_server() -> RedisServer:
    """A server that is not there."""
    server = RedisServer()
    server.remove()
    return server


class Sentinel:
    """One `redis-server --sentinel`, which watches `master`.

    It fails over after a minute of silence only, so that a busy machine makes no failover; a test
    sets a shorter time (`SENTINEL SET`) when the master is dead.
    """

    def __init__(self, master: RedisServer, service: str = "main") -> None:
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="chatd-sentinel-"))
        settings = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {self.directory}",
            f"sentinel monitor {service} 127.0.0.1 {master.port} 1",
            f"sentinel down-after-milliseconds {service} 60000",
            f"sentinel failover-timeout {service} 2000",
        ]
        path = self.directory / "sentinel.conf"
        path.write_text("\n".join([*settings, ""]))
        self._process = subprocess.Popen(
            ["redis-server", str(path), "--sentinel", "--loglevel", "warning"],
            stdout=subprocess.DEVNULL,
        )

    def remove(self) -> None:
        """Nothing is left of it."""
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def free_port() -> int:
    """A port that nothing listens on; Redis cannot choose one itself."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@cache
def shared_server() -> RedisServer:
    """The server that most tests share; each has a prefix of its own."""
    server = RedisServer("--enable-debug-command", "yes").start()
    atexit.register(server.remove)
    return server


_numbers = count(1)


def fresh_prefix() -> str:
    """A prefix that no other test has."""
    return f"test-{next(_numbers)}"


class Wire:
    """A transport over a socket that is read and written when it is told to, or goes mute."""

    disconnecting = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(str(path))
        except OSError:
            self.socket.close()
            raise
        self.link: Link | None = None
        self.mute = False
        """Whether nothing gets through, either way, as behind a switch that has died."""
        self.held: list[bytes] = []
        """What was sent meanwhile."""

    def write(self, data: bytes) -> None:
        """Send at once."""
        if self.mute:
            self.held.append(data)
        elif self.link:
            with suppress(OSError):  # it is seen on reading
                self.socket.sendall(data)

    def abortConnection(self) -> None:
        """Close."""
        self.lose()

    loseConnection = abortConnection

    def read(self) -> bool:
        """Read what has come; whether anything has."""
        if self.link is None or self.mute or not select([self.socket], [], [], 0)[0]:
            return False
        try:
            data = self.socket.recv(1 << 20)
        except OSError:
            data = b""
        if data:
            self.link.dataReceived(data)
        else:
            self.lose()
        return True

    def lose(self) -> None:
        """The connection is gone; what was held may come to the server later all the same."""
        link, self.link = self.link, None
        if not self.mute:
            self.socket.close()
        if link:
            link.connectionLost(Failure(ConnectionDone()))

    def arrive_late(self) -> bytes:
        """What was held comes to the server; its answer."""
        self.socket.sendall(b"".join(self.held))
        self.held.clear()
        answer = self.socket.recv(1 << 20)
        self.socket.close()
        return answer


class Dialler:
    """Makes connections to one server, and lets what is on its way arrive."""

    def __init__(
        self, server: RedisServer, clock: IReactorTime, all_wires: list[Wire] | None = None
    ) -> None:
        """`all_wires` are those of several nodes that settle together."""
        self.server = server
        self._clock = clock
        self.wires: list[Wire] = []
        """The connections that were made here."""
        self._all = [] if all_wires is None else all_wires
        self.stopped = False
        """Whether the server is known to be stopped: nothing is waited for."""

    def __call__(self) -> Deferred[Link]:
        """Connect."""
        try:
            wire = Wire(self.server.path)
        except OSError as problem:
            return fail(Unavailable(str(problem)))
        link = Link(self._clock)
        wire.link = link
        self.wires.append(wire)
        self._all.append(wire)
        link.makeConnection(wire)
        return succeed(link)

    def moved(self) -> Deferred[bool]:
        """Whether a test has put another server in the place of that of the last connection."""
        return succeed(bool(self.wires) and self.wires[-1].path != self.server.path)

    def settle(self, turn: Callable[[], Any]) -> None:
        """Let happen what happens by itself: until nothing is asked and nothing is on its way."""
        end = time.monotonic() + PATIENCE
        while True:
            turn()
            self._all[:] = [wire for wire in self._all if wire.link]
            if sum(wire.read() for wire in list(self._all)):
                continue
            if self.stopped:
                return
            open_ = [wire for wire in self._all if wire.link and not wire.mute]
            owed = [wire.socket for wire in open_ if wire.link and wire.link.owed]
            if owed:
                assert time.monotonic() < end, "the server does not answer"
                select(owed, [], [], 0.1)
            elif not sum(_arrives(wire) for wire in open_):
                return


def _arrives(wire: Wire) -> bool:
    """Whether a message was on its way: what is published is written before a later answer."""
    link = wire.link
    if link is None or link.pushed is None:
        return False
    pushed = link.pushed
    came = []

    def note(message: bytes) -> None:
        came.append(message)
        pushed(message)

    link.pushed = note
    link.ask("PING").addErrback(lambda _: None)
    while wire.link and link.owed:
        if not wire.read():
            select([wire.socket], [], [], 0.1)
    if link.pushed is note:
        link.pushed = pushed
    return bool(came)


class Node:
    """One node: its store, and what it was shown."""

    def __init__(self, nodes: RedisNodes, name: str) -> None:
        self.dialler = Dialler(nodes.server, nodes.clock, nodes.wires)
        self.store = RedisStore(
            nodes.clock,
            self.dialler,
            nodes.history,
            node=name,
            prefix=nodes.prefix,
            times=nodes.times,
        )
        self.follower = FakeFollower()

    @property
    def ids(self) -> list[int]:
        """The ids of all units that it was shown."""
        return [unit.id for unit in self.follower.units]

    def cut(self) -> None:
        """Its connections are lost."""
        for wire in self.dialler.wires:
            wire.lose()

    def die(self) -> None:
        """Its process is gone, without a word."""
        self.store._stop()

    def go_mute(self) -> list[Wire]:
        """Nothing gets through on its connections, nor on any that it makes from here on; answers
        those that were open.
        """
        wires = [wire for wire in self.dialler.wires if wire.link]
        for wire in wires:
            wire.mute = True
        return wires


class RedisNodes:
    """Several nodes on one server, and the turns of their one reactor."""

    def __init__(
        self,
        *names: str,
        server: RedisServer | None = None,
        history: int = 1000,
        times: Times | None = None,
    ) -> None:
        self.times = times
        self.clock = StrictClock()
        self.clock.advance(START)
        self.server = server or shared_server()
        self.history = history
        self.prefix = fresh_prefix()
        self.wires: list[Wire] = []
        self.nodes: list[Node] = []
        for name in names:
            self.join(name)

    def make(self, name: str) -> Node:
        """One node more, which is not open yet."""
        node = Node(self, name)
        self.nodes.append(node)
        return node

    def join(self, name: str) -> Node:
        """One node more."""
        node = self.make(name)
        opening = node.store.open(node.follower)
        self.settle()
        result_of(opening)
        return node

    def settle(self) -> None:
        """Let happen what happens by itself."""
        self.nodes[0].dialler.settle(lambda: self.clock.advance(0))

    def advance(self, seconds: float) -> None:
        """Let time pass, and what is due in it happen."""
        for _ in range(round(seconds / 0.1)):
            self.clock.advance(0.1)
            self.settle()

    def key(self, name: str) -> str:
        """A key of this chat."""
        return f"{{{self.prefix}}}:{name}"

    def close(self) -> None:
        """Close all stores."""
        closing = [node.store.close() for node in self.nodes]
        self.settle()
        for closed in closing:
            result_of(closed)

    def __enter__(self) -> RedisNodes:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        for node in self.nodes:
            for wire in node.dialler.wires:
                wire.socket.close()
