"""`chatd backup` beside a server that is spoken at: `python -m bench.backup`.

Prints how long messages waited for their acknowledgements, without and with a backup, and just
after it.  Clients, server and backup share this machine, so each part is measured several times,
and the delay of this program's own timers is shown too: a wait of that length is the machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from chatd.model.events import Said
from chatd.model.units import Unit
from chatd.store.cells import Cells
from chatd.store.requests import RequestKeys
from chatd.store.writer import Writer
from soak.server import Server

from .machine import machine
from .nodes import HERE, OPTIONS, say_in
from .table import table

SPEAKERS = 50
"""Connections that speak, each in a room of its own."""
TEXT = "a message as people write them, of some ninety bytes; the text is repeated in every event"
LONG = 0.05
"""Seconds that a message may wait."""
AFTER = 5.0
"""Seconds after a backup that are measured on their own: the write-ahead log has grown meanwhile,
and is copied into the file now."""


@dataclass
class Waits:
    """What was measured in one phase."""

    said: list[float] = field(default_factory=list)
    """Seconds from sending a message to its acknowledgement."""
    timers: list[float] = field(default_factory=list)
    """Seconds by which timers of this program were late."""

    def row(self, name: str) -> list[str]:
        """A row of the table; times in milliseconds."""
        return [
            name,
            f"{len(self.said):,}",
            *(f"{1000 * share(self.said, part):.1f}" for part in (0.5, 0.99, 0.999, 1)),
            f"{sum(wait > LONG for wait in self.said):,}",
            f"{1000 * share(self.timers, 1):.1f}",
        ]


HEADER = ["", "messages", "50 %", "99 %", "99.9 %", "most", "above 50 ms", "own timers, most"]


def share(values: list[float], part: float) -> float:
    """The value that this part of the values does not exceed."""
    return sorted(values)[max(0, int(len(values) * part) - 1)] if values else 0.0


def fill(path: Path, events: int, rooms: int) -> None:
    """Write a database with so many messages, spread over so many rooms."""
    writer = Writer(path, time.time, RequestKeys(time.monotonic), Cells(), "OFF")
    writer.begin()
    for at in range(0, events, 1000):
        units = [
            Unit([Said(f"room-{random.randrange(rooms)}", "bench", f"{number} {TEXT}")])
            for number in range(at, min(at + 1000, events))
        ]
        writer.store([units], writer.last)
    writer.end()


class Load:
    """Speakers who together send messages at a constant rate, whatever the answers take."""

    def __init__(self, port: int, rate: float) -> None:
        self._port = port
        self._pause = SPEAKERS / rate
        self.waits = Waits()
        """Where measured values go."""

    async def run(self) -> None:
        """Speak until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_timers())
            for number in range(SPEAKERS):
                group.create_task(self._speak(number))

    async def _speak(self, number: int) -> None:
        streams = await asyncio.open_connection(HERE, self._port)
        due = time.monotonic() + random.random() * self._pause
        while True:
            await asyncio.sleep(due - time.monotonic())
            # From when it was due: a message behind one that waits has waited, too.
            began, due = due, due + self._pause
            await say_in(f"room-{number}", streams, TEXT)
            self.waits.said.append(time.monotonic() - began)

    async def _watch_timers(self) -> None:
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.005)
            self.waits.timers.append(time.monotonic() - began - 0.005)


async def back_up(source: Path, target: Path) -> None:
    """One `chatd backup`."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "chatd", "backup", "--force", "--store", f"sqlite:{source}"),
        str(target),
    )
    if await running.wait():
        raise SystemExit("the backup has failed")


async def measure(directory: Path, path: Path, rate: float, rounds: int, quiet: float) -> None:
    """Measure, and print the table."""
    phases = {name: Waits() for name in ("without", "during a backup", "just after it")}
    server = Server(directory, [*OPTIONS, "--store", f"sqlite:{path}"])
    began = time.monotonic()
    await server.start()
    print(f"the server listens after {time.monotonic() - began:.1f} s")
    load = Load(server.ports["http"], rate)
    speaking = asyncio.create_task(load.run())
    took = 0.0

    async def during(name: str, doing: Callable[[], Awaitable[None]]) -> None:
        load.waits = phases[name]
        await doing()
        load.waits = Waits()

    try:
        await asyncio.sleep(3)
        for _ in range(rounds):
            await during("without", lambda: asyncio.sleep(quiet))
            began = time.monotonic()
            await during("during a backup", lambda: back_up(path, directory / "backup.sqlite"))
            took += time.monotonic() - began
            await during("just after it", lambda: asyncio.sleep(AFTER))
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)
        await server.stop()
    size = path.stat().st_size / (1 << 20)
    print(f"a backup of {size:,.0f} MiB took {took / rounds:.1f} s; {rounds} of them were made\n")
    print(table(HEADER, [waits.row(name) for name, waits in phases.items()]))


def main() -> None:
    """Fill a database, and measure."""
    parser = argparse.ArgumentParser("bench.backup", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rooms", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=500, help="messages a second (500)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15, help="without a backup (15)")
    parser.add_argument("--file", type=Path, help="a database that is there, and is written to")
    asked = parser.parse_args()
    print("\n".join(machine()))
    with TemporaryDirectory(prefix="bench-") as name:
        path = asked.file or Path(name) / "chatd.sqlite"
        if not path.exists():
            fill(path, asked.events, asked.rooms)
        asyncio.run(measure(Path(name), path.absolute(), asked.rate, asked.rounds, asked.seconds))


if __name__ == "__main__":
    main()
