"""Texts on IRC: division into lines, formatting codes, and CTCP.

1. A text is divided into lines that fit: after a blank if there is one, otherwise between
   characters, but not before a combining mark.  The pieces, joined again with the line breaks
   between them, are the text.
2. Formatting codes and their colour numbers are removed from clients' texts.
3. CTCP is a text between two `0x01`.  `ACTION` is the only kind that rooms accept.
4. A private message is no action on any other door: there an action is a text that begins with
   `* NAME`, and IRC clients are shown such a text as an action again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from .message import size

LEAST_PIECE = 64
"""Bytes that a piece may have at least, however much of the line comes before it."""
_FORMATTING = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?"  # colour: foreground, background
    "|\x04(?:[0-9a-fA-F]{6}(?:,[0-9a-fA-F]{6})?)?"  # the same in hexadecimal
    "|[\x02\x0f\x11\x16\x1d\x1e\x1f]"  # bold, reset, monospace, reverse, italic, struck, underlined
)
_JOINED = frozenset("\u200d\ufe0e\ufe0f\u20e3")
"""Characters that belong to the one before them: joiner, variation selectors, keycap."""
_SKIN = range(0x1F3FB, 0x1F400)


class Piece(NamedTuple):
    """The part of a text that goes into one line."""

    text: str
    concat: bool
    """Whether no line break is between this piece and the one before it."""


class Ctcp(NamedTuple):
    """A CTCP message."""

    command: str
    """In upper case."""
    text: str


def pieces(text: str, most: int) -> Iterator[Piece]:
    """Divide a text into pieces of at most `most` bytes; blank lines are pieces too."""
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
    """Divide a text into lines of at most `most` bytes, without blank ones."""
    shown = (piece.text.rstrip(" ") for piece in pieces(text, most))
    return [line for line in shown if line.strip()]


def plain(text: str) -> str:
    """A text without formatting codes."""
    return _FORMATTING.sub("", text)


def ctcp(text: str) -> Ctcp | None:
    """The CTCP message in a text, or None; its last `0x01` may be missing."""
    if not text.startswith("\x01"):
        return None
    command, _, rest = text[1:].removesuffix("\x01").partition(" ")
    return Ctcp(command.upper(), rest)


def action(text: str) -> str:
    """An action as CTCP."""
    return f"\x01ACTION {text}\x01"


def in_private(name: str, text: str) -> str:
    """An action of `name`, as the text of a private message."""
    return f"* {name} {text}"


def action_in(name: str, text: str) -> str:
    """The action in a private message from `name`; empty if it is none."""
    lead = in_private(name, "")
    return text.removeprefix(lead) if text.startswith(lead) and "\n" not in text else ""


def _cut(line: str, most: int) -> int:
    """Where to cut a line of more than `most` bytes: after a blank if there is one."""
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
