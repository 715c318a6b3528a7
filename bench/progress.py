"""Progress display: one line that is rewritten, or a new line each if the output is no terminal."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    """Counts steps; shows the present one and an estimate of the remaining time."""

    def __init__(self, steps: int, out: TextIO = sys.stderr) -> None:
        self._steps = steps
        self._done = 0
        self._begun = time.monotonic()
        self._out = out

    def step(self, what: str) -> None:
        """Show that the next step begins."""
        line = f"[{self._done + 1}/{self._steps}] {what}"
        if self._done:
            each = (time.monotonic() - self._begun) / self._done
            line += f" ({minutes(each * (self._steps - self._done))} left)"
        self._done += 1
        self._write(line, "" if self._out.isatty() else "\n")

    def note(self, what: str) -> None:
        """Print a line that stays."""
        self._write(what, "\n")

    def end(self) -> None:
        """Clear the display."""
        if self._out.isatty():
            self._write("", "")

    def _write(self, line: str, end: str) -> None:
        start = "\r\x1b[K" if self._out.isatty() else ""
        print(f"{start}{line}", end=end, file=self._out, flush=True)


def minutes(seconds: float) -> str:
    """A duration in minutes and seconds."""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"
