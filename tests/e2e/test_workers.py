"""`--workers`: several processes behind the same ports."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from chatd.console.link import ask
from chatd.console.tasks import AddAccount, ListAccounts
from tests.kit.processes import PATIENCE, TWISTD, Program
from tests.kit.redis import RedisServer, fresh_prefix

from .conftest import Start
from .streams import connection, request_json, run_in_thread

DOORS = ("--line", "none", "--http", "tcp:0:interface=127.0.0.1", "--irc", "none")
ADMIN = ("--admin", "tcp:0:interface=127.0.0.1")
HERE = ("127.0.0.1", 0)
JSON = {"Content-Type": "application/json"}


class Served:
    """A supervisor of two workers."""

    def __init__(self, directory: Path, store: str) -> None:
        self.door = directory / "door"
        """The path of a door that is a UNIX socket."""
        self.console = directory / "chatd-console"
        doors = (*DOORS, "--http", f"unix:{self.door}:mode=660", *ADMIN)
        options = ("--store", store, "--workers", "2", "--message-rate", "0")
        twistd = (TWISTD, "--nodaemon", "--pidfile=", "--rundir", str(directory), "chatd")
        self.program = Program(*twistd, *doors, *options)
        self.port = self._port("http")
        self.admin = self._port("admin")
        self.program.expect("2 workers serve")
        self.ended = False

    def _port(self, door: str) -> int:
        return int(self.program.expect(rf"{door} door listening on 127\.0\.0\.1:(\d+)")[1])

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return workers_of(self.program)

    def kill(self) -> None:
        """Kill the supervisor."""
        self.ended = True
        self.program.kill()


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    server = RedisServer(tcp=True).start()
    yield server
    server.remove()


@pytest.fixture
def store(redis: RedisServer) -> str:
    """The URL of a store that no other test has."""
    return f"redis://127.0.0.1:{redis.port}?prefix={fresh_prefix()}"


@pytest.fixture(scope="module")
def shared(redis: RedisServer) -> Iterator[Callable[[], Served]]:
    """What answers the supervisor that the tests share; another one, if a test has ended it.

    Each test has names of its own.
    """
    begun: list[Served] = []
    with TemporaryDirectory(prefix="chatd-") as directory:  # short, as a socket's path has to be

        def get() -> Served:
            if not begun or begun[-1].ended:
                store = f"redis://127.0.0.1:{redis.port}?prefix={fresh_prefix()}"
                begun.append(Served(Path(directory), store))
            return begun[-1]

        yield get
        for served in begun:
            served.kill()


@pytest.fixture
def served(shared: Callable[[], Served]) -> Served:
    """A supervisor of two workers, which tests share."""
    return shared()


def workers_of(program: Program) -> list[int]:
    """The process ids of the workers."""
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def is_alive(pid: int) -> bool:
    """Whether a process runs: one that has ended may wait for its parent to notice."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


async def one_by_one(port: int, token: str, number: int) -> list[str]:
    """Say something on as many connections, one after another; what was said."""
    texts = [f"{token[:4]} {n}" for n in range(number)]
    for text in texts:
        async with connection(port) as streams:
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/plain"}
            await request_json(streams, "POST", "/rooms/lobby/messages", text, headers)
    return texts


async def entered(port: int, name: str) -> str:
    """The token of a new session."""
    async with connection(port) as streams:
        session = await request_json(streams, "POST", "/session", f'{{"name":"{name}"}}', JSON)
    token: str = session["token"]
    return token


async def history(port: int, last: str) -> list[dict[str, Any]]:
    """The newest events of the lobby, when the worker that answers has been shown the message
    `last`: another one may have acknowledged it a moment ago.
    """
    while True:
        async with connection(port) as streams:
            page = await request_json(
                streams, "GET", "/rooms/lobby/events?before=9000000000000000&limit=500"
            )
        events: list[dict[str, Any]] = page["events"]
        if last in [event.get("text") for event in events]:
            return events
        await asyncio.sleep(0.01)


def test_a_session_is_good_on_every_worker(served: Served) -> None:
    """Whichever accepts a connection: one person, who comes once."""

    async def talk() -> None:
        token = await entered(served.port, "ada")
        texts = await one_by_one(served.port, token, 40)
        events = await history(served.port, texts[-1])
        mine = [event for event in events if event["from"] == "ada"]
        assert [event["text"] for event in mine if event["type"] == "message"] == texts
        assert len([event for event in mine if event["type"] == "join"]) == 1

    run_in_thread(talk())
    assert len(served.workers) == 2


def test_nobody_is_turned_away_while_workers_are_restarted(served: Served) -> None:
    """SIGHUP restarts them one by one; a session goes on in the new ones, and the console and a
    door that is a UNIX socket stay where they are.
    """
    before = set(served.workers)
    assert ask(served.console, AddAccount(name="bert", password="correct horse"))

    async def talk() -> list[str]:
        token = await entered(served.port, "bob")
        said = []
        served.program.signal(signal.SIGHUP)
        async with asyncio.timeout(4 * PATIENCE):  # two processes start, and two end
            while before & set(served.workers):
                said += await one_by_one(served.port, token, 1)
                await asyncio.sleep(0.01)
        said += await one_by_one(served.port, token, 50)
        events = await history(served.port, said[-1])
        texts = [event["text"] for event in events if event["type"] == "message"]
        assert texts[-100:] == said[-100:]
        return said

    assert run_in_thread(talk())
    served.program.expect("all workers are restarted")
    listed = ask(served.console, ListAccounts())
    assert listed is not None
    assert len(listed) == 1
    assert is_served(served.door)


def is_served(door: Path) -> bool:
    """Whether a UNIX socket is a door of a healthy server."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(door))
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return client.recv(100).startswith(b"HTTP/1.1 200")


def test_metrics_are_those_of_all_workers(served: Served) -> None:
    """Whichever worker is asked; each counts the same people, and nobody twice."""

    async def talk() -> None:
        before = await metrics(served)
        token = await entered(served.port, "cy")
        await one_by_one(served.port, token, 30)
        async with asyncio.timeout(PATIENCE):
            while True:  # a worker counts a message, and sees people leave, when that is shown
                found = [await metrics(served) for _ in range(10)]
                here = len(json.loads((await asked(served.port, "/rooms/lobby"))[1])["here"])
                said = [each[SAID] - before.get(SAID, 0) for each in found]
                people = [each["chatd_people"] for each in found]
                if said == [30] * 10 and people == [here] * 10:
                    break
        assert [each["chatd_workers"] for each in found] == [2] * 10
        assert here > 0

    run_in_thread(talk())


def test_a_worker_that_is_killed_is_replaced(served: Served) -> None:
    """The other one serves meanwhile; the one that died takes nothing out of the counters."""

    async def talk() -> None:
        token = await entered(served.port, "di")
        await one_by_one(served.port, token, 1)
        before = await metrics(served)
        killed = served.workers[0]
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE):
            while (found := await metrics(served))["chatd_workers"] != 1:
                await asyncio.sleep(0.01)
        assert found[SAID] >= before[SAID]
        await one_by_one(served.port, token, 10)
        async with asyncio.timeout(PATIENCE):
            while (await metrics(served))["chatd_workers"] != 2:
                await asyncio.sleep(0.05)
        assert killed not in served.workers
        await one_by_one(served.port, token, 10)

    run_in_thread(talk())
    served.program.expect("started again")


SAID = 'chatd_commands_stored_total{type="message"}'


async def metrics(served: Served) -> dict[str, float]:
    """The metrics, as some worker has them."""
    status, body = await asked(served.admin, "/metrics")
    assert status == 200
    samples = [line.rpartition(" ") for line in body.decode().splitlines()]
    return {name: float(value) for name, _, value in samples if not name.startswith("#")}


async def asked(port: int, target: str) -> tuple[int, bytes]:
    """The status and the body of an answer, whichever worker gives it."""
    async with connection(port) as (reader, writer):
        request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return int(head.split()[1]), body


def test_health_is_that_of_the_store_on_every_worker(served: Served, redis: RedisServer) -> None:
    """At the public door and at the administrators'."""
    doors = [served.port, served.admin]

    async def statuses() -> list[int]:
        return [(await asked(door, "/healthz"))[0] for door in doors for _ in range(6)]

    async def ask() -> None:
        assert await statuses() == [200] * 12
        redis.signal(signal.SIGSTOP)
        async with asyncio.timeout(PATIENCE):
            while await statuses() != [503] * 12:
                await asyncio.sleep(0.1)
        redis.signal(signal.SIGCONT)
        async with asyncio.timeout(PATIENCE):
            while await statuses() != [200] * 12:
                await asyncio.sleep(0.1)

    run_in_thread(ask())


def test_workers_end_when_their_supervisor_is_killed(served: Served) -> None:
    """Their standard input ends."""
    pids = served.workers
    served.kill()

    async def gone() -> None:
        async with asyncio.timeout(PATIENCE):
            while any(map(is_alive, pids)):
                await asyncio.sleep(0.05)

    run_in_thread(gone())


@pytest.mark.parametrize(
    ("store", "line"),
    [
        ("memory:", "--workers 2 needs a store that processes share"),
        ("redis://127.0.0.1:1", "the store cannot be used"),
    ],
)
def test_a_start_that_fails_is_told_in_one_line(start: Start, store: str, line: str) -> None:
    """With status 1."""
    options = (*DOORS, "--store", store, "--workers", "2")
    program = start(TWISTD, "--nodaemon", "--pidfile=", "chatd", *options)
    program.expect(re.escape(line))
    assert program.wait() == 1
    assert "Traceback" not in program.output


def test_workers_share_a_socket_of_systemd_and_all_end_with_the_supervisor(
    start: Start, store: str
) -> None:
    """Which systemd has passed to the supervisor; SIGTERM drains them, and nothing is left of its
    own sockets.  The exit status is 0.
    """
    with TemporaryDirectory(prefix="chatd-") as directory, socket.create_server(HERE) as listening:
        port = listening.getsockname()[1]
        # As systemd does it: the sockets begin at descriptor 3 (sd_listen_fds(3)).
        run = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True); "
            "os.environ.update("
            "LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='http'); "
            "os.execv(sys.argv[2], sys.argv[2:])"
        )
        os.set_inheritable(listening.fileno(), True)
        door, console = Path(directory, "door"), Path(directory, "chatd-console")
        doors = (
            *("--line", "none", "--irc", "none"),
            *("--http", "systemd:domain=INET:index=0", "--http", f"unix:{door}:mode=660"),
        )
        program = start(
            sys.executable, "-c", run, str(listening.fileno()),
            TWISTD, "--nodaemon", "--pidfile=", "--rundir", directory, "chatd", *doors,
            "--store", store, "--workers", "2",
            files=(listening.fileno(),),
        )  # fmt: skip
        program.expect("2 workers serve")
        assert [path.stat().st_mode & 0o777 for path in (console, door)] == [0o600, 0o660]

        async def talk() -> None:
            token = await entered(port, "ada")
            await one_by_one(port, token, 10)

        run_in_thread(talk())
        pids = workers_of(program)
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
        assert "Traceback" not in program.output
        assert not any(map(is_alive, pids))
        assert not console.exists()
        assert not door.exists()
