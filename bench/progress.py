"""How far it has come: one line that is written over and over, or many if it is no terminal."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    """Counts steps; tells what the present one is, and how long the rest will take."""

    def __init__(self, steps: int, out: TextIO = sys.stderr) -> None:
        self._steps = steps
        self._done = 0
        self._begun = time.monotonic()
        self._out = out

    def step(self, what: str) -> None:
        """The next step begins."""
        line = f"[{self._done + 1}/{self._steps}] {what}"
        if self._done:
            each = (time.monotonic() - self._begun) / self._done
            line += f" ({minutes(each * (self._steps - self._done))} left)"
        self._done += 1
        self._write(line, "" if self._out.isatty() else "\n")

    def note(self, what: str) -> None:
        """Something that stays to be read."""
        self._write(what, "\n")

    def end(self) -> None:
        """Nothing more comes."""
        if self._out.isatty():
            self._write("", "")

    def _write(self, line: str, end: str) -> None:
        start = "\r\x1b[K" if self._out.isatty() else ""
        print(f"{start}{line}", end=end, file=self._out, flush=True)


def minutes(seconds: float) -> str:
    """A time as people say it."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
