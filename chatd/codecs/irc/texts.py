"""Texts on IRC: one text into several lines, formatting codes, and CTCP.

1. A text goes out as lines that fit, cut at a blank, else between characters; a mark that belongs
   to the character before it stays with it.  Joined again, with a line break where one was, the
   pieces are the text.
2. Formatting codes are removed from what comes in, together with the numbers that belong to them.
3. CTCP: a text between two `0x01`; `ACTION` is the one that is said in a room.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from .message import size

LEAST_PIECE = 64
"""Bytes that a piece may have, however long the line's beginning is."""
_FORMATTING = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?"  # colour: foreground, background
    "|\x04(?:[0-9a-fA-F]{6}(?:,[0-9a-fA-F]{6})?)?"  # the same in hexadecimal
    "|[\x02\x0f\x11\x16\x1d\x1e\x1f]"  # bold, reset, monospace, reverse, italic, struck, underlined
)
_JOINED = frozenset("\u200d\ufe0e\ufe0f\u20e3")
"""Characters that belong to the one before: joiner, variation selectors, keycap."""
_SKIN = range(0x1F3FB, 0x1F400)


class Piece(NamedTuple):
    """What one line says of a text."""

    text: str
    concat: bool
    """Whether it goes on where the piece before it ends, without a line break between them."""


class Ctcp(NamedTuple):
    """A CTCP message."""

    command: str
    """In upper case."""
    text: str


def pieces(text: str, most: int) -> Iterator[Piece]:
    """A text as pieces of at most `most` bytes; blank lines are pieces too."""
    most = max(most, LEAST_PIECE)
    for line in text.split("\n"):
        concat = False
        while size(line) > most:
            end = _cut(line, most)
            yield Piece(line[:end], concat)
            line = line[end:]
            concat = True
        if line or not concat:
            yield Piece(line, concat)


def lines(text: str, most: int) -> list[str]:
    """A text as lines of at most `most` bytes, without blank ones."""
    shown = (piece.text.rstrip(" ") for piece in pieces(text, most))
    return [line for line in shown if line.strip()]


def plain(text: str) -> str:
    """A text without formatting codes."""
    return _FORMATTING.sub("", text)


def ctcp(text: str) -> Ctcp | None:
    """The CTCP message that a text is, if it is one; its last `0x01` may be missing."""
    if not text.startswith("\x01"):
        return None
    command, _, rest = text[1:].removesuffix("\x01").partition(" ")
    return Ctcp(command.upper(), rest)


def action(text: str) -> str:
    """`/me` as IRC has it."""
    return f"\x01ACTION {text}\x01"


def _cut(line: str, most: int) -> int:
    """Where to cut a line that is longer than `most` bytes: behind a blank if there is one."""
    end = len(line.encode()[:most].decode(errors="ignore"))
    blank = line.rfind(" ", 0, end)
    if blank > 0 and line[:blank].strip():
        return blank + 1
    whole = end
    while whole > 1 and _belongs(line[whole], line[whole - 1]):
        whole -= 1
    return whole if whole > 1 else end


def _belongs(char: str, before: str) -> bool:
    return (
        char in _JOINED
        or before == "\u200d"
        or ord(char) in _SKIN
        or unicodedata.category(char)[0] == "M"
    )
