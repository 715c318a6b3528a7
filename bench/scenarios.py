"""Scenarios: each has steps to run, and tables of their results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Protocol

from .chatd import Chatd
from .figures import Connected, Measured, middle, ratio
from .load import Loads
from .servers import Server
from .table import Cell, times

LATENCY_RATE = 100
"""Messages a second to one idle reader: few enough for an idle server, and enough for a 99th
percentile."""
CROWD = 9000
CROWD_RATE = 5
"""Readers of the crowd's room, and messages a second to them."""
LATENCY_SECONDS = 2.0
CROWD_SECONDS = 4.0
"""The shortest measurements: the percentiles of a few messages say little."""
SPEAKERS = 200


class Step(NamedTuple):
    """One server under one load."""

    what: str
    run: Callable[[Path], Sequence[Connected | Measured]]
    """Runs the step in an empty directory.  Raises `LeftOut` or `LoadFailed`."""


class Table(NamedTuple):
    """A table of results."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]


class Scenario(Protocol):
    """A kind of measurement."""

    def steps(self) -> Iterator[Step]:
        """The steps, in the order in which they are to run."""

    def tables(self) -> Iterator[Table]:
        """The results of the steps that have run."""


class Comparison:
    """Fan-out: one speaker and many readers; chatd and its peers in turn, in several rounds."""

    def __init__(
        self,
        loads: Loads,
        servers: Sequence[Server],
        doors: Sequence[str],
        readers: Sequence[int],
        windows: Sequence[int],
        seconds: float,
        rounds: int,
    ) -> None:
        self._loads = loads
        self._servers = servers
        self._cases = [(door, count) for door in doors for count in readers]
        self._windows = windows
        self._seconds = seconds
        self._rounds = rounds
        self._connected: dict[tuple[str, int, str], list[Connected]] = defaultdict(list)
        self._measured: dict[tuple[str, int, str, int], list[Measured]] = defaultdict(list)

    def steps(self) -> Iterator[Step]:
        """See `Scenario`."""
        for door, count in self._cases:
            for number in range(self._rounds):
                for server in self._of(door):
                    what = f"{door}, {count:,} readers, round {number + 1}: {server.name}"
                    yield Step(what, self._step(server, door, count))

    def _of(self, door: str) -> list[Server]:
        return [server for server in self._servers if door in server.doors]

    def _step(
        self, server: Server, door: str, count: int
    ) -> Callable[[Path], Sequence[Connected | Measured]]:
        def run(home: Path) -> Sequence[Connected | Measured]:
            with (
                server.running(home) as running,
                self._loads.readers(
                    running.pid, running.readings[door], running.sayings[door], count
                ) as load,
            ):
                measured = [load.measure("window", size, self._seconds) for size in self._windows]
            self._connected[door, count, server.name].append(load.connected)
            for size, one in zip(self._windows, measured, strict=True):
                self._measured[door, count, server.name, size].append(one)
            return [load.connected, *measured]

        return run

    def tables(self) -> Iterator[Table]:
        """See `Scenario`."""
        for door, count in self._cases:
            servers = self._of(door)
            header = [door]
            for size in self._windows:
                header += [f"events, {size} under way", f"{servers[0].name} is"]
            header += ["kB a connection", "connections"]
            rows = [self._row(door, count, server, servers[0]) for server in servers]
            yield Table(
                f"{door}, {count:,} readers: events and connections per second of the server's CPU",
                header,
                rows,
            )

    def _row(self, door: str, count: int, server: Server, first: Server) -> list[Cell]:
        cells: list[Cell] = [server.name]
        for size in self._windows:
            ours, theirs = (self._events(door, count, who.name, size) for who in (first, server))
            cells += [theirs, "" if server is first else times(ratio(ours, theirs))]
        connected = self._connected[door, count, server.name]
        cells.append(middle([one.kilobytes / count for one in connected]))
        cells.append(middle([count / one.cpu for one in connected if one.cpu]))
        return cells

    def _events(self, door: str, count: int, name: str, size: int) -> float | None:
        measured = self._measured[door, count, name, size]
        return middle([one.events_per_cpu_second for one in measured])


class EachDoor:
    """Base class of scenarios that measure chatd alone, each of its stores on each door."""

    def __init__(
        self, loads: Loads, chats: Sequence[Chatd], doors: Sequence[str], seconds: float
    ) -> None:
        self._loads = loads
        self._chats = chats
        self._doors = doors
        self._seconds = seconds
        self._rows: list[list[Cell]] = []

    def steps(self) -> Iterator[Step]:
        """See `Scenario`."""
        for chat in self._chats:
            for door in self._doors:
                yield Step(f"{door}, {self._what()}: {chat.name}", self._step(chat, door))

    def _what(self) -> str:
        """What a step measures."""
        raise NotImplementedError

    def _step(self, chat: Chatd, door: str) -> Callable[[Path], Sequence[Connected | Measured]]:
        """The run of one step, which adds its rows to the table."""
        raise NotImplementedError


class Latency(EachDoor):
    """The latency of one message to one reader of an idle server."""

    def _what(self) -> str:
        return "one idle reader"

    def _step(self, chat: Chatd, door: str) -> Callable[[Path], Sequence[Measured]]:
        def run(home: Path) -> Sequence[Measured]:
            with (
                chat.running(home) as running,
                self._loads.readers(
                    running.pid, running.readings[door], running.sayings[door], 1
                ) as load,
            ):
                measured = load.measure("rate", LATENCY_RATE, max(self._seconds, LATENCY_SECONDS))
            self._rows.append([chat.row(door), *(measured.latency(share) for share in (0.5, 0.99))])
            return [measured]

        return run

    def tables(self) -> Iterator[Table]:
        """See `Scenario`."""
        yield Table(
            "one message to one idle reader: milliseconds",
            ["", "half within", "99 % within"],
            self._rows,
        )


class Crowd(EachDoor):
    """A large audience: its latencies, and those of another room meanwhile.

    A prober sends and reads in the other room.  Its longest latency shows for how long the fan-out
    to the audience held up the server at a stretch.
    """

    def __init__(
        self,
        loads: Loads,
        chats: Sequence[Chatd],
        doors: Sequence[str],
        count: int,
        windows: Sequence[int],
        seconds: float,
    ) -> None:
        super().__init__(loads, chats, doors, seconds)
        self._count = count
        self._pressures = [("rate", CROWD_RATE), *(("window", size) for size in windows)]

    def _what(self) -> str:
        return f"{self._count:,} readers"

    def _step(self, chat: Chatd, door: str) -> Callable[[Path], Sequence[Measured]]:
        def run(home: Path) -> Sequence[Measured]:
            found = []
            with ExitStack() as stack:
                running = stack.enter_context(chat.running(home))
                reading, saying = running.readings[door], running.sayings[door]
                crowd = stack.enter_context(
                    self._loads.readers(running.pid, reading, saying, self._count)
                )
                prober = stack.enter_context(
                    self._loads.readers(running.pid, *chat.elsewhere(running), 1)
                )
                for how, many in self._pressures:
                    seconds = max(self._seconds, CROWD_SECONDS if how == "rate" else 0)
                    prober.begin("rate", LATENCY_RATE, seconds)
                    audience = crowd.measure(how, many, seconds)
                    aside = prober.end()
                    pressure = f"{many} a second" if how == "rate" else f"{many} under way"
                    self._rows.append(
                        [
                            chat.row(f"{door}, {pressure}"),
                            *(audience.latency(share) for share in (0.5, 0.99)),
                            *(aside.latency(share) for share in (0.5, 0.99, 1)),
                        ]
                    )
                    found += [audience, aside]
            return found

        return run

    def tables(self) -> Iterator[Table]:
        """See `Scenario`."""
        header = ["", "half within", "99 % within"]
        header += [f"another room's {what}" for what in ("half", "99 %", "longest")]
        yield Table(
            f"messages to {self._count:,} readers, and to one in another room: milliseconds",
            header,
            self._rows,
        )


class Speakers:
    """Throughput of many speakers, each of which sends when its last message was acknowledged.

    Speakers on telnet and WebSocket also receive the messages of all others.
    """

    def __init__(self, loads: Loads, chats: Sequence[Chatd], seconds: float) -> None:
        self._loads = loads
        self._chats = chats
        self._seconds = seconds
        self._rows: list[list[Cell]] = []

    def steps(self) -> Iterator[Step]:
        """See `Scenario`."""
        for chat in self._chats:
            for way in ("telnet", "HTTP", "WebSocket"):
                yield Step(f"{SPEAKERS} speakers over {way}: {chat.name}", self._step(chat, way))

    def _step(self, chat: Chatd, way: str) -> Callable[[Path], Sequence[Measured]]:
        def run(home: Path) -> Sequence[Measured]:
            with (
                chat.running(home) as running,
                self._loads.speakers(running.pid, chat.speakers(running)[way], SPEAKERS) as load,
            ):
                measured = load.measure("speak", 0, self._seconds)
            self._rows.append(
                [
                    chat.row(way),
                    measured.accepted / measured.seconds,
                    ratio(measured.accepted, measured.cpu),
                    ratio(measured.delivered, measured.cpu),
                ]
            )
            return [measured]

        return run

    def tables(self) -> Iterator[Table]:
        """See `Scenario`."""
        header = ["", "accepted a second", "accepted a CPU second", "delivered a CPU second"]
        yield Table(f"messages of {SPEAKERS} speakers", header, self._rows)


def complaints(found: Sequence[Connected | Measured]) -> Iterator[str]:
    """Reasons to doubt a measurement: errors, and lost deliveries."""
    for one in found:
        if one.errors:
            yield f"{one.errors} connections closed or answers refused"
        if isinstance(one, Measured) and one.lost:
            yield f"{one.lost} deliveries lost" if one.lost > 0 else f"{-one.lost} too many"
