"""Processes that do not outlive their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ..kit.processes import Daemon, Program

Start = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts programs in an empty directory."""
    programs: list[Program] = []

    def begin(*command: str) -> Program:
        programs.append(Program(*command, cwd=tmp_path))
        return programs[-1]

    yield begin
    for program in programs:
        program.kill()


@pytest.fixture
def daemon(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """A server of its own, with the options that the test is parametrized with."""
    server = Daemon(tmp_path, *getattr(request, "param", ()))
    yield server
    server.kill()
