"""`--workers`: several processes behind the same ports."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kit.processes import PATIENCE, TWISTD, Program
from tests.kit.redis import RedisServer

from .conftest import Start
from .streams import connection, request_json, run_in_thread

DOORS = ("--line", "none", "--http", "tcp:0:interface=127.0.0.1")
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
    options = (*DOORS, "--store", store, "--workers", "2", "--message-rate", "0")
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
        ("memory:", "2 workers need a store that they share"),
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
