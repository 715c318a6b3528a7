"""Queue of received lines, kept as raw bytes and cut into lines a slice at a time.

64 kB of three-byte lines would be 21,000 objects of 1.2 MB together, and cutting them all at once
would delay the other clients.
"""

from __future__ import annotations

from .lines import LineDecoder

SLICE = 1024
"""Bytes that are cut into lines at once."""

_KINDS = bytes(ord("\n" if byte in b"\r\n" else "x") for byte in range(256))
"""Translation table: line ends become LF, every other byte becomes `x`."""


class PendingLines:
    """Queue of the lines in the bytes that it is fed, made by a `LineDecoder`."""

    __slots__ = ("_decoder", "_ended", "_raw", "ready")

    def __init__(self, limit: int) -> None:
        """`limit` is the most bytes of a line; None comes out for one that is longer."""
        self._decoder = LineDecoder(limit)
        self._raw = bytearray()
        self._ended = False
        """Whether the input has ended and its last line has not been cut yet."""
        # A list: most connections have no waiting line, and an empty deque would take 600 bytes.
        self.ready: list[bytes | None] = []
        """Lines that have been cut, the next one last; empty only if there is no complete line."""

    def feed(self, data: bytes) -> None:
        """Take in bytes, split anywhere."""
        if len(data) <= SLICE and not (self._raw or self.ready):
            self.ready = self._decoder.feed(data)[::-1]
        else:
            self._raw += data
            self._cut()

    def finish(self) -> None:
        """The input has ended: a last line without an end is complete."""
        self._ended = True
        self._cut()

    def cut_off(self) -> bool:
        """The input was cut off: drop a last line without an end; returns whether there was one."""
        whole = max(self._raw.rfind(b"\r"), self._raw.rfind(b"\n")) + 1
        dropped = bool(self._raw[whole:].lstrip(b"\0"))
        del self._raw[whole:]
        if not whole:
            dropped = dropped or self._decoder.begun
            self._decoder.finish()
        return dropped

    @property
    def all_cut(self) -> bool:
        """Whether nothing waits to be cut."""
        return not self._raw

    def put_back(self, line: bytes | None) -> None:
        """Insert a line before all others."""
        self.ready.append(line)

    def pop(self) -> bytes | None:
        """Remove and return the next line.  Raises `IndexError` if there is none."""
        line = self.ready.pop()
        if self._raw or self._ended:
            self._cut()
        return line

    def clear(self) -> None:
        """Drop all lines."""
        self.ready.clear()
        self._raw.clear()
        self._decoder.finish()

    def __len__(self) -> int:
        """The number of complete lines, counted without cutting them."""
        return len(self.ready) + lines_in(self._decoder.begun, self._raw, ended=self._ended)

    def _cut(self) -> None:
        """Cut the next lines, if none is ready."""
        while self._raw and not self.ready:
            self.ready = self._decoder.feed(bytes(self._raw[:SLICE]))[::-1]
            del self._raw[:SLICE]
        if self._ended and not self.ready:
            self._ended = False
            self.ready = self._decoder.finish()


def lines_in(begun: bool, data: bytes | bytearray, *, ended: bool) -> int:
    """The number of lines that these bytes complete.  `begun`: an incomplete line precedes them.
    `ended`: the input ends after them, which completes the last line.
    """
    text = b"x" * begun + data.translate(_KINDS, b"\0") + b"\n" * ended
    return text.count(b"x\n")
