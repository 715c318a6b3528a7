"""Line editing for clients that send each key as it is pressed.

Such a client (telnet in character mode, PuTTY in raw mode) sends BS or DEL to erase the previous
character, ^W the previous word, ^U the whole line.  BS erases what the user sees as one character:
a letter with its combining marks, an emoji with its modifiers, a flag.
"""

from __future__ import annotations

import re
import unicodedata

_KEYS = re.compile("[\b\x7f\x15\x17]")
_JOINER = "\u200d"


def edited(line: str) -> str:
    """The line after its editing keys have been applied."""
    if not _KEYS.search(line):
        return line
    kept = _Kept()
    for char in line:
        match char:
            case "\b" | "\x7f":
                kept.erase_character()
            case "\x17":
                kept.erase_word()
            case "\x15":
                kept.clear()
            case _:
                kept.add(char)
    return str(kept)


class _Kept:
    """The characters that are kept so far, and which of them begin a visible character.

    That is decided when a character is added, so erasing examines only what it erases, and the work
    grows linearly with the length of the line.
    """

    def __init__(self) -> None:
        self._chars: list[str] = []
        self._begins: list[bool] = []

    def __str__(self) -> str:
        return "".join(self._chars)

    def add(self, char: str) -> None:
        self._begins.append(not self._continues(char))
        self._chars.append(char)

    def erase_character(self) -> None:
        while self._chars:
            self._chars.pop()
            if self._begins.pop():
                break

    def erase_word(self) -> None:
        while self._chars and self._chars[-1].isspace():
            self._pop()
        while self._chars and not self._chars[-1].isspace():
            self._pop()

    def clear(self) -> None:
        self._chars.clear()
        self._begins.clear()

    def _pop(self) -> None:
        self._chars.pop()
        self._begins.pop()

    def _continues(self, char: str) -> bool:
        """Whether `char` is a part of the visible character before it."""
        if not self._chars:
            return False
        before = self._chars[-1]
        if _extends(char) or before == _JOINER:
            return True
        # A flag is two letters: the second one belongs to a first one, which begins the flag.
        return _is_half_of_flag(char) and _is_half_of_flag(before) and self._begins[-1]


def _extends(char: str) -> bool:
    """Whether `char` always belongs to the character before it."""
    return (
        char == _JOINER
        or unicodedata.category(char) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= char <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= char <= "\U000e007f"  # tags
    )


def _is_half_of_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"
