"""The server under test: a process, looked at from outside through /proc and its log."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .checker import Loss

TWISTD = str(Path(sys.executable).with_name("twistd"))
PATIENCE = 30.0
"""Seconds for the server to start, or to end."""

_HARMLESS = re.compile(r"\S+ \[(-|[^\]]*#(info|debug))\] ")
_DOOR = re.compile(r"(line|http|irc) door listening on 127\.0\.0\.1:(\d+)")
_HERE = "tcp:0:interface=127.0.0.1"


class Status(NamedTuple):
    """What a process takes."""

    memory: int
    """Bytes that are resident."""
    descriptors: int
    threads: int


class Server:
    """`twistd chatd` in a directory of its own, which may be ended and started again."""

    def __init__(self, directory: Path, options: Sequence[str]) -> None:
        self.life = 0
        """How often it was started; it counts before the old process is ended."""
        self.ports: dict[str, int] = {}
        self.up = asyncio.Event()
        self.log: list[str] = []
        self._directory = directory
        self._options = options
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when all doors are open.  Raises `TimeoutError`."""
        self.life += 1
        await self._begin()

    async def _begin(self) -> None:
        self.ports = {}
        self._process = await asyncio.create_subprocess_exec(
            TWISTD, "--nodaemon", "--pidfile=", "chatd", "--line", _HERE, "--http", _HERE,
            "--irc", _HERE, *self._options, cwd=self._directory,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        self._listening = asyncio.create_task(self._listen(self._process))
        async with asyncio.timeout(PATIENCE):
            await self.up.wait()

    async def stop(self, number: int = signal.SIGTERM) -> None:
        """Return when the process has ended.  Raises `TimeoutError`."""
        self.up.clear()
        if self._process and self._listening:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
            async with asyncio.timeout(PATIENCE):
                await self._process.wait()
                await self._listening

    def fault(self, number: signal.Signals) -> str:
        """What `restart` will do."""
        return number.name

    async def restart(self, number: int) -> None:
        """End it with a signal, and start it again."""
        self.life += 1
        await self.stop(number)
        await self._begin()

    @property
    def losses(self) -> Sequence[Loss]:
        """The times in which the engine may have lost messages that it had acknowledged."""
        return ()

    @property
    def pid(self) -> int:
        """The id of its process."""
        assert self._process
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        if self._process:
            self._process.send_signal(number)

    def kill(self) -> None:
        """See to it that nothing of it is left."""
        if self._process and self._process.returncode is None:
            self._process.kill()

    def status(self) -> Status:
        """What it takes now."""
        assert self._process
        proc = Path(f"/proc/{self._process.pid}")
        fields = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        return Status(
            int(fields["VmRSS"].split()[0]) * 1024,
            len(list((proc / "fd").iterdir())),
            int(fields["Threads"]),
        )

    @property
    def troubles(self) -> list[str]:
        """Lines of its log that are not there when all is well."""
        return [line for line in self.log if not _HARMLESS.match(line)]

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        while line := (await process.stdout.readline()).decode(errors="replace").rstrip("\n"):
            self.log.append(line)
            if door := _DOOR.search(line):
                self.ports[door[1]] = int(door[2])
                if len(self.ports) == 3:
                    self.up.set()
