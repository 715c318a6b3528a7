"""Multi-line messages that clients send as one batch (`draft/multiline`).

1. A line with the tag `batch` that the open batch cannot take, because it is of another one or too
   long, say, ends the batch with a refusal, and no part of the message is sent.  Lines without the
   tag are carried out meanwhile.  A new batch replaces an open one.
2. Lines are joined by line feeds, or directly where a line has the tag `CONCAT`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .capabilities import MOST_MULTILINE_BYTES, MOST_MULTILINE_LINES
from .message import size

CONCAT = "draft/multiline-concat"
TYPE = "draft/multiline"


class BadBatch(Exception):
    """A batch that is refused."""

    def __init__(self, code: str, message: str, *words: str) -> None:
        super().__init__(message)
        self.code = code
        """The code of `FAIL BATCH`."""
        self.words = words
        self.message = message


class Multiline:
    """The open batch of a client."""

    def __init__(self, ref: str, target: str, label: str = "") -> None:
        self.ref = ref
        self.target = target
        self.label = label
        """The label of the line that opened the batch, and so of the answer."""
        self.command = ""
        """`PRIVMSG` or `NOTICE`; empty before the first line."""
        self.refused = False
        """Whether one of its lines was refused, and with it the message."""
        self._text = ""
        self._lines = 0
        self._bytes = 0

    def add(self, command: str, target: str, text: str, tags: Mapping[str, str]) -> None:
        """Add a line.  Raises `BadBatch`."""
        if tags.get("batch") != self.ref:
            raise BadBatch("MULTILINE_INVALID", "that line is of another batch")
        if target.casefold() != self.target.casefold():
            raise BadBatch(
                "MULTILINE_INVALID_TARGET", "all lines go where the batch does", self.target, target
            )
        if self.command not in ("", command):
            raise BadBatch("MULTILINE_INVALID", "all lines are PRIVMSG, or all are NOTICE")
        concat = CONCAT in tags
        if concat and not text:
            raise BadBatch("MULTILINE_INVALID", "a blank line cannot go on from another")
        self._bytes += size(text) + (not concat and self._lines > 0)
        self._lines += 1
        if self._bytes > MOST_MULTILINE_BYTES:
            most = str(MOST_MULTILINE_BYTES)
            raise BadBatch("MULTILINE_MAX_BYTES", f"a message has at most {most} bytes", most)
        if self._lines > MOST_MULTILINE_LINES:
            most = str(MOST_MULTILINE_LINES)
            raise BadBatch("MULTILINE_MAX_LINES", f"a message has at most {most} lines", most)
        separator = "\n" if self.command and not concat else ""
        self._text += separator + text
        self.command = command

    def finish(self) -> str:
        """The whole text.  Raises `BadBatch` if it is empty."""
        if not self._text.strip():
            raise BadBatch("MULTILINE_INVALID", "a message of blank lines says nothing")
        return self._text
