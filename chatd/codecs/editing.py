"""Line editing for clients that send each key as it is pressed: a line as its user meant it.

Such a client (telnet in character mode, PuTTY in raw mode) sends BS or DEL for the character
before, ^W for the word before, ^U for the whole line.  What is erased is what the user sees as one
character: a letter with its combining marks, an emoji with its modifiers, a flag.
"""

from __future__ import annotations

import re
import unicodedata

_KEYS = re.compile("[\b\x7f\x15\x17]")
_JOINER = "\u200d"


def edited(line: str) -> str:
    """The line with its editing keys carried out."""
    if not _KEYS.search(line):
        return line
    kept: list[str] = []
    for char in line:
        match char:
            case "\b" | "\x7f":
                _erase_character(kept)
            case "\x17":
                _erase_word(kept)
            case "\x15":
                kept.clear()
            case _:
                kept.append(char)
    return "".join(kept)


def _erase_word(kept: list[str]) -> None:
    while kept and kept[-1].isspace():
        kept.pop()
    while kept and not kept[-1].isspace():
        kept.pop()


def _erase_character(kept: list[str]) -> None:
    while kept:
        char = kept.pop()
        if not _extends(char) and not (kept and kept[-1] == _JOINER):
            if _is_half_of_flag(char) and _flag_letters(kept) % 2:
                kept.pop()
            break


def _extends(char: str) -> bool:
    """Whether it belongs to the character before it."""
    return (
        char == _JOINER
        or unicodedata.category(char) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # tags
    )


def _is_half_of_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _flag_letters(kept: list[str]) -> int:
    """How many halves of flags stand at the end."""
    count = 0
    while count < len(kept) and _is_half_of_flag(kept[-1 - count]):
        count += 1
    return count
