"""`--workers`: several processes behind the same ports."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from chatd.console.link import ask
from chatd.console.tasks import AddAccount, ListAccounts
from tests.kit.processes import PATIENCE, TWISTD, Program
from tests.kit.redis import RedisServer

from .conftest import Start
from .streams import connection, request_json, run_in_thread

DOORS = ("--line", "none", "--http", "tcp:0:interface=127.0.0.1", "--irc", "none")
ADMIN = ("--admin", "tcp:0:interface=127.0.0.1")
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    server = RedisServer(tcp=True).start()
    yield server
    server.remove()


@pytest.fixture
def served(redis: RedisServer, start: Start) -> tuple[Program, int]:
    """A supervisor of two workers, and their port."""
    store = f"redis://127.0.0.1:{redis.port}"
    options = (*DOORS, *ADMIN, "--store", store, "--workers", "2", "--message-rate", "0")
    program = start(TWISTD, "--nodaemon", "--pidfile=", "chatd", *options)
    port = int(program.expect(r"http door listening on 127\.0\.0\.1:(\d+)")[1])
    program.expect("2 workers serve")
    return program, port


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
            page = await request_json(streams, "GET", "/rooms/lobby/events?since=0&limit=500")
        events: list[dict[str, Any]] = page["events"]
        if last in [event.get("text") for event in events]:
            return events
        await asyncio.sleep(0.01)


def test_a_session_is_good_on_every_worker(served: tuple[Program, int]) -> None:
    """Whichever accepts a connection: one person, who comes once."""
    program, port = served

    async def talk() -> None:
        token = await entered(port, "ada")
        texts = await one_by_one(port, token, 40)
        events = await history(port, texts[-1])
        assert [event["text"] for event in events if event["type"] == "message"] == texts
        assert [event["from"] for event in events if event["type"] == "join"] == ["ada"]

    run_in_thread(talk())
    assert len(workers_of(program)) == 2


def test_nobody_is_turned_away_while_workers_are_restarted(served: tuple[Program, int]) -> None:
    """SIGHUP restarts them one by one; a session goes on in the new ones."""
    program, port = served
    before = set(workers_of(program))

    async def talk() -> list[str]:
        token = await entered(port, "ada")
        said = []
        program.signal(signal.SIGHUP)
        async with asyncio.timeout(4 * PATIENCE):  # two processes start, and two end
            while before & set(workers_of(program)):
                said += await one_by_one(port, token, 1)
                await asyncio.sleep(0.01)
        said += await one_by_one(port, token, 50)
        events = await history(port, said[-1])
        texts = [event["text"] for event in events if event["type"] == "message"]
        assert texts[-100:] == said[-100:]
        return said

    assert run_in_thread(talk())
    program.expect("all workers are restarted")


def test_a_worker_that_is_killed_is_replaced(served: tuple[Program, int]) -> None:
    """The other one serves meanwhile."""
    program, port = served
    os.kill(workers_of(program)[0], signal.SIGKILL)
    program.expect("started again")
    program.expect("http door listening")

    async def talk() -> None:
        token = await entered(port, "ada")
        await one_by_one(port, token, 10)

    run_in_thread(talk())


def test_all_end_with_the_supervisor(served: tuple[Program, int]) -> None:
    """SIGTERM drains them; the exit status is 0."""
    program, _ = served
    pids = workers_of(program)
    program.signal(signal.SIGTERM)
    assert program.wait() == 0
    assert "Traceback" not in program.output
    assert not any(map(is_alive, pids))


def test_workers_end_when_their_supervisor_is_killed(served: tuple[Program, int]) -> None:
    """Their standard input ends."""
    program, _ = served
    pids = workers_of(program)
    program.kill()

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


async def asked(port: int, target: str) -> tuple[int, bytes]:
    """The status and the body of an answer, whichever worker gives it."""
    async with connection(port) as (reader, writer):
        request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return int(head.split()[1]), body


def admin_port(program: Program) -> int:
    """The port of the door for administrators."""
    found = re.search(r"admin door listening on 127\.0\.0\.1:(\d+)", program.output)
    assert found
    return int(found[1])


def test_metrics_are_those_of_all_workers(served: tuple[Program, int]) -> None:
    """Whichever worker is asked; a worker that dies takes nothing out of the counters."""
    program, port = served
    admin = admin_port(program)

    async def counted() -> dict[str, float]:
        status, body = await asked(admin, "/metrics")
        assert status == 200
        samples = [line.rpartition(" ") for line in body.decode().splitlines()]
        return {name: float(value) for name, _, value in samples if not name.startswith("#")}

    async def talk() -> None:
        token = await entered(port, "ada")
        await one_by_one(port, token, 30)
        async with asyncio.timeout(PATIENCE):
            while True:  # a worker counts a message when it has been shown
                found = [await counted() for _ in range(10)]
                said = [each['chatd_commands_stored_total{type="message"}'] for each in found]
                if said == [30] * 10:
                    break
        assert [each["chatd_workers"] for each in found] == [2] * 10
        assert {each["chatd_people"] for each in found} == {1}
        os.kill(workers_of(program)[0], signal.SIGKILL)
        async with asyncio.timeout(PATIENCE):
            while (found := [await counted()])[0]["chatd_workers"] != 1:
                await asyncio.sleep(0.01)
        assert found[0]['chatd_commands_stored_total{type="message"}'] == 30

    run_in_thread(talk())


def test_health_is_that_of_the_store_on_every_worker(
    served: tuple[Program, int], redis: RedisServer
) -> None:
    """At the public door and at the administrators'."""
    program, port = served
    doors = [port, admin_port(program)]

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


def test_the_console_reaches_whichever_worker_answers(
    start: Start, redis: RedisServer, tmp_path: Path
) -> None:
    """By one socket that only its owner can open; it is there while workers are restarted, and
    gone in the end.  A door may be a UNIX socket, too.
    """
    store = f"redis://127.0.0.1:{redis.port}"
    with TemporaryDirectory(prefix="chatd-") as directory:
        door = Path(directory, "door")
        doors = ("--line", "none", "--irc", "none", "--http", f"unix:{door}:mode=660")
        program = start(
            TWISTD, "--nodaemon", "--pidfile=", "--rundir", directory, "chatd",
            *doors, "--store", store, "--workers", "2",
        )  # fmt: skip
        program.expect("2 workers serve")
        console = Path(directory, "chatd-console")
        assert [path.stat().st_mode & 0o777 for path in (console, door)] == [0o600, 0o660]
        for n in range(10):
            assert ask(console, AddAccount(name=f"ada-{n}", password="correct horse"))
        before = set(workers_of(program))
        program.signal(signal.SIGHUP)
        program.expect("all workers are restarted")
        assert not before & set(workers_of(program))
        listed = ask(console, ListAccounts())
        assert listed is not None
        assert len(listed) == 10
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(door))
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        program.signal(signal.SIGTERM)
        assert program.wait() == 0
        assert not console.exists()
        assert not door.exists()
        assert "Traceback" not in program.output


def test_workers_share_a_socket_of_systemd(start: Start, redis: RedisServer) -> None:
    """Which systemd has passed to the supervisor."""
    store = f"redis://127.0.0.1:{redis.port}"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        # As systemd does it: the sockets begin at descriptor 3 (sd_listen_fds(3)).
        run = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True); "
            "os.environ.update("
            "LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='http'); "
            "os.execv(sys.argv[2], sys.argv[2:])"
        )
        os.set_inheritable(listening.fileno(), True)
        doors = ("--line", "none", "--irc", "none", "--http", "systemd:domain=INET:index=0")
        program = start(
            sys.executable, "-c", run, str(listening.fileno()),
            TWISTD, "--nodaemon", "--pidfile=", "chatd", *doors, "--store", store, "--workers", "2",
            files=(listening.fileno(),),
        )  # fmt: skip
        program.expect("2 workers serve")

    async def talk() -> None:
        token = await entered(port, "ada")
        await one_by_one(port, token, 10)

    run_in_thread(talk())
    program.signal(signal.SIGTERM)
    assert program.wait() == 0
