"""The tables of the doors over TLS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from bench.encrypted import Tls
from bench.figures import Connected, Measured
from bench.load import LoadFailed, Loads, Reading, Saying
from bench.servers import Running, over_tls

READERS = 10


@dataclass(frozen=True)
class FakeServer:
    """A server whose doors exist only for `FakeLoads`."""

    name: str
    cpu: float
    """Seconds that each thing costs."""
    resumes: bool = True
    doors: Sequence[str] = ("sse",)

    def version(self) -> str:
        return "1"

    def running(self, home: Path) -> Any:
        raise NotImplementedError

    @contextmanager
    def running_tls(self, home: Path) -> Iterator[tuple[Running, Running]]:
        plain = Running(1, {"sse": Reading(1, ask=self.name.encode())}, {"sse": Saying(1)})
        yield plain, over_tls(plain, plain)


class FakeLoad:
    """A load that has measured what its server costs."""

    def __init__(self, cpu: float, resumed: int) -> None:
        self.connected = Connected(cpu, 1.0, 100, resumed=resumed)
        self._cpu = cpu

    def __enter__(self) -> FakeLoad:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def measure(self, how: str, many: float, seconds: float) -> Measured:
        return Measured(1.0, self._cpu, 1, 1000, 0, 0, 0, 0, [])


class FakeLoads:
    """Loads for fake servers: TLS costs twice as much, and half of that if a session is resumed."""

    def __init__(self, *servers: FakeServer) -> None:
        self._servers = {server.name: server for server in servers}

    def comparable(self) -> FakeLoads:
        return self

    def readers(
        self, pid: int, reading: Reading, saying: Saying, count: int, resume: bool
    ) -> FakeLoad:
        server = self._servers[reading.ask.decode()]
        cpu = server.cpu * (2 if reading.tls and not resume else 1)
        return FakeLoad(cpu, count if resume and server.resumes else 0)


def table(tmp_path: Path, *servers: FakeServer) -> list[list[object]]:
    """The rows of the only table."""
    loads = cast(Loads, FakeLoads(*servers))
    scenario = Tls(loads, servers, ["line", "sse"], READERS, 0.1, 1)
    for step in scenario.steps():
        step.run(tmp_path)
    (found,) = scenario.tables()
    assert {len(found.header)} == {len(row) for row in found.rows}
    return [list(row) for row in found.rows]


def test_tls_table_compares_each_peer_with_the_first_server(tmp_path: Path) -> None:
    """Events, full handshakes, resumed handshakes, and kilobytes; doors without servers are left
    out."""
    rows = table(tmp_path, FakeServer("chatd", 0.5), FakeServer("a peer", 1.0))
    assert rows == [
        ["chatd", 1000.0, "", "0.50×", 10.0, "", 20.0, "", 10.0],
        ["a peer", 500.0, "2.00×", "0.50×", 5.0, "2.00×", 10.0, "2.00×", 10.0],
    ]


def test_server_that_resumes_no_session_is_reported(tmp_path: Path) -> None:
    """Its handshakes are full ones."""
    with pytest.raises(LoadFailed, match="0 of 10 resumed"):
        table(tmp_path, FakeServer("chatd", 0.5, resumes=False))
