"""The reconnect storm: all clients come back at once after a restart, each with its cursor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .chatd import Chatd, secured
from .figures import Connected, Measured, Storm, middle
from .load import LoadFailed, storm
from .scenarios import Step, Table
from .servers import DOORS
from .table import Cell

MISSED = 10
"""Messages that each client has missed."""
PLAIN, FULL, RESUMED = "plain", "TLS", "TLS, resumed"


class Storms:
    """Seconds until all clients are caught up, by door."""

    def __init__(
        self,
        program: tuple[str, ...],
        over_tls: bool,
        chats: Sequence[Chatd],
        doors: Sequence[str],
        clients: int,
        rounds: int,
    ) -> None:
        """The stores of `chats` keep messages over a restart; `over_tls` tells whether the program
        speaks TLS.
        """
        self._program = program
        self._ways = (PLAIN, FULL, RESUMED) if over_tls else (PLAIN,)
        self._chats = chats
        self._doors = doors
        self._clients = clients
        self._rounds = rounds
        self._found: dict[tuple[str, str, str], list[Storm]] = defaultdict(list)

    def steps(self) -> Iterator[Step]:
        """See `Scenario`."""
        for chat in self._chats:
            for door in self._doors:
                for way in self._ways:
                    for number in range(self._rounds):
                        what = f"{self._clients:,} come back to {door}, {way}, round {number + 1}"
                        yield Step(f"{what}: {chat.name}", self._step(chat, door, way))

    def _step(
        self, chat: Chatd, door: str, way: str
    ) -> Callable[[Path], Sequence[Connected | Measured]]:
        def run(home: Path) -> Sequence[Connected | Measured]:
            with chat.restarted(home, MISSED) as (pid, returning):
                how = returning[door if way == PLAIN else secured(door)]
                found = storm(self._program, pid, how, self._clients, way == RESUMED)
            if found.caught_up < self._clients:
                raise LoadFailed(f"{found.caught_up:,} of {self._clients:,} were caught up")
            if way == RESUMED and found.resumed < self._clients:
                raise LoadFailed(f"{found.resumed:,} of {self._clients:,} resumed a session")
            self._found[chat.name, door, way].append(found)
            return []

        return run

    def tables(self) -> Iterator[Table]:
        """See `Scenario`."""
        header = [""]
        for way in self._ways:
            header += [way, "CPU", "of the load"]
        yield Table(
            f"{self._clients:,} clients come back at once after a restart, each having missed "
            f"{MISSED} messages: seconds until all are caught up",
            header,
            [
                self._row(chat, door)
                for chat in self._chats
                for door in DOORS
                if any(self._found[chat.name, door, way] for way in self._ways)
            ],
        )

    def _row(self, chat: Chatd, door: str) -> list[Cell]:
        cells: list[Cell] = [chat.row(door)]
        for way in self._ways:
            found = self._found[chat.name, door, way]
            cells.append(middle([one.seconds for one in found]))
            cells.append(middle([one.cpu for one in found]))
            cells.append(middle([one.own for one in found]))
        return cells
