"""The load generator: a process that connects clients to a server, and counts and times deliveries.

There are two programs with the same arguments and answers: `load.c` and `load_in_python.py`.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .figures import Connected, Measured

HERE = Path(__file__).parent
IN_PYTHON = (sys.executable, str(HERE / "load_in_python.py"))
WARM = 0.3
"""Seconds of warm-up before each measurement: caches fill, and poll templates are made."""
PATIENCE = 120.0
"""Seconds in which a load has to answer; 10,000 connections over TLS need much of them."""


class LoadFailed(Exception):
    """The load generator ended, or did not answer."""


@dataclass(frozen=True)
class Reading:
    """How a reader uses a door: what it sends on connecting, and whether it polls."""

    port: int
    ask: bytes = b""
    ask_after: bytes = b""
    """A poll is `ask`, the cursor, and `ask_after`."""
    mark: bytes = b""
    """The bytes before the next cursor in a poll's answer; empty if the door pushes."""
    cursor: bytes = b""
    """The first cursor."""
    tls: bool = False

    @property
    def kind(self) -> str:
        """The word for it in the load's arguments."""
        return "poll" if self.mark else "push"


@dataclass(frozen=True)
class Saying:
    """How a speaker uses a door: the bytes around a message's text, and its greeting."""

    port: int
    before: bytes = b""
    after: bytes = b"\n"
    greet: bytes = b""
    posts: bool = False
    """Whether each message is a request, which gets an answer."""


class Load:
    """A running load generator, whose connections stay open until `close`.

    The constructor and the methods raise `LoadFailed`.
    """

    def __init__(self, program: tuple[str, ...], pid: int, size: int, **words: object) -> None:
        told = {"pid": pid, "size": size, **words}
        arguments = [
            f"{name}={value.hex() if isinstance(value, bytes) else value}"
            for name, value in told.items()
            if value not in (b"", None)
        ]
        self._process = subprocess.Popen(
            [*program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            self.connected = Connected(**self._answer())
        except BaseException:
            self.close()
            raise

    def measure(self, how: str, many: float, seconds: float) -> Measured:
        """Run one measurement.  `how` is `window` (`many` messages under way), `rate` (`many` a
        second), or `speak` (each speaker sends when its last message was acknowledged).
        """
        self.begin(how, many, seconds)
        return self.end()

    def begin(self, how: str, many: float, seconds: float) -> None:
        """Begin a measurement, as `measure` does."""
        assert self._process.stdin is not None
        try:
            print(how, many, WARM, seconds, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise self._failed() from None

    def end(self) -> Measured:
        """Wait for the measurement, and return it."""
        return Measured(**self._answer())

    def close(self) -> None:
        """Close the connections."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        # The load writes each line in one piece.
        if not select.select([self._process.stdout], [], [], PATIENCE)[0]:
            raise LoadFailed(f"the load has not answered for {PATIENCE:.0f} seconds")
        line = self._process.stdout.readline()
        if not line:
            raise self._failed()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _failed(self) -> LoadFailed:
        assert self._process.stderr is not None
        lines = self._process.stderr.read().strip().splitlines()
        return LoadFailed(f"the load ended: {lines[-1] if lines else 'without a word'}")


@dataclass(frozen=True)
class Loads:
    """Starts load generators."""

    program: tuple[str, ...]
    size: int
    """Bytes in a message's text."""

    def readers(self, pid: int, reading: Reading, saying: Saying, count: int) -> Load:
        """`count` readers and one speaker."""
        return Load(
            IN_PYTHON if reading.tls else self.program,
            pid,
            self.size,
            kind=reading.kind,
            connections=count,
            port=reading.port,
            ask=reading.ask,
            ask_after=reading.ask_after,
            mark=reading.mark,
            cursor=reading.cursor,
            tls="1" if reading.tls else None,
            **_words(saying),
            say_port=saying.port,
            greet=saying.greet,
        )

    def speakers(self, pid: int, saying: Saying, count: int) -> Load:
        """`count` speakers, which wait for the acknowledgement of each message."""
        return Load(
            self.program,
            pid,
            self.size,
            kind="post" if saying.posts else "speak",
            connections=count,
            port=saying.port,
            ask=saying.greet,
            **_words(saying),
        )

    def in_python(self) -> Loads:
        """The same with the Python program, for comparisons with TLS, which only it has."""
        return replace(self, program=IN_PYTHON)


def _words(saying: Saying) -> dict[str, bytes]:
    return {"say": saying.before, "say_after": saying.after}
