"""TLS: the doors of chatd and its peers, plain and encrypted, and what a handshake costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .figures import Connected, Measured, middle, ratio
from .load import LoadFailed, Loads
from .scenarios import Step, Table
from .servers import SecureServer
from .table import Cell, times


@dataclass(frozen=True)
class Found:
    """One round of one server at one door."""

    plain: Measured
    secure: Measured
    full: Connected
    """Connecting with full handshakes."""
    resumed: Connected
    """Connecting with handshakes that resume a session."""


class Tls:
    """Fan-out over TLS 1.3, one message under way, and connections per second of CPU."""

    def __init__(
        self,
        loads: Loads,
        servers: Sequence[SecureServer],
        doors: Sequence[str],
        readers: int,
        seconds: float,
        rounds: int,
    ) -> None:
        self._loads = loads.comparable()
        self._servers = servers
        self._doors = doors
        self._readers = readers
        self._seconds = seconds
        self._rounds = rounds
        self._found: dict[tuple[str, str], list[Found]] = defaultdict(list)

    def steps(self) -> Iterator[Step]:
        """See `Scenario`."""
        for door in self._doors:
            for number in range(self._rounds):
                for server in self._of(door):
                    what = f"{door}, plain and over TLS, round {number + 1}: {server.name}"
                    yield Step(what, self._step(server, door))

    def _of(self, door: str) -> list[SecureServer]:
        return [server for server in self._servers if door in server.doors]

    def _step(
        self, server: SecureServer, door: str
    ) -> Callable[[Path], Sequence[Connected | Measured]]:
        def run(home: Path) -> Sequence[Connected | Measured]:
            connected, measured = [], []
            with server.running_tls(home) as (plain, secure):
                # TLS comes first: memory that others have freed would not count as growth.
                for running, resume in ((secure, False), (plain, False), (secure, True)):
                    reading, saying = running.readings[door], running.sayings[door]
                    with self._loads.readers(
                        running.pid, reading, saying, self._readers, resume
                    ) as load:
                        connected.append(load.connected)
                        if not resume:
                            measured.append(load.measure("window", 1, self._seconds))
            found = Found(measured[1], measured[0], connected[0], connected[2])
            self._found[door, server.name].append(found)
            if found.resumed.resumed < self._readers:
                raise LoadFailed(f"{found.resumed.resumed} of {self._readers} resumed a session")
            return [*connected, *measured]

        return run

    def tables(self) -> Iterator[Table]:
        """See `Scenario`."""
        for door in self._doors:
            servers = self._of(door)
            if not servers:
                continue
            name = servers[0].name
            header = [door, "events", f"{name} is", "of plain"]
            header += ["connections", f"{name} is", "resumed", f"{name} is", "kB a connection"]
            all_figures = {server.name: self._figures(door, server) for server in servers}
            yield Table(
                f"{door} over TLS 1.3, {self._readers} readers, one message under way: events, and "
                "connections with full and with resumed handshakes, per second of the server's CPU",
                header,
                [
                    self._row(server.name, all_figures[server.name], all_figures[name])
                    for server in servers
                    if self._found[door, server.name]
                ],
            )

    def _figures(self, door: str, server: SecureServer) -> list[float | None]:
        """Events over TLS and plain, full and resumed handshakes, and kilobytes."""
        found = self._found[door, server.name]
        count = self._readers
        return [
            middle([one.secure.events_per_cpu_second for one in found]),
            middle([one.plain.events_per_cpu_second for one in found]),
            middle([count / one.full.cpu for one in found if one.full.cpu]),
            middle([count / one.resumed.cpu for one in found if one.resumed.cpu]),
            middle([one.full.kilobytes / count for one in found]),
        ]

    def _row(
        self, name: str, figures: Sequence[float | None], first: Sequence[float | None]
    ) -> list[Cell]:
        secure, plain, full, resumed, kilobytes = figures
        beside = [
            "" if figures is first else times(ratio(ours, theirs))
            for ours, theirs in zip(first, figures, strict=True)
        ]
        of_plain = times(ratio(secure, plain))
        return [
            name,
            *(secure, beside[0], of_plain, full, beside[2], resumed, beside[3], kilobytes),
        ]
