"""Lines that wait to be carried out: bytes until their turn comes.

64 kB of short lines are 21,000 objects, which take a megabyte, and other clients wait while they
are cut.  So the bytes are kept as they came in, and are cut a slice at a time.
"""

from __future__ import annotations

from collections import deque

from .lines import LineDecoder

SLICE = 1024
"""Bytes that are cut into lines at a time."""

_KINDS = bytes(ord("\n" if byte in b"\r\n" else "x") for byte in range(256))
"""Each byte as a line's end or a line's text."""


class PendingLines:
    """A queue of lines, fed with bytes; the lines are those of a `LineDecoder`."""

    def __init__(self, limit: int) -> None:
        """`limit` is the most bytes of a line; None comes out for one that is longer."""
        self._decoder = LineDecoder(limit)
        self._raw = bytearray()
        self._ended = False
        self._cut: deque[bytes | None] = deque()

    def feed(self, data: bytes) -> None:
        """Take in bytes, cut anywhere."""
        self._raw += data

    def finish(self) -> None:
        """The input has ended: a last line without an end is complete."""
        self._ended = True

    def put_back(self, line: bytes | None) -> None:
        """Have a line carried out before those that wait."""
        self._cut.appendleft(line)

    def pop(self) -> bytes | None:
        """The next line.  Raises `IndexError` if there is none."""
        self._cut_some()
        return self._cut.popleft()

    def clear(self) -> None:
        """Drop all lines."""
        self._cut.clear()
        self._raw.clear()
        self._decoder.finish()

    def __bool__(self) -> bool:
        """Whether a line is complete."""
        self._cut_some()
        return bool(self._cut)

    def __len__(self) -> int:
        """How many lines are complete, without cutting them."""
        return len(self._cut) + lines_in(self._decoder.begun, self._raw, ended=self._ended)

    def _cut_some(self) -> None:
        while self._raw and not self._cut:
            self._cut.extend(self._decoder.feed(bytes(self._raw[:SLICE])))
            del self._raw[:SLICE]
        if self._ended and not self._cut:
            self._cut.extend(self._decoder.finish())


def lines_in(begun: bool, data: bytes | bytearray, *, ended: bool) -> int:
    """How many lines are complete in these bytes, behind a line that is `begun` or not; `ended`
    completes the last one.
    """
    text = b"x" * begun + data.translate(_KINDS, b"\0") + b"\n" * ended
    return text.count(b"x\n")
