"""The load: a program beside the server that reads, says, counts and times.

Two programs do it, alike to whoever starts them: `load.c`, and `load_in_python.py`.
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
"""Seconds of every measurement that do not count: caches fill, polls are learned."""
PATIENCE = 120.0
"""Seconds within which a load answers: 10,000 connections over TLS take a good part of it."""


class LoadFailed(Exception):
    """The load could not be put on the server."""


@dataclass(frozen=True)
class Reading:
    """How a door is read: what is sent on connecting, and whether it is to be asked again."""

    port: int
    ask: bytes = b""
    ask_after: bytes = b""
    """A poll's cursor stands between the two."""
    mark: bytes = b""
    """What stands before the next cursor in a poll's answer; nothing if the door pushes."""
    cursor: bytes = b""
    """The first cursor."""
    tls: bool = False

    @property
    def kind(self) -> str:
        """What the load calls it."""
        return "poll" if self.mark else "push"


@dataclass(frozen=True)
class Saying:
    """How a message is said: what stands around its text, and what is sent on connecting."""

    port: int
    before: bytes = b""
    after: bytes = b"\n"
    greet: bytes = b""
    posts: bool = False
    """Whether every message is a request that is answered."""


class Load:
    """Some connections to a server, which stand from the beginning until `close`.

    Raises `LoadFailed`, as do its methods.
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
        """Load the server: `window` so many messages under way, `rate` so many a second, or
        `speak`.
        """
        self.begin(how, many, seconds)
        return self.end()

    def begin(self, how: str, many: float, seconds: float) -> None:
        """Begin to measure."""
        assert self._process.stdin is not None
        try:
            print(how, many, WARM, seconds, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise self._failed() from None

    def end(self) -> Measured:
        """What was measured, once it is."""
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
        # It writes a line at a time, and all of it at once.
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
    """What puts a load on a server, on this machine."""

    program: tuple[str, ...]
    size: int
    """Bytes in a message's text."""

    def readers(self, pid: int, reading: Reading, saying: Saying, count: int) -> Load:
        """So many who read, and one who speaks."""
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
        """So many who speak, and hear whether it was taken."""
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
        """The same by the Python program, to compare with what only that can do."""
        return replace(self, program=IN_PYTHON)


def _words(saying: Saying) -> dict[str, bytes]:
    return {"say": saying.before, "say_after": saying.after}
