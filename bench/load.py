"""The load generator: a process that connects clients to a server, and counts and times deliveries.

There are two programs with the same arguments and answers: `load.c` and `load_in_python.py`.
`storm.c` is the load of a reconnect storm.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .figures import Connected, Measured, Storm

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
class Returning:
    """How a client comes back: what it sends, and the bytes with which it has all it has missed."""

    port: int
    ask: bytes
    until: bytes
    tls: bool = False


@dataclass(frozen=True)
class Loads:
    """Starts load generators."""

    program: tuple[str, ...]
    size: int
    """Bytes in a message's text."""
    secure: tuple[str, ...] = IN_PYTHON
    """The program for readers over TLS."""

    def readers(
        self, pid: int, reading: Reading, saying: Saying, count: int, resume: bool = False
    ) -> Load:
        """`count` readers and one speaker.  With `resume`, the readers resume a TLS session."""
        return Load(
            self.secure if reading.tls else self.program,
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
            resume="1" if resume else None,
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

    def comparable(self) -> Loads:
        """Loads that use the same program for plain connections as for TLS, so that the figures of
        the two can be compared.
        """
        return self if self.secure != IN_PYTHON else replace(self, program=IN_PYTHON)


def storm(
    program: tuple[str, ...], pid: int, returning: Returning, count: int, resume: bool = False
) -> Storm:
    """Let `count` clients come back at once.  With `resume`, each resumes a TLS session that one
    client has begun just before.  Raises `LoadFailed`.
    """
    told = {
        "pid": pid,
        "port": returning.port,
        "connections": count,
        "ask": returning.ask.hex(),
        "until": returning.until.hex(),
        "tls": int(returning.tls),
        "resume": int(resume),
    }
    try:
        done = subprocess.run(
            [*program, *(f"{name}={value}" for name, value in told.items())],
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise LoadFailed(f"the storm has not ended after {PATIENCE:.0f} seconds") from None
    except subprocess.CalledProcessError as problem:
        raise LoadFailed(f"the storm ended: {problem.stderr.strip() or 'without a word'}") from None
    return Storm(**json.loads(done.stdout))


def _words(saying: Saying) -> dict[str, bytes]:
    return {"say": saying.before, "say_after": saying.after}
