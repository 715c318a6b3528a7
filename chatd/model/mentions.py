"""Mentions: which texts name a person.  The page has the same rule in `web/texts.js`.

1. A text mentions a name if it has the name, in any case, as a word: the characters before and
   behind it do not go on with a word.
2. Scripts without spaces between words (Chinese, Japanese, Thai, …) begin and end words anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

_UNSPACED = re.compile(
    "[\\u0e00-\\u0eff\\u1000-\\u109f\\u1100-\\u11ff\\u1780-\\u17ff\\u19e0-\\u19ff\\u2e80-\\u2fdf"
    "\\u3005\\u3007\\u3021-\\u3029\\u3031-\\u3035\\u3038-\\u303b\\u3041-\\u318f\\u31a0-\\u31bf"
    "\\u31f0-\\u31ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\ua960-\\ua97f\\ua9e0-\\ua9ff\\uaa60-\\uaa7f"
    "\\uac00-\\ud7ff\\uf900-\\ufaff\\uff66-\\uffdc\\U0001b000-\\U0001b16f\\U00020000-\\U000323af]"
)
"""Letters of scripts that put no spaces between words."""


def folded(text: str) -> str:
    """A text in the form in which names are looked for in it."""
    return unicodedata.normalize("NFC", text).casefold()


def mentions(text: str, name: str) -> bool:
    """Whether a text mentions a name."""
    return _has(folded(text), folded(name))


class Mentions:
    """Finds which of many names a text mentions.

    The names are grouped by their first two characters, so that the time for a text grows with its
    length, and not with the number of names.
    """

    def __init__(self) -> None:
        self._groups: dict[str, set[str]] = {}

    def add(self, name: str) -> None:
        """Look for this name too."""
        name = folded(name)
        self._groups.setdefault(name[:2], set()).add(name)

    def discard(self, name: str) -> None:
        """Look for this name no more."""
        name = folded(name)
        group = self._groups.get(name[:2], set())
        group.discard(name)
        if not group:
            self._groups.pop(name[:2], None)

    def found(self, text: str) -> set[str]:
        """The names that a text mentions, in the form that `folded` gives them."""
        text = folded(text)
        starts = {*text, *map("".join, pairwise(text))}
        return {
            name
            for start in self._groups.keys() & starts
            for name in self._groups[start]
            if _has(text, name)
        }


def _has(text: str, name: str) -> bool:
    if not name:
        return False
    place = text.find(name)
    while place >= 0:
        end = place + len(name)
        if _parts(text[place - 1 : place], name[0]) and _parts(name[-1], text[end : end + 1]):
            return True
        place = text.find(name, place + 1)
    return False


def _parts(one: str, other: str) -> bool:
    """Whether a word may end between these two characters; an empty one is the text's end."""
    return not (_is_letter(one) and _is_letter(other)) or bool(
        _UNSPACED.match(one) or _UNSPACED.match(other)
    )


def _is_letter(char: str) -> bool:
    return bool(char) and (char in "_-" or unicodedata.category(char)[0] in "LNM")
