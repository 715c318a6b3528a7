"""Fixtures of the end-to-end tests: processes that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ..kit.processes import Daemon, Program

Start = Callable[..., Program]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A function that starts programs in an empty directory."""
    programs: list[Program] = []

    def begin(*command: str, passed: Sequence[int] = ()) -> Program:
        programs.append(Program(*command, cwd=tmp_path, passed=passed))
        return programs[-1]

    yield begin
    for program in programs:
        program.kill()


@pytest.fixture
def daemon(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """A server process for this test, with the options of the test's parameter."""
    server = Daemon(tmp_path, *getattr(request, "param", ()))
    yield server
    server.kill()
